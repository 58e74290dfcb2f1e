"""The throttles of one run as they are over all its nodes: who is told what by which way.

How a rate is leased is in the modules beside (`_lease_*`); here is only the post.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio

from murmur.throttles.shared import NodeLeases, SteeringLeases

from ._clock import ClockOffset

if TYPE_CHECKING:
    from ._node import Node

__all__ = ["Leasing"]

HALT_BESIDES_GRACE = 6.0
"""Seconds after a node's last word by which it holds its load, but for its users' grace: 3
until it misses the steering kernel, and as much to spare."""


class _SameClock(ClockOffset):
    """The clock of the steering kernel as its own node knows it."""

    @property
    def error(self) -> float:
        return 0.0


class Leasing:
    """The leases of a run, on the steering kernel's side.

    Parameters
    ----------
    run_id : str
        Which run: news of an earlier one are of no interest.
    seed : int
        Of the run.
    local : str
        Name of the node of this process, which is told without a message.
    grace : float
        Seconds that the run's users have to leave: so long a node that went silent may
        still hold permits.
    post : callable
        ``post(node, kind, body)`` sends to another node.
    """

    def __init__(
        self,
        run_id: str,
        *,
        seed: int,
        local: str,
        grace: float,
        post: Callable[[str, str, bytes], None],
    ) -> None:
        self._stamp = run_id.encode("ascii")
        self._local = local
        self._post = post
        self._steering = SteeringLeases(self._send, seed=seed, halt=HALT_BESIDES_GRACE + grace)
        self._here = NodeLeases(self._heard_here, _SameClock())

    def join(self, node: Node) -> NodeLeases | None:
        """Let a node take part; return its leases if it is the one of this process."""
        is_here = node.name == self._local
        self._steering.join(node.name, 0.0 if is_here else node.clock_error)
        return self._here if is_here else None

    def lose(self, node: str, *, is_silent: bool) -> None:
        """Share among the others what a node had."""
        self._steering.lose(node, is_silent=is_silent)

    def heard(self, node: str, body: bytes) -> None:
        """Take in a node's message; raises if it makes no sense."""
        if body.startswith(self._stamp):
            self._steering.heard(node, "lease", body[len(self._stamp) :])

    async def serve(self, over: anyio.Event) -> None:
        """Lease until the run is over."""
        async with anyio.create_task_group() as serving:
            serving.start_soon(self._steering.serve)
            serving.start_soon(self._here.serve)
            await over.wait()
            serving.cancel_scope.cancel()

    def _send(self, node: str, kind: str, body: bytes) -> None:
        if node == self._local:
            self._here.heard(kind, body)
        else:
            self._post(node, kind, self._stamp + body)

    def _heard_here(self, kind: str, body: bytes) -> None:
        self._steering.heard(self._local, kind, body)
