"""The source of a throttle that is one over all nodes: slots on lease.

Who waits here waits in this node's line, first come, first served.  What the line may let
through comes from the steering kernel, and every change goes there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from murmur.throttles._line import Line, Owner
from murmur.throttles._shape import guarded

from ._lease import Lease, LeaseState, Slot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from murmur._backend import Native
    from murmur.throttles._account import Booked
    from murmur.throttles._config import ThrottleConfig
    from murmur.throttles._permit import PlaceInLine
    from murmur.throttles._source import Steered

    from ._lease import Leases


class LeasedLine(Line):
    """A line whose permits hold for a short time only.

    One who is told to go on and does so too late, since the loop was busy, has to wait for
    another slot, at the head of the line.
    """

    def __init__(self, lease: Lease, native: Native, owner: Owner) -> None:
        super().__init__(lease, lease.slots, native, owner)
        self._lease = lease
        self._taken: dict[PlaceInLine, Slot] = {}
        self._again: list[PlaceInLine] = []  # at the head of the line for the second time

    def join(self, place: PlaceInLine) -> None:
        """Ask for a permit, and have the request reported if it must wait."""
        super().join(place)
        if place.due_at is None:
            self._lease.ask()

    def crowd_changed(self, by: int) -> None:
        """Take note that more of the crowd wait, or less, and have that reported."""
        super().crowd_changed(by)
        self._lease.ask()

    def leave(self, place: PlaceInLine) -> None:
        """Withdraw a place; a slot that it got goes to the next in line."""
        slot = self._taken.pop(place, None)
        if slot is not None:
            self._lease.put_back(slot)
        super().leave(place)

    def settle(self, place: PlaceInLine, now: float) -> None:
        """Note that the permit of a place went into use."""
        self._taken.pop(place, None)
        super().settle(place, now)

    def has_lapsed(self, place: PlaceInLine, now: float) -> bool:
        """Whether the slot of a place may be used no more."""
        slot = self._taken.get(place)
        return slot is not None and not self._lease.is_good(slot, now)

    def rejoin(self, place: PlaceInLine) -> None:
        """Let a place whose slot has lapsed wait for another one, before all others."""
        assert place.due_at is not None
        self._lease.settle(place.due_at, self._native.now())
        self._lease.lapse(self._taken.pop(place))
        place.due_at = None
        self._in_flight -= 1
        self.granted -= 1
        if place.holds:
            self._slots.free(self._native.now())
        if self._is_closed:
            return
        if place.job is None:
            place.wakeup = self._native.wakeup()
        self._waiting[place] = None
        self._again = [other for other in self._again if other in self._waiting]
        self._again.append(place)
        for other in reversed(self._again):
            self._waiting.move_to_end(other, last=False)
        self._lease.ask()
        self.alert()

    def _grant(self, place: PlaceInLine, now: float) -> bool:
        if not super()._grant(place, now):
            return False
        if place.gate is self._lease:
            assert self._lease.last is not None
            self._taken[place] = self._lease.last
        return True


class LeasedSource:
    """What a node has of a throttle that is one over all nodes."""

    def __init__(
        self,
        name: str,
        config: ThrottleConfig,  # what this node asked for
        lease: Lease,
        leases: Leases,  # where changes go
        native: Native,
    ) -> None:
        self.name = name
        self.slots = lease.slots
        self._config = config
        self._lease = lease
        self._leases = leases
        self._native = native

    def attach(self, throttle: Steered) -> None:
        """See `Source`."""
        self._throttle = throttle
        state, config = self._lease.state, self._config
        self.line: Line = LeasedLine(self._lease, self._native, throttle)
        self.line.is_paused = state.paused
        if not state.interval:
            self.line.gate = self.slots
        self._told_rate = (state.rate, state.interval)
        self._lease.follow(self.line, self._heed)
        if callable(config.shape):
            interval = config.rate.interval
            self._lease.points = guarded(
                config.shape, interval=interval, on_failure=throttle.report
            )

    async def call(self, verb: str, arguments: Mapping[str, Any]) -> None:
        """See `Source`; the change is the whole cluster's."""
        await self._leases.call(self.name, verb, arguments)

    @property
    def passes(self) -> bool:
        """See `Source`."""
        state = self._lease.state
        return state.rate == math.inf and state.interval > 0 and not state.paused

    def has(self, config: ThrottleConfig) -> bool:
        """See `Source`."""
        return config.terms.identity == self._config.terms.identity

    def rate_at(self, now: float) -> float:
        """See `Source`; the cluster's."""
        return self._lease.rate_at(now)

    @property
    def interval(self) -> float:
        """See `Source`."""
        return self._lease.state.interval

    def is_ramping(self, now: float) -> bool:
        """See `Source`."""
        return self._lease.state.ramping

    def slope_at(self, now: float) -> float:
        """See `Source`; the cluster's."""
        return self._lease.state.slope

    def ramp_at(self, now: float) -> str:
        """See `Source`: the steering kernel knows."""
        return ""

    def follow(self, now: float) -> float:
        """See `Source`: what happens is told by the steering kernel."""
        return math.inf

    def drain(self, now: float) -> tuple[dict[int, Booked], int]:
        """See `Source`."""
        free, self.slots.taken = self.slots.taken, 0
        return self._lease.book(now), free

    def end_plan(self, now: float) -> None:
        """See `Source`: it is the steering kernel that has the plan."""
        self._lease.look(now)
        self._lease.is_over = True

    def _heed(self, state: LeaseState, now: float) -> None:
        """Do as the steering kernel says."""
        if state.stopped:
            self._throttle.end()
            return
        self.line.is_paused = state.paused
        self.line.gate = self._lease if state.interval else self.slots
        if state.message:
            self._throttle.tell(state.message)
        rate = (state.rate, state.interval)
        if rate != self._told_rate and not state.slope:
            self._told_rate = rate
            self._throttle.tell_rate()
        self._throttle.turn(passes=self.passes)
