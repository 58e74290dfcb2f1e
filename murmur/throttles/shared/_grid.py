"""Grid of the slots of a cluster throttle.  Pure arithmetic.

A slot at the time T may be used from T on and until T + `late`, by whichever node it is
leased to.  Two slots are so far apart that a window of one interval cannot see more uses
than the rate, however early or late each of them comes: in a window of length I only slots
from a stretch of I + `late` are used, so with (I + late) / rate between two of them these
are `rate` at most.  Nothing else is assumed, neither of messages nor of nodes.

The rate is a `Curve`: a change, a ramp and a shape are the same thing here.  A window that
spans a change holds at most the largest rate in force in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from murmur.throttles._curve import Curve

STRIDE = 0.05
"""Seconds of a slope that are taken as level."""

SPARE = 1 + 1e-7
"""Keeps slots apart although times are rounded: 0.1 microseconds in a second."""

FASTEST = 1e6
"""Slots per second of a rate that is infinite, where it is a shape's."""


class EvenSlots(NamedTuple):
    """Slots that follow each other evenly."""

    first: int  # number of the first one
    size: int  # how many there are
    at: float  # time of the first one, on the steering clock
    apart: float  # seconds between two

    def times(self) -> list[float]:
        """Return the time of each slot."""
        return [self.at + number * self.apart for number in range(self.size)]


class Grid:
    """Gives out slots in the order of time, each once."""

    def __init__(
        self,
        curve: Curve,
        at: float,  # from when on there are slots; the first is there at once
        *,
        late: float,  # seconds for which a slot may be used
        # draws the rate between two slots, in permits; exponential draws make Poisson arrivals
        gap: Callable[[], float] | None = None,
    ) -> None:
        self.at: float = at  # up to this time all slots were given out or passed unused
        self.number: int = 0
        self.late: float = late
        self._curve = curve
        self._gap = gap
        # what the rate came to while slots were skipped, in permits, until somebody sets it back
        self.idle: float = 0.0
        self._left = 0.0 if gap is None else gap()  # of a permit, until the next slot
        self._kept_from = -math.inf  # what was given out before then is not given out anew

    @property
    def curve(self) -> Curve:
        """Permits per interval over time."""
        return self._curve

    @property
    def left(self) -> float:
        """What part of a permit is yet to fall due until the next slot; drawn, it may be more."""
        return self._left

    def rate_at(self, at: float) -> float:
        """Return the permits per interval at the time `at`."""
        return self._curve.piece(at).rate_at(at)

    def next_at(self) -> float:
        """Return when the next slot is, as things stand; ``inf`` if the rate is 0."""
        rate = self.rate_at(self.at)
        return self.at + self._left * self._apart(rate) if rate else math.inf

    def take(self, until: float, most: float = math.inf) -> list[EvenSlots]:
        """Return the next slots, up to the time `until` and no more than `most`."""
        runs: list[EvenSlots] = []
        for rate, end in self._stretches(until):
            while most >= 1 and self.at < end:
                run = self._fill(rate, end, most)
                if run is None:
                    break
                runs.append(run)
                most -= run.size
            if most < 1:
                break
        return runs

    def skip(self, until: float) -> None:
        """Let time pass in which nobody wants a slot: of all that pass, one is kept."""
        for rate, end in self._stretches(until):
            if rate:
                passed = (end - self.at) / self._apart(rate)
                if rate < math.inf:
                    self.idle += (end - self.at) * rate / self._curve.interval
                if self._gap is not None and self._left < passed:
                    self._left = self._gap()  # what was drawn is gone, and has no memory
                else:
                    self._left = max(0.0, self._left - passed)
            self.at = end

    def take_back(self, since: float) -> None:
        """Give out the time from `since` on anew: nobody has a slot of it any more.

        A whole permit is to come first: the last slot before may have been at `since`.
        """
        since = max(since, self._kept_from)
        if since < self.at:
            self.at = since
            self._left = 1.0 if self._gap is None else self._gap()

    def change(self, curve: Curve) -> None:
        """Follow another curve; a permit that is half due stays half due."""
        self._curve = curve

    def allow(self, late: float) -> None:
        """Let slots be used for `late` seconds from now on.

        If that is less than before, a pause makes up for what slots before may still do.
        """
        if self._gap is None and late < self.late:
            self.at += self.late - late
            self._kept_from = self.at
        self.late = late

    def _apart(self, rate: float) -> float:
        """Return the seconds between two slots."""
        interval = self._curve.interval
        rate = min(rate, FASTEST * interval)
        return (interval if self._gap else (interval + self.late) * SPARE) / rate

    def _stretches(self, until: float) -> Iterator[tuple[float, float]]:
        """Yield the rate and the end of each stretch in which it is level, up to `until`."""
        while self.at < until:
            piece = self._curve.piece(self.at)
            end = min(piece.end, until)
            if not piece.is_flat:
                end = min(end, self.at + STRIDE)
            yield (piece.rate_at(self.at) + piece.rate_at(end)) / 2, end
            if self.at < end:
                return  # whoever asked has enough

    def _fill(self, rate: float, end: float, most: float) -> EvenSlots | None:
        """Return slots up to `end`, or None and be there."""
        if rate == 0:
            self.at = end
            return None
        apart = self._apart(rate)
        first = self.at + self._left * apart
        if self._gap is not None:
            return self._draw(first, end, apart, self._gap)
        if first > end:
            self._left = max(0.0, self._left - (end - self.at) / apart)
            self.at = end
            return None
        count = int(min(most, (end - first) // apart + 1))
        run = EvenSlots(self.number, count, first, apart)
        self.number += count
        last = first + (count - 1) * apart
        self.at = last if count == most else end
        self._left = max(0.0, 1.0 - (self.at - last) / apart)
        return run

    def _draw(
        self, first: float, end: float, apart: float, gap: Callable[[], float]
    ) -> EvenSlots | None:
        """Return one slot, and draw how far away the next is."""
        if first > end:
            self._left = max(0.0, self._left - (end - self.at) / apart)
            self.at = end
            return None
        run = EvenSlots(self.number, 1, first, 0.0)
        self.number += 1
        self.at, self._left = first, gap()
        return run
