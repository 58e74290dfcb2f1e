"""Cells of a run: what the actions of one name came to in short stretches of time.

From them each statistic is made, for the run and for each draw of blocks, and with it how
much each cell moves the statistic: the series whose memory decides how long a block is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import pandas as pd

from murmur.telemetry import Histogram, bounds

from ._bootstrap import Floats
from ._source import Source
from ._spans import cut_by

MOST_CELLS = 240
FEWEST = 10  # actions, and those on either side of a quantile


@dataclass(frozen=True)
class Cells:
    """One action of one run, cell by cell."""

    seconds: Floats  # how long each cell is
    count: Floats  # count, failed: actions that ended in it, and those that failed
    failed: Floats
    times: Sequence[Histogram]  # how long the others took

    @cached_property
    def sums(self) -> Floats:
        """Seconds that the successful actions of each cell took together."""
        return np.array([times.sum for times in self.times])

    @cached_property
    def succeeded(self) -> Floats:
        """How many actions of each cell succeeded."""
        return np.array([times.count for times in self.times], np.float64)

    @cached_property
    def _buckets(self) -> tuple[Floats, Floats, Floats]:
        """Lower and upper bounds of the buckets that occur, and a row of counts for each cell."""
        pairs = [times.buckets() for times in self.times]
        number = np.unique(np.concatenate([buckets for buckets, _ in pairs]))
        cells = np.zeros((len(pairs), len(number)))
        for row, (buckets, counts) in zip(cells, pairs, strict=True):
            row[np.searchsorted(number, buckets)] = counts
        low, high = bounds(number)
        filled = [times for times in self.times if times.count]
        if filled:  # no duration is outside what was measured
            low = np.maximum(low, min(times.min for times in filled))
            high = np.minimum(high, max(times.max for times in filled))
        return low, high, cells

    def quantiles(self, probability: float, weights: Floats) -> Floats:
        """Return a quantile for each row of times that a cell is taken.

        Durations are taken to lie evenly within a bucket, or draws would fall into steps.
        """
        low, high, cells = self._buckets
        if not len(low):
            return np.full(len(weights), np.nan)
        drawn = weights @ cells
        reached = np.cumsum(drawn, axis=1)
        rank = probability * reached[:, -1]
        place = np.minimum((reached < rank[:, None] - 1e-9).sum(axis=1), len(low) - 1)
        rows = np.arange(len(weights))
        here = drawn[rows, place]
        share = np.divide(
            rank - (reached[rows, place] - here), here, out=np.zeros(len(rows)), where=here > 0
        )
        value = low[place] + (high[place] - low[place]) * np.clip(share, 0, 1)
        return np.where(reached[:, -1] > 0, value, np.nan)

    def below(self, value: float) -> Floats:
        """Return how many durations of each cell are below a value."""
        low, high, cells = self._buckets
        width = np.maximum(high - low, 1e-300)
        return cells @ np.clip((value - low) / width, 0, 1)


@dataclass(frozen=True, slots=True)
class Statistic:
    """How a statistic is computed.

    Attributes
    ----------
    unit : str
        ``"1/s"``, ``"s"`` or ``"share"``.
    time : {"response", "service"}
        Of which time it is, if of any.
    kind : {"rate", "failed", "mean", "quantile"}
        Which statistic.
    probability : float
        Of a quantile.
    """

    unit: str
    kind: str
    time: str = "response"
    probability: float = math.nan

    def drawn(self, cells: Cells, weights: Floats) -> Floats:
        """Return the statistic for each row of times that a cell is taken; NaN for none."""
        if self.kind == "quantile":
            return cells.quantiles(self.probability, weights)
        above, below = self._parts(cells)
        total = weights @ below
        empty: Floats = np.full(len(weights), np.nan)
        return np.divide(weights @ above, total, out=empty, where=total > 0)

    def moved(self, cells: Cells, value: float) -> Floats:
        """Return in which direction, and how far, each cell moves the statistic."""
        if self.kind == "quantile":
            return _less(self.probability * cells.succeeded, cells.below(value))
        above, below = self._parts(cells)
        return _less(above, value * below)

    def _parts(self, cells: Cells) -> tuple[Floats, Floats]:
        """Return what is divided by what."""
        return {
            "rate": (cells.count, cells.seconds),
            "failed": (cells.failed, cells.count),
            "mean": (cells.sums, cells.succeeded),
        }[self.kind]

    def is_known(self, cells: Cells) -> bool:
        """Whether there are enough cells and actions to say how sure it is."""
        return len(cells.seconds) >= FEWEST and self.has_enough(cells)

    def has_enough(self, cells: Cells) -> bool:
        """Whether there are enough actions, however short the time was."""
        if cells.count.sum() < FEWEST:
            return False
        if self.kind != "quantile":
            return True
        beyond = min(self.probability, 1 - self.probability)
        return bool(cells.succeeded.sum() * beyond >= FEWEST - 1e-6)


def _less(these: Floats, those: Floats) -> Floats:
    """Return differences, in which what floats are rounded by is 0: it would look like a memory."""
    rounding = 1e-9 * np.abs(these).max(initial=0.0)
    difference: Floats = these - those
    return np.where(np.abs(difference) > rounding, difference, 0.0)


def edges_of(run: Source, start: float, end: float) -> Floats:
    """Return where the cells of a stretch begin, and where the last one ends, in seconds.

    A cell is as many windows as make at most 240 of them, and never a part of joined ones.
    """
    window, joined = run.window, run.joined()
    windows = round((end - start) / window)
    length = max(1, -(-windows // MOST_CELLS)) * window
    inner = start + length * np.arange(1, int((end - start) / length + 1e-9))
    kept = [edge for edge in inner.tolist() if cut_by(joined, edge, edge).is_whole]
    return np.array([start, *kept, end])


def cells_of(run: Source, windows: pd.DataFrame, edges: Floats, *, name: str, time: str) -> Cells:
    """Return what the actions of a name came to between each two edges, of rows of `windows`."""
    mine = windows[windows["name"] == name]
    place = np.searchsorted(edges, mine["window_at"], side="right") - 1
    number = len(edges) - 1
    return Cells(
        seconds=np.diff(edges),
        count=np.bincount(place, mine["count"], number).astype(float),
        failed=np.bincount(place, mine["failed"], number).astype(float),
        times=[
            run.whole(time, name=name, start=low, end=high)
            for low, high in pairwise(edges.tolist())
        ],
    )
