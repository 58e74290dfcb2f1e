"""Search for a limit whose answers are noisy: double first, then ask where the belief is halved.

Near the limit a check holds in one run and fails in the next, so plain bisection, which
believes every answer, ends beside the limit and knows nothing of it.  Here each answer moves a
belief: the chance that a check holds at a load falls along a curve in the logarithm of the
load, whose middle is the limit and whose width, the noise, is learned too.  The next load
is the median of the belief (probabilistic bisection: Horstein, "Sequential transmission using
noiseless feedback", 1963; Waeber, Frazier and Henderson, "Bisection search with noisy
responses", 2013), and the interval is what holds most of the belief.

The curve is a normal one, unless the answer rests on little evidence.  Slow requests of a busy
queue come in crowds: of 2,000 requests, the twenty beyond a 99th percentile are one crowd, or
none.  So the percentile is mostly too low and sometimes far too high, and such a step holds at
the limit itself in three of four cases.  The number of slow requests of a step is taken as
gamma-distributed, with the mean and the variance that crowds have; that makes "holds" weak
evidence and "fails" strong.  With much evidence it is the normal curve again.

Pure: nothing here runs anything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from murmur.errors import InvalidArgumentError

Answer: TypeAlias = Literal["holds", "fails", "no answer"]

NOISES = {0.01: 1.0, 0.02: 1.0, 0.04: 1.0, 0.08: 0.5, 0.16: 0.1, 0.32: 0.02, 1.0: 0.002, 3.0: 0.002}
"""Widths of the curve, in the logarithm of the load, and how likely each is beforehand.

A queue at 80 % of its capacity whose 99th percentile is taken of 2,000 requests has 0.04.
"""

ENOUGH = 4.0
"""Independent values beyond its percentile that a step has to have for these widths.

With fewer they are as much larger as a sum of so few varies more.
"""

LEAST = 0.01
"""The same of a step that has next to none."""

NEIGHBOURS = 0.1
"""Distance, in the logarithm of the load, of steps whose crowds are taken to be alike.

A step that saw no crowd, by chance, would believe that there are none.
"""

SLIP = 0.005
"""Share of answers that are wrong for a reason that has nothing to do with the load."""

RESOLUTION = 0.0025
"""Distance of two limits that are told apart, in the logarithm of the load."""

OCTAVES = 20
"""How often the load is doubled at most where no upper end is given."""

SILENT = 3
"""Steps without an answer, one after the other at the top, that end a search."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A load that was tried, the answer, and how much evidence there is for it."""

    load: float
    answer: Answer
    evidence: float = math.inf


