"""The client of one user: every request is an action of its run.

What the server or the network does never ends a user: it is recorded, and the response
says so.  Were it otherwise, the load would fade just when the server fails.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeAlias, cast

from murmur._backend import native
from murmur.errors import (
    HttpError,
    HttpProtocolError,
    InvalidRequestError,
    Leaving,
)
from murmur.runtime import Timer, current_user, running_here

from ._body import encode
from ._call import Block, Call
from ._codings import accepted
from ._cookies import Cookies
from ._exchange import Begun, Reply, Request
from ._headers import Fields, Pairs, merge, render, with_cookies, with_login
from ._judgement import judge
from ._ledger import NO_PHASES, Ledger, Spans, Unrecorded
from ._options import Options
from ._patience import Patience, checked_timeout
from ._redirects import REDIRECTS, is_redirect, next_request
from ._refusals import all_wrong, check_expectations, check_offer, checked_method, checked_name
from ._response import Response
from ._trace import traced
from ._url import host_of, query_of, template_of
from ._verbs import Verbs

if TYPE_CHECKING:
    from murmur.runtime import User

    from ._pool import Pool
    from ._url import Template
    from ._websocket import Connecting

__all__ = ["Client", "client_of"]

DEFAULT_HEADERS = {
    "User-Agent": "murmur",
    "Accept": "*/*",
    "Accept-Encoding": accepted(),
}

REQUEST = "amoc.http.request"

PLAIN = {"Accept-Encoding": "identity"}
"""What a body that is read part by part is asked for as: parts are not decompressed."""


_Key: TypeAlias = "tuple[str, str, str | None]"
_Written: TypeAlias = "dict[_Key, tuple[Request, str]]"


class _Plain(NamedTuple):
    """The header fields that all requests share, what they were made from, and what with them.

    `written` has the requests that say nothing but method and URL, by these and the name that
    was given: each with the name of its action.
    """

    known: dict[str, str]
    host: str | None
    pairs: Pairs
    written: _Written


class _UnderWay(set[Reply]):
    """Replies that a client waits for, and looks up from when its user is asked to leave."""

    is_over = False

    def wake(self, value: object = None) -> bool:
        """Wake whoever waits for them."""
        for reply in self:
            reply.wake()
        return True


WRITTEN = 1_000
"""Requests that are kept for all clients with the same header fields."""


@lru_cache(maxsize=256)
def _written_with(base_url: str, host: str | None, pairs: Pairs) -> _Written:
    """Return where all clients keep such requests that have these fields."""
    return {}


class Client(Verbs):
    """Makes requests for one user, over connections of its own.

    `User.http` is one.  Make others for other options; a client of a user is closed when
    the user is gone, any other by `close` or as a context manager.

    Parameters
    ----------
    user : User, optional
        Whose requests they are; by default of the user whose code this is.  In a
        scenario's ``init`` there is none, and requests are recorded for user 0.  Outside
        of a run nothing is recorded.
    options : Options, optional
        How requests are made.
    base_url : str, optional
        What relative URLs are relative to, instead of that of `options`.

    Attributes
    ----------
    headers : dict of str to str
        Fields of every request, to be changed as needed: a token, say.
    cookies : Cookies
        What the server set, and you.

    Examples
    --------
    >>> import anyio, murmur.http
    >>> async def look():
    ...     async with murmur.http.Client() as client:
    ...         response = await client.get("http://127.0.0.1:1/")
    ...         return response.ok, response.failure
    >>> anyio.run(look)
    (False, 'connection refused')
    """

    def __init__(
        self,
        user: User | None = None,
        options: Options | None = None,
        *,
        base_url: str | None = None,
    ) -> None:
        self.options_used: Options = Options() if options is None else options
        self.headers: dict[str, str] = {**DEFAULT_HEADERS, **self.options_used.headers}
        self.cookies: Cookies = Cookies()
        self._user = current_user() if user is None else user
        self._run = self._user.run if self._user is not None else running_here.get(None)
        self._native = self._run.native if self._run is not None else native()
        self._base_url = self.options_used.base_url if base_url is None else base_url
        self._transport = self.options_used.make_transport()
        self._under_way = _UnderWay()
        self._ledger = Ledger(self._run, self._user, phases=self.options_used.phases)
        self._pool: Pool | None = None
        if not self._ledger.has_phases:
            self._pool = getattr(self._transport, "pool", None)
        self._is_closed = False
        self._plain = _Plain({}, None, (), {})
        if self._user is not None:
            self._user.adopt(self)
            self._hears = self._user.listen(self._under_way)

    def websocket(
        self,
        url: str,
        *,
        name: str | None = None,
        headers: Mapping[str, str] | None = None,
        subprotocols: Sequence[str] = (),
        compress: bool = False,
        **path: object,
    ) -> Connecting:
        """Return a WebSocket that is to be opened, with ``async with``.

        Parameters
        ----------
        url : str
            ``ws://...`` or ``wss://...``, or relative to the base URL; with placeholders.
        name : str, optional
            Name of the action that connecting is; by default ``"WS /path"``.
        headers : mapping of str to str, optional
            Fields of the handshake, beside those of the client.
        subprotocols : sequence of str, optional
            What to offer, the preferred one first.
        compress : bool, default False
            Whether to offer to compress messages (RFC 7692), as browsers do.
        **path
            Values of the placeholders.

        Examples
        --------
        A scenario's ``start`` says::

            async with user.websocket("/rooms/{room}", room=7) as room:
                await room.ask("hello", name="greet", timeout=5)
        """
        from ._websocket import Connecting

        offered = check_offer(name, headers, subprotocols, compress)
        return Connecting(
            self,
            template_of(self._base_url, url),
            path=path,
            name=name,
            headers=headers,
            subprotocols=offered,
            compress=compress,
        )

    def close(self) -> None:
        """Close all connections at once."""
        if not self._is_closed:
            self._is_closed = True
            self._transport.close()
            if self._user is not None:
                self._user.disown(self)
                self._hears.remove(self._under_way)

    async def __aenter__(self) -> Self:
        """Return the client."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _make(self, call: Call) -> Generator[Any, Any, Response]:
        """Make a request and record it.

        This is what ``await`` runs; a coroutine would be two more objects for each request.
        Most of them go over a connection that is there and have an answer in one piece, so
        that nothing is left to decide; all others are made by `_perform`, also one that was
        begun here.
        """
        if call.stream:
            raise InvalidRequestError("stream=True needs `async with` around the request")
        is_leaving = self._user is not None and self._user.is_leaving
        if is_leaving:
            yield from self._admit(leaving=call.leaving).__await__()
        request = self._request(call)
        with self._stopwatch(call.name or "") as timer:
            pool, connection = self._pool, None
            if pool is not None and not is_leaving:
                connection = pool.at_hand(request)
            if pool is None or connection is None:
                return (yield from self._perform(request, call, timer).__await__())
            timeout = self.options_used.timeout if call.timeout is None else call.timeout
            began_at = timer.started_at
            reply = connection.begin(self._with_cookies(request) if self.cookies else request)
            self._under_way.add(reply)
            try:
                yield from reply.arrival(began_at + timeout).__await__()
            except BaseException:
                connection.leave(reply)
                pool.give_back(request.origin, connection)
                raise
            finally:
                self._under_way.discard(reply)
            if not reply.is_complete or reply.status in REDIRECTS:
                begun = Begun(connection, reply, began_at)
                return (yield from self._perform(request, call, timer, begun).__await__())
            timer.ended_at = now = self._native.now()
            pool.give_back(request.origin, connection)
            self._take(reply, request, call, began_at, now)
            return self._judged(Response(request, reply), call, timer, began_at)

    async def _enter(self, call: Call) -> Block:
        """Make a request whose answer is looked at before it is recorded."""
        await self._admit(leaving=call.leaving)
        request = self._request(call)
        timer, spans = self._timer(call), self._spans(call)
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

    async def _admit(self, *, leaving: bool) -> None:
        """Let nobody begin a request who was asked to leave, unless to say goodbye."""
        user = self._user
        if user is not None and user.is_leaving and not leaving:
            await self._native.checkpoint()
            raise Leaving

    def _timer(self, call: Call) -> Timer:
        return self._stopwatch(self._name(call))

    def _name(self, call: Call) -> str:
        """Return the name of the action, by default method and path."""
        if call.name is None:
            call.name = f"{call.method} {template_of(self._base_url, call.url).label}"
        return call.name

    def _stopwatch(self, name: str) -> Timer:
        if self._run is None:
            return cast("Timer", Unrecorded(self._native.now()))
        return Timer(self._run, name, self._user)

    def _spans(self, call: Call) -> Spans | None:
        """Return what records the events of an answer that is streamed."""
        if self._run is None or not call.stream:
            return None
        return Spans(self._run.recorder, self._name(call), self._native.now, self._user)

    def _patience(self, timeout: float) -> Patience:
        return Patience(self._native, self._run, self._user, timeout)

    def _count(self, name: str) -> None:
        if self._run is not None:
            self._run.recorder.count(name)

    def _count_one(self, name: str, at: float) -> None:
        if self._run is not None:
            self._run.recorder.count_one(name, at)

    def _handshake(
        self, template: Template, target: str, more: Mapping[str, str] | None
    ) -> tuple[str, Pairs]:
        """Return authority, and header fields with cookies, of a WebSocket's handshake."""
        host, pairs = self._fields(more, None)
        authority = template.authority if host is None else host
        if template.login:
            pairs = with_login(pairs, template.login)
        if host is not None:
            pairs = (("Host", host), *pairs)
        render(pairs)  # finds what no field may hold
        held = self._held(authority, target, is_secure=template.origin.is_secure)
        return authority, with_cookies(pairs, held)

    def _held(self, authority: str, target: str, *, is_secure: bool) -> str:
        """Return the cookies that were kept for a request there."""
        host = host_of(authority)
        return self.cookies.header(host, target, is_secure=is_secure, now=time.time())

    def _keep_cookies(self, fields: Fields, authority: str, target: str) -> None:
        """Keep the cookies that an answer sets."""
        for field, value in fields:
            if len(field) == 10 and field.lower() == b"set-cookie":
                text, host = value.decode("latin-1"), host_of(authority)
                self.cookies.take(text, host, target, time.time())

    async def _perform(
        self, request: Request, call: Call, timer: Timer, begun: Begun | None = None
    ) -> Response:
        """Make the request, or go on with one that was begun; tell the timer how it went."""
        timeout = self.options_used.timeout if call.timeout is None else call.timeout
        began_at = self._native.now() if begun is None else begun.at
        patience = Patience(
            self._native, self._run, self._user, timeout, timer.begin, began_at=began_at
        )
        try:
            response = await self._follow(request, patience, call, begun)
        except InvalidRequestError:
            raise
        except HttpError as error:
            response = Response(request, None, error=error)
            response.failure = str(error)
            timer.fail(error)
        if not call.stream or response.error is not None:
            timer.end()
        return self._judged(response, call, timer, began_at)

    def _judged(self, response: Response, call: Call, timer: Timer, began_at: float) -> Response:
        """Return a response after it was judged, and told to who wants to see each request."""
        if response.status >= 400 or call.says_more:
            judge(response, call, timer)
        if self._run is not None and self._run.emitter.listening(REQUEST):
            self._tell(response, call, self._native.now() - began_at)
        return response

    def _tell(self, response: Response, call: Call, seconds: float) -> None:
        """Tell who wants to see each request."""
        assert self._run is not None
        measured = {"received_bytes": response.received_bytes, "redirects": response.redirects}
        told = {
            "name": call.name,
            "user_id": self._user.id if self._user is not None else 0,
            "method": call.method,
            "url": response.url,
            "status": response.status,
            "failure": response.failure or "",
        }
        self._run.emitter.emit(REQUEST, {"count": 1, "seconds": seconds, **measured}, told)

    def _request(self, call: Call) -> Request:
        """Return the request that was asked for, or raise all that cannot be sent of it."""
        if self._is_closed:
            raise InvalidRequestError("the client is closed")
        is_plain = not (call.says_more or self.options_used.trace)
        if is_plain and self._plain.known == self.headers:
            try:
                request, call.name = self._plain.written[call.method, call.url, call.name]
            except (KeyError, TypeError):
                pass  # a new one, or one with something that is no text
            else:
                return request
        try:
            key = call.method, call.url, call.name
            request, name = self._written(call), self._name(call)
            if is_plain:
                self._keep(key, request, name)
            return request
        except InvalidRequestError as error:
            raise all_wrong(call, self._base_url, error) from error.__cause__

    def _keep(self, key: _Key, request: Request, name: str) -> None:
        """Keep a request that says nothing but method and URL: the next one is the same."""
        written = self._plain.written
        if len(written) >= WRITTEN:
            written.clear()
        written[key] = request, name

    def _written(self, call: Call) -> Request:
        """Return the request that was asked for, or raise the first thing wrong with it."""
        method = checked_method(call.method)
        if call.name is not None:
            checked_name(call.name)
        if call.timeout is not None:
            call.timeout = checked_timeout(call.timeout)
        if call.expect is not None or call.check is not None:
            check_expectations(call)
        template = template_of(self._base_url, call.url)
        target = template.fill(call.path)
        if call.params is not None and (query := query_of(call.params)):
            target += ("&" if "?" in target else "?") + query
        body, content_type = encode(call.data, call.json, call.form, call.files)
        more = {**PLAIN, **(call.headers or {})} if call.stream else call.headers
        host, headers = self._fields(more, content_type)
        if template.login:
            headers = with_login(headers, template.login)
        if self.options_used.trace:
            headers = traced(headers, self.options_used.trace)
        if headers is not self._plain.pairs:
            render(headers)  # finds what no field may hold, before anything is sent
        return Request(
            method=method,
            origin=template.origin,
            target=target,
            authority=template.authority if host is None else host,
            headers=headers,
            body=body,
            is_streamed=call.stream,
        )

    def _fields(
        self, more: Mapping[str, str] | None, content_type: str | None
    ) -> tuple[str | None, Pairs]:
        """Return the host that was asked for, if one was, and all other header fields."""
        if self._plain.known != self.headers:
            known = dict(self.headers)
            host, pairs = _without_host(merge(known, {}))
            render(pairs)
            self._plain = _Plain(known, host, pairs, _written_with(self._base_url, host, pairs))
        if not more and content_type is None:
            return self._plain.host, self._plain.pairs
        of_body = {} if content_type is None else {"Content-Type": content_type}
        return _without_host(merge(dict(merge(of_body, self.headers)), more or {}))

    async def _follow(
        self, request: Request, patience: Patience, call: Call, begun: Begun | None
    ) -> Response:
        """Make the request, and those that it is redirected to."""
        limit, redirects = self.options_used.max_redirects, 0
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
        response = Response(request, reply, redirects=redirects)
        if not reply.is_complete:
            response._patience = patience
        return response

    async def _exchange(
        self, request: Request, patience: Patience, call: Call, begun: Begun | None
    ) -> Reply:
        """Make one request, with the cookies that go there, and keep those that come."""
        sent_at, name = self._native.now(), call.name or ""
        with self._ledger.waiting(name, patience) if self._ledger.has_phases else NO_PHASES:
            sent = self._with_cookies(request)
            if begun is None or self._pool is None:
                reply = await self._transport.exchange(sent, patience)
            else:
                sent_at = begun.at
                reply = await self._pool.exchange(sent, patience, begun)
        began_at = max(sent_at, patience.turn_at)
        self._take(reply, request, call, began_at, self._native.now())
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
        self._ledger.head(reply, call.name or "", sent_at, at)
        if reply.may_set_cookies:
            self._keep_cookies(reply.fields, request.authority, request.target)

    def _count_at_release(self, reply: Reply) -> None:
        release = reply.on_release

        def count_and_release() -> None:
            self._ledger.bytes(reply)
            if release is not None:
                release()

        reply.on_release = count_and_release


def _without_host(fields: Pairs) -> tuple[str | None, Pairs]:
    """Return the host that fields ask for, if they do, and the other fields."""
    hosts = [value for name, value in fields if name.lower() == "host"]
    render(tuple(("Host", host) for host in hosts))  # finds what no field may hold
    return (hosts[0] if hosts else None), tuple(
        pair for pair in fields if pair[0].lower() != "host"
    )


def client_of(user: User) -> Client:
    """Return a new client for `user`, as its scenario says.

    The scenario's ``http`` is an `Options`; without it, its ``base_url`` is used, if it has
    such a setting.
    """
    scenario = user.run.scenario_of(user)
    options = getattr(scenario, "http", None)
    if options is None:
        options = Options(base_url=getattr(scenario, "base_url", ""))
        scenario.http = options  # type: ignore[attr-defined]  # for all its users
    if not isinstance(options, Options):
        raise InvalidRequestError(
            f"{type(scenario).__name__}.http is {options!r}: give a murmur.http.Options"
        )
    return Client(user, options)
