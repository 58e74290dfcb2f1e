"""The throttles of one run as they are over all its nodes: who is told what by which way.

How a rate is leased is the business of `murmur.throttles.shared`; here is only the post.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import anyio

from murmur.runtime import USER_RATE
from murmur.throttles.shared import NodeLeases, SteeringLeases

from ._clock import ClockOffset

if TYPE_CHECKING:
    from murmur.throttles import ThrottleStatistics

    from ._node import Node

SPARE = 3.0
"""Seconds beside silence and grace after which a node that went silent holds its load."""

SAMPLE = 1.0
"""Seconds between two looks at what became of permits that no node held."""


class _SameClock(ClockOffset):
    """The clock of the steering kernel as its own node knows it."""

    @property
    def error(self) -> float:
        return 0.0


class Leasing:
    """The leases of a run, on the steering kernel's side."""

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        run_id: str,  # which run: news of an earlier one are of no interest
        *,
        seed: int,
        local: str,  # name of the node of this process, which is told without a message
        silence: float,  # seconds without a word after which a node ends its load by itself
        # seconds that the run's users have to leave: so long a node that went silent may still
        # hold permits
        grace: float,
        post: Callable[[str, str, bytes], None],  # `post(node, kind, body)` sends to another node
        started_at: float,
        # `book(name, row)` writes a row about a throttle into the record
        book: Callable[[str, Mapping[str, object]], None],
    ) -> None:
        self._stamp = run_id.encode("ascii")
        self._local = local
        self._post = post
        self._book = book
        self._steering = SteeringLeases(
            self._send,
            seed=seed,
            halt=silence + SPARE + grace,
            started_at=started_at,
            on_demand=(USER_RATE,),
        )
        self._here = NodeLeases(self._heard_here, _SameClock())

    def join(self, node: Node) -> NodeLeases | None:
        """Let a node take part; return its leases if it is the one of this process."""
        is_here = node.name == self._local
        self._steering.join(node.name, 0.0 if is_here else node.clock_error)
        return self._here if is_here else None

    def call(self, name: str, verb: str, arguments: Mapping[str, Any]) -> tuple[str, str]:
        """Change a throttle, here and now; nodes follow when their loops run.

        Returns
        -------
        tuple of (str, str)
            Its pace before and after, in few words.

        Raises
        ------
        ThrottleError
            What the method `verb` of a throttle raises.
        """
        before = self.statistics().get(name)
        self._steering.call(name, verb, arguments)
        after = self.statistics().get(name)
        old = "" if before is None else before.pace
        return old, "stopped" if after is None else after.pace

    def statistics(self) -> dict[str, ThrottleStatistics]:
        """Return what each throttle is set to, by name."""
        return self._steering.statistics()

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
            serving.start_soon(self._sample_forever)
            await over.wait()
            serving.cancel_scope.cancel()

    def end_plan(self) -> None:
        """Let nothing fall due from now on, and write what is left: the run ends."""
        self._steering.end_plan()
        self._sample()

    async def _sample_forever(self) -> None:
        while True:
            await anyio.sleep(SAMPLE)
            self._sample()

    def _sample(self) -> None:
        for name, row in self._steering.sample():
            self._book(name, row)

    def _send(self, node: str, kind: str, body: bytes) -> None:
        if node == self._local:
            self._here.heard(kind, body)
        else:
            self._post(node, kind, self._stamp + body)

    def _heard_here(self, kind: str, body: bytes) -> None:
        self._steering.heard(self._local, kind, body)
