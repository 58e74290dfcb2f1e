"""Links between a steering kernel and nodes: ordered bytes, whatever carries them.

A transport has two ends.  Each runs on a loop of its own choice and calls its audience
there; `send` may be called from any thread, keeps the order, and never blocks: what cannot
go to a peer that is gone is dropped.  Everything else, such as who is alive, what time it
is and what the bytes mean, is built on top and is the same for every transport.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Protocol

from anyio.abc import TaskStatus

from ._ticket import Holder

MAX_MESSAGE = 256 * 2**20
"""Bytes of one message; who sends more is cut off.  A million actions are 40 MB."""

RELEASED = "it was released"
"""Why a node says that it leaves when whoever steers gave it back."""


_HEAD = struct.Struct("!IB")  # bytes of the body, bytes of the kind


class FrameError(ConnectionError):
    """What came is no frame of murmur's."""


class Frames:
    """Messages cut out of the bytes of a connection."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def take(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        """Yield kind and body of each message that is complete by now.

        Raises `FrameError` if a message would be too large.
        """
        rest = self._rest
        rest += data
        at = 0
        while len(rest) - at >= _HEAD.size:
            size, kind_size = _HEAD.unpack_from(rest, at)
            if size > MAX_MESSAGE:
                raise FrameError(f"a message of {size:,} bytes is too large")
            begin = at + _HEAD.size + kind_size
            if len(rest) < begin + size:
                break
            kind = rest[at + _HEAD.size : begin].decode("ascii", "replace")
            body = bytes(memoryview(rest)[begin : begin + size])
            at = begin + size
            yield kind, body
        del rest[:at]


def framed(kind: str, body: bytes) -> bytes:
    """Return a message as it goes over a connection."""
    name = kind.encode("ascii")
    return _HEAD.pack(len(body), len(name)) + name + body


class SteeringAudience(Protocol):
    """Whom the steering end tells; called on the link's loop, and must not raise."""

    def joined(self, peer: int, host: str, holder: Holder) -> None:
        """Take note of a connection whose certificate is good, and says who it is."""

    def heard(self, peer: int, kind: str, body: bytes) -> None:
        """Take a message."""

    def left(self, peer: int, reason: str) -> None:
        """Take note that the connection is closed, once for each that joined."""

    async def live(self) -> None:
        """Do what needs doing on the link's loop for as long as the link is open."""


class SteeringLink(Protocol):
    """The steering end: listens, and knows each node by the number of its connection."""

    now: Callable[[], float]

    @property
    def address(self) -> str:
        """Where nodes connect, ``host:port``, once it is open."""

    async def serve(self, audience: SteeringAudience, *, task_status: TaskStatus[str]) -> None:
        """Listen until cancelled; starts with the address."""

    def send(self, peer: int, kind: str, body: bytes) -> None:
        """Send a message; dropped if the peer is gone."""

    def expel(self, peer: int) -> None:
        """Close a connection once what was sent before is out."""


class NodeAudience(Protocol):
    """Whom the node's end tells; called on the link's loop, and must not raise."""

    def company(self) -> list[tuple[str, bytes]]:
        """Return messages that may go out along with one that is sent now."""

    def heard(self, kind: str, body: bytes) -> None:
        """Take a message."""

    def left(self, reason: str) -> None:
        """Take note that the connection is closed; called once."""

    async def live(self) -> None:
        """Do what needs doing on the link's loop for as long as the link is open."""


class NodeLink(Protocol):
    """The node's end: connects to the steering end and is reached by nobody."""

    now: Callable[[], float]

    async def serve(self, audience: NodeAudience, *, task_status: TaskStatus[None]) -> None:
        """Connect, and return when the connection is closed; starts once connected.

        Raises `JoinError` if there is no connection to be had.
        """

    def send(self, kind: str, body: bytes) -> None:
        """Send a message; dropped if the connection is closed."""

    def close(self) -> None:
        """Close the connection once what was sent before is out."""
