"""Links over `distributed.comm`, as murmur had them until 2026-11: what it is measured against.

Only what by_hand_transports.py needs: no limits, no wordings, no strangers.
"""

from __future__ import annotations

import itertools
import ssl
import struct
from collections import deque
from collections.abc import Callable
from typing import Any

import anyio
from anyio.abc import TaskGroup, TaskStatus
from distributed.comm.core import CommClosedError
from distributed.comm.tcp import TLS, TLSConnector, TLSListener
from tornado.iostream import StreamClosedError

from murmur._backend import Native, Wakeup, native
from murmur.cluster import Ticket

STEERING_NAME = "steering.murmur.internal"  # as in the certificate of the steering end

_HEAD = struct.Struct("!IB")


class _Frames(TLS):
    """A connection that carries kinds and bodies."""

    async def read(self, deserializers: object = None) -> tuple[str, bytes]:
        size, kind_size = _HEAD.unpack(await self.stream.read_bytes(_HEAD.size))
        data = await self.stream.read_bytes(kind_size + size)
        return data[:kind_size].decode("ascii"), data[kind_size:]

    async def write(self, msg: bytes, serializers: object = None, on_error: object = None) -> None:
        await self.stream.write(msg)


class _Listener(TLSListener):
    comm_class = _Frames

    async def on_connection(self, comm: object, handshake_overrides: object = None) -> None:
        """Do without the engine's own greeting."""


class _Connector(TLSConnector):
    comm_class = _Frames


class _Outbox:
    """What waits to be written to one peer."""

    def __init__(self, comm: _Frames, seam: Native) -> None:
        self._comm, self._seam = comm, seam
        self._frames: deque[bytes] = deque()
        self._arrival: Wakeup | None = None

    def put(self, kind: str, body: bytes) -> None:
        name = kind.encode("ascii")
        self._frames.append(_HEAD.pack(len(body), len(name)) + name + body)
        if self._arrival is not None:
            self._arrival.wake()

    async def pump(self) -> None:
        while True:
            if self._frames:
                batch = b"".join(self._frames)
                self._frames.clear()
                await self._comm.write(batch)
            else:
                self._arrival = self._seam.wakeup()
                await self._seam.wait(self._arrival)


async def _carry(comm: _Frames, outbox: _Outbox, heard: Callable[[str, bytes], None]) -> None:
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(outbox.pump)
            while True:
                heard(*await comm.read())
    except* (OSError, StreamClosedError, CommClosedError):
        pass
    finally:
        comm.abort()


class DaskSteeringLink:
    """Listens for nodes; see `murmur.cluster._link.SteeringLink`."""

    def __init__(self, context: ssl.SSLContext, host: str, port: int) -> None:
        self._context, self._where = context, f"{host}:{port}"
        self._outboxes: dict[int, _Outbox] = {}
        self._numbers = itertools.count(1)

    async def serve(self, audience: Any, *, task_status: TaskStatus[str]) -> None:
        self._seam, self._audience = native(), audience
        listener = _Listener(self._where, self._meet, ssl_context=self._context)
        self._tasks: TaskGroup
        async with anyio.create_task_group() as self._tasks:
            await listener.start()
            try:
                task_status.started(listener.contact_address.removeprefix("tls://"))
                await audience.live()
            finally:
                listener.stop()

    def send(self, peer: int, kind: str, body: bytes) -> None:
        self._seam.run_here(self._outboxes[peer].put, kind, body)

    async def _meet(self, comm: _Frames) -> None:
        self._tasks.start_soon(self._converse, comm)

    async def _converse(self, comm: _Frames) -> None:
        peer = next(self._numbers)
        outbox = self._outboxes[peer] = _Outbox(comm, self._seam)
        self._audience.joined(peer, "", None)
        await _carry(comm, outbox, lambda *message: self._audience.heard(peer, *message))
        self._audience.left(peer, "")


class DaskNodeLink:
    """Connects to the steering end; see `murmur.cluster._link.NodeLink`."""

    def __init__(self, ticket: Ticket) -> None:
        self._ticket = ticket

    async def serve(self, audience: Any, *, task_status: TaskStatus[None]) -> None:
        self._seam = native()
        comm = await _Connector().connect(
            self._ticket.address,
            ssl_context=self._ticket.context(),
            server_hostname=STEERING_NAME,
        )
        self._outbox = _Outbox(comm, self._seam)
        async with anyio.create_task_group() as tasks:
            task_status.started()
            tasks.start_soon(audience.live)
            await _carry(comm, self._outbox, audience.heard)
            tasks.cancel_scope.cancel()

    def send(self, kind: str, body: bytes) -> None:
        self._seam.run_here(self._outbox.put, kind, body)
