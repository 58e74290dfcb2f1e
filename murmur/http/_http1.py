"""HTTP/1.1 over one connection: written here, read by llhttp (`httptools`).

llhttp is node's parser, in C.  What is left to do is to say which answer ends where the
connection does, and to keep a server from sending without end.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, Awaitable, Iterable
from typing import TYPE_CHECKING

from murmur.errors import (
    ConnectionLostError,
    HttpError,
    HttpProtocolError,
    MissingExtraError,
)

from ._body import parts_of
from ._exchange import Reply
from ._headers import render, says_close
from ._known import MISSES, NOTHING, Known, Luck, known_answer, new_head, remember
from ._mend import mended, without_hints
from ._wire import Alarm, Wire, broken_off, lost, within

try:
    import httptools

    from ._glance import Glance, parser_of
    from ._shapes import fits, learn, shape_of
except ImportError as error:
    raise MissingExtraError("murmur.http", "http", "httptools") from error

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._exchange import Request
    from ._headers import Fields, Pairs
    from ._patience import Patience

HEAD_LIMIT = 64 << 10
"""Bytes that the head of an answer may have, and what comes between and after its body."""

_STATUS_LINE = re.compile(rb"(\r?\n)*HTTP/1\.[0-9][ \t\v\f\r]+[0-9]{3}")
_BEGINS = b"HTTP/"
_HEAD_ENDS = re.compile(rb"\n\r?\n")

_STRANGERS = {
    # an alert, which a server of TLS answers to who does not speak it
    re.compile(rb"\x15\x03"): "it is TLS, so ask by https://",
    # a frame of SETTINGS, by which a server of HTTP/2 begins
    re.compile(rb"\0\0.\x04\0{5}", re.DOTALL): "it is HTTP/2, which murmur speaks over TLS alone",
}
"""How answers of other protocols begin, and what to say of them."""

BODYLESS = {204, 304}
"""Statuses of answers that have no body, whatever they say."""

TOO_SLOW = 408
"""Status by which some servers say goodbye to a connection that was idle."""

BODILESS = {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "TRACE"}  # say no length of 0


class Http1(Wire):
    """A connection that carries one request after the other."""

    # With more than 30 attributes of its own, an object without slots is a large dictionary.
    __slots__ = ("_alarm", "_asked", "_fields", "_glance", "_glances", "_had_body",
                 "_had_no_body", "_head_count", "_head_so_far", "_idle_bytes", "_is_asking",
                 "_is_mended", "_is_parser_used", "_is_sent", "_luck", "_most", "_parser",
                 "_refused", "_rendered", "_reply", "answer", "answered_at", "body_limit",
                 "early", "is_kept", "known", "now", "was_used")  # fmt: skip

    portion = 64 << 10

    def __init__(
        self,
        now: Callable[[], float],
        body_limit: float,  # bytes that a body may have which is not streamed
    ) -> None:
        super().__init__()
        self.was_used = False  # whether a request was sent before
        self._alarm = Alarm(now)
        self.early = b""  # what the server sent before any request, as it does in HTTP/2
        self.now = now
        self.body_limit = body_limit
        self._most = min(self.portion, body_limit)  # bytes of an answer that is read at once
        self._reply: Reply | None = None
        self._fields: list[tuple[bytes, bytes]] = []
        self._rendered: tuple[Pairs, bytes, bool] = ((), b"", False)  # and if they say "close"
        self._asked: Request  # what the reply is to, or the last one was
        self.is_kept: bool = True  # whether neither side is about to end it
        self._is_sent = True
        self._head_so_far = b""
        self._refused: httptools.HttpParserError | None = None
        self._parser = parser_of(self)
        self._is_parser_used = False  # and not at the end of an answer, where it begins anew
        self._is_mended = False
        self._luck = Luck()
        self.known: Known = NOTHING  # the last head that was known
        self._is_asking = False  # whether what is under way is usual so far, and has no reply
        self.answer: bytes = b""  # what came to a usual request, with a head that is `known`
        self.answered_at: float = 0.0  # when that was
        self._glance: Glance | None = None
        self._glances = Luck()
        self._head_count = 0
        self._idle_bytes = 0  # that came since the last byte of a body
        self._had_body = False
        self._had_no_body = False  # whether the answer before this one may not have one

    @property
    def is_reusable(self) -> bool:
        """Whether it can take another request."""
        is_done = self._is_sent and self.is_idle
        return self.is_kept and is_done and not self.is_closed

    @property
    def has_room(self) -> bool:
        """Whether it can take one more request beside the one it was taken for: never."""
        return False

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way on it."""
        return self._reply is None and not self._is_asking

    async def exchange(self, request: Request, patience: Patience) -> Reply:
        """Send a request and wait for its reply, or for the head of it.

        Whoever calls this closes the connection if it raises.
        """
        if self.early:
            self.is_kept = False
            raise HttpProtocolError("the server spoke before it was asked")
        reply, body = self.begin(request), request.body
        patience.reply = reply
        if not (body is None or isinstance(body, bytes)):
            async with within(patience, "complete request"):
                await self._stream(self._head(request), body, reply, patience)
        return await self.finished(reply, patience)

    def ask(self, request: Request, deadline: float) -> Awaitable[object]:
        """Send a usual request over a connection at hand; return what is to be awaited.

        That is until there is an `answer` whose head is `known`, or anything else that there is
        to see in the reply `so_far`; or until `deadline`.
        """
        self._asked, self._is_asking = request, True
        self.transport.write(request.head)
        return self._alarm.wait(deadline)

    def so_far(self) -> Reply:
        """Return the reply to the usual request that is under way; made when it is needed."""
        reply = self._reply
        if reply is None:
            reply = self._expect(self._asked)
            reply.sent_bytes = len(self._asked.head)
            if self.answer:
                reply.as_before(self.known, self.answer, self.answered_at)
            self._is_asking, self.answer = False, b""
        return reply

    def _under_way(self) -> Reply | None:
        return self.so_far() if self._is_asking or self.answer else self._reply

    def wake(self) -> None:
        """Have who waits for the answer to a usual request look up."""
        if self._is_asking:
            self._alarm.wake()

    def _expect(self, request: Request) -> Reply:
        """Return a new reply, and make ready for it."""
        self._reply = Reply(self.body_limit, self._alarm)
        self._asked = request
        if self._is_parser_used:
            self._parser, self._is_parser_used, self._is_mended = parser_of(self), False, False
        return self._reply

    def begin(self, request: Request) -> Reply:
        """Send a request, unless its body comes in parts; return the reply to wait for."""
        reply = self._expect(request)
        data, body = request.head or self._head(request), request.body
        if body is not None:
            if not isinstance(body, bytes):
                self._is_sent = False
                return reply
            data += body
        self.transport.write(data)
        reply.sent_bytes = len(data)
        return reply

    def leave(self, reply: Reply) -> None:
        """Do nothing yet: `finish` ends a connection whose reply is not complete."""

    async def finished(self, reply: Reply, patience: Patience) -> Reply:
        """Wait for the reply that is under way, or for the head of it."""
        if self._asked.is_streamed:
            reply.on_room = self._make_room
            await reply.wait_head(patience)
        else:
            await reply.wait_end(patience)
        self.was_used = True
        return reply

    def eof_received(self) -> bool:
        """Take no request any more; over TLS the connection is lost only a while later."""
        self.is_kept = False
        return super().eof_received()

    def finish(self) -> bool:
        """Make ready for another request; ends the connection if the reply is not complete.

        Returns whether it can take another.
        """
        reply, self._reply = self._reply, None
        if reply is not None:
            if self._asked.is_last:
                self.is_kept = False  # whether the server closes it or not (RFC 9112, 9.6)
            if not reply.is_complete:
                self.close()
        return self.is_kept and self._is_sent and not self.is_closed

    def data_received(self, data: bytes) -> None:
        """Take a whole answer with a head like that before at once, and all else in steps."""
        known = self.known
        is_like = len(data) == known.size and data.startswith(known.head) and not self._rest
        if not is_like and known.pattern is not None:
            is_like = len(data) <= self._most and not self._rest and fits(known.pattern, data)
        if is_like and self._is_asking:
            self._answer(data)
            return
        if self._is_asking and not self._luck.is_worth_a_look() and self._is_new_again(data):
            return
        reply = self._under_way()
        if reply is None or reply.first_byte_at or self._rest or not self._asked.is_told_by_head:
            super().data_received(data)
        elif is_like:
            reply.as_before(known, data, self.now())
        else:
            self._take_unlike(data, reply)

    def _take_unlike(self, data: bytes, reply: Reply) -> None:
        """Take the beginning of an answer, and all of it if its head is known, or it is whole."""
        luck = self._luck
        looks = luck.left > 0 or luck.is_worth_a_look()
        known = known_answer(data) if looks else None
        if known is not None and known.size - known.start <= reply.limit:
            luck.left, self.known = MISSES, known
            self.data_received(data)
            return
        if looks:
            luck.left -= 1
        new = self._glimpsed(data)
        if new is not None:
            reply.as_before(new, data, self.now())
        else:
            super().data_received(data)
        if looks and reply.is_complete and self.is_kept and reply.error is None:
            remember(data, reply)

    def _answer(self, data: bytes) -> None:
        """Take a whole answer to a usual request, of whose head all is `known`."""
        now = self.now
        self.answered_at = now()
        self.answer = data
        self._is_asking = False
        self._alarm.wake()

    def _is_new_again(self, data: bytes) -> bool:
        """Take a whole answer to a usual request where each head is new, if that is what it is."""
        known = None if self._rest else self._glimpsed(data)
        if known is None or not self.is_kept:
            return False
        self.known = known
        self._answer(data)
        return True

    def _glimpsed(self, data: bytes) -> Known | None:
        """Return what there is to know of an answer with a new head, if it came whole."""
        luck = self._glances
        if len(data) > self._most:
            return None
        shape = shape_of(data)
        if shape is not None:
            return shape
        if luck.left <= 0 and not luck.is_worth_a_look():
            return None
        new = self._new(data)
        luck.left = luck.left - 1 if new is None else MISSES
        return new

    def _new(self, data: bytes) -> Known | None:
        """Return what a glance tells of an answer whose shape is not known, and learn that."""
        glance, self._glance = self._glance or Glance(), None
        head = glance.read(data)
        if head is None:
            return None
        self._glance = glance
        if glance.status == TOO_SLOW:
            return None  # whether it is an answer at all is to be seen
        self.is_kept, self._had_no_body = glance.is_kept, glance.status in BODYLESS
        if self.is_kept and self._luck.left <= 0:
            learn(glance.status, head)
        if glance.is_chunked:  # only a shape says that nothing but the chunk is behind the head
            return shape_of(data)
        return new_head(glance.status, head, len(data))

    def take(self, data: bytes) -> None:
        """Parse what came."""
        reply = self._under_way()
        if reply is None and not self.was_used and len(self.early) < HEAD_LIMIT:
            self.early += data
            return
        if reply is None or reply.is_complete:
            self.close()  # nobody asked for it
            return
        if not reply.first_byte_at:
            reply.first_byte_at = self.now()
            self._fields = []
            self._head_so_far, self._refused = b"", None
        reply.received_bytes += len(data)
        self._parse(data, reply)
        if not reply.is_complete:
            self._bound(data, reply)

    def _bound(self, data: bytes, reply: Reply) -> None:
        """Keep a server from sending without end what is no body, and a body too fast."""
        if not reply.is_headed:
            self._head_so_far += data
            if reply.received_bytes > HEAD_LIMIT:
                self._fail(HttpProtocolError("the head of the answer is too long"))
        elif self._had_body:
            self._had_body, self._idle_bytes = False, 0
            if reply.is_full:
                self.hold()
        else:
            self._idle_bytes += len(data)
            if self._idle_bytes > HEAD_LIMIT:
                self._fail(HttpProtocolError("the trailer of the answer is too long"))

    def _parse(self, data: bytes, reply: Reply) -> None:
        if self._refused is not None:
            self._parse_mended(data, reply)
            return
        self._is_parser_used = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(HttpProtocolError("the server changed the protocol"))
        except httptools.HttpParserError as error:
            whole = self._head_so_far + data
            told = next((text for begins, text in _STRANGERS.items() if begins.match(whole)), None)
            if told is not None:
                self._fail(HttpProtocolError(f"malformed answer: {told}"))
            elif self._had_no_body and not reply.is_headed and not whole.startswith(_BEGINS):
                self._fail(
                    ConnectionLostError("a body came late that the answer before may not have")
                )
            elif reply.is_headed or reply.is_complete or not _STATUS_LINE.match(whole):
                self._refuse(error, reply)
            else:
                self._refused = error
                self._parse_mended(data, reply)

    def _parse_mended(self, data: bytes, reply: Reply) -> None:
        """Parse a head once more that llhttp refused, and RFC 9112 lets a client accept."""
        whole, refused = without_hints(self._head_so_far + data), self._refused
        end = _HEAD_ENDS.search(whole)
        if end is None or refused is None:
            return  # the rest of the head is to come
        self._refused = None
        readable, rest = mended(whole[: end.end()]), whole[end.end() :]
        self._fields = []
        self._parser, self._is_mended = parser_of(self), True
        self._parser.set_dangerous_leniencies(lenient_headers=True)  # `mended` has looked
        try:
            if readable is None:
                raise refused
            self._parser.feed_data(readable + rest)
        except httptools.HttpParserError as error:
            self._refuse(error, reply)

    def _refuse(self, error: httptools.HttpParserError, reply: Reply) -> None:
        self.is_kept = False
        if not reply.is_complete:
            self._fail(HttpProtocolError(f"malformed answer: {error}"))

    def ended(self, error: Exception | None) -> None:
        """Say what the end of the connection means for the reply that is under way."""
        self._alarm.stop()
        reply = self._under_way()
        if reply is None or reply.is_complete:
            return
        if self._refused is not None:
            self._refuse(self._refused, reply)
        elif reply.is_headed and error is None and self._ends_with_connection():
            reply.end()
        elif reply.first_byte_at:
            where = "body" if reply.is_headed else "head"
            reply.fail(broken_off(f"the connection ended in the {where} of the answer"))
        else:
            reply.fail(lost(error, "before an answer"))

    def on_message_begin(self) -> None:
        """Refuse a second answer to one request; called by the parser."""
        if self._reply is None or self._reply.is_complete:
            self.is_kept = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field; called by the parser."""
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Pass the head on, unless it only says that one is to come."""
        reply, status = self._reply, self._parser.get_status_code()
        if reply is None or reply.is_complete:
            return
        if status < 200:
            if status < 100:
                self._fail(HttpProtocolError("malformed answer: Invalid status code"))
            return
        reply.version = self._parser.get_http_version()
        self.is_kept = self._parser.should_keep_alive()
        if status == TOO_SLOW and self._is_farewell():
            self._fail(ConnectionLostError("connection closed without an answer"))
            return
        if reply.received_bytes > HEAD_LIMIT and _size(self._fields) > HEAD_LIMIT:
            self._fail(HttpProtocolError("the head of the answer is too long"))
            return
        self._head_count, self._idle_bytes = len(self._fields), 0
        reply.head(status, self._fields)
        is_head = self._asked.method == "HEAD"
        self._had_no_body = is_head or status in BODYLESS
        if is_head:
            reply.end()  # the parser waits for the body that the fields announce

    def _is_farewell(self) -> bool:
        """Whether a 408 may be the end of an idle connection, sent before this request came.

        HAProxy and others say it so (RFC 9110, 15.5.9); a busy loop does not know of it yet.
        """
        return self.was_used and not self.is_kept and self._asked.can_be_repeated

    def on_body(self, body: bytes) -> None:
        """Pass a part of the body on."""
        reply = self._reply
        if reply is not None and not reply.is_complete:
            self._had_body = True
            reply.data(body)

    def on_message_complete(self) -> None:
        """Pass the end on; after ``100 Continue`` and its like the answer is still to come."""
        reply = self._reply
        if reply is None or reply.is_complete:
            return
        if not reply.is_headed:
            self._fields = []
            return
        self.is_kept = self.is_kept and self._parser.should_keep_alive()
        self._is_parser_used = self._is_mended
        if len(self._fields) > self._head_count:
            reply.trailers = self._fields[self._head_count :]
            del self._fields[self._head_count :]
        reply.end()

    def _head(self, request: Request) -> bytes:
        """Return the head of a request; of one without a body it is kept with it."""
        headers, body = request.headers, request.body
        if headers is not self._rendered[0]:
            self._rendered = (headers, render(headers), says_close(headers))
        request.is_last = self._rendered[2]
        if isinstance(body, bytes):
            length = b"Content-Length: %d\r\n\r\n" % len(body)
        elif body is not None:
            length = b"Transfer-Encoding: chunked\r\n\r\n"
        else:
            length = b"\r\n" if request.method in BODILESS else b"Content-Length: 0\r\n\r\n"
        start = f"{request.method} {request.target} HTTP/1.1\r\nHost: {request.authority}\r\n"
        head = start.encode("latin-1") + self._rendered[1] + length
        if body is None:
            request.head = head
            request.is_usual = (
                request.method == "GET" and not request.is_streamed and not request.is_last
            )
        return head

    def _ends_with_connection(self) -> bool:
        """Whether the answer has no other end than that of the connection (RFC 9112, 6.3)."""
        said = {name.lower(): value for name, value in self._fields}
        coding = said.get(b"transfer-encoding")  # of several fields the last one
        if coding is not None:
            return coding.rpartition(b",")[2].strip().lower() != b"chunked"
        return b"content-length" not in said

    def _fail(self, error: HttpError) -> None:
        if self._reply is not None:
            self._reply.fail(error)
        self.is_kept = False
        self.close()

    def _make_room(self) -> None:
        self.release()

    async def _stream(
        self,
        head: bytes,
        body: Iterable[bytes] | AsyncIterable[bytes],
        reply: Reply,
        patience: Patience,
    ) -> None:
        """Send a body of unknown length in chunks, and count what it takes.

        The head waits for the first part, so that one that is no bytes sends nothing.
        """
        start = head
        async for part in parts_of(body):
            patience.hurry()
            if self.now() >= patience.deadline:  # no timer ends a body that never waits
                patience.give_up("no complete request")
            if not part:
                continue  # an empty chunk would end the body
            if reply.is_decided:
                return  # the server has made up its mind
            chunk = b"%b%x\r\n%b\r\n" % (start, len(part), part)
            start = b""
            self.transport.write(chunk)
            reply.sent_bytes += len(chunk)
            await self.drain(patience, reply)
        self.transport.write(start + b"0\r\n\r\n")
        self._is_sent = True
        reply.sent_bytes += len(start) + 5


def _size(fields: Fields) -> int:
    return sum(len(name) + len(value) for name, value in fields)
