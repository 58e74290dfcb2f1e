"""Bytes to and from one server, with or without TLS: the seam between HTTP and asyncio.

A connection of any protocol here is an `asyncio.Protocol`, for the reason given in
`murmur.connection._connection`: on anyio's streams the same request costs three times as much.
No other module of this package knows asyncio.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import math
import os
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from murmur._backend import AsyncioNative, Stream, dial
from murmur.errors import (
    ConnectFailedError,
    ConnectionLostError,
    HttpError,
    HttpProtocolError,
    InvalidRequestError,
    TlsError,
)
from murmur.runtime import check_target

from ._mend import without_hints
from ._patience import RANG, SHARE_OF_GRACE

if TYPE_CHECKING:
    from murmur._backend import Wakeup

    from ._exchange import Reply
    from ._patience import Patience
    from ._route import Route
    from ._url import Origin

NOT_ON_TRIO = "murmur.http runs on asyncio, as sessions do, and not on trio"

GRAIN = 0.001
"""Seconds by which uvloop's timers may be early."""

FLOOD = 1 << 20
"""Bytes that may wait to be sent which a server asked for, such as answers to pings."""

AT_MOST = 1e6
"""Seconds of a handshake that nobody gives an end; uvloop knows no infinity."""

PROXY_HEAD_LIMIT = 16 << 10
"""Bytes that the answer of a proxy may have."""

_PROXY_STATUS = re.compile(rb"HTTP/1\.[0-9][ \t]+([0-9]{3})(?![0-9])")
_HEAD_ENDS = re.compile(rb"\n\r?\n")

_ALERT = re.compile(r"ALERT_([A-Z_]+)")

REASONS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EHOSTUNREACH: "no route to the host",
    errno.EMFILE: "too many open files in this process",
    errno.ENETUNREACH: "network is unreachable",
    errno.EADDRNOTAVAIL: "no free local port",
    errno.ETIMEDOUT: "the network gave up",
}

UNKNOWN_NAME = "the name of the host is not known"

UNRESOLVED = {
    socket.EAI_AGAIN: "the name of the host could not be looked up for now",
    socket.EAI_FAIL: "the name server failed",
    socket.EAI_MEMORY: "no memory to look up the name of the host",
    socket.EAI_SYSTEM: "this system could not look up the name of the host",
}
"""Look-ups that failed, and say nothing of the name."""


class Wire(Stream):
    """One connection; what it speaks is for subclasses."""

    __slots__ = ("_sender", "alpn", "connect_seconds", "is_choked", "tls_seconds")

    def __init__(self) -> None:
        super().__init__()
        self.alpn: str | None = None  # the protocol agreed on in the TLS handshake
        self.connect_seconds: float = 0.0  # with the look-up of the name
        self.tls_seconds: float = 0.0  # of the handshake; 0 without TLS
        self.is_choked: bool = False  # whether the server reads too slowly
        self._sender: Wakeup | None = None

    @property
    def is_ending(self) -> bool:
        """Whether nothing can be written any more; the end itself may be told a while later."""
        return self.is_closed or self.transport.is_closing()

    def eof_received(self) -> bool:
        """Let the transport close, which ends in `connection_lost`."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Note the end and tell the subclass."""
        self.resume_writing()
        super().connection_lost(error)

    def pause_writing(self) -> None:
        """Make `drain` wait."""
        self.is_choked = True

    def resume_writing(self) -> None:
        """Let `drain` go on."""
        self.is_choked = False
        if self._sender is not None:
            self._sender.wake()

    async def drain(self, patience: Patience, reply: Reply | None = None) -> None:
        """Wait while the server reads too slowly, and has not decided on the `reply` already."""
        while self.is_choked and not self.is_closed and not (reply and reply.is_decided):
            self._sender = wakeup = patience.native.wakeup()
            if reply is not None:
                reply.tell(wakeup)
            try:
                if not await patience.wait(wakeup):
                    patience.give_up("no complete request")
            finally:
                self._sender = None
                if reply is not None:
                    reply.tell(None)

    def close(self) -> None:
        """End the connection at once, whatever is under way on it."""
        self.is_closed = True
        self.transport.abort()

    @property
    def is_flooded(self) -> bool:
        """Whether the server makes this side answer more than it reads."""
        return self.is_choked and self.transport.get_write_buffer_size() > FLOOD


