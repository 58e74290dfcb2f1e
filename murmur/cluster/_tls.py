"""The transport over the network: TLS connections.

A connection carries frames of murmur's own, of bounded size, and nothing is ever made of
them but a word and bytes.  A peer that shows no certificate of the session's authority is
cut off by TLS, before it is sent anything else.  docs/explanation/cluster.md says what this
costs beside connections of dask's.

Both ends live in a thread of their own (see `_thread`), so that a user that blocks the
loop of a run keeps nobody from knowing that the node is alive.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import logging
import os
import socket
import ssl
import time
from collections.abc import Callable

import anyio
from anyio.abc import TaskStatus

from murmur._backend import Native, Secured, connect, listening, native
from murmur.errors import JoinError

from ._link import MAX_MESSAGE, Frames, NodeAudience, SteeringAudience, framed
from ._ticket import STEERING_NAME, Holder, Ticket, shown_time

HANDSHAKE = 10.0
"""Seconds a peer has for its TLS handshake."""

STRANGERS = 256
"""Connections that may be in their handshake at a time; the oldest gives way to one more."""

BACKLOG = 2 * MAX_MESSAGE
"""Bytes that may wait for one peer; one that takes in no more than that is cut off."""

SMALL = 4096
"""Bytes of a message that others may go along with: a pulse asks for the time, and is in haste."""

CONNECT = 10.0
"""Seconds that a node tries to connect."""

LINGER = 10.0
"""Seconds that a connection has to send what was to be sent before its end."""

UNANSWERED = 30
"""Seconds after which the system gives up a peer that acknowledges nothing."""

BY_THE_CLOCK = {9: "is not valid yet", 10: "has expired"}
"""What a clock may be the reason of, by OpenSSL's codes."""

_logger = logging.getLogger(__name__)


class _Connection:
    """One connection: messages in and out."""

    def __init__(self, wire: Secured) -> None:
        self._wire = wire
        self._frames = Frames()
        self._tell: Callable[[str, bytes], None]
        self._is_ending = False
        self._overflow = ""
        self._scope = anyio.CancelScope()

    def put(self, *messages: tuple[str, bytes]) -> None:
        """Send messages at once; what cannot go out is dropped with the connection."""
        if self._is_ending:
            return
        self._wire.write(b"".join(framed(*message) for message in messages))
        if self._wire.unsent > BACKLOG:
            self._overflow = (
                f"the other side took in too little: {self._wire.unsent:,} bytes waited for it"
            )
            self._is_ending = True
            self._wire.abort()

    def end(self) -> None:
        """Close once everything is written, or has not been for long enough."""
        self._is_ending = True
        self._scope.deadline = anyio.current_time() + LINGER
        self._wire.close()

    async def carry(self, heard: Callable[[str, bytes], None]) -> str:
        """Carry messages both ways until the connection is closed; return why it was."""
        self._tell = heard
        reason = "the connection was closed"
        try:
            with self._scope:
                await self._wire.listen(self._take)
        except OSError as error:
            reason = reason_of(error)
        finally:
            self._wire.abort()
        return self._overflow or reason

    def _take(self, data: bytes) -> None:
        for kind, body in self._frames.take(data):
            if not self._is_ending:
                self._tell(kind, body)


class TlsSteeringLink:
    """Listens on a port for nodes with a ticket."""

    def __init__(
        self,
        context: ssl.SSLContext,
        host: str,  # host, port: where to listen; port 0 lets the system choose
        port: int,
    ) -> None:
        self.now: Callable[[], float] = time.monotonic
        self.address = ""
        self._context = context
        self._host, self._port = host, port
        self._connections: dict[int, _Connection] = {}
        self._numbers = itertools.count(1)
        self._strangers: dict[int, anyio.CancelScope] = {}
        self._seam: Native | None = None
        self._audience: SteeringAudience | None = None

    async def serve(self, audience: SteeringAudience, *, task_status: TaskStatus[str]) -> None:
        """See `SteeringLink`."""
        self._seam, self._audience = native(), audience
        async with anyio.create_task_group() as tasks:

            def met(wire: Secured) -> None:
                tasks.start_soon(self._meet, wire)

            async with listening(self._host, self._port, met) as port:
                host = _reachable(self._host)
                self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
                task_status.started(self.address)
                await audience.live()
            tasks.cancel_scope.cancel()

    def send(self, peer: int, kind: str, body: bytes) -> None:
        """See `SteeringLink`."""
        _post(self._seam, self._put, peer, kind, body)

    def expel(self, peer: int) -> None:
        """See `SteeringLink`."""
        _post(self._seam, self._end, peer)

    def _put(self, peer: int, kind: str, body: bytes) -> None:
        if peer in self._connections:
            self._connections[peer].put((kind, body))

    def _end(self, peer: int) -> None:
        if peer in self._connections:
            self._connections[peer].end()

    async def _meet(self, wire: Secured) -> None:
        """Let in who shows a certificate, and few others at a time."""
        if len(self._strangers) >= STRANGERS:
            self._strangers.pop(next(iter(self._strangers))).cancel()
        number, is_known = next(self._numbers), False
        try:
            with anyio.move_on_after(HANDSHAKE) as self._strangers[number]:
                await wire.secure(self._context)
                is_known = True
        except OSError as error:
            _logger.debug("refused a stranger: %s", reason_of(error))
        finally:
            self._strangers.pop(number, None)
        if is_known:
            await self._converse(wire)

    async def _converse(self, wire: Secured) -> None:
        """Hear one whose certificate is good until the connection is closed."""
        assert self._audience is not None
        peer, audience = next(self._numbers), self._audience
        connection = self._connections[peer] = _Connection(wire)
        _keep_alive(wire)
        audience.joined(peer, wire.peer, Holder.of(wire.certificate))
        reason = "the steering kernel closed"
        try:
            reason = await connection.carry(lambda *message: audience.heard(peer, *message))
        finally:
            del self._connections[peer]
            audience.left(peer, reason)


