"""The frames of one WebSocket: `websockets` without its own connection, over a wire."""

from __future__ import annotations

import math
import os
import ssl
import struct
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import anyio

from murmur.errors import (
    ConnectionLostError,
    HttpError,
    HttpProtocolError,
    MissingExtraError,
)

from ._consent import Consent
from ._url import authority_of
from ._wire import Alarm, Wire, lost

try:
    from websockets.client import ClientProtocol
    from websockets.exceptions import (
        InvalidHeader,
        InvalidMessage,
        NegotiationError,
        PayloadTooBig,
    )
    from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
    from websockets.frames import (  # type: ignore[attr-defined]  # `apply_mask` in C, if there is any
        Frame,
        Opcode,
        apply_mask,
    )
    from websockets.http11 import Response
    from websockets.protocol import State
    from websockets.uri import WebSocketURI, parse_uri
except ImportError as error:
    raise MissingExtraError("a WebSocket", "http", "websockets") from error

if TYPE_CHECKING:
    from murmur._backend import Wakeup

    from ._headers import Fields, Pairs
    from ._patience import Patience
    from ._url import Origin

UNREAD = 4 << 20
"""Bytes of messages that may wait to be received; beyond, the server is made to wait."""

EACH = 64
"""Bytes that a message takes beside its own."""

UNREAD_FOR = 1.0
"""Seconds that a server waits while nobody receives; then the oldest messages are dropped,
so that pings are seen and answered (RFC 6455, 5.5.2)."""

WHOLE_TEXT, WHOLE_BINARY = 0x81, 0x82
"""First byte of a frame that is a message of its own."""

LONG, LONGEST = 126, (1 << 16) - 1
"""From so many bytes on a frame has two more for its length, and up to so many has no others."""

KEYS = 256
"""Keys that are drawn at once; drawing takes as long as masking."""

_keys: list[bytes] = []
"""Keys that were drawn, each for one message of any connection."""

_short = struct.Struct("!BB4s").pack
_long = struct.Struct("!BBH4s").pack
"""Make the head of a frame and its key, with one byte for its length or with three."""

DATA = {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}
"""Frames that carry messages, or parts of them."""

IN_ORDER = {1000, 1001, 1005}  # codes of an end that both sides meant; 1005 is none at all


