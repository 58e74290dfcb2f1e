"""Connections kept open between requests, no more of them than allowed.

Who asks first is served first.  A connection that the server closed while it was idle is
noticed before it is used; one that breaks just then is replaced, and counted.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from murmur._backend import AsyncioNative
from murmur.errors import ConnectionLostError, InvalidRequestError

from ._exchange import Opened
from ._http1 import Http1
from ._wire import NOT_ON_TRIO, open_wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from murmur._backend import Wakeup

    from ._exchange import Begun, Reply, Request
    from ._http2 import Http2
    from ._options import Options
    from ._patience import Patience
    from ._url import Origin

REFUSALS = 8
"""Times that a request is sent again which the server refused to look at."""

FIRST_PAUSE = 0.005
"""Seconds, doubled with each refusal: all in all it is asked for 2.5 s."""


class Pool:
    """The connections of one client, or of all clients that share them."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._routes = options.routes
        self._asking: dict[Origin, int] = {}  # connections being opened that may be shared
        self._unshared: set[Origin] = set()  # that speak HTTP/1.1, or could not be reached
        self._idle: defaultdict[Origin, list[Http1]] = defaultdict(list)
        self._multiplexed: dict[Origin, list[Http2]] = {}
        self._all: set[Http1 | Http2] = set()
        self._opening = 0
        self._waiting: deque[Wakeup] = deque()
        self._called: set[Wakeup] = set()  # whose turn it is, and who did not run since
        if options.http2:
            from . import _http2  # noqa: F401 - if it is missing, say so now

    @property
    def open_count(self) -> int:
        """How many connections there are, those being opened included."""
        return len(self._all) + self._opening

    @property
    def pool(self) -> Pool:
        """Itself: `at_hand` and `give_back` are for clients that look for no other stack."""
        return self

    def kept(self, origin: Origin) -> Http1 | None:
        """Return a connection that can `ask` at once; hand it to `keep` with an `answer`.

        Anything else that came is as after `begin`, see `at_hand`.
        """
        if self._waiting or self._called:
            return None
        idle = self._idle[origin]
        if not idle:
            return None
        connection = idle[-1]
        if not connection.was_used or not connection.is_kept or connection.is_closed:
            return None
        del idle[-1]
        return connection

    def keep(self, origin: Origin, connection: Http1) -> None:
        """Take a connection back on which a usual request was answered."""
        self._idle[origin].append(connection)
        if self._waiting:
            self._call_next()

    def wake(self) -> None:
        """Have those look up who wait for the answer to a usual request."""
        for connection in self._all:
            if isinstance(connection, Http1):
                connection.wake()

    def at_hand(self, request: Request) -> Http1 | Http2 | None:
        """Return a connection that can take `request` at once, by its `begin`.

        What was begun is handed to `exchange` afterwards; or the connection to `give_back`,
        after `leave` if the reply is not complete.  None if there is no such connection, or
        if anything is to be done first: then `exchange` is there to do it.
        """
        if self._waiting or self._called or not request.is_whole:
            return None
        if self._routes.has_proxy and self._routes.forwards(request.origin):
            return None
        idle = self._idle.get(request.origin)
        if not idle:
            return self._shared_at_hand(request) if self._multiplexed else None
        connection = idle[-1]
        if not connection.was_used or not connection.is_kept or connection.is_closed:
            return None
        del idle[-1]
        if request.method != "GET" and self._is_over(request, connection):
            return None
        return connection

    def _shared_at_hand(self, request: Request) -> Http2 | None:
        """Return a connection with room; a body may have to wait until the server has some."""
        if request.body is not None:
            return None
        for connection in self._multiplexed.get(request.origin, ()):
            if connection.was_used and connection.has_room:
                is_over = request.method != "GET" and self._is_over(request, connection)
                return None if is_over else connection
        return None

    async def exchange(
        self,
        request: Request,
        patience: Patience,
        begun: Begun | None = None,  # what was sent of it already
    ) -> Reply:
        """Send a request over a free connection; see `Transport`."""
        if self._routes.forwards(request.origin):
            request = _for_proxy(request, self._routes.proxy_field)
        retries = 0
        while True:
            opened: Opened | None = None
            connection: Http1 | Http2
            if begun is None:
                connection, opened = await self._found(request, patience)
                answer = connection.exchange(request, patience)
            else:
                connection, reply = begun.connection, begun.reply
                answer, begun = connection.finished(reply, patience), None
            was_used = connection.was_used
            try:
                reply = await answer
            except BaseException as error:
                self._take_back(request, connection, patience, opened)
                if not _may_go_on(error, request, retries, connection, was_used=was_used):
                    raise
                retries += 1
                self._drop_idle(request.origin)  # the others are likely to be stale as well
                await _pause(error, retries, patience)
                continue
            reply.opened, reply.retries = opened, retries
            if reply.is_complete:
                self.give_back(request.origin, connection)
            else:
                leave = reply.on_release
                reply.on_release = partial(self._end, request.origin, connection, leave)
            return reply

    def _take_back(
        self, request: Request, broken: Http1 | Http2, patience: Patience, opened: Opened | None
    ) -> None:
        """Take a connection back over which a request broke, and note what there was of it."""
        patience.note_broken(opened)
        self.give_back(request.origin, broken)

    async def _found(
        self, request: Request, patience: Patience
    ) -> tuple[Http1 | Http2, Opened | None]:
        """Return a connection that a request can be sent over, and what it took to open it."""
        while True:
            opened: Opened | None = None
            connection = self._free(request.origin) if self._is_nobody_before else None
            if connection is None:
                connection, opened = await self._take(request.origin, patience)
            patience.take_turn()
            is_kept = connection.was_used and request.method != "GET"
            if not (is_kept and self._is_over(request, connection)):
                return connection, opened

    def _is_over(self, request: Request, connection: Http1 | Http2) -> bool:
        """Whether a kept connection has an end that a busy loop did not come to yet.

        What may be repeated is not worth the question: it is sent again.
        """
        if request.can_be_repeated or not connection.has_ended():
            return False
        connection.eof_received()
        self.give_back(request.origin, connection)
        return True

    def close(self) -> None:
        """Close all connections."""
        for connection in tuple(self._all):
            connection.close()
        self._all.clear()
        self._idle.clear()
        self._multiplexed.clear()

    async def _take(
        self, origin: Origin, patience: Patience
    ) -> tuple[Http1 | Http2, Opened | None]:
        """Return a connection that is free, or a new one and what it took."""
        has_waited = False
        while True:
            if has_waited or self._is_nobody_before:
                connection = self._free(origin)
                if connection is not None:
                    if connection.has_room:
                        self._call_next()
                    return connection, None
                if not self._may_be_shared(origin) and self._has_room():
                    patience.take_turn()
                    return await self._open(origin, patience)
            if not self._may_be_shared(origin):
                patience.queue()
            await self._wait_turn(patience, is_first=has_waited)
            has_waited = True

    def _may_be_shared(self, origin: Origin) -> bool:
        """Whether a connection is being opened there that many requests may share."""
        return origin in self._asking and origin not in self._unshared

    @property
    def _is_nobody_before(self) -> bool:
        return not (self._waiting or self._called)

    def _free(self, origin: Origin) -> Http1 | Http2 | None:
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.is_reusable:
                return connection
            self._discard(connection)
        shared = self._multiplexed.get(origin, [])
        for each in [each for each in shared if not each.is_reusable]:
            shared.remove(each)
            if each.is_idle:  # or the last of its requests will see to it
                self._discard(each)
        return next((each for each in shared if each.has_room), None)

    def _has_room(self) -> bool:
        """Whether one more may be opened, if need be instead of one that is idle."""
        if self.open_count < self._options.max_connections:
            return True
        for idle in self._idle.values():
            if idle:
                self._discard(idle.pop(0))
                return True
        for multiplexed in self._multiplexed.values():
            for connection in multiplexed:
                if connection.is_idle:
                    multiplexed.remove(connection)
                    self._discard(connection)
                    return True
        return False

    def _drop_idle(self, origin: Origin) -> None:
        for connection in self._idle.pop(origin, ()):
            self._discard(connection)

    async def _open(self, origin: Origin, patience: Patience) -> tuple[Http1 | Http2, Opened]:
        """Open a connection; of a burst to a new origin the first one asks what is spoken."""
        if not isinstance(patience.native, AsyncioNative):
            raise InvalidRequestError(NOT_ON_TRIO)
        options, now = self._options, patience.native.now
        asks = options.http2 and origin.is_secure
        self._opening += 1
        if asks:
            self._asking[origin] = self._asking.get(origin, 0) + 1
        wire: Http1 | None = None
        try:
            user_id = patience.user.id if patience.user is not None else 0
            wire = await open_wire(
                lambda: Http1(now, options.max_body_bytes),
                origin,
                self._routes.to(origin, user_id),
                tls=options.tls if origin.is_secure else None,
                timeout=options.connect_timeout,
                patience=patience,
            )
        finally:
            self._opening -= 1
            if asks:
                self._is_asked(origin, wire)
            if wire is None:
                self._call_next()
        connection = self._spoken(origin, wire)
        self._all.add(connection)
        return connection, Opened(wire.connect_seconds, wire.tls_seconds)

    def _is_asked(self, origin: Origin, wire: Http1 | None) -> None:
        """Note what an origin speaks; unless it can be shared, all who wait may open their own."""
        self._asking[origin] -= 1
        if not self._asking[origin]:
            del self._asking[origin]
        if wire is not None and wire.alpn == "h2":
            self._unshared.discard(origin)
            return
        self._unshared.add(origin)
        for _ in range(len(self._waiting)):
            self._call_next()

    def _spoken(self, origin: Origin, wire: Http1) -> Http1 | Http2:
        """Return the connection as what the handshake agreed on."""
        if wire.alpn != "h2":
            return wire
        from ._http2 import Http2

        multiplexed = Http2.over(wire)
        self._multiplexed.setdefault(origin, []).append(multiplexed)
        for _ in range(len(self._waiting)):
            self._call_next()
        return multiplexed

    async def _wait_turn(self, patience: Patience, *, is_first: bool) -> None:
        """Wait until a connection is given back; whoever was called and goes calls the next."""
        if patience.user is not None and patience.user.is_leaving:
            patience.hurry()
        wakeup = patience.native.wakeup()
        if is_first:
            self._waiting.appendleft(wakeup)
        else:
            self._waiting.append(wakeup)
        try:
            if not await patience.wait(wakeup):
                patience.take_turn()
                patience.give_up("no free connection")
        except BaseException:
            self._call_next()
            raise
        finally:
            self._called.discard(wakeup)
            if wakeup in self._waiting:
                self._waiting.remove(wakeup)

    def _end(
        self, origin: Origin, connection: Http1 | Http2, leave: Callable[[], None] | None
    ) -> None:
        """Take a connection back whose reply was read part by part."""
        if leave is not None:
            leave()
        self.give_back(origin, connection)

    def give_back(self, origin: Origin, connection: Http1 | Http2) -> None:
        """Take a connection back on which a request came to its end, good or bad."""
        if connection.finish():
            if isinstance(connection, Http1):
                self._idle[origin].append(connection)
        elif connection not in self._all:
            connection.close()  # the client is closed
        elif connection.is_idle:  # or the last of its requests will see to it
            self._discard(connection)
        if self._waiting:
            self._call_next()

    def _discard(self, connection: Http1 | Http2) -> None:
        self._all.discard(connection)
        connection.close()

    def _call_next(self) -> None:
        while self._waiting:
            wakeup = self._waiting.popleft()
            if wakeup.wake():
                self._called.add(wakeup)
                return


