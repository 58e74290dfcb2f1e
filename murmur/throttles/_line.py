"""The line in front of a throttle, and the one task that lets it move.

A `Line` grants permits first come, first served, as its gate lets it: at once when nobody
is in front, else from `serve`, which sleeps until the next permit falls due and then
grants all that are due by then.  It knows nothing of rates, verbs or events.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable

from murmur._backend import AsyncioNative, Native, Wakeup

from ._pacing import Gate, Slots
from ._permit import Ticket

__all__ = ["Line"]

_BATCH = 256
"""Permits granted before other tasks get a turn."""


class Line:
    """Who waits for a permit of one throttle.

    Parameters
    ----------
    gate : Gate
        Decides when the next permit may be granted.
    slots : Slots
        Counts the permits that will be given back.
    native : Native
        The running backend.
    start_job : callable
        Starts the job of a ticket that has one.

    Attributes
    ----------
    requested, granted : int
        Permits so far.  One that was given back was not granted.
    is_paused : bool
        Whether nothing is granted for the moment.
    """

    def __init__(
        self, gate: Gate, slots: Slots, native: Native, start_job: Callable[[Ticket], None]
    ) -> None:
        self.gate = gate
        self.requested: int = 0
        self.granted: int = 0
        self.is_paused = False
        self._slots = slots
        self._native = native
        self._start_job = start_job
        self._waiting: OrderedDict[Ticket, None] = OrderedDict()
        self._in_flight = 0  # granted to tasks that did not go on yet
        self._is_closed = False
        self._alarm: Wakeup | None = None
        self._wakes_at = math.inf
        # trio runs what was woken together in random order: there, one at a time.
        self._batch = _BATCH if isinstance(native, AsyncioNative) else 1

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def has_plain_waiters(self) -> bool:
        """Whether somebody waits who would not give a permit back."""
        return any(not ticket.holds and ticket.job is None for ticket in self._waiting)

    def join(self, ticket: Ticket) -> None:
        """Ask for a permit: it is granted at once, or later, by `serve`."""
        self.requested += 1
        nobody_in_front = not self._waiting and not self._in_flight and not self.is_paused
        if nobody_in_front and self._grant(ticket, ticket.requested_at):
            return
        if ticket.job is None:
            ticket.wakeup = self._native.wakeup()
        self._waiting[ticket] = None
        if len(self._waiting) == 1:
            self.alert()

    def leave(self, ticket: Ticket) -> None:
        """Withdraw a ticket; a permit that it got goes to the next in line."""
        if ticket.due_at is None:
            self._waiting.pop(ticket, None)
            return
        assert ticket.gate is not None
        self._in_flight -= 1
        self.granted -= 1
        ticket.gate.give_back(ticket.due_at)
        if ticket.holds:
            self._slots.free(self._native.now())
        self.alert()

    def settle(self, ticket: Ticket, now: float) -> None:
        """Note that the permit of a ticket went into use."""
        assert ticket.gate is not None
        assert ticket.due_at is not None
        self._in_flight -= 1
        ticket.gate.settle(ticket.due_at, now)
        if self._wakes_at == math.inf and self._waiting:
            self.alert()

    def alert(self) -> None:
        """Let `serve` look again, for something changed."""
        if self._alarm is not None:
            self._alarm.wake()

    def close(self) -> list[Ticket]:
        """Grant nothing any more; wake all who wait, and return their tickets."""
        self._is_closed = True
        left = list(self._waiting)
        self._waiting.clear()
        for ticket in left:
            if ticket.wakeup is not None:
                ticket.wakeup.wake()
        self.alert()
        return left

    async def serve(self, follow: Callable[[float], float]) -> None:
        """Grant permits as they fall due, until the line is closed.

        Parameters
        ----------
        follow : callable
            Called with the time at each turn; returns when it wants to be called next.
        """
        while not self._is_closed:
            now = self._native.now()
            wanted = follow(now)
            granted = 0
            while granted < self._batch and self._grant_next(now):
                granted += 1
            if granted == self._batch:
                await self._native.checkpoint()
                continue
            due = self._next_due(now)
            if due > now:
                due = max(due, now + self.gate.rest_at(now))
            await self._sleep(min(due, wanted))

    async def _sleep(self, until: float) -> None:
        self._alarm = self._native.wakeup()
        self._wakes_at = until
        await self._native.wait_until(self._alarm, until)
        self._alarm = None

    def _next_due(self, now: float) -> float:
        if not self._waiting or self.is_paused:
            return math.inf
        return self.gate.next_at(next(iter(self._waiting)).requested_at, now)

    def _grant_next(self, now: float) -> bool:
        """Grant the first in line a permit if one is due; False if there is no more to do."""
        if self.is_paused or not self._waiting:
            return False
        ticket = next(iter(self._waiting))
        if ticket.wakeup is not None and ticket.wakeup.is_over:
            del self._waiting[ticket]  # cancelled, and did not go on yet to say so
            return True
        if not self._grant(ticket, now):
            return False
        del self._waiting[ticket]
        if ticket.wakeup is not None:
            ticket.wakeup.wake()
        return True

    def _grant(self, ticket: Ticket, now: float) -> bool:
        due_at = self.gate.take(ticket.requested_at, now)
        if due_at is None:
            return False
        ticket.due_at = due_at
        ticket.gate = self.gate
        self._in_flight += 1
        self.granted += 1
        if ticket.job is not None:
            ticket.holds = self.gate is self._slots
            self._start_job(ticket)
        if ticket.holds:
            self._slots.hold()
        return True
