"""The frames of one WebSocket: `websockets` without its own connection, over a wire."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import anyio

from murmur.errors import (
    ConnectionLostError,
    HttpError,
    HttpProtocolError,
    MissingExtraError,
    StatusError,
)

from ._url import authority_of
from ._wire import Wire

try:
    from websockets.client import ClientProtocol
    from websockets.exceptions import InvalidStatus
    from websockets.frames import Frame, Opcode
    from websockets.protocol import State
    from websockets.uri import WebSocketURI, parse_uri
except ImportError as error:
    raise MissingExtraError("a WebSocket", "http", "websockets") from error

if TYPE_CHECKING:
    from murmur._backend import Wakeup

    from ._headers import Pairs
    from ._patience import Patience
    from ._url import Origin

__all__ = ["Frames", "handshake_uri"]

INBOX_SIZE = 1_000
"""Messages that may wait to be received; beyond, the server is made to wait."""

IN_ORDER = {1000, 1001}  # codes of an end that both sides meant


class Frames(Wire):
    """One connection, from the handshake to the farewell.

    Attributes
    ----------
    inbox : deque of str or bytes
        Messages that were not yet taken.
    end : Exception or None
        Why no more will come.
    waiter : Wakeup or None
        Whom to wake when anything happens.
    """

    def __init__(
        self, uri: WebSocketURI, fields: Pairs, *, subprotocols: tuple[str, ...], limit: int
    ) -> None:
        super().__init__()
        self.inbox: deque[str | bytes] = deque()
        self.end: Exception | None = None
        self.waiter: Wakeup | None = None
        self._parts: list[bytes] = []
        self._is_text = True
        self._is_full = False
        self._fields = fields
        self._protocol = ClientProtocol(
            uri,
            subprotocols=subprotocols or None,  # type: ignore[arg-type]  # its name for str
            max_size=limit,
        )

    @property
    def subprotocol(self) -> str | None:
        """What was agreed on."""
        return self._protocol.subprotocol

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
        request = protocol.connect()
        for name, value in self._fields:
            if name.lower() == "host":
                del request.headers["Host"]
            if name not in request.headers:
                request.headers[name] = value
        protocol.send_request(request)
        self._flush()
        while protocol.state is State.CONNECTING and protocol.handshake_exc is None:
            if self.end is not None:
                raise self.end
            self.waiter = wakeup = patience.native.wakeup()
            try:
                if not await patience.wait(wakeup):
                    patience.give_up("no WebSocket")
            finally:
                self.waiter = None
        if protocol.handshake_exc is not None:
            raise _refusal(protocol.handshake_exc) from protocol.handshake_exc

    def send(self, message: str | bytes) -> None:
        """Send one message."""
        if self.is_over:
            raise ConnectionLostError("the WebSocket is closed")
        if isinstance(message, str):
            self._protocol.send_text(message.encode())
        else:
            self._protocol.send_binary(message)
        self._flush()

    def take(self) -> str | bytes:
        """Return the oldest message."""
        return self.inbox.popleft()

    def make_room(self) -> None:
        """Let the server go on that sent more than was taken."""
        if self._is_full and not self.is_closed:
            self._is_full = False
            self._transport.resume_reading()

    def say_goodbye(self) -> bool:
        """Begin to close in order; False if there is nobody to say it to."""
        if self.is_over:
            return False
        self.make_room()
        self._protocol.send_close(1000)
        self._flush()
        return True

    def data_received(self, data: bytes) -> None:
        """Take in what came, and answer pings."""
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._take(event)
        self._flush()
        if len(self.inbox) > INBOX_SIZE and not self._is_full and not self.is_closed:
            self._is_full = True
            self._transport.pause_reading()
        if self._protocol.state is not State.OPEN and self._protocol.close_expected():
            self._note_end()
        self._wake()

    def ended(self, error: Exception | None) -> None:
        """Note the end."""
        self._protocol.receive_eof()
        self._note_end()
        self._wake()

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
            code = protocol.close_rcvd.code
            self.end = ConnectionLostError(f"the server closed the WebSocket with code {code}")

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if self.is_closed or self._transport.is_closing():
                return
            if data:
                self._transport.write(data)
            else:
                self._transport.close()  # once everything is written

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
