"""Sides of a comparison: what one or several runs say of a statistic, and how surely."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ._bootstrap import FEWEST_BLOCKS, Floats, Memory, draws_of, memory_of, wilson
from ._cells import FEWEST, Cells, Statistic, cells_of, edges_of
from ._source import Source


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one run says of a statistic."""

    value: float  # the logarithm of the statistic; of failures their share itself, which may be 0
    draws: Floats  # by how much each draw differs from it
    error: float  # the standard error of `value`
    freedom: float  # degrees of freedom with which that is known
    size: float  # actions


_MEDIAN = 0.5

_ROUNDING = 1e-12
"""By how much draws of what never changes may differ: taken for chance, it would outweigh all."""

FEWEST_RUNS = 3
"""Of each side; what fewer differ by says too little of what runs differ by."""


class RunSide:
    """One run, cut into cells."""

    def __init__(
        self,
        run: Source,
        span: tuple[float, float],  # where to look, in seconds
        statistics: Mapping[str, Statistic],
        *,
        block: float | None,  # seconds in a block; by default as the data have it
        times: int,
        random: np.random.Generator,
    ) -> None:
        self._run = run
        self._edges = edges_of(run, *span)
        self._cells: dict[tuple[str, str], Cells] = {}
        windows = run.frame("windows")
        inside = windows["window_at"].between(span[0], span[1], inclusive="left")
        self._windows = windows[inside]
        self.names: list[str] = self._windows["name"].astype(str).unique().tolist()
        self._memories = {
            (name, statistic): self._memory(name, statistic)
            for name in self.names
            for statistic in statistics.values()
        }
        cells = len(self._edges) - 1
        if block is not None:
            self._asked = round(block * cells / (span[1] - span[0]))
            self._block = max(1, min(self._asked, cells))
        else:
            self._asked = 0
            self._block = _typical(self._memories.values())
        self._weights = draws_of(cells, self._block, times, random)

    def value(self, name: str, statistic: Statistic) -> float:
        """Return a statistic of the run, NaN if there is none."""
        cells = self._of(name, statistic.time)
        return float(statistic.drawn(cells, np.ones((1, len(cells.seconds))))[0])

    def estimate(self, name: str, statistic: Statistic) -> Estimate | None:
        """Return what the run says of a statistic; None if that is too little to go by."""
        memory = self._memories.get((name, statistic))
        if memory is None or FEWEST_BLOCKS * self._asked > memory.cells:
            return None
        # A share of failures has an interval that holds for few as well.
        if not memory.is_enough and statistic.kind != "failed":
            return None
        cells, value = self._of(name, statistic.time), self.value(name, statistic)
        draws = statistic.drawn(cells, self._weights)
        if statistic.kind != "failed":
            if not (value > 0 and (draws > 0).all()):
                return None
            value, draws = math.log(value), np.log(draws)
        elif np.isnan(draws).any():
            return None
        draws = (draws - draws.mean()) * memory.widening(self._block)
        draws = np.where(np.abs(draws) > _ROUNDING, draws, 0.0)
        freedom = min(memory.freedom, 1.5 * memory.cells / self._block)
        return Estimate(value, draws, float(draws.std()), freedom, float(cells.count.sum()))

    def ended(self, name: str) -> float:
        """Return how many actions of a name ended."""
        return float(self._of(name, "response").count.sum())

    def failed(self, name: str) -> float:
        """Return how many of those failed."""
        return float(self._of(name, "response").failed.sum())

    @property
    def seconds(self) -> float:
        """How long it is looked at."""
        return float(self._edges[-1] - self._edges[0])

    @property
    def is_long(self) -> bool:
        """Whether there are enough cells to go by."""
        cells = len(self._edges) - 1
        return cells >= max(FEWEST, FEWEST_BLOCKS * self._asked)

    def estimate_as_one_of_many(
        self, name: str, statistic: Statistic, random: np.random.Generator
    ) -> Estimate | None:
        """Return what the run says if only other runs tell how far that is off.

        That asks for no blocks, so that many short runs say something.  No run knows itself
        better than to one action.
        """
        cells, value = self._of(name, statistic.time), self.value(name, statistic)
        if not (statistic.has_enough(cells) and value > 0):
            return None
        size = float(cells.count.sum())
        draws = random.standard_normal(len(self._weights))
        return Estimate(math.log(value), draws, 1 / size, size, size)

    def _memory(self, name: str, statistic: Statistic) -> Memory | None:
        cells = self._of(name, statistic.time)
        if not statistic.is_known(cells):
            return None
        memory = memory_of(statistic.moved(cells, self.value(name, statistic)))
        if statistic.kind not in {"mean", "quantile"} or statistic.probability == _MEDIAN:
            return memory
        # Few seconds reach a high percentile: too few to show that they follow each other.
        median = self._memory(name, Statistic("s", "quantile", statistic.time, _MEDIAN))
        return memory if median is None else memory.at_least(median)

    def _of(self, name: str, time: str) -> Cells:
        if (name, time) not in self._cells:
            self._cells[name, time] = cells_of(
                self._run, self._windows, self._edges, name=name, time=time
            )
        return self._cells[name, time]


def sides_of(
    sources: Sequence[Source],
    spans: Sequence[tuple[float, float]],
    statistics: Mapping[str, Statistic],
    *,
    block: float | None,
    times: int,
) -> list[RunSide]:
    """Return stretches of runs, each cut into cells.

    Each has a seed of its own: the same ones always compare alike, and none draws as another.
    """
    return [
        RunSide(
            source, span, statistics, block=block, times=times, random=np.random.default_rng(seed)
        )
        for seed, (source, span) in enumerate(zip(sources, spans, strict=True), start=1)
    ]