class Alarm:
    """One timer for the deadlines of one connection, of which only the last counts.

    One task after the other may wait by it: it is a `Wakeup` that is used again and again.

    Deadlines of requests are set far more often than they are reached.  So a timer that is
    there already is left alone, and looks when it goes off whether it is time.
    """

    __slots__ = ("_deadline", "_future", "_handle", "_loop", "_now", "_rings_at", "_wakeup")

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[object] = self._loop.create_future()
        self._future.cancel()  # as nobody waits
        self._handle: asyncio.TimerHandle | None = None
        self._rings_at = math.inf  # without a timer
        self._deadline = 0.0
        self._wakeup: Wakeup | None = None

    def set(self, deadline: float, wakeup: Wakeup) -> None:
        """Wake `wakeup` with `RANG` at `deadline`, unless it is cleared before."""
        self._deadline = deadline
        self._wakeup = wakeup
        if self._rings_at > deadline:
            self._arm()

    def wait(self, deadline: float) -> asyncio.Future[object]:
        """Return what is to be awaited: until `wake`, or until `deadline` with `RANG`."""
        self._deadline, self._wakeup = deadline, self
        if self._rings_at > deadline:
            self._arm()
        # Of the running loop: to pass it on as a keyword takes as long as to make the rest.
        future: asyncio.Future[object] = asyncio.Future()
        self._future = future
        return future

    def wake(self, value: object = None) -> bool:
        """Wake the task that waits; False if none does."""
        try:
            self._future.set_result(value)
        except asyncio.InvalidStateError:
            return False
        return True

    @property
    def is_over(self) -> bool:
        """Whether no task waits."""
        return self._future.done()

    def clear(self) -> None:
        """Wake nobody."""
        self._wakeup = None

    def stop(self) -> None:
        """Take the timer back."""
        self._wakeup = None
        if self._handle is not None:
            self._handle.cancel()
            self._handle, self._rings_at = None, math.inf

    def _arm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._rings_at = self._deadline
        delay = max(0.0, self._deadline - self._now())
        self._handle = self._loop.call_later(delay, self._ring)

    def _ring(self) -> None:
        self._handle, self._rings_at = None, math.inf
        if self._wakeup is None or self._wakeup.is_over:
            return
        if self._now() >= self._deadline - GRAIN:
            self._wakeup.wake(RANG)
        else:
            self._arm()


W = TypeVar("W", bound=Wire)


async def open_wire(
    make: Callable[[], W],
    origin: Origin,
    route: Route,
    *,
    tls: ssl.SSLContext | None,
    timeout: float,
    patience: Patience,
) -> W:
    """Connect to `origin` over `route`, and return the connection that `make` made.

    Raises `TargetNotAllowedError` if the session's guard does not allow that host;
    `ConnectFailedError` or `TlsError` or `HttpTimeoutError` if there is no connection to be had,
    or not within `timeout` seconds; `Leaving` if the user was asked to leave meanwhile and its
    patience ended.
    """
    check_target(patience.run, route.host)
    if route.is_proxied:
        check_target(patience.run, origin.host)
    native = patience.native
    if not isinstance(native, AsyncioNative):
        raise InvalidRequestError(NOT_ON_TRIO)
    patience.stage_at = began = native.now()
    patience.is_connecting = True
    limit = min(began + timeout, patience.deadline) - began
    wire: W | None = None
    try:
        async with asyncio.timeout(limit if limit < math.inf else None) as timer:
            with _leaving_in_a_hurry(timer, patience):
                wire = await _connected(make, route)
                connected_at = native.now()
                wire.connect_seconds = connected_at - began
                if tls is not None:
                    await _secure(wire, tls, origin.host, limit)
                    wire.tls_seconds = native.now() - connected_at
    except BaseException as error:
        if wire is not None:
            wire.close()
        if isinstance(error, TimeoutError) and timer.expired():
            patience.hurry()
            patience.give_up("no connection", min(timeout, patience.timeout))
        if isinstance(error, (OSError, UnicodeError, asyncio.InvalidStateError)):
            raise _failure(error, is_proxys=route.is_proxied and wire is None) from error
        raise
    patience.is_connecting, patience.stage_at = False, native.now()
    return wire


@contextlib.asynccontextmanager
async def within(patience: Patience, missing: str) -> AsyncIterator[None]:
    """Cut the block off when `patience` ends, whatever code of the user it waits in.

    Raises `HttpTimeoutError` if the deadline came; it says that there was no `missing`; `Leaving`
    if the user was asked to leave meanwhile and its patience ended.
    """
    left = patience.deadline - patience.native.now()
    try:
        async with asyncio.timeout(left if left < math.inf else None) as timer:
            with _leaving_in_a_hurry(timer, patience):
                yield
    except TimeoutError:
        if not timer.expired():
            raise  # the block's own
        patience.hurry()
        patience.give_up(f"no {missing}")


@contextlib.contextmanager
def _leaving_in_a_hurry(timer: asyncio.Timeout, patience: Patience) -> Iterator[None]:
    """Shorten `timer` when the user is asked to leave."""
    user = patience.user
    if user is None:
        yield
        return
    hurry = _Hurry(timer, SHARE_OF_GRACE * user.run.grace)
    if user.is_leaving:
        hurry.wake()
    parked = user.listen(hurry)
    try:
        yield
    finally:
        parked.remove(hurry)


class _Hurry:
    """Brings a timer forward when woken."""

    __slots__ = ("_seconds", "_timer", "is_over")

    def __init__(self, timer: asyncio.Timeout, seconds: float) -> None:
        self._timer = timer
        self._seconds = seconds
        self.is_over = False

    def wake(self, value: object = None) -> bool:
        self.is_over = True
        before = self._timer.when()
        soon = asyncio.get_running_loop().time() + self._seconds
        if not self._timer.expired() and (before is None or soon < before):
            self._timer.reschedule(soon)
        return True


