"""The transport over the network: TLS connections of dask.distributed.

Of the engine this uses the communication layer (``distributed.comm``, which is documented
to be extended): listening, connecting, TLS, and what its deployers start.  It uses neither
scheduler nor worker.  They would open a port of their own on each node, take pickled
functions from whoever has a certificate, and answer a hundred requests that murmur has no
use for.  A connection carries frames of murmur's own, of bounded size, and nothing is ever
made of them but a word and bytes.  A peer that shows no certificate of the session's
authority is cut off by TLS, before it is sent anything else.

Both ends live in a thread of their own (see `_thread`), so that a user that blocks the
loop of a run keeps nobody from knowing that the node is alive.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import ssl
import struct
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import anyio
from anyio.abc import TaskGroup, TaskStatus

from murmur._backend import Native, Wakeup, native
from murmur.errors import JoinError, MissingExtraError

from ._link import MAX_MESSAGE, NodeAudience, SteeringAudience
from ._ticket import STEERING_NAME, Holder, Ticket

try:
    from distributed.comm.core import CommClosedError
    from distributed.comm.tcp import TLS, TLSConnector, TLSListener
    from tornado.iostream import StreamClosedError
except ImportError:
    raise MissingExtraError("a cluster", "cluster", "distributed") from None

if TYPE_CHECKING:
    from tornado.iostream import IOStream

__all__ = ["DaskNodeLink", "DaskSteeringLink", "reason_of"]

_HEAD = struct.Struct("!IB")  # bytes of the body, bytes of the kind

HANDSHAKE = 10.0
"""Seconds a peer has for its TLS handshake."""

STRANGERS = 256
"""Connections that may be in their handshake at a time; more are closed at once."""

BACKLOG = 2 * MAX_MESSAGE
"""Bytes that may wait for one peer; one that takes in no more than that is cut off."""

BATCH = 2**20
"""Bytes that are joined into one write."""

CONNECT = 10.0
"""Seconds that a node tries to connect."""

_logger = logging.getLogger(__name__)


class _Frames(TLS):
    """A TLS connection that carries kinds and bodies; see the module."""

    async def read(self, deserializers: object = None) -> tuple[str, bytes]:
        """Return the next message."""
        stream = self._open_stream()
        try:
            size, kind_size = _HEAD.unpack(await stream.read_bytes(_HEAD.size))
            if size > MAX_MESSAGE:
                raise CommClosedError(f"a message of {size:,} bytes is too large")
            data = await stream.read_bytes(kind_size + size)
        except StreamClosedError as error:
            raise CommClosedError(reason_of(error)) from None
        return data[:kind_size].decode("ascii", "replace"), data[kind_size:]

    async def write(self, msg: bytes, serializers: object = None, on_error: object = None) -> None:
        """Send frames; returns when the system has taken them."""
        try:
            await self._open_stream().write(msg)
        except StreamClosedError as error:
            raise CommClosedError(reason_of(error)) from None

    @property
    def holder(self) -> Holder:
        """Who is at the other end; nobody with any right, if it is gone already."""
        try:
            certificate: Any = self._open_stream().socket.getpeercert()  # type: ignore[attr-defined]
        except (OSError, ValueError):
            return Holder(rights=())
        return Holder.of(certificate or {})

    def _open_stream(self) -> IOStream:
        if self.stream is None:
            raise CommClosedError("the connection is closed")
        return self.stream


class _Listener(TLSListener):
    """Lets in who shows a certificate, and few others at a time."""

    comm_class = _Frames
    _strangers = 0

    async def _prepare_stream(self, stream: IOStream, address: str) -> IOStream | None:
        if self._strangers >= STRANGERS:
            stream.close()
            return None
        self._strangers += 1
        try:
            with anyio.fail_after(HANDSHAKE):
                await stream.wait_for_handshake()  # type: ignore[attr-defined]  # of an SSLIOStream
        except (OSError, TimeoutError) as error:
            stream.close()
            _logger.debug("refused %s: %s", address, getattr(error, "real_error", None) or error)
            return None
        finally:
            self._strangers -= 1
        return stream

    async def on_connection(self, comm: object, handshake_overrides: object = None) -> None:
        """Do without the engine's own greeting."""


