"""A throttle that is one over all nodes: the same line and verbs, slots on lease.

Who waits here waits in this node's line, first come, first served.  What the line may let
through comes from the steering kernel, and every change goes there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from murmur._backend import on_loop
from murmur.errors import ThrottleStoppedError
from murmur.throttles._due import drop_due
from murmur.throttles._line import Line
from murmur.throttles._shape import guarded
from murmur.throttles._throttle import Throttle

from ._lease import Lease, LeaseState, Slot

if TYPE_CHECKING:
    from collections.abc import Callable

    from murmur._backend import Native
    from murmur.throttles._config import ThrottleConfig
    from murmur.throttles._permit import Permit, Ticket

    from ._lease import Leases

__all__ = ["LeasedLine", "LeasedThrottle"]


class LeasedLine(Line):
    """A line whose permits hold for a short time only.

    One who is told to go on and does so too late, since the loop was busy, has to wait for
    another slot, at the head of the line.

    Parameters
    ----------
    lease : Lease
        Where the slots are from.
    native : Native
        The running backend.
    start_job : callable
        Starts the job of a ticket that has one.
    """

    def __init__(self, lease: Lease, native: Native, start_job: Callable[[Ticket], None]) -> None:
        super().__init__(lease, lease.slots, native, start_job)
        self._lease = lease
        self._taken: dict[Ticket, Slot] = {}
        self._again: list[Ticket] = []  # at the head of the line for the second time

    def join(self, ticket: Ticket) -> None:
        """Ask for a permit, and have the request reported if it must wait."""
        super().join(ticket)
        if ticket.due_at is None:
            self._lease.ask()

    def leave(self, ticket: Ticket) -> None:
        """Withdraw a ticket; a slot that it got goes to the next in line."""
        slot = self._taken.pop(ticket, None)
        if slot is not None:
            self._lease.put_back(slot)
        super().leave(ticket)

    def settle(self, ticket: Ticket, now: float) -> None:
        """Note that the permit of a ticket went into use."""
        self._taken.pop(ticket, None)
        super().settle(ticket, now)

    def has_lapsed(self, ticket: Ticket, now: float) -> bool:
        """Whether the slot of a ticket may be used no more."""
        slot = self._taken.get(ticket)
        return slot is not None and not self._lease.is_good(slot, now)

    def rejoin(self, ticket: Ticket) -> None:
        """Let a ticket whose slot has lapsed wait for another one, before all others."""
        assert ticket.due_at is not None
        self._lease.settle(ticket.due_at, self._native.now())
        del self._taken[ticket]
        ticket.due_at = None
        self._in_flight -= 1
        self.granted -= 1
        if ticket.holds:
            self._slots.free(self._native.now())
        if self._is_closed:
            return
        if ticket.job is None:
            ticket.wakeup = self._native.wakeup()
        self._waiting[ticket] = None
        self._again = [other for other in self._again if other in self._waiting]
        self._again.append(ticket)
        for other in reversed(self._again):
            self._waiting.move_to_end(other, last=False)
        self._lease.ask()
        self.alert()

    def _grant(self, ticket: Ticket, now: float) -> bool:
        if not super()._grant(ticket, now):
            return False
        if ticket.gate is self._lease:
            assert self._lease.last is not None
            self._taken[ticket] = self._lease.last
        return True


class LeasedThrottle(Throttle):
    """A throttle of a run over several nodes; see `Throttle` for what it does.

    Parameters
    ----------
    name : str
        Unique within the run.
    config : ThrottleConfig
        What this node asked for.
    lease : Lease
        What it may use.
    leases : Leases
        Where changes go.
    """

    _line: LeasedLine

    def __init__(
        self,
        name: str,
        config: ThrottleConfig,
        *,
        lease: Lease,
        leases: Leases,
        **parts: Any,  # noqa: ANN401 - those of `Throttle`
    ) -> None:
        self._lease = lease
        self._leases = leases
        super().__init__(name, config, **parts)
        lease.follow(self._line, self._heed)
        if callable(config.shape):
            interval = config.rate.interval
            lease.points = guarded(config.shape, interval=interval, on_failure=self._report)

    @on_loop
    async def change_rate(self, rate: float | None = None, **how: Any) -> None:  # noqa: ANN401
        """See `Throttle.change_rate`; the change is the whole cluster's."""
        await self._call("change_rate", rate=rate, **how)

    @on_loop
    async def ramp(self, **how: Any) -> None:  # noqa: ANN401 - see the base
        """See `Throttle.ramp`; the change is the whole cluster's."""
        await self._call("ramp", **how)

    @on_loop
    async def pause(self) -> None:
        """Grant nothing on any node until `resume`."""
        await self._call("pause")

    @on_loop
    async def resume(self) -> None:
        """End a pause on all nodes."""
        await self._call("resume")

    @on_loop
    async def stop(self) -> None:
        """Grant nothing any more, on any node."""
        if not self._is_stopped:
            await self._leases.call(self.name, "stop", {})

    def rate_at(self, now: float) -> float:
        """Return the cluster's rate at `now`."""
        return self._lease.rate_at(now)

    @property
    def interval(self) -> float:
        """Seconds that the rate is counted over; 0 of a limit."""
        return self._lease.state.interval

    @property
    def is_ramping(self) -> bool:
        """Whether a ramp is under way."""
        return self._lease.state.ramping

    async def _call(self, verb: str, **arguments: Any) -> None:  # noqa: ANN401 - the verb's
        self._check_stopped()
        given = {name: value for name, value in arguments.items() if value is not None}
        await self._leases.call(self.name, verb, given)

    def _arrange(self, config: ThrottleConfig, seed: str, now: float) -> None:
        """Set up the line in front of the lease."""
        self._slots = self._lease.slots
        self._line = LeasedLine(self._lease, self._native, self._start_job)
        state = self._lease.state
        self._line.is_paused = state.paused
        if not state.interval:
            self._line.gate = self._slots
        self._told_rate = (state.rate, state.interval)

    def _heed(self, state: LeaseState, now: float) -> None:
        """Do as the steering kernel says."""
        if state.stopped:
            self.end()
            return
        self._line.is_paused = state.paused
        self._line.gate = self._lease if state.interval else self._slots
        if state.message:
            self._tell(state.message)
        rate = (state.rate, state.interval)
        if rate != self._told_rate and not state.slope:
            self._told_rate = rate
            self._changed(now)
        self._update_passes()
        self._line.alert()

    def _update_passes(self) -> None:
        state = self._lease.state
        is_open = state.rate == math.inf and state.interval > 0
        self._passes = is_open and not self._is_stopped and not state.paused

    async def _acquire(self, *, holds: bool) -> Permit:
        ticket = self._ticket(holds=holds)
        self._line.join(ticket)
        while True:
            try:
                if ticket.wakeup is None or ticket.due_at is not None:
                    await self._native.checkpoint()
                else:
                    await self._queue(ticket, ticket.wakeup)
            except BaseException:
                self._line.leave(ticket)
                drop_due()
                raise
            if not self._line.has_lapsed(ticket, self._native.now()):
                return self._settle(ticket)
            self._line.rejoin(ticket)

    async def _perform(self, ticket: Ticket) -> None:
        assert ticket.job is not None
        if not self._line.has_lapsed(ticket, self._native.now()):
            await super()._perform(ticket)
            return
        self._line.rejoin(ticket)
        if self._is_stopped:
            ticket.job.finish(error=ThrottleStoppedError(self.name))
