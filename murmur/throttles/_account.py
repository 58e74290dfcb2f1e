"""An account of permits: what became of every one that fell due, window by window.

The *plan* counts the whole permits that the set rate integrates to, and knows nothing of
grids, loops or callers.  The *account* is told in which order permits were granted and lost,
and books each in the window in which the plan says it was due.  So in every window
``due = granted + unasked + withheld + skipped``, and over a run each permit is booked once.

Nothing here waits or reads a clock: times are monotonic seconds handed in by the caller.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from enum import StrEnum

from murmur.telemetry import window_told_by

from ._curve import Piece

WINDOW = 1.0
"""Seconds of a window of the account, as of all frames."""

_ROUNDING = 1e-6
"""Of a permit: how far a sum of fractions may be from the whole number it stands for."""


class Loss(StrEnum):
    """Why a permit that fell due was not granted."""

    UNASKED = "unasked"
    """Nobody waited: users were busy, too few, or gone."""
    WITHHELD = "withheld"
    """The rule of the window, or leases over links, must cost it."""
    SKIPPED = "skipped"
    """Somebody waited, and the generator was late."""


class Booked:
    """What became of the permits that were due in one window."""

    __slots__ = ("granted", "skipped", "unasked", "withheld")

    def __init__(self) -> None:
        self.granted = self.unasked = self.withheld = self.skipped = 0

    @property
    def due(self) -> int:
        """Permits that fell due."""
        return self.granted + self.unasked + self.withheld + self.skipped

    @property
    def counts(self) -> dict[str, int]:
        """All of them by name."""
        return {
            "due": self.due,
            "granted": self.granted,
            "unasked": self.unasked,
            "withheld": self.withheld,
            "skipped": self.skipped,
        }

    def add(self, outcome: str, count: int) -> None:
        """Book so many permits."""
        setattr(self, outcome, getattr(self, outcome) + count)


class WindowNumbers:
    """Numbers of windows of one length from an origin on."""

    __slots__ = ("origin",)

    def __init__(self, origin: float) -> None:
        self.origin: float = origin

    def at(self, time: float) -> int:
        """Return the window in which a time lies; what was before the first counts to it."""
        number = max(0, math.floor((time - self.origin) / WINDOW))
        return number + 1 if self.start(number + 1) <= time else number

    def told_by(self, time: float) -> int:
        """Return the window that a sample tells of: the one it is taken in, or at the end of."""
        return window_told_by(time - self.origin, WINDOW)

    def start(self, number: int) -> float:
        """Return when a window begins."""
        return self.origin + number * WINDOW


class PermitPlan:
    """The whole permits that a rate integrates to, window by window.

    The permit number k, from 0 on, is due as soon as the rate has come to k permits and is
    more than 0.
    """

    def __init__(
        self,
        windows: WindowNumbers,
        now: float,  # when the first permit may fall due
    ) -> None:
        self.sum: float = 0.0  # what the rate has come to, in permits
        self._windows = windows
        self._at = now
        self._due_until = now  # the last moment at which permits could fall due
        self.counted: int = 0  # whole permits that have fallen due
        self._due: deque[list[int]] = deque()  # window, permits not booked yet

    def pass_time(self, piece: Piece, until: float) -> None:
        """Integrate a piece of the rate up to the time `until`."""
        if piece.is_closed or piece.first == math.inf:
            self.skip_time(until)
            return
        while self._at < until:
            window = self._windows.at(self._at)
            end = min(until, self._windows.start(window + 1))
            self.sum += piece.permits(self._at, end)
            self._at = end
            self._count(math.ceil(self.sum - _ROUNDING), window)
        self._due_until = self._at

    def skip_time(self, until: float) -> None:
        """Let time pass in which nothing falls due."""
        self._at = max(self._at, until)

    def count_all(self, number: int) -> None:
        """See to it that the first `number` permits have fallen due by now."""
        self._count(number, self._windows.at(self._due_until))

    def forget_beyond(self, number: int) -> None:
        """Let no more than `number` permits have fallen due by now."""
        while self.counted > number:
            gone = min(self._due[-1][1], self.counted - number)
            self.counted -= gone
            self._due[-1][1] -= gone
            if not self._due[-1][1]:
                self._due.pop()
        self.sum = min(self.sum, float(number))

    def _count(self, number: int, window: int) -> None:
        more = number - self.counted
        if more > 0:
            self.counted = number
            if self._due and self._due[-1][0] == window:
                self._due[-1][1] += more
            else:
                self._due.append([window, more])

    def take(self, most: int) -> tuple[int, int]:
        """Return a window, and for how many permits, `most` at most, it is the next."""
        if not self._due:
            return 0, 0
        first = self._due[0]
        count = min(most, first[1])
        first[1] -= count
        if not first[1]:
            self._due.popleft()
        return first[0], count


class Account:
    """What became of permits that lie on a grid.

    Grid and plan may drift apart: where the grid waits for a request, it falls behind by a
    part of a permit.  The account knows the place of the grid's next slot, in permits of the
    plan; each time that it passes another whole permit, that one was lost, and goes to
    whichever reason has cost most since the last.
    """

    def __init__(
        self,
        windows: WindowNumbers,
        now: float,  # when the first permit may fall due
    ) -> None:
        self.plan: PermitPlan = PermitPlan(windows, now)
        self.number: int = 0  # permits that were granted or lost so far
        self.place: float = 0.0  # of the next slot, in permits of the plan
        # whether nothing falls due any more: then what is granted is due as it is granted
        self.is_over: bool = False
        self._windows = windows
        self._streak = 0  # granted since the last loss
        self._runs: deque[tuple[str, int]] = deque()  # outcomes in the order of permits
        self._cost = dict.fromkeys(Loss, 0.0)
        self._rows: defaultdict[int, Booked] = defaultdict(Booked)

    def grant(self, slot: float) -> None:
        """Note that the permit of the next slot was granted."""
        if self.is_over:
            self._rows[self._windows.at(slot)].granted += 1
            return
        self._streak += 1
        self.number += 1
        self.place += 1.0

    def move(self, place: float, loss: Loss) -> None:
        """Note that the next slot was put off."""
        if self.is_over:
            return
        self._cost[loss] += place - self.place
        self.place = place
        lost = math.floor(place + _ROUNDING) - self.number
        while lost > 0:
            reason = max(self._cost, key=lambda each: self._cost[each])
            count = min(lost, max(1, math.floor(self._cost[reason] + _ROUNDING)))
            self._cost[reason] -= count
            self._lose(reason, count)
            lost -= count

    def anchor(self, to_come: float) -> None:
        """Begin anew: the next permit falls due after so much of one."""
        if self.is_over:
            return
        self.move(max(self.place, float(self.plan.counted)), Loss.UNASKED)
        self.plan.count_all(self.number)
        self.plan.sum = self.number - to_come
        self.place = float(self.number)

    def rest(self) -> None:
        """Let nothing have fallen due since the last permit: nobody was left to wait for it."""
        if not self.is_over:
            self.plan.forget_beyond(self.number)

    def take_back(self, due_at: float) -> None:
        """Note that a permit that was granted was given back, and nobody wanted it."""
        row = self._rows[self._windows.at(due_at)]
        row.granted -= 1
        row.unasked += 1

    def close(self, loss: Loss) -> None:
        """Settle all that has fallen due: what was not granted is lost, and the plan is over."""
        if not self.is_over:
            self.move(max(self.place, float(self.plan.counted)), loss)
            self.plan.count_all(self.number)
            self.is_over = True

    def drain(self) -> dict[int, Booked]:
        """Return what was booked since the last time, by window."""
        self._end_streak()
        self.plan.count_all(min(self.number, math.floor(self.plan.sum + _ROUNDING) + 1))
        while self._runs:
            outcome, left = self._runs.popleft()
            while left:
                window, count = self.plan.take(left)
                if not count:  # the plan is behind by a rounding; it comes with the next
                    self._runs.appendleft((outcome, left))
                    return self._pop_rows()
                self._rows[window].add(outcome, count)
                left -= count
        return self._pop_rows()

    def _lose(self, reason: Loss, count: int) -> None:
        self._end_streak()
        self._runs.append((reason.value, count))
        self.number += count

    def _end_streak(self) -> None:
        if self._streak:
            self._runs.append(("granted", self._streak))
            self._streak = 0

    def _pop_rows(self) -> dict[int, Booked]:
        rows, self._rows = self._rows, defaultdict(Booked)
        return rows


class DrawnAccount:
    """What became of permits whose times are drawn: there is no grid to be behind.

    What was granted is booked when it was due.  Of what was lost only the expected number is
    known, which is what the rate comes to meanwhile.
    """

    def __init__(self, windows: WindowNumbers) -> None:
        self._windows = windows
        self._cost = dict.fromkeys(Loss, 0.0)
        self._rows: defaultdict[int, Booked] = defaultdict(Booked)

    def grant(self, slot: float) -> None:
        """Note that the permit that was due at `slot` was granted."""
        self._rows[self._windows.at(slot)].granted += 1

    def lose(self, permits: float, loss: Loss, since: float, until: float) -> None:
        """Note that so many permits were lost between two times."""
        at = since
        while at < until:
            window = self._windows.at(at)
            end = min(until, self._windows.start(window + 1))
            self._cost[loss] += permits * (end - at) / (until - since)
            whole = math.floor(self._cost[loss] + _ROUNDING)
            if whole:
                self._cost[loss] -= whole
                self._rows[window].add(loss.value, whole)
            at = end

    def take_back(self, due_at: float) -> None:
        """Note that a permit that was granted was given back, and nobody wanted it."""
        row = self._rows[self._windows.at(due_at)]
        row.granted -= 1
        row.unasked += 1

    def drain(self) -> dict[int, Booked]:
        """Return what was booked since the last time, by window."""
        rows, self._rows = self._rows, defaultdict(Booked)
        return rows
