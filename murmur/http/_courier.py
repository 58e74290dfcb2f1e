"""Courier of one user: takes requests to servers, brings the answers, and records both.

What the server or the network does never ends a user: it is recorded, and the response
says so.  Were it otherwise, the load would fade just when the server fails.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from murmur._backend import native
from murmur.errors import HttpError, HttpProtocolError, InvalidRequestError, Leaving
from murmur.runtime import Timer, current_user, running_here
from murmur.throttles import take_due, take_due_of_task

from ._call import Block, Call
from ._composer import Composer
from ._cookies import Cookies
from ._exchange import Begun, Reply, Request
from ._headers import Fields, Pairs, with_cookies
from ._judgement import judge
from ._ledger import NO_PHASES, Ledger, Spans, Unrecorded
from ._patience import Patience
from ._redirects import REDIRECTS, is_redirect, next_request
from ._response import Response
from ._url import host_of

if TYPE_CHECKING:
    from murmur._backend import Native
    from murmur.runtime import NodeRun, User

    from ._http1 import Http1
    from ._http2 import Http2
    from ._options import Options
    from ._pool import Pool
    from ._url import Template
    from ._websocket import Asked

REQUEST = "amoc.http.request"


class Courier:
    """Makes the requests of one client, for one user or for none.

    It is what its user wakes to have it leave: see `wake`.
    """

    is_over = False

    def __init__(self, user: User | None, options: Options, base_url: str | None) -> None:
        self.options: Options = options
        self.composer: Composer = Composer(options, base_url)
        self.cookies: Cookies = Cookies()
        self.user: User | None = current_user() if user is None else user
        self.run: NodeRun | None = (
            self.user.run if self.user is not None else running_here.get(None)
        )
        self.native: Native = self.run.native if self.run is not None else native()
        self.now: Callable[[], float] = self.native.now
        self.ledger: Ledger = Ledger(self.run, self.user, phases=options.phases)
        self.is_closed: bool = False
        self._transport = options.make_transport(self.run)
        self._pool: Pool | None = None
        if not self.ledger.has_phases:
            self._pool = getattr(self._transport, "pool", None)
        self.open: dict[Any, float] = {}  # what is under way, and since when
        # adds one to a counter of the run, at a moment that is known already
        self.count_one: Callable[[str, float], None] = _count_nowhere
        self._told: Collection[object] = ()  # who wants to see each request
        if self.run is not None:
            self.open = self.run.recorder.open
            self._record = self.run.recorder.request
            self.count_one = self.run.recorder.count_one
            self._told = self.run.emitter.listeners(REQUEST)
        self._under_way: set[Reply] = set()
        # where a connection may be at hand, as long as nothing is to be asked before
        self._source = self._pool
        # whose requests go there as they were written
        self._direct = None if options.routes.has_proxy or options.trace else self.user
        if self.user is not None:
            self._hears = self.user.listen(self)
            if self.user.is_leaving:
                self._source = None

    def wake(self, value: object = None) -> bool:
        """Have all who wait for an answer look up, since the user was asked to leave."""
        if self._source is not None:
            self._source.wake()
        self._source = None
        for reply in self._under_way:
            reply.wake()
        return True

    def close(self) -> None:
        """Close all connections at once; once."""
        self.is_closed, self._source = True, None
        self._transport.close()
        if self.user is not None:
            self._hears.remove(self)

    def make(self, call: Call) -> Generator[Any, Any, Response]:
        """Make a request and record it.

        This is what ``await`` runs; a coroutine would be two more objects for each request.
        Most of them say no more than a URL, go over a connection that is there, and have an
        answer in one piece with a head that is known, so that nothing is left to decide; all
        others are made by `_make_at_once` and `_make_anyhow`, also one that was begun here.
        """
        source, user = None if call.is_made else self._source, self._direct
        call.is_made = True
        if source is None or user is None or not call.is_plain:
            return (yield from self._make_at_once(call, source))
        request, connection = self.composer.request(call), None
        if request.is_usual and not self.cookies._count:
            connection = source.kept(request.origin)
        if connection is None:
            return (yield from self._make_at_once(call, source, request))
        now = self.now
        due_at = take_due_of_task(self.native)
        call.started_at = began_at = now()
        call.due_at = began_at if due_at is None or not due_at < began_at else due_at
        self.open[call] = began_at
        try:
            yield from connection.ask(request, began_at + self.options.timeout)
        except BaseException:
            with self._broken_off(request, call, connection, connection.so_far(), source):
                raise
        data, known = connection.answer, connection.known
        if not data or not known.is_good or self._told or user.is_gone:
            reply = connection.so_far()
            return (yield from self._take_answer(request, call, connection, reply, source))
        ended_at, connection.answer = now(), b""
        source.keep(request.origin, connection)
        del self.open[call]
        sizes = len(request.head), len(data)
        self._record(call, known.status, user.id, connection.answered_at, ended_at, sizes)
        return Response(request, known, data, connection.body_limit)

    def _make_at_once(
        self, call: Call, source: Pool | None, request: Request | None = None
    ) -> Generator[Any, Any, Response]:
        """Make a request over a connection that is at hand, if there is one; record it."""
        if source is None or (not call.is_plain and call.stream):
            return (yield from self._make_anyhow(call).__await__())
        if request is None:
            request = self.composer.request(call)
        connection = source.at_hand(request)
        if connection is None:
            return (yield from self._make_anyhow(call, request).__await__())
        reply = self._begin(request, call, connection)
        timeout = self.options.timeout if call.is_plain or call.timeout is None else call.timeout
        try:
            yield from reply.alarm.wait(call.started_at + timeout)  # type: ignore[union-attr]
        except BaseException:
            with self._broken_off(request, call, connection, reply, source):
                raise
        return (yield from self._take_answer(request, call, connection, reply, source))

    def _broken_off(
        self,
        request: Request,
        call: Call,
        connection: Http1 | Http2,
        reply: Reply,
        source: Pool,
    ) -> AbstractContextManager[Timer]:
        """Record what there was of a request that breaks off; its error is to be raised within."""
        connection.leave(reply)
        source.give_back(request.origin, connection)
        self.ledger.broken((reply,))
        return self._resumed(call, reply)

    def _take_answer(
        self,
        request: Request,
        call: Call,
        connection: Http1 | Http2,
        reply: Reply,
        source: Pool,
    ) -> Generator[Any, Any, Response]:
        """Go on with a request that was begun, and whose answer may be there; record it."""
        if not reply.is_complete or reply.status in REDIRECTS:
            begun = Begun(connection, reply, call.started_at)
            with self._resumed(call, reply) as timer:
                return (yield from self._perform(request, call, timer, begun).__await__())
        ended_at = self.native.now()
        source.give_back(request.origin, connection)
        return self._finish(request, call, reply, ended_at)

    async def _make_anyhow(self, call: Call, request: Request | None = None) -> Response:
        """Make a request, all of whose ways are still open; record it."""
        if call.stream:
            raise InvalidRequestError("stream=True needs `async with` around the request")
        await self.admit(leaving=call.leaving)
        if request is None:
            request = self._request(call)
        with self.stopwatch(call.name or "") as timer:
            return await self._perform(request, call, timer)

    def _begin(self, request: Request, call: Call, connection: Http1 | Http2) -> Reply:
        """Send a request over a connection at hand; return the reply to wait for.

        The call itself is under way meanwhile: most requests never need a timer.
        """
        due_at = take_due(self.native)
        call.started_at = began_at = self.native.now()
        call.due_at = began_at if due_at is None or not due_at < began_at else due_at
        reply = connection.begin(self._with_cookies(request) if self.cookies._count else request)
        self.open[call] = began_at
        self._under_way.add(reply)
        return reply

    def _finish(self, request: Request, call: Call, reply: Reply, ended_at: float) -> Response:
        """Record a request that `_begin` sent and whose answer is there."""
        response, user = Response(request, reply), self.user
        if reply.may_set_cookies:
            self.keep_cookies(reply.fields, request.authority, request.target)
        is_odd = bool(reply.status >= 400 or not call.is_plain or self._told)
        if not is_odd and reply.may_be_packed:
            is_odd = response.look_through() is not None
        if is_odd or user is None or user.is_gone:
            self.ledger.answer(reply, call.started_at, ended_at)
            with self._resumed(call, reply) as timer:
                timer.ended_at = ended_at
                return self._judged(response, call, timer, call.started_at)
        self._under_way.discard(reply)
        self.open.pop(call, None)
        sizes = reply.sent_bytes, reply.received_bytes
        self._record(call, reply.status, user.id, reply.first_byte_at, ended_at, sizes)
        return response

    def _resumed(self, call: Call, reply: Reply) -> AbstractContextManager[Timer]:
        """Measure on what `_begin` began, where more is to be told of it than that it was done."""
        self._under_way.discard(reply)
        return self.resumed(call)

    @contextmanager
    def resumed(self, begun: Call | Asked) -> Iterator[Timer]:
        """Measure on what was begun without a timer."""
        try:
            with self.stopwatch(begun.name or "", begun.due_at) as timer:
                timer.started_at = begun.started_at
                self.open.pop(timer, None)  # what was begun stands for it there
                yield timer
        finally:
            self.open.pop(begun, None)

    async def enter(self, call: Call) -> Block:
        """Make a request whose answer is looked at before it is recorded."""
        await self.admit(leaving=call.leaving)
        request = self._request(call)
        timer, spans = self.stopwatch(call.name or ""), self._spans(call)
        timer.__enter__()
        try:
            response = await self._perform(request, call, timer)
        except BaseException as error:
            if spans is not None:
                spans.end()
            timer.__exit__(type(error), error, error.__traceback__)
            raise
        response._timer, response._spans = timer, spans
        if spans is not None and response.error is None:
            spans.answered()
        return Block(response, timer, spans)

    async def admit(self, *, leaving: bool) -> None:
        """Let nobody begin a request who was asked to leave, unless to say goodbye."""
        user = self.user
        if user is not None and user.is_leaving and not leaving:
            await self.native.checkpoint()
            raise Leaving

    def stopwatch(self, name: str, due_at: float | None = None) -> Timer:
        """Return what measures and records an action of the user."""
        if self.run is None:
            return cast("Timer", Unrecorded(self.native.now()))
        return Timer(self.run, name, self.user, due_at=due_at)

    def patience(self, timeout: float) -> Patience:
        """Return the patience of the user with what has `timeout` seconds from now."""
        return Patience(self.native, self.run, self.user, timeout)

    def count(self, name: str) -> None:
        """Add one to a counter of the run."""
        if self.run is not None:
            self.run.recorder.count(name)

    def handshake(
        self, template: Template, target: str, more: Mapping[str, str] | None
    ) -> tuple[str, Pairs]:
        """Return authority, and header fields with cookies, of a WebSocket's handshake."""
        authority, pairs = self.composer.handshake(template, more)
        held = self._held(authority, target, is_secure=template.origin.is_secure)
        return authority, with_cookies(pairs, held)

    def keep_cookies(self, fields: Fields, authority: str, target: str) -> None:
        """Keep the cookies that an answer sets."""
        for field, value in fields:
            if len(field) == 10 and field.lower() == b"set-cookie":
                text, host = value.decode("latin-1"), host_of(authority)
                self.cookies.take(text, host, target, time.time())

    def _held(self, authority: str, target: str, *, is_secure: bool) -> str:
        """Return the cookies that were kept for a request there."""
        host = host_of(authority)
        return self.cookies.header(host, target, is_secure=is_secure, now=time.time())

    def _request(self, call: Call) -> Request:
        """Return the request that was asked for, unless the client is closed."""
        if self.is_closed:
            raise InvalidRequestError("the client is closed")
        return self.composer.request(call)

    def _spans(self, call: Call) -> Spans | None:
        """Return what records the events of an answer that is streamed."""
        if self.run is None or not call.stream:
            return None
        return Spans(self.run.recorder, call.name or "", self.native.now, self.user)

    async def _perform(
        self, request: Request, call: Call, timer: Timer, begun: Begun | None = None
    ) -> Response:
        """Make the request, or go on with one that was begun; tell the timer how it went."""
        timeout = self.options.timeout if call.timeout is None else call.timeout
        began_at, on_turn = self.native.now(), timer.begin
        if begun is not None:
            began_at = begun.at

            def on_turn() -> None:
                timer.begin()
                call.started_at = timer.started_at  # for it is under way by itself

        patience = Patience(self.native, self.run, self.user, timeout, on_turn, began_at=began_at)
        patience.reply = None if begun is None else begun.reply
        try:
            response = await self._follow(request, patience, call, begun)
        except InvalidRequestError:
            raise
        except HttpError as error:
            response = Response(request, None)
            response.error, response.failure = error, str(error)
            timer.fail(error)
        if not call.stream or response.error is not None:
            timer.end()
        return self._judged(response, call, timer, began_at)

    async def _follow(
        self, request: Request, patience: Patience, call: Call, begun: Begun | None
    ) -> Response:
        """Make the request, and those that it is redirected to."""
        limit, redirects = self.options.max_redirects, 0
        while True:
            reply = await self._exchange(request, patience, call, begun)
            begun = None
            if not (limit and is_redirect(reply)):
                break
            reply.release()
            if redirects == limit:
                raise HttpProtocolError(f"more than {limit} redirects")
            redirects += 1
            request = next_request(request, reply)
        response = Response(request, reply)
        response.redirects = redirects
        if not reply.is_complete:
            response._patience = patience
        return response

    async def _exchange(
        self, request: Request, patience: Patience, call: Call, begun: Begun | None
    ) -> Reply:
        """Make one request, with the cookies that go there, and keep those that come."""
        sent_at, name = self.native.now(), call.name or ""
        with self.ledger.waiting(name, patience) if self.ledger.has_phases else NO_PHASES:
            sent = self._with_cookies(request)
            try:
                if begun is None or self._pool is None:
                    reply = await self._transport.exchange(sent, patience)
                else:
                    sent_at = begun.at
                    reply = await self._pool.exchange(sent, patience, begun)
            except BaseException:
                self.ledger.broken(patience.broken, retries=len(patience.broken) - 1)
                raise
            if patience.broken:
                self.ledger.broken(patience.broken)
                patience.broken = ()
        began_at = max(sent_at, patience.turn_at)
        self._take(reply, request, call, began_at, self.native.now())
        if not reply.is_complete:
            self._count_at_release(reply)
        return reply

    def _with_cookies(self, request: Request) -> Request:
        if self.cookies:
            is_secure, target = request.origin.is_secure, request.target
            if held := self._held(request.authority, target, is_secure=is_secure):
                # A copy: a redirect starts from the caller's own fields.
                return replace(request, headers=with_cookies(request.headers, held))
        return request

    def _take(self, reply: Reply, request: Request, call: Call, sent_at: float, at: float) -> None:
        """Take down an answer that came at a moment, and keep the cookies that it sets."""
        self.ledger.head(reply, call.name or "", sent_at, at)
        if reply.may_set_cookies:
            self.keep_cookies(reply.fields, request.authority, request.target)

    def _count_at_release(self, reply: Reply) -> None:
        release = reply.on_release

        def count_and_release() -> None:
            self.ledger.bytes(reply)
            if release is not None:
                release()

        reply.on_release = count_and_release

    def _judged(self, response: Response, call: Call, timer: Timer, began_at: float) -> Response:
        """Return a response after it was judged, and told to who wants to see each request."""
        is_odd = response.status >= 400 or not call.is_plain
        if is_odd or response.look_through() is not None:
            judge(response, call, timer)
        if self._told:
            self._tell(response, call, self.native.now() - began_at)
        return response

    def _tell(self, response: Response, call: Call, seconds: float) -> None:
        """Tell who wants to see each request."""
        assert self.run is not None
        measured = {"received_bytes": response.received_bytes, "redirects": response.redirects}
        told = {
            "name": call.name,
            "user_id": self.user.id if self.user is not None else 0,
            "method": call.method,
            "url": response.url,
            "status": response.status,
            "failure": response.failure or "",
        }
        self.run.emitter.emit(REQUEST, {"count": 1, "seconds": seconds, **measured}, told)


def _count_nowhere(name: str, at: float) -> None:
    """Do nothing: outside of any run."""
