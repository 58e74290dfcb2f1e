"""Puts cluster throttles to work: one small task on each side, beside the transport.

The steering kernel has a `SteeringLeases` for each run, every node a `NodeLeases`, which the
run gets with its `Listener`.  Messages of the kind "lease" go to `heard` of either side, and
what is to be sent goes through the function it was made with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

import anyio

from murmur._backend import native
from murmur._wire import revive_fault
from murmur.errors import ThrottleError

from ._master import HALT, LeaseMaster
from ._node import Answer, LeaseNode

if TYPE_CHECKING:
    from murmur._backend import Native, Wakeup
    from murmur.throttles._config import ThrottleConfig
    from murmur.throttles._permit import ThrottleStatistics

    from ._lease import Lease, SteeringClock

ANSWER_WITHIN = 5.0
"""Seconds that a node waits for the steering kernel to answer."""


class _Alarm:
    """Wakes the task that sends when something is due, be that sooner than it was."""

    def __init__(
        self,
        native: Native,
        due_at: Callable[[float], float],  # returns, as of now, when something is due next
    ) -> None:
        self._native = native
        self._due_at = due_at
        self._sleeper: Wakeup | None = None
        self._until = math.inf  # when it wakes by itself

    async def wait(self) -> None:
        """Sleep until something is due."""
        self._sleeper = self._native.wakeup()
        self._until = self._due_at(self._native.now())
        await self._native.wait_until(self._sleeper, self._until)
        self._sleeper = None

    def hurry(self) -> None:
        """Wake who sleeps for longer than it should by now."""
        if self._sleeper is not None and self._due_at(self._native.now()) < self._until:
            self._sleeper.wake()


class SteeringLeases:
    """The throttles of one run over all its nodes, at work; made on the loop it runs on."""

    def __init__(
        self,
        send: Callable[[str, str, bytes], None],
        *,
        seed: int = 0,
        # seconds after the last word from a silent node until nothing of it acts any more: 6 and
        # the grace of the run's users
        halt: float = HALT,
        started_at: float | None = None,
        on_demand: Collection[str] = (),
    ) -> None:
        self.master: LeaseMaster = LeaseMaster(
            seed=seed, halt=halt, started_at=started_at, on_demand=on_demand
        )
        self._send = send
        self._native: Native = native()
        self._alarm = _Alarm(self._native, self.master.due_at)

    def join(self, node: str, clock_error: float) -> None:
        """Let a node take part, before its run starts there."""
        self.master.node_joined(node, clock_error)

    def lose(self, node: str, *, is_silent: bool = False) -> None:
        """Share among the others what a node had; see `LeaseMaster.node_lost`."""
        self.master.node_lost(node, self._native.now(), is_silent=is_silent)
        self._turn()

    def heard(self, node: str, kind: str, body: bytes) -> None:
        """Take in a message; raises if it makes no sense."""
        self.master.on_message(node, kind, body, self._native.now())
        self._turn()

    def call(self, name: str, verb: str, arguments: Mapping[str, Any]) -> None:
        """Change a throttle; see `LeaseMaster.call`."""
        self.master.call(name, verb, arguments, self._native.now())
        self._turn()

    def end_plan(self) -> None:
        """Let nothing fall due from now on: the run ends."""
        self.master.end_plan(self._native.now())

    def sample(self) -> list[tuple[str, dict[str, object]]]:
        """Return rows of what became of permits that no node held, as `Throttles.sample` does."""
        set_to = self.statistics()
        return [
            (name, {**_pace(set_to.get(name)), "at": self.master.end_of(window), **booked.counts})
            for name, windows in self.master.drain(self._native.now()).items()
            for window, booked in windows.items()
        ]

    def statistics(self) -> dict[str, ThrottleStatistics]:
        """Return what each throttle is set to, by name."""
        return self.master.statistics(self._native.now())

    async def serve(self) -> None:
        """Lease for ever what falls due."""
        while True:
            await self._alarm.wait()
            self._turn()

    def _turn(self) -> None:
        for message in self.master.tick(self._native.now()):
            self._send(*message)
        self._alarm.hurry()


class NodeLeases:
    """The leases of this node in one run, at work; see `murmur.throttles.shared._lease.Leases`."""

    def __init__(self, send: Callable[[str, bytes], None], clock: SteeringClock) -> None:
        self._send = send
        self._native = native()
        self._node = LeaseNode(clock, self._hurry)
        self._alarm = _Alarm(self._native, self._node.due_at)

    async def open(self, name: str, config: ThrottleConfig | None) -> Lease:
        """See `Leases`."""
        lease = await self._ask(name, lambda answer: self._node.open(name, config, answer))
        if lease is None:
            raise ThrottleError(f"throttle {name!r} was opened, but not told about")
        return lease

    async def call(self, name: str, verb: str, arguments: Mapping[str, Any]) -> None:
        """See `Leases`."""
        await self._ask(name, lambda answer: self._node.call(name, verb, arguments, answer))

    def heard(self, kind: str, body: bytes) -> None:
        """Take in a message."""
        self._node.on_message(kind, body, self._native.now())

    async def serve(self) -> None:
        """Report for ever what is needed."""
        while True:
            await self._alarm.wait()
            for message in self._node.outgoing(self._native.now()):
                self._send(*message)

    def _hurry(self) -> None:
        self._alarm.hurry()

    async def _ask(self, name: str, begin: Callable[[Answer], None]) -> Lease | None:
        """Send a call and wait for the answer."""
        answered = anyio.Event()
        answers: list[tuple[Lease | None, Mapping[str, Any] | None]] = []

        def answer(lease: Lease | None, fault: Mapping[str, Any] | None) -> None:
            answers.append((lease, fault))
            answered.set()

        begin(answer)
        with anyio.move_on_after(ANSWER_WITHIN):
            await answered.wait()
        if not answers:
            raise ThrottleError(
                f"the steering kernel did not answer for throttle {name!r} "
                f"within {ANSWER_WITHIN:g} s"
            )
        lease, fault = answers[0]
        if fault is not None:
            raise revive_fault("steering", fault)
        return lease


def _pace(set_to: ThrottleStatistics | None) -> dict[str, object]:
    """Return rate and interval, as far as there are some."""
    if set_to is None or set_to.limit is not None:
        return {}
    return {"rate": set_to.rate, "interval": set_to.interval}