class _Protocol(ClientProtocol):
    """What `websockets` knows of a connection, and a farewell between the parts of a message.

    A control frame may stand there (RFC 6455, 5.4); `websockets` answers this one with 1002.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - of `websockets`
        super().__init__(*args, **kwargs)
        self._is_within = False
        self._is_between = False

    @property
    def writes_plain(self) -> bool:
        """Whether messages go out as they are."""
        return self.state is State.OPEN and not self.extensions

    @property
    def reads_plain(self) -> bool:
        """Whether what comes next is the first byte of a message, as it is."""
        return self._is_between and not self._is_within and self.writes_plain

    def receive_data(self, data: bytes | bytearray) -> None:
        """Take what came."""
        self._is_between = False
        super().receive_data(data)

    def recv_frame(self, frame: Frame) -> None:
        """Take a frame; a message that is cut off by a farewell will have no end."""
        if frame.opcode is Opcode.CLOSE and self._is_within:
            super().recv_frame(Frame(Opcode.CONT, b""))
            self.events.pop()
        super().recv_frame(frame)
        if frame.opcode in DATA:
            self._is_within = not frame.fin
        self._is_between = not self.reader.buffer


class Frames(Wire):
    """One connection, from the handshake to the farewell."""

    def __init__(  # noqa: PLR0913 - all by keyword, each a part of a handshake
        self,
        uri: WebSocketURI,
        fields: Pairs,
        *,
        subprotocols: tuple[str, ...],
        compress: bool,
        limit: float,
        now: Callable[[], float],
        on_drop: Callable[[], None],
    ) -> None:
        super().__init__()
        self.on_drop = on_drop  # called when a message is dropped that nobody received
        self._unread = 0
        self._drops = False
        self._is_behind = False  # whether more was unread than may be, since a message was taken
        self._answer: Response | None = None
        self._consent: Consent | None = Consent()  # until the handshake is over
        self.status: int = 0  # of the answer to the handshake, when its head is there
        self._refusal: HttpError | None = None  # why there will be no WebSocket
        self.now = now
        self._alarm = Alarm(now)
        self.arrival: Alarm = Alarm(now)  # what one who waits for a message waits by
        self.inbox: deque[str | bytes] = deque()  # messages that were not yet taken
        self.end: Exception | None = None  # why no more will come
        self.waiter: Wakeup | None = None  # whom to wake when anything happens; as a rule `arrival`
        self._parts: list[bytes] = []
        self._is_text = True
        self._fields = fields
        self._protocol = _Protocol(
            uri,
            subprotocols=subprotocols or None,
            extensions=[ClientPerMessageDeflateFactory()] if compress else None,
            max_size=None if limit == math.inf else int(limit),
        )
        self._limit = limit
        self._longest = min(limit, LONGEST)
        self._reads_plain = self._writes_plain = False

    @property
    def subprotocol(self) -> str | None:
        """What was agreed on."""
        return self._protocol.subprotocol

    @property
    def answer_fields(self) -> Fields:
        """The header fields of the server's answer to the handshake, as far as it came."""
        if self._consent is not None:
            return self._consent.fields
        response = self._answer
        if response is None:
            return ()
        return [
            (name.encode("latin-1"), value.encode("latin-1", "replace"))
            for name, value in response.headers.raw_items()
        ]

    @property
    def farewell(self) -> tuple[int, str] | None:
        """Code and reason of the server's farewell, if it said one."""
        close = self._protocol.close_rcvd
        return None if close is None else (int(close.code), close.reason)

    @property
    def is_over(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.is_ending or self._protocol.state is not State.OPEN

    async def shake_hands(self, patience: Patience) -> None:
        """Ask the server for a WebSocket, and wait for its consent."""
        protocol = self._protocol
        self._ask()
        while protocol.state is State.CONNECTING and protocol.handshake_exc is None:
            if self._refusal is not None:
                raise self._refusal
            self.waiter = wakeup = patience.native.wakeup()
            try:
                if not await patience.wait(wakeup):
                    patience.give_up("no WebSocket")
            finally:
                self.waiter = None
        if self._refusal is not None:
            raise self._refusal
        if protocol.handshake_exc is not None:
            raise _refusal(protocol.handshake_exc) from protocol.handshake_exc
        self.waiter = self.arrival

    def _ask(self) -> None:
        request = self._protocol.connect()
        for name, value in self._fields:
            if name.lower() == "host":
                del request.headers["Host"]
            if name not in request.headers:
                request.headers[name] = value
        self._protocol.send_request(request)
        self._flush()

    def send(self, message: str | bytes) -> None:
        """Send one message: as `websockets` does, but in a quarter of the time if it is usual."""
        if not self._writes_plain or self.is_ending:
            self._send_any(message)
            return
        if type(message) is str:
            kind, data = WHOLE_TEXT, message.encode()
        else:
            kind, data = WHOLE_BINARY, message  # type: ignore[assignment]
        size = len(data)
        if size > LONGEST or type(data) is not bytes:
            self._send_any(message)
            return
        try:
            key = _keys.pop()
        except IndexError:
            key = _drawn_key()
        head = (
            _short(kind, 0x80 | size, key) if size < LONG else _long(kind, 0x80 | LONG, size, key)
        )
        self.transport.write(head + apply_mask(data, key))

    def _send_any(self, message: str | bytes) -> None:
        if self.is_over:
            raise ConnectionLostError("the WebSocket is closed")
        if isinstance(message, str):
            self._protocol.send_text(message.encode())
        else:
            self._protocol.send_binary(message)
        self._flush()

    def next(self) -> str | bytes:
        """Return the oldest message."""
        message = self.inbox.popleft()
        self._unread -= len(message) + EACH
        if self._is_behind:
            self._is_behind, self._drops = self._unread > UNREAD, False
            self._alarm.clear()
            if not self._is_behind:
                self.release()
        return message

    def wake(self, value: object = None) -> bool:
        """Drop what nobody received, for the sake of the pings behind it; by the alarm."""
        self._drops = True
        self._drop()
        self.release()
        return True

    def say_goodbye(self) -> bool:
        """Begin to close in order; False if there is nobody to say it to."""
        if self.is_over:
            return False
        # What comes before the server's farewell has no reader any more.
        self._is_behind = self._drops = True
        self.release()
        self._protocol.send_close(1000)
        self._flush()
        self._look()
        return True

    def take(self, data: bytes) -> None:
        """Take in what came, and answer pings."""
        if self._consent is not None:
            data = self._consented(self._consent, data)
        taken = self._take_plain(data) if self._reads_plain else 0
        if taken < len(data):
            self._take_any(data[taken:])
        if self._unread > UNREAD:
            self._is_too_much()
        if self.waiter is not None:
            self.waiter.wake()

    def _consented(self, consent: Consent, data: bytes) -> bytes:
        """Take in the answer to the handshake; return what `websockets` has to read of it."""
        rest = consent.take(data)
        self.status, self._refusal = consent.status, consent.error
        if rest:
            self._consent = None
        return rest

    def _take_plain(self, data: bytes) -> int:
        """Take messages of one frame each, as most are; return how many bytes they took.

        What is anything else, such as the part of a frame, is left for `websockets`.
        """
        begin, end = 0, len(data)
        while end - begin > 1:
            kind, size, start = data[begin], data[begin + 1], begin + 2
            if size == LONG and end - begin > 3:
                size, start = data[begin + 2] << 8 | data[begin + 3], begin + 4
            elif size >= LONG:  # or masked, which a server's are not
                break
            stop = start + size
            if stop > end or size > self._longest:
                break
            part = data[start:stop]
            message: str | bytes = part
            if kind == WHOLE_TEXT:
                try:
                    message = part.decode()
                except UnicodeDecodeError:
                    break
            elif kind != WHOLE_BINARY:
                break
            self.inbox.append(message)
            self._unread += len(message) + EACH
            begin = stop
        return begin

    def _take_any(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                if not self._take(event):
                    break  # what follows is of no connection any more
            elif isinstance(event, Response):
                self._answer = event
        self._flush()
        if self.is_flooded:
            self.end = self.end or HttpProtocolError("the server asks for more than it reads")
            self.close()
        if self._protocol.state is not State.OPEN and self._protocol.close_expected():
            self._note_end()
        self._look()

    def _look(self) -> None:
        """Note whether messages may go the short way, each time that `websockets` saw any."""
        self._writes_plain = self._protocol.writes_plain
        self._reads_plain = self._protocol.reads_plain

    def ended(self, error: Exception | None) -> None:
        """Note the end."""
        self._alarm.stop()
        self.arrival.stop()
        if self._consent is not None and self._refusal is None:
            self._refusal = self._consent.broken(error)
        self._protocol.receive_eof()
        if self._protocol.close_rcvd is None and isinstance(error, ssl.SSLError):
            self.end = self.end or lost(error, "")
        self._note_end()
        self._wake()

    async def wait_end(self, patience: Patience) -> None:
        """Wait until the server has ended the connection, which it is the one to do."""
        while not self.is_closed:
            self.waiter = wakeup = patience.native.wakeup()
            try:
                if not await patience.wait(wakeup):
                    return
            finally:
                self.waiter = None

    def _is_too_much(self) -> None:
        """Make the server wait; or make room, if nobody receives."""
        self._is_behind = True
        if self._drops:
            self._drop()
        else:
            self.hold()
            self._alarm.set(self.now() + UNREAD_FOR, self)

    def _drop(self) -> None:
        while self._unread > UNREAD and self.inbox:
            self._unread -= len(self.inbox.popleft()) + EACH
            self.on_drop()

    def _take(self, frame: Frame) -> bool:
        """Put frames together to messages; return whether more may follow."""
        if frame.opcode in {Opcode.TEXT, Opcode.BINARY}:
            self._is_text = frame.opcode is Opcode.TEXT
            self._parts = []
        elif frame.opcode is not Opcode.CONT:
            return True
        self._parts.append(bytes(frame.data))
        if not frame.fin:
            return True
        whole = b"".join(self._parts)
        self._parts = []
        try:
            message = whole.decode() if self._is_text else whole
        except UnicodeDecodeError:
            self._protocol.fail(1007, "invalid UTF-8")
            self.end = HttpProtocolError("a text message is not UTF-8")
            return False
        self.inbox.append(message)
        self._unread += len(message) + EACH  # which `next` takes off again
        return True

    def _note_end(self) -> None:
        """Keep why there will be no more."""
        if self.end is not None:
            return
        protocol = self._protocol
        error = protocol.parser_exc
        if protocol.close_rcvd is None:
            # That the connection ended is an error to the parser as well.
            if protocol.close_sent is None or error is None or isinstance(error, EOFError):
                self.end = ConnectionLostError("the WebSocket ended without a farewell")
            else:
                self.end = HttpProtocolError(_malformed(error, self._limit))
        elif protocol.close_rcvd.code in IN_ORDER:
            self.end = anyio.EndOfStream("the server closed the WebSocket")
        else:
            code = int(protocol.close_rcvd.code)
            self.end = ConnectionLostError(f"the server closed the WebSocket with code {code}")

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if self.is_ending:
                return
            if data:
                self.transport.write(data)
            else:
                self.transport.close()  # once everything is written

    def _wake(self) -> None:
        if self.waiter is not None:
            self.waiter.wake()
        self.arrival.wake()


def _drawn_key() -> bytes:
    """Return a key, and draw those of the next messages: all that is random of a frame."""
    _keys.extend(each[0] for each in struct.iter_unpack("4s", os.urandom(4 * KEYS)))
    return _keys.pop()


def handshake_uri(origin: Origin, target: str) -> WebSocketURI:
    """Return where a handshake goes to, as `websockets` takes it."""
    scheme = "wss" if origin.is_secure else "ws"
    return parse_uri(f"{scheme}://{authority_of(origin)}{target}")


def _malformed(error: Exception, limit: float) -> str:
    """Return what is wrong with a frame, in words that are the same for all of its kind."""
    if isinstance(error, PayloadTooBig):
        return f"a message is longer than {limit} bytes"
    if isinstance(error, UnicodeDecodeError):
        return "malformed frame: the farewell is not UTF-8"
    said = str(error).partition(":")[0]  # what follows is a value
    return f"malformed frame: {said or type(error).__name__}"


def _refusal(error: Exception) -> HttpError:
    """Return why an answer is no consent, in words that are the same for all of its kind."""
    if isinstance(error, EOFError) or isinstance(error.__cause__, EOFError):
        return ConnectionLostError("the connection ended in the head of the answer")
    if isinstance(error, InvalidHeader):
        reason = f"{error.name} is {'wrong' if error.value else 'missing'} in the answer"
    elif isinstance(error, NegotiationError):
        what = "a subprotocol" if "subprotocol" in str(error) else "an extension"
        reason = f"the server chose {what} that was not offered"
    elif isinstance(error, InvalidMessage):
        reason = "malformed answer"
    else:
        reason = type(error).__name__
    return HttpProtocolError(f"no WebSocket: {reason}")
