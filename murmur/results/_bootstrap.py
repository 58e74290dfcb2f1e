"""Resampling of blocks of time: how sure a statistic of a run is, as pure arithmetic.

Durations that follow each other are alike: a slow second makes a thousand of them slow.
To resample single actions would treat those thousand as evidence of their own, and call
almost any difference certain.  So time is cut into cells of whole windows, and blocks of
cells are drawn with replacement.  How long a block has to be is asked of the data: it has to
outlast what the system under test remembers.

Few blocks know their own spread badly, and too well of it.  Therefore the spread that was
resampled is widened where the cells remember longer than a block, and each draw is spread as
much as the spread itself is uncertain.

References
----------
B. Efron, Bootstrap methods: another look at the jackknife, Annals of Statistics 7 (1979):
the spread of a statistic is that of the resampled one.
H. R. Künsch, The jackknife and the bootstrap for general stationary observations, Annals
of Statistics 17 (1989): resampling of blocks.
D. N. Politis, H. White, Automatic block-length selection for the dependent bootstrap,
Econometric Reviews 23 (2004), with the correction of A. Patton, D. N. Politis, H. White,
Econometric Reviews 28 (2009): the length of a block.
M. G. Kendall, Note on bias in the estimation of autocorrelation, Biometrika 41 (1954): a short
series looks less alike than it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

FEWEST_BLOCKS = 6
"""Blocks, and cells that are worth one of their own, below which nothing is said."""


@dataclass(frozen=True, slots=True)
class Memory:
    """How long a series of cells remembers what happened."""

    block: float  # the best length of a block, in cells
    variance: float  # of the sum of the series, divided by its length: what a draw should spread by
    covariances: Floats  # of cells that are 0, 1, 2 and so on apart
    cells: int

    @property
    def is_enough(self) -> bool:
        """Whether there are enough blocks to tell."""
        alone = float(self.covariances[0])
        worth = self.cells * alone / self.variance if self.variance > 0 else self.cells
        return min(self.cells / self.block, worth) >= FEWEST_BLOCKS

    @property
    def freedom(self) -> float:
        """How many degrees of freedom the spread of draws of such blocks has."""
        return 1.5 * self.cells / self.block

    def at_least(self, other: Memory) -> Memory:
        """Return this memory, or as long a one as `other` of the same cells has."""
        alone, others = float(self.covariances[0]), float(other.covariances[0])
        if alone <= 0 or others <= 0:
            return self
        variance = max(self.variance, alone * other.variance / others)
        return replace(self, block=max(self.block, other.block), variance=variance)

    def widening(self, block: int) -> float:
        """Return the factor by which draws of blocks of that length spread too little."""
        lags = np.arange(1, min(block, len(self.covariances)))
        weights = 1 - lags / block
        drawn = self.covariances[0] + 2 * float(weights @ self.covariances[1 : len(lags) + 1])
        if drawn <= 0 or self.variance <= 0:
            return 1.0
        return max(1.0, math.sqrt(self.variance / drawn))


def memory_of(series: Floats) -> Memory:
    """Return how long a series remembers.

    The variance is the largest of three estimates: of the series as if its cells knew nothing
    of each other, of its autocovariances up to where they vanish (Politis and White), and of
    an autoregression of order one whose coefficient is corrected for its bias (Kendall).
    """
    cells = len(series)
    reach = math.ceil(math.sqrt(cells)) + _tail(cells)
    covariances = _autocovariances(series, min(2 * reach, cells - 1))
    alone = float(covariances[0])
    if alone <= 0:
        return Memory(1.0, 0.0, covariances, cells)
    lags = np.arange(1, _bandwidth(covariances, reach, cells) + 1)
    taper = np.clip(2 * (1 - lags / max(len(lags), 1)), 0, 1)  # flat, then down to 0
    near = taper * covariances[1 : len(lags) + 1]
    flat, slope = alone + 2 * float(near.sum()), 2 * float(lags @ near)
    block = 1.0
    if flat > 0 and slope > 0:  # cells that undo each other are best taken one by one
        block = (1.5 * slope**2 / flat**2 * cells) ** (1 / 3)
    return Memory(
        min(max(block, 1.0), cells / 3),
        max(alone, flat, _autoregressive(covariances, cells)) * cells / (cells - 1),
        covariances,
        cells,
    )


def _tail(cells: int) -> int:
    """Return after how many lags without correlation it is taken to have ended."""
    return max(5, math.ceil(math.sqrt(math.log10(cells))))


def _bandwidth(covariances: Floats, reach: int, cells: int) -> int:
    """Return up to which lag cells are alike, twice as far as it shows."""
    limit = 2 * math.sqrt(math.log10(cells) / cells)
    is_alike = np.abs(covariances[1:] / covariances[0]) >= limit
    last = min(reach, len(is_alike))
    for lag in range(last):
        if not is_alike[lag : lag + _tail(cells)].any():
            return min(2 * lag, last)
    return last


def _autoregressive(covariances: Floats, cells: int) -> float:
    """Return the variance of the sum of an autoregression with the same first lag."""
    seen = float(covariances[1] / covariances[0])
    if seen <= 0:
        return float(covariances[0])
    true = min(seen + (1 + 3 * seen) / cells, 0.97)
    longer = (1 + true) / (1 - true)
    # The mean was taken from the same cells: that took a part of the variance.
    return float(covariances[0]) * longer / max(1 - longer / cells, 0.1)


def _autocovariances(series: Floats, lags: int) -> Floats:
    centred = series - series.mean()
    cells = len(centred)
    return np.array([centred[: cells - lag] @ centred[lag:] / cells for lag in range(lags + 1)])


def draws_of(cells: int, block: int, times: int, random: np.random.Generator) -> Floats:
    """Return how often each cell is taken in each of `times` draws of whole blocks.

    The last cell is followed by the first, so that all of them are as likely.
    """
    starts = random.integers(0, cells, (times, math.ceil(cells / block)))
    taken = (starts[:, :, None] + np.arange(block)) % cells
    taken = taken.reshape(times, -1)[:, :cells] + np.arange(times)[:, None] * cells
    weights = np.bincount(taken.ravel(), minlength=times * cells)
    return weights.reshape(times, cells).astype(np.float64)


def wilson(share: float, size: float, critical: float) -> tuple[float, float]:
    """Return the interval of a share of `size` independent ones (Wilson 1927).

    Examples
    --------
    >>> [round(bound, 5) for bound in wilson(0.0, 3000, 1.96)]
    [0.0, 0.00128]
    """
    square = critical**2
    middle = share + square / (2 * size)
    reach = critical * math.sqrt(share * (1 - share) / size + square / (4 * size**2))
    scale = 1 + square / size
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)