class Search:
    """Chooses loads, takes answers, and says between which loads the limit lies.

    Examples
    --------
    >>> search = Search(10)
    >>> while (load := search.next_load()) is not None:
    ...     search.take(load, "holds" if load <= 130 else "fails")
    >>> low, high = search.interval()
    >>> low <= 130 <= high, search.ended
    (True, 'found')
    """

    def __init__(  # noqa: PLR0913 - one keyword for each thing that one may want otherwise
        self,
        low: float,  # the first load
        # the largest load that may be tried; twenty doublings of `low` unless given
        high: float | None = None,
        *,
        # width of the interval, relative to its lower end, at which the search is over
        within: float = 0.1,
        confirm: int = 2,  # how many answers of each kind there have to be before it is
        most: int = 14,  # steps at most
        whole: bool = False,  # whether loads are whole numbers, as users are
        confidence: float = 0.95,  # of the interval
    ) -> None:
        if not (0 < low < math.inf) or (high is not None and not low < high < math.inf):
            raise InvalidArgumentError(f"low={low}, high={high}", "give 0 < low < high")
        if whole and low < 1:
            raise InvalidArgumentError(f"low={low}", "give at least one user")
        self.low: float = low
        self.high: float | None = high
        self.asked: list[Asked] = []  # the loads that were tried, in order
        self._within, self._confirm = within, confirm
        self.most: int = most  # steps at most
        self._whole = whole
        self.confidence: float = confidence  # of the interval
        top = math.log(low * 2.0**OCTAVES if high is None else high)
        # The limit may lie outside of what may be asked: half an octave on either side.
        span = (math.log(low) - 0.35, top + 0.35)
        self._limits = np.linspace(*span, max(50, math.ceil((span[1] - span[0]) / RESOLUTION)))
        self._belief = self._before()

    @property
    def ended(self) -> str:
        """Why it is over; empty while it is not.

        "found", "never held" (not even at `low`), "not reached" (it holds at `high`),
        "generator" (above the interval no step gave an answer), or "too noisy" (no steps are
        left, and the interval is wider than was asked for).
        """
        if self._is_silent():
            return "generator"
        if self._times("fails", at_most=self.low) >= self._confirm and not self._times("holds"):
            return "never held"
        if self.high and self._times("holds", at_least=self._rounded(self.high)) >= self._confirm:
            return "not reached"
        low, high = self.interval()
        is_sure = min(self._times("holds"), self._times("fails")) >= self._confirm
        is_narrow = high - low <= max(self._within * low, 1.0 if self._whole else 0.0)
        if is_sure and is_narrow:
            return "found"
        if len(self.asked) < self.most:
            return ""
        is_mute = self._times("no answer") and not self._times("fails")
        return "generator" if is_mute else "too noisy"

    def next_load(self) -> float | None:
        """Return the load to try next; None if the search is over."""
        if self.ended:
            return None
        known = max((one.load for one in self.asked if one.answer == "holds"), default=self.low)
        silent = self._silent()
        if len(silent) == 1:  # a node left, or another program was busy: once is no limit
            return silent[0]
        if not self._times("fails") and not silent:
            return self._rounded(min(2 * known, self._top) if self.asked else self.low)
        middle = math.exp(self._quantile(0.5))
        if silent:  # not where the generator could not, but nearer
            middle = min(middle, math.sqrt(min(silent) * known))
        return self._rounded(min(max(middle, self.low), self._top))

    def take(
        self,
        load: float,  # what was tried
        answer: Answer,  # one of "holds", "fails", "no answer": whether the check held
        # how many values beyond the check's percentile were independent of each other
        evidence: float = math.inf,
    ) -> None:
        """Take in the answer to a load; "no answer" teaches nothing of the limit."""
        self.asked.append(Asked(load, answer, max(evidence, LEAST)))
        self._belief = self._before()
        for each in self.asked:
            if each.answer == "no answer":
                continue
            evidence = self._pooled(each)
            widths = np.array(list(NOISES)) * max(1.0, math.sqrt(ENOUGH / evidence))
            distance = (self._limits[:, None] - math.log(each.load)) / widths
            holds = (1 - SLIP) * _held(distance, evidence) + SLIP / 2
            self._belief += np.log(holds if each.answer == "holds" else 1 - holds)

    def _before(self) -> NDArray[np.float64]:
        """Return what is believed before anything was asked."""
        return np.tile(np.log(list(NOISES.values())), (len(self._limits), 1))

    def _pooled(self, asked: Asked) -> float:
        """Return the evidence of a step: the mean, in logarithms, of those with its load."""
        near = [
            math.log(each.evidence)
            for each in self.asked
            if each.answer != "no answer" and abs(math.log(each.load / asked.load)) < NEIGHBOURS
        ]
        return math.exp(sum(near) / len(near))

    def interval(self, confidence: float | None = None) -> tuple[float, float]:
        """Return between which loads the limit lies, with the chance that was asked for."""
        outside = (1 - (self.confidence if confidence is None else confidence)) / 2
        low, high = math.exp(self._quantile(outside)), math.exp(self._quantile(1 - outside))
        return (math.floor(low), math.ceil(high)) if self._whole else (low, high)

    @property
    def best(self) -> float:
        """The load that the limit is as likely above as below."""
        return math.exp(self._quantile(0.5))

    @property
    def _top(self) -> float:
        return self.high if self.high is not None else self.low * 2.0**OCTAVES

    def _rounded(self, load: float) -> float:
        return float(max(1, round(load))) if self._whole else load

    def _times(self, answer: Answer, *, at_most: float = math.inf, at_least: float = 0.0) -> int:
        return sum(
            one.answer == answer and at_least <= one.load <= at_most * (1 + 1e-9)
            for one in self.asked
        )

    def _silent(self) -> list[float]:
        """Return the loads at which no answer came, above all that have one."""
        top = max((one.load for one in self.asked if one.answer != "no answer"), default=0.0)
        return [one.load for one in self.asked if one.answer == "no answer" and one.load > top]

    def _is_silent(self) -> bool:
        last = self.asked[-SILENT:]
        return len(last) == SILENT and all(one.answer == "no answer" for one in last)

    def _quantile(self, share: float) -> float:
        """Return the limit below which a share of the belief lies, as a logarithm."""
        weights: NDArray[np.float64] = np.exp(self._belief - self._belief.max()).sum(axis=1)
        below = np.cumsum(weights) / weights.sum()
        place = min(int(np.searchsorted(below, share)), len(below) - 1)
        return float(self._limits[place])


def _held(distance: NDArray[np.float64], evidence: float) -> NDArray[np.float64]:
    """Return how likely a check holds that far below its limit, in widths of the curve.

    That is the chance of a gamma distribution, of as many values as are to be expected there,
    to stay below those at the limit (Wilson and Hilferty 1931).
    """
    if math.isinf(evidence):
        return _normal(distance)
    expected = evidence * np.exp(np.clip(-distance / math.sqrt(evidence), -50, 50))
    root = np.cbrt(evidence / expected)
    return _normal(3 * np.sqrt(expected) * (root - 1) + 1 / (3 * np.sqrt(expected)))


def _normal(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of a normal distribution that lies below each value.

    To 1e-7, by a polynomial (Hastings 1955; Abramowitz and Stegun 7.1.26): a search asks for
    millions, and the base of murmur has no scipy.
    """
    size = np.abs(values) / math.sqrt(2)
    near = 1 / (1 + 0.3275911 * size)
    powers = np.zeros_like(near)
    for factor in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        powers = near * (powers + factor)
    outside: NDArray[np.float64] = powers * np.exp(-(size**2)) / 2
    return np.where(values > 0, 1 - outside, outside)