class TlsNodeLink:
    """Connects to the steering kernel that a ticket names."""

    def __init__(self, ticket: Ticket) -> None:
        self.now: Callable[[], float] = time.monotonic
        self._ticket = ticket
        self._seam: Native | None = None
        self._audience: NodeAudience | None = None
        self._connection: _Connection | None = None

    async def serve(self, audience: NodeAudience, *, task_status: TaskStatus[None]) -> None:
        """See `NodeLink`."""
        self._seam, self._audience = native(), audience
        wire = await self._connect()
        _keep_alive(wire)
        self._connection = connection = _Connection(wire)
        reason = "this node closed"
        try:
            async with anyio.create_task_group() as tasks:
                task_status.started()
                tasks.start_soon(audience.live)
                reason = await connection.carry(audience.heard)
                tasks.cancel_scope.cancel()
        finally:
            self._connection = None
            audience.left(reason)

    def send(self, kind: str, body: bytes) -> None:
        """See `NodeLink`."""
        _post(self._seam, self._put, kind, body)

    def close(self) -> None:
        """See `NodeLink`."""
        _post(self._seam, self._end)

    def _put(self, kind: str, body: bytes) -> None:
        if self._connection is not None:
            assert self._audience is not None
            company = self._audience.company() if len(body) <= SMALL else []
            self._connection.put((kind, body), *company)

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.end()

    async def _connect(self) -> Secured:
        address = self._ticket.address
        host, _, port = address.rpartition(":")
        try:
            context = self._ticket.context()
            with anyio.fail_after(CONNECT):
                wire = await connect(host.strip("[]"), int(port))
                await wire.secure(context, STEERING_NAME)
        except TimeoutError:
            raise JoinError(address, f"no answer within {CONNECT:g} s") from None
        except (OSError, ValueError) as error:  # ValueError: a strange name
            raise _refusal(address, error) from None
        return wire


def _refusal(address: str, error: Exception) -> JoinError:
    """Return why there is no connection, and whether trying again may help."""
    cause = _cause_of(error)
    if isinstance(cause, ssl.SSLCertVerificationError) and cause.verify_code in BY_THE_CLOCK:
        reason = (
            f"the session's certificate {BY_THE_CLOCK[cause.verify_code]}, as this machine's clock "
            f"shows {shown_time(time.time())}; set the clock that is wrong"
        )
        return JoinError(address, reason, is_final=True)
    if isinstance(cause, ssl.SSLCertVerificationError):
        reason = "the session that listens there is another one; ask for its ticket"
        return JoinError(address, reason, is_final=True)
    if isinstance(cause, ConnectionResetError) and cause.errno is None:
        return JoinError(address, "it closed the connection at once")
    if isinstance(cause, ssl.SSLError):
        said, is_own = str(cause.reason), cause.library != "SSL"  # else the peer's, or of both
        if is_own or "CERTIFICATE" in said or "UNKNOWN_CA" in said:
            return JoinError(address, f"the certificates do not fit ({cause})", is_final=True)
        return JoinError(address, f"what answers there is no session ({cause})")
    return JoinError(address, reason_of(error))


def _reachable(host: str) -> str:
    """Return the address by which others reach who listens at `host`."""
    if host not in ("0.0.0.0", "::", ""):
        return host
    family = socket.AF_INET6 if host == "::" else socket.AF_INET
    somewhere = "2001:db8::1" if host == "::" else "192.0.2.1"  # kept out of use, for examples
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((somewhere, 9))  # sends nothing
        except OSError:  # no network but this machine's own
            return "::1" if host == "::" else "127.0.0.1"
        return str(probe.getsockname()[0])


def _keep_alive(wire: Secured) -> None:
    """Have the system notice a peer that is gone without a word."""
    held = wire.socket
    with contextlib.suppress(OSError):  # it has ended already, as whoever reads will see
        held.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # of Linux
            held.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNANSWERED * 1000)


def _post(seam: Native | None, fn: Callable[..., object], *args: object) -> None:
    """Call on the link's loop, from any thread; too late is like never."""
    if seam is not None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            seam.run_here(fn, *args)


def reason_of(error: BaseException) -> str:
    """Return in words why a connection failed or ended."""
    cause = _cause_of(error)
    if isinstance(cause, OSError) and cause.strerror:
        if cause.errno in errno.errorcode and not isinstance(cause, ssl.SSLError):
            return os.strerror(cause.errno or 0).lower()  # asyncio has words of its own in it
        return cause.strerror.lower()
    return str(cause) or "the connection was closed"


def _cause_of(error: BaseException) -> BaseException:
    """Return the error of the system's within those that anyio puts around it."""
    while True:
        if isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        elif error.__cause__ is not None:
            error = error.__cause__
        else:
            return error
