"""Intervals of a run's statistics, by resampling blocks of time.  Pure arithmetic.

Durations that follow each other are alike: a slow second makes a thousand of them slow.
To resample single actions would treat those thousand as evidence of their own, and call
almost any difference certain.  So time is cut into blocks, and whole blocks are drawn with
replacement: what belongs together stays together, as long as a block outlasts whatever the
system under test remembers.

References
----------
H. R. Künsch, The jackknife and the bootstrap for general stationary observations, Annals
of Statistics 17 (1989): resampling of blocks.
B. Efron, Bootstrap methods: another look at the jackknife, Annals of Statistics 7 (1979):
the interval between percentiles of the resampled statistic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from murmur.telemetry import Histogram

__all__ = ["Blocks", "Floats", "drawn", "interval", "ratio_of"]

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Blocks:
    """One action of one run, block by block.

    Parameters
    ----------
    seconds : numpy.ndarray
        How long each block is.
    count, failed : numpy.ndarray
        Actions that ended in it, and those that failed.
    times : sequence of Histogram
        How long the others took.
    """

    seconds: Floats
    count: Floats
    failed: Floats
    times: Sequence[Histogram]

    def rates(self, weights: Floats) -> Floats:
        """Return actions per second, for each row of times that a block is taken."""
        return ratio_of(weights @ self.count, weights @ self.seconds)

    def failures(self, weights: Floats) -> Floats:
        """Return the share of actions that failed."""
        return ratio_of(weights @ self.failed, weights @ self.count)

    def means(self, weights: Floats) -> Floats:
        """Return the mean time."""
        totals = np.array([times.sum for times in self.times])
        counts = np.array([times.count for times in self.times], np.float64)
        return ratio_of(weights @ totals, weights @ counts)

    def quantiles(self, probability: float, weights: Floats) -> Floats:
        """Return a quantile of the times, as fine as the histograms."""
        value, cells = _matrix(self.times)
        if not len(value):
            return np.full(len(weights), np.nan)
        reached = np.cumsum(weights @ cells, axis=1)
        size = reached[:, -1]
        rank = np.maximum(np.ceil(probability * size - 1e-9), 1.0)
        place = (reached < rank[:, None]).sum(axis=1)
        return np.where(size > 0, value[np.minimum(place, len(value) - 1)], np.nan)


def drawn(blocks: int, times: int, random: np.random.Generator) -> Floats:
    """Return how often each block is taken, in each of `times` draws of `blocks` of them."""
    weights: Floats = random.multinomial(blocks, np.full(blocks, 1 / blocks), times).astype(float)
    return weights


def interval(values: Floats, confidence: float) -> tuple[float, float]:
    """Return what `values` lie between, but for the outermost; NaN if any is unknown."""
    if np.isnan(values).any():
        return float("nan"), float("nan")
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def ratio_of(above: Floats, below: Floats) -> Floats:
    """Return one by the other, NaN where the other is 0."""
    ratios: Floats = np.full(len(above), np.nan)
    return np.divide(above, below, out=ratios, where=below > 0)


def _matrix(times: Sequence[Histogram]) -> tuple[Floats, Floats]:
    """Return the durations that buckets stand for, and a row of their counts for each block."""
    pairs = [each.values() for each in times]
    value = np.unique(np.concatenate([values for values, _ in pairs]))
    cells = np.zeros((len(pairs), len(value)))
    for row, (values, counts) in zip(cells, pairs, strict=True):
        row[np.searchsorted(value, values)] = counts
    return value, cells
