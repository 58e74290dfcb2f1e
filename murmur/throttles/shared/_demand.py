"""Demand of a node on one throttle, and when to tell it.  Pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable

from ._lease import Lease, LeaseState, SteeringClock
from ._shares import is_other
from ._wire import Wanted

SOON = 0.002
"""Seconds between two reports when somebody waits who was not reported."""

LATER = 0.01
"""Seconds between two reports while what was reported before is not served yet."""

HEARTBEAT = 0.45
"""Seconds between two reports of one who needs nothing, or what it needed before."""

ALONG = 0.3
"""Seconds after which that is said along with a lease that comes, or with another's report."""

WEIGHT = 0.3
"""Of the last period in the average of arrivals."""


class Demand:
    """What is known of one lease and the line in front of it."""

    def __init__(
        self,
        number: int,  # under which messages know the throttle
        clock: SteeringClock,
        state: LeaseState,  # what the throttle is set to
        now: float,  # when that was told
        on_due: Callable[[], None],  # called when a report may be due sooner than was said
    ) -> None:
        self.lease: Lease = Lease(clock, state, now, self._asked)
        self._number = number
        self._on_due = on_due
        self._arrivals = 0.0
        self._requested = 0
        self._looked_at = self._reported_at = -math.inf
        self._told = (0, 0)
        self._told_demand = 0.0
        self._told_recall = state.recall
        self._has_changed = False  # so much that it is worth a report

    def due_at(self, now: float, period: float) -> float:
        """Return when to report next, as things stand."""
        state, waiting = self.lease.state, self._waiting
        if state.recall != self._told_recall:
            wait = 0.0
        elif not state.interval or state.direct:
            if self._news(now) == self._told:
                wait = max(HEARTBEAT, 2 * period)
            else:
                wait = LATER if self._told[0] > 0 else SOON
        elif waiting and self._told_demand < 0.5:
            wait = SOON
        elif self._has_changed:
            wait = period
        else:
            wait = max(HEARTBEAT, 2 * period)
        return self._reported_at + wait

    def look_at(self, period: float) -> float:
        """Return when to look next at what is needed, unless a lease comes before."""
        if self._told_demand < 0.5 or self.lease.state.direct or not self.lease.state.interval:
            return math.inf
        return self._looked_at + 2 * period

    def look(self, now: float, period: float) -> None:
        """See whether what is needed has changed so much that it is worth a report."""
        self._average(now, period)
        self._has_changed = is_other(self._told_demand, self._needed)

    def come_along(self, now: float, period: float, *, is_news: bool) -> None:
        """See whether to report in the turn in which a lease comes; `is_news` if so anyway."""
        self.look(now, period)
        self._has_changed |= is_news or self.may_report(now)

    def may_report(self, now: float) -> bool:
        """Whether to report if another one does."""
        return now - self._reported_at >= ALONG

    def report(self, now: float, period: float) -> Wanted:
        """Return what is needed now."""
        self._average(now, period)
        waiting, slots = self._waiting, self.lease.slots
        self._told, self._reported_at = self._news(now), now
        self._told_demand, self._has_changed = self._needed, False
        self._told_recall = self.lease.state.recall
        line = self.lease.line
        return Wanted(
            throttle=self._number,
            waiting=waiting,
            arrivals=self._told_demand - waiting,
            received=self.lease.received,
            in_hand=self.lease.in_hand(now),
            returned=slots.returned,
            out=slots.out,
            plain=line is not None and waiting > 0 and line.has_plain_waiters,
            lateness=self.lease.drain(),
            voided=self.lease.voided,
            recall=self._told_recall,
        )

    def _asked(self) -> None:
        """Have a request reported soon, unless it is one more of those that were told."""
        state = self.lease.state
        if not state.interval or state.direct or self._told_demand < 0.5:
            self._on_due()

    @property
    def _waiting(self) -> int:
        return len(self.lease.line) if self.lease.line is not None else 0

    @property
    def _needed(self) -> float:
        """How many slots would be used in one period."""
        return self._waiting + (self._arrivals if self._arrivals > 0.01 else 0.0)

    def _news(self, now: float) -> tuple[int, int]:
        """Return what must not change unsaid, where each request counts.

        Of slots, how many were ever needed: one who is served and comes again at once is
        news, although one waits as before.
        """
        if not self.lease.state.interval:
            slots = self.lease.slots
            return self._waiting + slots.out, slots.returned
        needed = self._waiting - self.lease.in_hand(now)
        return needed, needed and self.lease.received

    def _average(self, now: float, period: float) -> None:
        line = self.lease.line
        came = line.requested - self._requested if line is not None else 0
        self._requested += came
        passed = now - self._looked_at
        self._looked_at = now
        if 0 < passed < math.inf:
            weight = min(1.0, WEIGHT * passed / period)
            self._arrivals += weight * (came * period / passed - self._arrivals)
