"""Permits that fell due and that no node held: what the steering kernel accounts for.

A node accounts for the slots that were leased to it.  The plan of all nodes is the steering
kernel's; what it comes to beyond those slots is `unasked` for the time in which nobody wanted
a slot, `skipped` for that in which the steering kernel was late to lease those that somebody
wanted, and else `withheld`: what slots that may be used late, and leases over links, cost
(docs/explanation/cluster-throttle.md).  Pure arithmetic, on the steering clock.
"""

from __future__ import annotations

import math
from collections import Counter

from murmur.throttles._account import Booked, PermitPlan, WindowNumbers
from murmur.throttles._curve import Curve

from ._grid import EvenSlots

_ALL = 2**60
"""More permits than there are."""


class Unheld:
    """The part of a plan that no node accounts for."""

    def __init__(
        self,
        windows: WindowNumbers,
        now: float,  # when the first permit may fall due
        *,
        # whether arrivals are drawn: then what falls due is what is leased, and what the rate
        # comes to while nobody wants a slot
        is_drawn: bool,
    ) -> None:
        self._windows = windows
        self._plan = PermitPlan(windows, now)
        self._is_drawn = is_drawn
        self._at = now
        self._left: Counter[int] = Counter()  # due, and not leased, by window
        self._idle = 0.0  # permits' worth of time in which nobody wanted a slot
        self._missed = 0.0  # the same of time in which slots were wanted, and leased too late
        self._ahead = 0  # leased before they were due
        self._leased_until = now  # time of the last slot that was leased

    def pass_time(self, curve: Curve | None, until: float) -> None:
        """Let permits fall due along a curve, or none."""
        while self._at < until:
            end = until
            if curve is None or self._is_drawn:
                self._plan.skip_time(until)
            else:
                piece = curve.piece(self._at)
                end = min(piece.end, until)
                self._plan.pass_time(piece, end)
            self._at = end

    def lease(self, runs: list[EvenSlots]) -> None:
        """Note which slots nodes account for."""
        last = runs[-1]
        self._leased_until = max(self._leased_until, last.at + (last.size - 1) * last.apart)
        if self._is_drawn:
            return
        for run in runs:
            first = self._windows.at(run.at)
            if run.at + run.size * run.apart < self._windows.start(first + 1):
                self._left[first] -= run.size
            else:
                self._left.subtract(self._windows.at(at) for at in run.times())

    def rest_since_lease(self, curve: Curve, now: float) -> None:
        """Let nothing have fallen due since the last slot: all who wanted one had theirs."""
        surplus = math.floor(curve.permits(self._leased_until, max(now, self._leased_until)))
        self._count()
        for window in sorted(self._left, reverse=True):
            gone = max(0, min(surplus, self._left[window]))
            self._left[window] -= gone
            surplus -= gone

    def void(self, count: int) -> None:
        """Note that so many slots were void before their time: no node accounts for them."""
        if not self._is_drawn:
            self._ahead -= count

    def rest(self, permits: float) -> None:
        """Note that nobody wanted a slot for as long as it takes for so many permits."""
        self._idle += permits

    def miss(self, permits: float) -> None:
        """Note that slots were wanted, and nobody leased them in the time of so many permits."""
        self._missed += permits

    def drain(self, until: float) -> dict[int, Booked]:
        """Return what became of permits in windows that end by then, since the last time."""
        self._count()
        rows: dict[int, Booked] = {}
        whole = math.floor if self._is_drawn else round
        if self._is_drawn:
            self._left[self._windows.at(self._at)] = whole(self._idle) + whole(self._missed)
        for window in sorted(self._left):
            if self._windows.start(window + 1) > until and not self._is_drawn:
                continue
            left = self._left.pop(window) - self._ahead
            self._ahead = max(0, -left)
            if left > 0:
                row = rows[window] = Booked()
                row.unasked = min(left, whole(self._idle))
                row.skipped = min(left - row.unasked, whole(self._missed))
                row.withheld = left - row.unasked - row.skipped
                self._idle = max(0.0, self._idle - row.unasked)
                self._missed = max(0.0, self._missed - row.skipped)
        return rows

    def _count(self) -> None:
        """Count what has fallen due by its window."""
        while (taken := self._plan.take(_ALL))[1]:
            self._left[taken[0]] += taken[1]