async def _connected(make: Callable[[], W], route: Route) -> W:
    """Connect, and have the proxy let bytes through if there is one."""
    if not route.tunnel:
        return await dial(make, route.host, route.port, source=route.source)
    tunnel = await dial(_Tunnel, route.host, route.port, source=route.source)
    try:
        await tunnel.ask(route.tunnel)
    except BaseException:
        tunnel.close()
        raise
    wire = make()
    tunnel.become(wire)
    return wire


class _Tunnel(Wire):
    """Asks a proxy to let bytes through."""

    def __init__(self) -> None:
        super().__init__()
        self._head = b""
        self._answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def ask(self, request: bytes) -> None:
        """Send `request` and wait for consent."""
        self.transport.write(request)
        await self._answered
        status, end = _PROXY_STATUS.match(self._head), _HEAD_ENDS.search(self._head)
        if status is not None and end is not None and not status[1].startswith(b"2"):
            raise ConnectFailedError(f"the proxy answered {status[1].decode()}")
        if self.is_closed:
            raise ConnectFailedError("the proxy ended the connection")
        if status is None or end is None:
            raise ConnectFailedError("the proxy's answer is none of HTTP")
        if end.end() < len(self._head):
            raise HttpProtocolError("the server spoke before it was asked")

    def become(self, wire: Wire) -> None:
        """Have `wire` go on."""
        wire.go_on_after(self)

    def take(self, data: bytes) -> None:
        """Collect the head of the answer, and pass over those that say that it is to come."""
        self._head = head = without_hints(self._head + data)
        may_become_one = _PROXY_STATUS.match(head) or len(head) < len("HTTP/1.1 200")
        if _HEAD_ENDS.search(head) or not may_become_one or len(head) > PROXY_HEAD_LIMIT:
            self._is_answered()

    def ended(self, error: Exception | None) -> None:
        """Note that there will be no answer."""
        self._is_answered()

    def _is_answered(self) -> None:
        if not self._answered.done():
            self._answered.set_result(None)


async def _secure(wire: Wire, tls: ssl.SSLContext, host: str, seconds: float) -> None:
    """Put TLS around a connection, for which the caller waits so many `seconds`."""
    loop = asyncio.get_running_loop()
    # No certificate has a dot at its end, nor SNI (RFC 6066, 3); a zone is of this machine.
    name = host.removesuffix(".").partition("%")[0]
    # asyncio itself would give up after 60 s, as though the server had ended the connection.
    within_them = min(seconds, AT_MOST) + 1
    try:
        transport = await loop.start_tls(
            wire.transport, wire, tls, server_hostname=name, ssl_handshake_timeout=within_them
        )
    except ssl.SSLError as error:
        raise tls_failure(error) from error
    except (ConnectionError, EOFError) as error:
        raise TlsError("the server ended the connection during the handshake") from error
    if transport is None:
        raise TlsError("the server ended the connection during the handshake")
    wire.secure(transport)
    secured = transport.get_extra_info("ssl_object")
    wire.alpn = secured.selected_alpn_protocol() if secured is not None else None


def tls_failure(error: ssl.SSLError) -> TlsError:
    """Return an error of TLS by its cause: a certificate, an alert of the server, or else."""
    if isinstance(error, ssl.SSLCertVerificationError):
        # Behind a comma OpenSSL repeats the name or the address that was asked for.
        return TlsError(f"certificate refused: {error.verify_message.partition(',')[0]}")
    alert = _ALERT.search(error.reason or "")
    if alert is not None:  # over TLS 1.3 it may come after the client took the handshake for done
        return TlsError(f"the server sent the alert {alert[1].lower()}")
    return TlsError(f"handshake failed: {error.reason or 'no TLS'}")


def lost(error: Exception | None, otherwise: str) -> HttpError:
    """Return what the end of a connection means to who waits for an answer."""
    if isinstance(error, ssl.SSLError):
        return tls_failure(error)
    if error is not None:
        return ConnectionLostError(f"connection reset {otherwise}")
    return ConnectionLostError("connection closed without an answer")


def broken_off(text: str) -> ConnectionLostError:
    """Return the error of an answer of which a part had come."""
    error = ConnectionLostError(text)
    error.had_begun = True
    return error


def _failure(error: Exception, *, is_proxys: bool) -> HttpError:
    """Return a failed connection as an error without addresses in its text."""
    return ConnectFailedError(("the proxy: " if is_proxys else "") + _reason(error))


def _reason(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return UNRESOLVED.get(error.errno or 0, UNKNOWN_NAME)
    if isinstance(error, UnicodeError):  # of "a..b"
        return UNKNOWN_NAME
    code = error.errno if isinstance(error, OSError) else None
    if code is None:
        return "no connection"
    return REASONS.get(code) or os.strerror(code).lower()