def _may_go_on(
    error: BaseException,
    request: Request,
    retries: int,
    connection: Http1 | Http2,
    *,
    was_used: bool,
) -> bool:
    """Whether a request is sent again after `error`.

    What the server refused it did not process, whatever the method (RFC 9113, 8.7).  Else
    only what may be repeated is, if a kept connection broke just when it was used again, and
    not in the middle of an answer: that would hide that the server breaks off.
    """
    if not isinstance(error, ConnectionLostError) or error.had_begun:
        return False
    if error.was_refused:
        is_whole = request.body is None or isinstance(request.body, bytes)
        return is_whole and retries < REFUSALS
    if not (was_used and request.can_be_repeated and type(error) is ConnectionLostError):
        return False
    # Others may give back another stale one before its turn comes, so once is not enough.
    # It ends: a try uses its connection up, and a new one counts.  Only a stream of HTTP/2
    # may break and leave its connection as it was.
    return not (retries and connection.is_reusable)


async def _pause(error: BaseException, retries: int, patience: Patience) -> None:
    """Wait before a server is asked again that keeps refusing."""
    if retries > 1 and isinstance(error, ConnectionLostError) and error.was_refused:
        native = patience.native
        until = native.now() + FIRST_PAUSE * 2.0**retries
        await native.wait_until(native.wakeup(), min(until, patience.deadline))


def _for_proxy(request: Request, login: str) -> Request:
    """Return a request as a proxy takes it that forwards it (RFC 9112, 3.2.2)."""
    headers = request.headers
    if login:
        headers = (*headers, ("Proxy-Authorization", login))
    return replace(request, target=f"{request.origin}{request.target}", headers=headers)
