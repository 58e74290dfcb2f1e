"""The frames of one WebSocket: `websockets` without its own connection, over a wire."""

from __future__ import annotations

import math
import ssl
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import anyio

from murmur.errors import (
    ConnectionLostError,
    HttpError,
    HttpProtocolError,
    MissingExtraError,
    StatusError,
    TlsError,
)

from ._url import authority_of
from ._wire import Alarm, Wire, lost

try:
    from websockets.client import ClientProtocol
    from websockets.exceptions import InvalidStatus
    from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
    from websockets.frames import Frame, Opcode
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

__all__ = ["Frames", "handshake_uri"]

UNREAD = 4 << 20
"""Bytes of messages that may wait to be received; beyond, the server is made to wait."""

EACH = 64
"""Bytes that a message takes beside its own."""

UNREAD_FOR = 1.0
"""Seconds that a server waits while nobody receives; then the oldest messages are dropped,
so that pings are seen and answered (RFC 6455, 5.5.2)."""

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

    def recv_frame(self, frame: Frame) -> None:
        """Take a frame; a message that is cut off by a farewell will have no end."""
        if frame.opcode is Opcode.CLOSE and self._is_within:
            super().recv_frame(Frame(Opcode.CONT, b""))
            self.events.pop()
        super().recv_frame(frame)
        if frame.opcode in DATA:
            self._is_within = not frame.fin


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
        self._answer: Response | None = None
        self.now = now
        self._alarm = Alarm(now)
        self.arrival: Alarm = Alarm(now)  # what one who waits for a message waits by
        self.inbox: deque[str | bytes] = deque()  # messages that were not yet taken
        self.end: Exception | None = None  # why no more will come
        self.waiter: Wakeup | None = None  # whom to wake when anything happens
        self._parts: list[bytes] = []
        self._is_text = True
        self._fields = fields
        self._protocol = _Protocol(
            uri,
            subprotocols=subprotocols or None,
            extensions=[ClientPerMessageDeflateFactory()] if compress else None,
            max_size=None if limit == math.inf else int(limit),
        )

    @property
    def subprotocol(self) -> str | None:
        """What was agreed on."""
        return self._protocol.subprotocol

    @property
    def answer_fields(self) -> Fields:
        """The header fields of the server's answer to the handshake, as far as it came."""
        refusal = self._protocol.handshake_exc
        response = refusal.response if isinstance(refusal, InvalidStatus) else self._answer
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
        return self.is_closed or self._protocol.state is not State.OPEN

    @property
    def is_choked(self) -> bool:
        """Whether the server reads too slowly."""
        return self._is_paused

    async def shake_hands(self, patience: Patience) -> None:
        """Ask the server for a WebSocket, and wait for its consent."""
        protocol = self._protocol
        self._ask()
        while protocol.state is State.CONNECTING and protocol.handshake_exc is None:
            if self.end is not None:
                raise self.end
            self.waiter = wakeup = patience.native.wakeup()
            try:
                if not await patience.wait(wakeup):
                    patience.give_up("no WebSocket")
            finally:
                self.waiter = None
        if isinstance(self.end, TlsError):
            raise self.end
        if protocol.handshake_exc is not None:
            raise _refusal(protocol.handshake_exc) from protocol.handshake_exc

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
        """Send one message."""
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
        self._drops = False
        self._alarm.clear()
        if self._unread <= UNREAD:
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
        self._drops = True  # what comes before the server's farewell has no reader any more
        self.release()
        self._protocol.send_close(1000)
        self._flush()
        return True

    def take(self, data: bytes) -> None:
        """Take in what came, and answer pings."""
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._take(event)
            elif isinstance(event, Response):
                self._answer = event
        self._flush()
        if self._unread > UNREAD:
            self._is_too_much()
        if self.is_flooded:
            self.end = self.end or HttpProtocolError("the server asks for more than it reads")
            self.close()
        if self._protocol.state is not State.OPEN and self._protocol.close_expected():
            self._note_end()
        self._wake()

    def ended(self, error: Exception | None) -> None:
        """Note the end."""
        self._alarm.stop()
        self.arrival.stop()
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
                if not await patience.native.wait_until(wakeup, patience.deadline):
                    return
            finally:
                self.waiter = None

    def _is_too_much(self) -> None:
        """Make the server wait; or make room, if nobody receives."""
        if self._drops:
            self._drop()
        else:
            self.hold()
            self._alarm.set(self.now() + UNREAD_FOR, self)

    def _drop(self) -> None:
        while self._unread > UNREAD and self.inbox:
            self._unread -= len(self.inbox.popleft()) + EACH
            self.on_drop()

    def _take(self, frame: Frame) -> None:
        """Put frames together to messages."""
        if frame.opcode in {Opcode.TEXT, Opcode.BINARY}:
            self._is_text = frame.opcode is Opcode.TEXT
            self._parts = []
        elif frame.opcode is not Opcode.CONT:
            return
        self._parts.append(bytes(frame.data))
        if not frame.fin:
            return
        whole = b"".join(self._parts)
        self._parts = []
        self._unread += len(whole) + EACH
        if not self._is_text:
            self.inbox.append(whole)
            return
        try:
            self.inbox.append(whole.decode())
        except UnicodeDecodeError:
            self._protocol.fail(1007, "invalid UTF-8")
            self.end = HttpProtocolError("a text message is not UTF-8")

    def _note_end(self) -> None:
        """Keep why there will be no more."""
        if self.end is not None:
            return
        protocol = self._protocol
        if (
            isinstance(protocol.parser_exc, Exception)
            and protocol.close_sent is not None
            and (protocol.close_rcvd is None)
        ):
            self.end = HttpProtocolError(f"malformed frame: {type(protocol.parser_exc).__name__}")
        elif protocol.close_rcvd is None:
            self.end = ConnectionLostError("the WebSocket ended without a farewell")
        elif protocol.close_rcvd.code in IN_ORDER:
            self.end = anyio.EndOfStream("the server closed the WebSocket")
        else:
            code = int(protocol.close_rcvd.code)
            self.end = ConnectionLostError(f"the server closed the WebSocket with code {code}")

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if self.is_closed or self.transport.is_closing():
                return
            if data:
                self.transport.write(data)
            else:
                self.transport.close()  # once everything is written

    def _wake(self) -> None:
        if self.waiter is not None:
            self.waiter.wake()


def handshake_uri(origin: Origin, target: str) -> WebSocketURI:
    """Return where a handshake goes to, as `websockets` takes it."""
    scheme = "wss" if origin.is_secure else "ws"
    return parse_uri(f"{scheme}://{authority_of(origin)}{target}")


def _refusal(error: Exception) -> HttpError:
    if isinstance(error, InvalidStatus):
        return StatusError(error.response.status_code)
    if isinstance(error, EOFError) or isinstance(error.__cause__, EOFError):
        return ConnectionLostError("connection closed without an answer")
    return HttpProtocolError(f"no WebSocket: {type(error).__name__}")
