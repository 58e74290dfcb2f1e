"""State of a connection of HTTP/2: kept by `h2`, past which usual requests go.

Most requests are a GET like one before, and most answers have a head like one before and a
body in one frame.  To tell `h2` of such a request and its answer takes ten times as long as
all else.  So it hears of a stream only when anything else comes, whatever it is: then it is
told of all that are under way, and goes on with them.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import hpack
import hyperframe.frame

from ._blocks import Head, Packer, Reader, remember
from ._headers import render

if TYPE_CHECKING:
    from ._exchange import Request
    from ._headers import Pairs

OF_HTTP1 = {"connection", "keep-alive", "proxy-connection", "upgrade"}
"""Fields that say something about one connection, and have no place here."""

HEADERS, DATA = 1, 0  # kinds of frames
ENDS_STREAM, ENDS_BLOCK = 1, 4  # flags of frames
FRAME = 9
"""Bytes of a frame before what it carries."""

NONE = (-1, 0, 0, 0, 0)
"""No frame."""

LAST_STREAM = 2**31 - 1

_FRAME = struct.Struct("!BHBBL")


class _Head(NamedTuple):
    """What the head of a request says."""

    method: str
    authority: str
    scheme: str
    path: str
    headers: Pairs
    length: int | None

    def fields(self) -> list[tuple[str, str]]:
        """Return the fields, or raise what is wrong with them."""
        render(self.headers)  # finds what no field may hold
        fields = [
            (f":{name}", getattr(self, name)) for name in ("method", "authority", "scheme", "path")
        ]
        named = ((name.lower(), value) for name, value in self.headers)
        fields += [(name, value) for name, value in named if name not in OF_HTTP1]
        if self.length is not None:
            fields.append(("content-length", str(self.length)))
        return fields


def _head_of(request: Request) -> _Head:
    body = request.body
    size = len(body) if isinstance(body, bytes) else None
    return _Head(
        request.method,
        request.authority,
        request.origin.scheme,
        request.target,
        request.headers,
        size,
    )


def _frame(data: bytes, begin: int) -> tuple[int, int, int, int, int]:
    """Return kind, flags and stream of a whole frame, and where what it carries begins and ends.

    The kind is that of none if there is no whole frame, or it has more than 64 KiB.
    """
    if len(data) - begin < FRAME:
        return NONE
    high, size, kind, flags, stream = _FRAME.unpack_from(data, begin)
    start = begin + FRAME
    stop = start + size
    return NONE if high or stop > len(data) else (kind, flags, stream, start, stop)


class _Mute(hpack.Encoder):
    """Packs nothing: the block was sent before."""

    def encode(self, headers: Any, huffman: bool = True) -> bytes:  # noqa: ANN401 - as `hpack` has it
        """Return a block that nobody sends."""
        return b"-"


_MUTE = _Mute()


class Malformed(h2.events.Event):
    """An answer that breaks the rules by itself, and not the connection with it."""

    def __init__(self, stream_id: int, reason: str) -> None:
        self.stream_id = stream_id
        self.reason = reason


class State(h2.connection.H2Connection):
    """What `h2` knows of a connection, which goes on after the server has called it off.

    By RFC 9113 (6.8) a server that sends GOAWAY may still answer what it has begun, as
    nginx does; `h2` takes the connection for closed, and what comes after for an error
    (its issue 1181).

    And an answer that is malformed is the end of its stream alone (8.1.1), where `h2` ends
    the connection, and with it the requests of others.

    What it looked at once, sent or received, it does not look at again.
    """

    def __init__(self) -> None:
        super().__init__(
            h2.config.H2Configuration(
                client_side=True, header_encoding=None, normalize_inbound_headers=False
            )
        )
        self.encoder: Packer = Packer()
        self.decoder: Reader = Reader(self.config)
        self.decoder.max_header_list_size = self.DEFAULT_MAX_HEADER_LIST_SIZE
        self._sent: dict[_Head, tuple[Any, ...]] = {}
        self._plain: dict[int, tuple[Any, ...]] = {}  # streams not told of, with what was sent

    @property
    def is_between(self) -> bool:
        """Whether what comes next is the first byte of a frame, and of no block that goes on."""
        buffer = self.incoming_buffer
        return not (buffer._data or buffer._headers_buffer)  # noqa: SLF001 - it tells nowhere else

    def plain_request(self, request: Request) -> tuple[int, bytes]:
        """Return a stream past `h2`, and what is to be sent; 0 if `h2` has to send it.

        That is for a GET like one that was sent before.
        """
        stream = self.highest_outbound_stream_id + 2
        if request.method != "GET" or request.body is not None or stream > LAST_STREAM:
            return 0, b""
        sent = self._sent.get(_head_of(request))
        block = None if sent is None else self.encoder.known(sent)
        if sent is None or block is None:
            return 0, b""
        self._plain[stream], self.highest_outbound_stream_id = sent, stream
        return stream, _FRAME.pack(0, len(block), HEADERS, ENDS_STREAM | ENDS_BLOCK, stream) + block

    def plain_answer(self, data: bytes, begin: int) -> tuple[int, int, Head, bytes] | None:
        """Return where a whole answer that begins there ends, its stream, head and body.

        That is one with a head that was read before, and a body in one frame, if it has one.
        """
        kind, flags, stream, start, stop = _frame(data, begin)
        if kind != HEADERS or stream not in self._plain or flags & ~ENDS_STREAM != ENDS_BLOCK:
            return None
        head = self.decoder.head(data[start:stop])
        if head is None:
            return None
        start = stop
        if not flags & ENDS_STREAM:
            kind, flags, other, start, stop = _frame(data, stop)
            if kind != DATA or flags != ENDS_STREAM or other != stream:
                return None
        size = stop - start
        is_right = head.status >= 200 and head.length in {None, size}
        if not is_right or size > self.max_inbound_frame_size:
            return None
        return stop, stream, head, data[start:stop]

    def end_plain(self, stream: int, size: int) -> None:
        """Note that the answer of a stream came past `h2`, with a body of so many bytes."""
        del self._plain[stream]
        window = self._inbound_flow_control_window_manager
        window.window_consumed(size)
        if increment := window.process_bytes(size):
            frame = hyperframe.frame.WindowUpdateFrame(0, window_increment=increment)
            self._prepare_for_sending([frame])

    def tell_plain(self) -> None:
        """Tell `h2` of the streams that went past it and have no answer yet."""
        if not self._plain:
            return
        highest, config = self.highest_outbound_stream_id, self.config
        config.validate_outbound_headers = config.normalize_outbound_headers = False
        for number, fields in self._plain.items():
            self.highest_outbound_stream_id = number - 2
            self.state_machine.process_input(h2.connection.ConnectionInputs.SEND_HEADERS)
            stream = self._begin_new_stream(number, h2.connection.AllowedStreamIDs.ODD)
            stream.send_headers(fields, _MUTE, end_stream=True)
        self._plain.clear()
        self.highest_outbound_stream_id = highest

    def send_request(self, stream: int, request: Request) -> None:
        """Send the head of a request."""
        self.tell_plain()
        head, body = _head_of(request), request.body
        sent = self._sent.get(head)
        self.config.validate_outbound_headers = sent is None
        self.config.normalize_outbound_headers = sent is None
        self.send_headers(stream, head.fields() if sent is None else sent, end_stream=not body)
        if sent is None:
            remember(self._sent, head, self.encoder.packed)

    def _receive_goaway_frame(self, frame: Any) -> tuple[list[Any], list[h2.events.Event]]:  # noqa: ANN401 - of hyperframe
        event = h2.events.ConnectionTerminated()
        event.last_stream_id, event.error_code = frame.last_stream_id, frame.error_code
        return [], [event]

    def _receive_headers_frame(self, frame: Any) -> tuple[list[Any], list[h2.events.Event]]:  # noqa: ANN401 - of hyperframe
        try:
            return super()._receive_headers_frame(frame)
        except h2.exceptions.ProtocolError as error:
            self.decoder.forget()  # or fields that were refused would pass the next time
            return self._refused_alone(frame, error, 0)

    def _receive_data_frame(self, frame: Any) -> tuple[list[Any], list[h2.events.Event]]:  # noqa: ANN401 - of hyperframe
        try:
            return super()._receive_data_frame(frame)
        except h2.exceptions.InvalidBodyLengthError as error:
            return self._refused_alone(frame, error, frame.flow_controlled_length)

    def _refused_alone(
        self,
        frame: Any,  # noqa: ANN401 - of hyperframe
        error: h2.exceptions.ProtocolError,
        size: int,  # bytes that the frame took of the connection's window
    ) -> tuple[list[Any], list[h2.events.Event]]:
        """Reset the stream of a frame that is malformed, or raise what ends the connection.

        That is what the state of either side forbids, and fields that were packed wrongly, on
        which the next ones depend.
        """
        is_plain = type(error) in {
            h2.exceptions.ProtocolError,
            h2.exceptions.InvalidBodyLengthError,
        }
        is_of_answer = error.__cause__ is None or isinstance(
            error.__cause__, ValueError
        )  # not of a state, or HPACK
        if not (is_plain and is_of_answer and frame.stream_id in self.streams):
            raise error
        if size:
            self.acknowledge_received_data(size, frame.stream_id)
        with suppress(h2.exceptions.StreamClosedError):  # by the frame itself
            self.reset_stream(frame.stream_id, h2.errors.ErrorCodes.PROTOCOL_ERROR)
        reason = type(error).__name__
        if isinstance(error, h2.exceptions.InvalidBodyLengthError):
            reason = "its body is not as long as it says"
        return [], [Malformed(frame.stream_id, f"malformed answer: {reason}")]