class _Connector(TLSConnector):
    comm_class = _Frames


class _Outbox:
    """What waits to be written to one peer."""

    def __init__(self, comm: _Frames, seam: Native) -> None:
        self._comm = comm
        self._seam = seam
        self._frames: deque[bytes] = deque()
        self._size = 0
        self._arrival: Wakeup | None = None
        self._is_ending = False

    def put(self, frame: bytes) -> None:
        """Queue a frame."""
        if self._is_ending:
            return
        self._frames.append(frame)
        self._size += len(frame)
        if self._size > BACKLOG:
            self._comm.abort()
        self._wake()

    def end(self) -> None:
        """Let `pump` return once everything is written."""
        self._is_ending = True
        self._wake()

    def _wake(self) -> None:
        if self._arrival is not None:
            self._arrival.wake()

    async def pump(self) -> None:
        """Write what is queued; what comes while one write is on goes out with the next."""
        while True:
            while self._frames:
                await self._comm.write(self._take())
            if self._is_ending:
                return
            self._arrival = self._seam.wakeup()
            await self._seam.wait(self._arrival)

    def _take(self) -> bytes:
        taken, size = [], 0
        while self._frames and size < BATCH:
            frame = self._frames.popleft()
            taken.append(frame)
            size += len(frame)
        self._size -= size
        return b"".join(taken)


class DaskSteeringLink:
    """Listens on a port for nodes with a ticket.

    Parameters
    ----------
    context : ssl.SSLContext
        See `Authority.context`.
    host, port
        Where to listen; port 0 lets the system choose.
    """

    def __init__(self, context: ssl.SSLContext, host: str, port: int) -> None:
        self.now: Callable[[], float] = time.monotonic
        self.address = ""
        self._context = context
        self._where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._outboxes: dict[int, _Outbox] = {}
        self._numbers = itertools.count(1)
        self._seam: Native | None = None
        self._tasks: TaskGroup | None = None
        self._audience: SteeringAudience | None = None

    async def serve(self, audience: SteeringAudience, *, task_status: TaskStatus[str]) -> None:
        """See `SteeringLink`."""
        self._seam, self._audience = native(), audience
        listener = _Listener(self._where, self._meet, ssl_context=self._context)
        async with anyio.create_task_group() as self._tasks:
            await listener.start()
            try:
                self.address = listener.contact_address.removeprefix("tls://")
                task_status.started(self.address)
                await audience.live()
            finally:
                listener.stop()

    def send(self, peer: int, kind: str, body: bytes) -> None:
        """See `SteeringLink`."""
        _post(self._seam, self._put, peer, _frame(kind, body))

    def expel(self, peer: int) -> None:
        """See `SteeringLink`."""
        _post(self._seam, self._end, peer)

    def _put(self, peer: int, frame: bytes) -> None:
        if peer in self._outboxes:
            self._outboxes[peer].put(frame)

    def _end(self, peer: int) -> None:
        if peer in self._outboxes:
            self._outboxes[peer].end()

    async def _meet(self, comm: _Frames) -> None:
        """Take over a connection; the task that calls this is the engine's."""
        assert self._tasks is not None
        self._tasks.start_soon(self._converse, comm)

    async def _converse(self, comm: _Frames) -> None:
        assert self._audience is not None
        assert self._seam is not None
        peer, audience = next(self._numbers), self._audience
        outbox = self._outboxes[peer] = _Outbox(comm, self._seam)
        host = comm.peer_address.removeprefix("tls://").rpartition(":")[0]
        audience.joined(peer, host, comm.holder)
        reason = "the steering kernel closed"
        try:
            reason = await _carry(comm, outbox, lambda *message: audience.heard(peer, *message))
        finally:
            del self._outboxes[peer]
            audience.left(peer, reason)