def _typical(memories: Iterable[Memory | None]) -> int:
    """Return the block that fits most statistics; what it is too short for is widened."""
    blocks = [each.block for each in memories if each is not None and each.variance > 0]
    return max(1, round(float(np.mean(blocks)))) if blocks else 1


@dataclass(frozen=True)
class Side:
    """What the runs of one side say of a statistic together; values as in `Estimate`."""

    estimates: Sequence[Estimate]
    between: float = 0.0
    between_freedom: float = 0.0

    @cached_property
    def value(self) -> float:
        """The mean over the runs."""
        return float(np.mean([each.value for each in self.estimates]))

    @cached_property
    def within(self) -> float:
        """The variance of one run, as runs know it of themselves."""
        return float(np.mean([each.error**2 for each in self.estimates]))

    @cached_property
    def error(self) -> float:
        """The standard error of `value`: what differs between runs is part of it."""
        return math.sqrt(max(self.within, self.between) / len(self.estimates))

    def draws(self, random: np.random.Generator, shared: np.random.Generator) -> Floats:
        """Return draws of `value` that are as uncertain as their spread is.

        What runs of a side differ by is known from all sides together: the sides are off by the
        same factor, which `shared` draws alike for each.
        """
        draws: Floats = np.mean([each.draws for each in self.estimates], axis=0)
        spread = float(draws.std())
        if not spread:
            return draws
        if self.between > self.within:
            freedom, chance = self.between_freedom, shared
        else:
            freedom, chance = sum(each.freedom for each in self.estimates), random
        scale = np.sqrt(freedom / chance.chisquare(freedom, len(draws)))
        scaled: Floats = draws * scale * (self.error / spread)
        return scaled

    def wilson(self, critical: float) -> tuple[float, float]:
        """Return the interval of a share of failures."""
        share = min(max(self.value, 0.0), 1.0)
        size = sum(each.size for each in self.estimates)
        alone = share * (1 - share) / size
        likeness = max(1.0, self.error**2 / alone) if alone > 0 else 1.0
        return wilson(share, size / likeness, critical)


def estimates_of(
    sides: Sequence[Sequence[RunSide]],
    name: str,
    statistic: Statistic,
    random: np.random.Generator,
) -> list[list[Estimate]]:
    """Return what the runs of each side say of a statistic, those that say nothing left out.

    Where runs are too short to know of themselves, three or more of each side do together.
    """
    known = [_known(run.estimate(name, statistic) for run in side) for side in sides]
    are_few = min(map(len, sides)) < FEWEST_RUNS
    if are_whole(known, sides) or are_few or statistic.kind == "failed":
        return known
    together = [
        _known(run.estimate_as_one_of_many(name, statistic, random) for run in side)
        for side in sides
    ]
    return together if are_whole(together, sides) else known


def are_whole(known: Sequence[Sequence[Estimate]], sides: Sequence[Sequence[RunSide]]) -> bool:
    """Return whether every run of every side said something."""
    return [len(each) for each in known] == [len(side) for side in sides]


def _known(estimates: Iterable[Estimate | None]) -> list[Estimate]:
    return [each for each in estimates if each is not None]


def pooled(sides: Sequence[Sequence[Estimate]]) -> list[Side]:
    """Return the sides, with what differs between runs of one side, taken over all sides."""
    squares = freedom = 0.0
    for estimates in sides:
        values = np.array([each.value for each in estimates])
        squares += float(((values - values.mean()) ** 2).sum())
        freedom += len(estimates) - 1
    between = squares / freedom if freedom else 0.0
    return [Side(estimates, between, freedom) for estimates in sides]


@dataclass(frozen=True, slots=True)
class CountedRate:
    """A rate as a count says it, which holds for a few actions and for none."""

    count: float  # actions
    seconds: float  # in how long
    likeness: float  # how many actions come together, of which only one counts as evidence

    def interval(self, critical: float) -> tuple[float, float]:
        """Return between what the rate lies: Garwood's, after Wilson and Hilferty (1931).

        Examples
        --------
        >>> low, high = CountedRate(0, 60.0, 1.0).interval(1.96)
        >>> low, round(high * 60, 1)
        (0.0, 3.7)
        """
        number = self.count / self.likeness
        scale = self.likeness / self.seconds
        return scale * _gamma(number, -critical), scale * _gamma(number + 1, critical)


def _gamma(shape: float, normal: float) -> float:
    """Return the quantile of a gamma distribution at which a normal one has `normal`."""
    if not shape:
        return 0.0
    return shape * max(0.0, 1 - 1 / (9 * shape) + normal / (3 * math.sqrt(shape))) ** 3


def rates_by_count(
    sides: Sequence[Sequence[RunSide]], known: Sequence[Sequence[Estimate]], name: str
) -> list[CountedRate]:
    """Return the rates of an action on both sides by counts, if one of them has hardly any.

    How alike they come only the other side can say; nothing if that is not known either.
    """
    is_known = [len(found) == len(runs) for found, runs in zip(known, sides, strict=True)]
    if is_known not in ([True, False], [False, True]):
        return []
    few, many = (sides[is_known.index(is_one)] for is_one in (False, True))
    if not all(run.is_long and run.ended(name) < FEWEST for run in few):
        return []
    error = pooled([known[is_known.index(True)]])[0].error
    likeness = max(1.0, error**2 * sum(run.ended(name) for run in many))
    return [
        CountedRate(
            sum(run.ended(name) for run in runs), sum(run.seconds for run in runs), likeness
        )
        for runs in sides
    ]
