"""Links inside one loop, so that tests have virtual time: delays, cuts, and no sockets."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable

import anyio
from anyio.abc import TaskStatus

from murmur._backend import Wakeup, native
from murmur.cluster._link import MAX_MESSAGE, NodeAudience, SteeringAudience
from murmur.cluster._ticket import Holder
from murmur.errors import JoinError

__all__ = ["MemoryNodeLink", "MemorySteeringLink"]


class MemorySteeringLink:
    """The steering end; nodes connect with ``MemoryNodeLink(this)``.

    Parameters
    ----------
    delay : float, default 0.0
        Seconds that a message takes, each way.
    """

    address = "memory"

    def __init__(self, delay: float = 0.0) -> None:
        self.delay = delay
        self.now: Callable[[], float] = anyio.current_time
        self._audience: SteeringAudience | None = None
        self._nodes: dict[int, MemoryNodeLink] = {}
        self._numbers = itertools.count(1)

    async def serve(self, audience: SteeringAudience, *, task_status: TaskStatus[str]) -> None:
        """Take connections until cancelled."""
        self._audience = audience
        task_status.started(self.address)
        try:
            await audience.live()
        finally:
            self._audience = None
            for peer in list(self._nodes):
                self.expel(peer)

    def send(self, peer: int, kind: str, body: bytes) -> None:
        """Send a message to a node."""
        if peer in self._nodes:
            self._nodes[peer].inbox.put((kind, body))

    def expel(self, peer: int) -> None:
        """Close the connection of a node once what was sent before is there."""
        node = self._nodes.get(peer)
        if node is not None and node.is_cut:
            self.parted(peer, "expelled")
        elif node is not None:
            node.inbox.put(None)

    def meet(self, node: MemoryNodeLink) -> int:
        """Take the connection of a node; called by the node's end."""
        if self._audience is None:
            raise JoinError(self.address, "nobody listens there")
        peer = next(self._numbers)
        self._nodes[peer] = node
        self._audience.joined(peer, "memory", Holder())
        return peer

    def heard(self, peer: int, kind: str, body: bytes) -> None:
        """Take a message of a node; called by the node's end."""
        if peer not in self._nodes or self._audience is None:
            return
        if len(body) > MAX_MESSAGE:
            self.expel(peer)
        else:
            self._audience.heard(peer, kind, body)

    def parted(self, peer: int, reason: str) -> None:
        """Take note that a connection is closed; called by the node's end."""
        if self._nodes.pop(peer, None) is not None and self._audience is not None:
            self._audience.left(peer, reason)


class MemoryNodeLink:
    """A node's end.

    Attributes
    ----------
    is_cut : bool
        Whether messages get lost both ways, as on a cut cable: nobody is told.
    inbox
        Where the steering end puts messages.
    """

    def __init__(self, steering: MemorySteeringLink, *, clock_offset: float = 0.0) -> None:
        self.is_cut = False
        self.now: Callable[[], float] = lambda: anyio.current_time() + clock_offset
        self._steering = steering
        self.inbox = _Queue()
        self._outbox = _Queue()
        self._audience: NodeAudience | None = None
        self._peer = 0

    async def serve(self, audience: NodeAudience, *, task_status: TaskStatus[None]) -> None:
        """Connect and carry messages until one side closes."""
        self._audience = audience
        self.inbox.open(self._steering.delay)
        self._outbox.open(self._steering.delay)
        self._peer = self._steering.meet(self)
        task_status.started()
        reason = "the connection was closed"
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(audience.live)
                tasks.start_soon(self._deliver)
                await self._receive(audience)
                tasks.cancel_scope.cancel()
        finally:
            if not self.is_cut:
                self._steering.parted(self._peer, reason)
            audience.left(reason)

    def send(self, kind: str, body: bytes) -> None:
        """Send a message to the steering end, and what may go along with it."""
        self._outbox.put((kind, body))
        if self._audience is not None:
            for message in self._audience.company():
                self._outbox.put(message)

    def close(self) -> None:
        """Close the connection once what was sent before is there."""
        self._outbox.put(None)

    async def _receive(self, audience: NodeAudience) -> None:
        while (message := await self.inbox.get()) is not None:
            if not self.is_cut:
                audience.heard(*message)

    async def _deliver(self) -> None:
        while (message := await self._outbox.get()) is not None:
            if not self.is_cut:
                self._steering.heard(self._peer, *message)
        self.inbox.put(None)


class _Queue:
    """Messages on their way; each arrives `delay` after it was put in."""

    def __init__(self) -> None:
        self._messages: deque[tuple[float, tuple[str, bytes] | None]] = deque()
        self._arrival: Wakeup | None = None
        self._delay = 0.0

    def open(self, delay: float) -> None:
        self._delay = delay

    def put(self, message: tuple[str, bytes] | None) -> None:
        self._messages.append((anyio.current_time() + self._delay, message))
        if self._arrival is not None:
            self._arrival.wake()

    async def get(self) -> tuple[str, bytes] | None:
        while not self._messages:
            self._arrival = native().wakeup()
            await native().wait(self._arrival)
        due_at, message = self._messages.popleft()
        await anyio.sleep(max(0.0, due_at - anyio.current_time()))
        return message
