"""Allowance of lateness: for how long after its time a node may use a slot.

Pure arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ._lease import LATENESS

REVIEW = 0.5
"""Seconds between two looks at how late slots are used."""

KEPT_FOR = 2.0
"""Seconds for which the allowance stays before it may shrink: to shrink it costs time."""

HALF_LIFE = 8.0
"""Seconds after which a use counts half."""

SUPPOSED = 5.0
"""Uses that are supposed before any was seen, some of them late: few uses prove little."""

TAIL = 0.0002
"""Seconds; of the supposed uses this over `late` are later than `late`."""


class Allowance:
    """Follows how late slots are used on all nodes."""

    def __init__(self, now: float) -> None:
        self._counts = [0.0] * (len(LATENESS) + 1)
        self._reviewed_at = now
        self._changed_at = now

    def add(self, counts: Sequence[int]) -> None:
        """Take in how many slots a node used within each of `LATENESS`, and how many later."""
        self._counts = [a + b for a, b in zip(self._counts, counts, strict=True)]

    def review(self, now: float, late: float, interval: float, uncertainty: float) -> float:
        """Return how late slots should be allowed to be used; most often `late`, as now."""
        passed = now - self._reviewed_at
        if passed < REVIEW:
            return late
        self._reviewed_at = now
        self._counts = [count * 0.5 ** (passed / HALF_LIFE) for count in self._counts]
        wanted = allowance(self._counts, interval, uncertainty)
        is_more = wanted > late * 1.05
        is_less = wanted < late * 0.8 and now - self._changed_at > KEPT_FOR
        if not (is_more or is_less):
            return late
        self._changed_at = now
        return wanted


def allowance(
    # how many slots were used within each of `LATENESS`, and how many later
    counts: Sequence[float],
    interval: float,
    uncertainty: float,  # seconds that go for clocks which are not known better
) -> float:
    """Return how late a slot should be allowed to be used, in seconds.

    To allow more costs time between slots, to allow less costs slots that come too late:
    this is where both together cost least.  A slot of an interval of a minute costs little
    time and is a tenth of a second of a slow rate, so it is allowed more than one of a second.
    """
    total = sum(counts) + SUPPOSED
    best, least, beyond = LATENESS[-1], math.inf, sum(counts)
    for late, count in zip(LATENESS, counts or [0] * len(LATENESS), strict=False):
        beyond -= count
        missed = (beyond + SUPPOSED * TAIL / late) / total
        lost = missed + (late + uncertainty) / (interval + late + uncertainty)
        if lost < least:
            best, least = late, lost
    return best + uncertainty
