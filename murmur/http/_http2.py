"""HTTP/2 over one connection, many requests at a time; its state is kept by `h2`.

It costs several times what HTTP/1.1 does, because `h2` is written in Python.  Use it where the
difference in behaviour is what is tested, such as many requests over one connection.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from murmur.errors import (
    ConnectionLostError,
    HttpError,
    HttpProtocolError,
    InvalidRequestError,
    MissingExtraError,
)

from ._blocks import Packer, Reader, remember
from ._body import parts_of
from ._exchange import Reply
from ._headers import render
from ._wire import Alarm, Wire, lost, within

try:
    import h2.config
    import h2.connection
    import h2.errors
    import h2.events
    import h2.exceptions
    import h2.settings
except ImportError as error:
    raise MissingExtraError("HTTP/2", "http", "h2") from error

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable

    from murmur._backend import Wakeup

    from ._exchange import Request
    from ._headers import Pairs
    from ._http1 import Http1
    from ._patience import Patience

OF_HTTP1 = {"connection", "keep-alive", "proxy-connection", "upgrade"}
"""Fields that say something about one connection, and have no place here."""

_STATUS = re.compile(rb"[1-9][0-9]{2}")

WINDOW = 1 << 20
"""Bytes of one body that a server may send before some were read."""


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


class _Malformed(h2.events.Event):
    """An answer that breaks the rules by itself, and not the connection with it."""

    def __init__(self, stream_id: int, reason: str) -> None:
        self.stream_id = stream_id
        self.reason = reason


class _State(h2.connection.H2Connection):
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

    def send_request(self, stream: int, request: Request) -> None:
        """Send the head of a request."""
        body = request.body
        size = len(body) if isinstance(body, bytes) else None
        head = _Head(
            request.method,
            request.authority,
            request.origin.scheme,
            request.target,
            request.headers,
            size,
        )
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
        return [], [_Malformed(frame.stream_id, f"malformed answer: {reason}")]


class Http2(Wire):
    """A connection that carries many requests at once; made from one that agreed on it."""

    def __init__(self, now: Callable[[], float], body_limit: float) -> None:
        super().__init__()
        self.was_used = False
        self.now = now
        self.body_limit = body_limit
        self._is_refused = False
        self._replies: dict[int, Reply] = {}
        self._senders: dict[int, Wakeup] = {}
        self._alarms: list[Alarm] = []
        self._state = _State()

    @classmethod
    def over(cls, wire: Http1) -> Http2:
        """Return the connection that goes on where the handshake of `wire` ended."""
        made = cls(wire.now, wire.body_limit)
        made.go_on_after(wire)
        made.connect_seconds, made.tls_seconds = wire.connect_seconds, wire.tls_seconds
        codes = h2.settings.SettingCodes
        made._state.local_settings = h2.settings.Settings(
            client=True,
            initial_values={
                codes.ENABLE_PUSH: 0,  # nobody here would read what was not asked for
                codes.INITIAL_WINDOW_SIZE: WINDOW,
                codes.MAX_HEADER_LIST_SIZE: made._state.DEFAULT_MAX_HEADER_LIST_SIZE,
            },
        )
        made._state.initiate_connection()
        made._state.increment_flow_control_window(16 * WINDOW)
        made._flush()
        if wire.early:
            made.data_received(wire.early)
        return made

    @property
    def is_reusable(self) -> bool:
        """Whether it can take requests, now or when others are through."""
        return not self.is_closed and not self._is_refused

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way on it."""
        return not self._replies

    @property
    def has_room(self) -> bool:
        """Whether it can take one more request now."""
        limit: int = self._state.remote_settings.max_concurrent_streams
        return self.is_reusable and len(self._replies) < limit

    async def exchange(self, request: Request, patience: Patience) -> Reply:
        """Send a request and wait for its reply, or for the head of it."""
        patience.reply = reply = Reply(self.body_limit, version="2")
        self._begin(request, reply)
        is_sent = True
        try:
            if isinstance(request.body, bytes):
                is_sent = await self._send(request.body, reply, patience)
            elif request.body is not None:
                async with within(patience, "complete request"):
                    is_sent = await self._stream(request.body, reply, patience)
            if request.is_streamed:
                await reply.wait_head(patience)
        except BaseException:
            self.leave(reply)
            raise
        if not request.is_streamed:
            await self.finished(reply, patience)
            if not is_sent:
                self._end_early(reply)
            return reply
        self.was_used = True
        if not reply.is_complete:
            self._hand_over(reply)
        return reply

    def begin(self, request: Request) -> Reply:
        """Send a request without a body; return the reply to wait for."""
        alarm = self._alarms.pop() if self._alarms else Alarm(self.now)
        reply = Reply(self.body_limit, alarm, version="2")
        self._begin(request, reply)
        return reply

    async def finished(self, reply: Reply, patience: Patience) -> Reply:
        """Wait for the whole of a reply."""
        try:
            await reply.wait_end(patience)
        except BaseException:
            self.leave(reply)
            raise
        self.was_used = True
        return reply

    def leave(self, reply: Reply) -> None:
        """End a stream, if need be before its time."""
        if not (self._forgotten(reply) or reply.is_complete):
            self._end_early(reply)

    def eof_received(self) -> bool:
        """Take no request any more; over TLS the connection is lost only a while later."""
        self._is_refused = True
        return super().eof_received()

    def finish(self) -> bool:
        """Return whether it can take requests: streams end by themselves."""
        return self.is_reusable

    def take(self, data: bytes) -> None:
        """Act on what came."""
        try:
            for event in self._state.receive_data(data):
                self._act_on(event)
        except (h2.exceptions.ProtocolError, ValueError) as error:
            kind = type(error).__name__
            self._fail_all(HttpProtocolError(f"malformed answer: {kind}"))
            self.close()
            return
        self._flush()
        if self.is_flooded:
            self._fail_all(HttpProtocolError("the server asks for more answers than it reads"))
            self.close()

    def ended(self, error: Exception | None) -> None:
        """Fail what is under way."""
        for alarm in self._alarms:
            alarm.stop()
        for reply in tuple(self._replies.values()):
            if reply.first_byte_at:
                where = "body" if reply.is_headed else "head"
                reply.fail(
                    ConnectionLostError(f"the connection ended in the {where} of the answer")
                )
            else:
                reply.fail(lost(error, "before an answer"))
        self._wake_senders()

    def _end_early(self, reply: Reply) -> None:
        """End a stream on which one side has not said all; it would stay open for ever."""
        if self.is_closed:
            return
        try:
            self._state.reset_stream(reply.stream, h2.errors.ErrorCodes.CANCEL)
        except h2.exceptions.ProtocolError:
            return  # it is closed already
        self._flush()

    def _begin(self, request: Request, reply: Reply) -> None:
        if not self.is_reusable:  # since it was chosen; nothing was sent
            raise _refused("connection closed without an answer")
        stream: int = self._state.get_next_available_stream_id()
        try:
            self._state.send_request(stream, request)
        except h2.exceptions.ProtocolError as error:
            raise InvalidRequestError(f"cannot be sent over HTTP/2: {error}") from error
        reply.stream = stream
        self._replies[stream] = reply
        reply.sent_bytes += self._flush()

    async def _stream(
        self,
        body: Iterable[bytes] | AsyncIterable[bytes],
        reply: Reply,
        patience: Patience,
    ) -> bool:
        """Send a body of unknown length, part by part; return whether all of it was sent."""
        async for part in parts_of(body):
            patience.hurry()
            if self.now() >= patience.deadline:  # no timer ends a body that never waits
                patience.give_up("no complete request")
            await self._send(part, reply, patience, is_last=False)
            await self.drain(patience, reply)
            if self.is_closed or reply.is_decided:
                break
        if self.is_closed or reply.is_decided:
            return False
        self._state.end_stream(reply.stream)
        reply.sent_bytes += self._flush()
        return True

    async def _send(
        self, body: bytes, reply: Reply, patience: Patience, *, is_last: bool = True
    ) -> bool:
        """Send a body as fast as the server takes it; return whether all of it was sent."""
        rest, stream = memoryview(body), reply.stream
        while rest and not reply.is_decided:
            if self.is_closed:
                return False  # whoever waits for the reply hears of it
            room = self._state.local_flow_control_window(stream)
            size = min(room, self._state.max_outbound_frame_size, len(rest))
            if size <= 0:
                await self._wait_room(reply, patience)
                continue
            self._state.send_data(
                stream, bytes(rest[:size]), end_stream=is_last and size == len(rest)
            )
            rest = rest[size:]
            reply.sent_bytes += self._flush()
        return not rest

    async def _wait_room(self, reply: Reply, patience: Patience) -> None:
        """Wait until the server takes more of the body, or has decided without it."""
        wakeup = self._senders[reply.stream] = patience.native.wakeup()
        reply.tell(wakeup)
        try:
            if not await patience.wait(wakeup):
                patience.give_up("no complete request")
        finally:
            self._senders.pop(reply.stream, None)
            reply.tell(None)

    def _act_on(self, event: h2.events.Event) -> None:
        stream = getattr(event, "stream_id", None)
        reply = self._replies.get(stream) if stream else None
        if isinstance(event, h2.events.WindowUpdated | h2.events.RemoteSettingsChanged):
            self._wake_senders()
        elif isinstance(event, h2.events.ConnectionTerminated):
            self._is_refused = True
            self._fail_beyond(event.last_stream_id, event.error_code)
        elif reply is None or reply.error is not None:
            self._forget(event)
        elif isinstance(event, h2.events.ResponseReceived):
            self._take_head(reply, event)
        elif isinstance(event, h2.events.DataReceived):
            self._take_data(reply, event)
        else:
            self._end_stream(reply, event)

    def _end_stream(self, reply: Reply, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.StreamEnded):
            reply.end()
            self._forgotten(reply)
        elif isinstance(event, h2.events.StreamReset):
            reply.fail(_reset(reply, event.error_code))
        elif isinstance(event, _Malformed):
            reply.fail(HttpProtocolError(event.reason))
        elif isinstance(event, h2.events.TrailersReceived):
            reply.trailers = event.headers or ()
            if any(name.startswith(b":") for name, _ in reply.trailers):
                reply.fail(HttpProtocolError("malformed answer: ProtocolError"))

    def _take_head(self, reply: Reply, event: h2.events.ResponseReceived) -> None:
        reply.first_byte_at = reply.first_byte_at or self.now()
        fields: list[tuple[bytes, bytes]] = event.headers or []
        reply.received_bytes += sum(len(name) + len(value) for name, value in fields)
        status = next((value for name, value in fields if name == b":status"), b"")
        if not _STATUS.fullmatch(status):
            reply.fail(HttpProtocolError("malformed answer: Invalid status code"))
            return
        reply.head(int(status), [pair for pair in fields if not pair[0].startswith(b":")])

    def _take_data(self, reply: Reply, event: h2.events.DataReceived) -> None:
        data, size = event.data or b"", event.flow_controlled_length or 0
        reply.received_bytes += size
        reply.data(data)
        if reply.on_room is None:
            self._acknowledge(size, event.stream_id)
        else:
            reply.unread += size

    def _forget(self, event: h2.events.Event) -> None:
        """Let data of a stream that nobody waits for use up no window."""
        if isinstance(event, h2.events.DataReceived):
            self._acknowledge(event.flow_controlled_length or 0, event.stream_id)

    def _acknowledge(self, size: int, stream: int) -> None:
        if size:
            # Of a closed stream, h2 gave the connection's window back itself.
            with suppress(h2.exceptions.StreamClosedError):
                self._state.acknowledge_received_data(size, stream)

    def _hand_over(self, reply: Reply) -> None:
        """Let the reader of a streamed body set the pace."""

        def make_room() -> None:
            size, reply.unread = reply.unread, 0
            if not self.is_closed:
                self._acknowledge(size, reply.stream)
                self._flush()

        reply.on_room = make_room
        reply.on_release = lambda: self.leave(reply)

    def _forgotten(self, reply: Reply) -> bool:
        """Keep a reply no more; return whether it was not kept."""
        if self._replies.pop(reply.stream, None) is None:
            return True
        if reply.alarm is not None:  # what wakes by mistake who waits by it next is looked into
            self._alarms.append(reply.alarm)
            if self.is_closed:
                reply.alarm.stop()
        return False

    def _fail_beyond(self, last: int | None, code: int | None) -> None:
        why = f" ({_named(code)})" if code else ""
        for stream, reply in tuple(self._replies.items()):
            if last is None or stream > last:
                reply.fail(_refused(f"the server ended the connection{why}"))

    def _fail_all(self, error: HttpError) -> None:
        for reply in tuple(self._replies.values()):
            reply.fail(error)

    def _wake_senders(self) -> None:
        for wakeup in tuple(self._senders.values()):
            wakeup.wake()

    def _flush(self) -> int:
        data = self._state.data_to_send()
        if data and not (self.is_closed or self.transport.is_closing()):
            self.transport.write(data)
        return len(data)


def _reset(reply: Reply, code: int | None) -> HttpError:
    if code == h2.errors.ErrorCodes.REFUSED_STREAM and not reply.first_byte_at:
        return _refused("the server refused the stream")
    when = "in the middle of the answer" if reply.first_byte_at else "before an answer"
    return ConnectionLostError(f"the server reset the stream {when} ({_named(code)})")


def _named(code: int | None) -> str:
    """Return an error code by its name in RFC 9113 (7)."""
    try:
        return h2.errors.ErrorCodes(code or 0).name
    except ValueError:
        return "unknown code"


def _refused(text: str) -> ConnectionLostError:
    """Return the error of a request that was not processed (RFC 9113, 8.7)."""
    error = ConnectionLostError(text)
    error.was_refused = True
    return error