class DaskNodeLink:
    """Connects to the steering kernel that a ticket names."""

    def __init__(self, ticket: Ticket) -> None:
        self.now: Callable[[], float] = time.monotonic
        self._ticket = ticket
        self._seam: Native | None = None
        self._outbox: _Outbox | None = None

    async def serve(self, audience: NodeAudience, *, task_status: TaskStatus[None]) -> None:
        """See `NodeLink`."""
        self._seam = native()
        comm = await self._connect()
        self._outbox = outbox = _Outbox(comm, self._seam)
        reason = "this node closed"
        try:
            async with anyio.create_task_group() as tasks:
                task_status.started()
                tasks.start_soon(audience.live)
                reason = await _carry(comm, outbox, audience.heard)
                tasks.cancel_scope.cancel()
        finally:
            self._outbox = None
            audience.left(reason)

    def send(self, kind: str, body: bytes) -> None:
        """See `NodeLink`."""
        _post(self._seam, self._put, _frame(kind, body))

    def close(self) -> None:
        """See `NodeLink`."""
        _post(self._seam, self._end)

    def _put(self, frame: bytes) -> None:
        if self._outbox is not None:
            self._outbox.put(frame)

    def _end(self) -> None:
        if self._outbox is not None:
            self._outbox.end()

    async def _connect(self) -> _Frames:
        address = self._ticket.address
        try:
            with anyio.fail_after(CONNECT):
                return await _Connector().connect(
                    address, ssl_context=self._ticket.context(), server_hostname=STEERING_NAME
                )
        except TimeoutError:
            raise JoinError(address, f"no answer within {CONNECT:g} s") from None
        except (OSError, ValueError, StreamClosedError) as error:  # ValueError: a strange name
            raise _refusal(address, error) from None


def _refusal(address: str, error: Exception) -> JoinError:
    """Return why there is no connection, and whether trying again may help."""
    cause = _cause_of(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        reason = "the session that listens there is another one; ask for its ticket"
        return JoinError(address, reason, is_final=True)
    if isinstance(cause, ssl.SSLEOFError):
        return JoinError(address, "it closed the connection at once")
    if isinstance(cause, ssl.SSLError):
        return JoinError(address, f"the certificates do not fit ({cause})", is_final=True)
    return JoinError(address, reason_of(error))


async def _carry(comm: _Frames, outbox: _Outbox, heard: Callable[[str, bytes], None]) -> str:
    """Carry messages both ways until the connection is closed; return why it was."""
    reason = "the connection was closed"
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_pump, outbox, tasks)
            while True:
                heard(*await comm.read())
    except* OSError as group:
        reason = reason_of(group.exceptions[0])
    finally:
        comm.abort()
    return reason


async def _pump(outbox: _Outbox, tasks: TaskGroup) -> None:
    await outbox.pump()
    tasks.cancel_scope.cancel()


def _post(seam: Native | None, fn: Callable[..., object], *args: object) -> None:
    """Call on the link's loop, from any thread; too late is like never."""
    if seam is not None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            seam.run_here(fn, *args)


def _frame(kind: str, body: bytes) -> bytes:
    name = kind.encode("ascii")
    return _HEAD.pack(len(body), len(name)) + name + body


def reason_of(error: BaseException) -> str:
    """Return in words why a connection failed or ended."""
    cause = _cause_of(error)
    if isinstance(cause, StreamClosedError):
        return "the connection was closed"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return str(cause)


def _cause_of(error: BaseException) -> BaseException:
    """Return the error within those that tornado and dask put around it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    cause: Any = getattr(error, "real_error", None) or error.__cause__ or error
    return getattr(cause, "real_error", None) or cause
