"""HTTP/2 over one connection, many requests at a time; its state is kept by `h2`.

What is not usual costs several times what it does over HTTP/1.1, because `h2` is written in
Python.  What is usual goes past it, see `State`.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from murmur.errors import (
    ConnectionLostError,
    HttpError,
    HttpProtocolError,
    InvalidRequestError,
    MissingExtraError,
)

from ._body import parts_of
from ._exchange import Reply
from ._wire import Alarm, Wire, broken_off, lost, within

try:
    import h2.errors
    import h2.events
    import h2.exceptions
    import h2.settings

    from ._http2_state import Malformed, State
except ImportError as error:
    raise MissingExtraError("HTTP/2", "http", "h2") from error

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable

    from murmur._backend import Wakeup

    from ._exchange import Request
    from ._http1 import Http1
    from ._patience import Patience

_STATUS = re.compile(rb"[1-9][0-9]{2}")

WINDOW = 1 << 20
"""Bytes of one body that a server may send before some were read."""


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
        self._state = State()

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
        stream, data = self._state.plain_request(request) if self.is_reusable else (0, b"")
        if not stream:
            self._begin(request, reply)
            return reply
        reply.stream, reply.sent_bytes = stream, len(data)
        self._replies[stream] = reply
        if not self.is_ending:
            self.transport.write(data)
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
            taken = self._take_plain(data)
            if taken < len(data):
                self._state.tell_plain()
                for event in self._state.receive_data(data[taken:]):
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

    def _take_plain(self, data: bytes) -> int:
        """Take whole answers, as most are; return how many bytes they took.

        What is anything else, such as the part of a frame, is left for `h2`.
        """
        state, taken = self._state, 0
        if not state.is_between:
            return 0
        while (answer := state.plain_answer(data, taken)) is not None:
            stop, stream, head, body = answer
            reply = self._replies[stream]
            if reply.error is not None or len(body) > reply.limit:
                break
            state.end_plain(stream, len(body))
            reply.first_byte_at = self.now()
            reply.received_bytes = head.size + len(body)
            reply.may_set_cookies = head.may_set_cookies
            reply.may_be_packed = head.may_be_packed
            reply.whole(head.status, head.fields, body)
            self._forgotten(reply)
            taken = stop
        return taken

    def ended(self, error: Exception | None) -> None:
        """Fail what is under way."""
        for alarm in self._alarms:
            alarm.stop()
        for reply in tuple(self._replies.values()):
            if reply.first_byte_at:
                where = "body" if reply.is_headed else "head"
                reply.fail(broken_off(f"the connection ended in the {where} of the answer"))
            else:
                reply.fail(lost(error, "before an answer"))
        self._wake_senders()

    def _end_early(self, reply: Reply) -> None:
        """End a stream on which one side has not said all; it would stay open for ever."""
        if self.is_closed:
            return
        self._state.tell_plain()
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
            if self.is_idle:
                self.close()  # the server may wait for it
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
        elif isinstance(event, Malformed):
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
        if data and not self.is_ending:
            self.transport.write(data)
        return len(data)


def _reset(reply: Reply, code: int | None) -> HttpError:
    if code == h2.errors.ErrorCodes.REFUSED_STREAM and not reply.first_byte_at:
        return _refused("the server refused the stream")
    if reply.first_byte_at:
        return broken_off(
            f"the server reset the stream in the middle of the answer ({_named(code)})"
        )
    return ConnectionLostError(f"the server reset the stream before an answer ({_named(code)})")


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
