"""Spans: the joined seconds of a long run, and what can still be told of a part of one.

The histograms of the oldest seconds of a long run are joined to those of 10, 60, 600 seconds
and more.  What is asked of whole spans is answered by histograms, which lose nothing.  Where
a span is cut, the rows of its windows stand in: they have each window's count, sum and maximum
exactly, and its percentiles, between which durations are taken to lie evenly.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from murmur.telemetry import Distributions, Histogram, nearest_rank

Spans: TypeAlias = Sequence[tuple[float, float]]
"""Where stretches begin and end, in seconds since the run's start."""

_KNOTS = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999, "max": 1.0}


class Cut(NamedTuple):
    """A stretch of a run, and how it lies to joined spans."""

    # low, high: the part that cuts no span in half, in seconds; nothing if `low` is not below
    # `high`
    low: float
    high: float
    # the rest: parts of spans that `low` and `high` leave out
    parts: tuple[tuple[float, float], ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether no span is cut."""
        return not self.parts


def cut_by(joined: Spans, start: float, end: float) -> Cut:
    """Return how the stretch from `start` to `end` lies to joined spans, which are in order.

    Examples
    --------
    >>> cut_by([(0.0, 60.0), (60.0, 120.0)], 40.0, 130.0)
    Cut(low=60.0, high=130.0, parts=((40.0, 60.0),))
    >>> cut_by([(0.0, 60.0)], 20.0, 30.0).parts
    ((20.0, 30.0),)
    """
    first, last = _around(joined, start), _around(joined, end)
    if first is not None and first == last:
        return Cut(end, end, ((start, end),))
    parts = []
    if first is not None:
        parts.append((start, first[1]))
    if last is not None:
        parts.append((last[0], end))
    return Cut(first[1] if first else start, last[0] if last else end, tuple(parts))


def _around(joined: Spans, moment: float) -> tuple[float, float] | None:
    """Return the span that goes on at `moment` and before."""
    place = bisect_left(joined, (moment, -math.inf)) - 1
    return joined[place] if place >= 0 and joined[place][1] > moment else None


@dataclass(frozen=True, slots=True)
class Spanned:
    """The durations of a run whose oldest seconds may be joined."""

    whole: Callable[..., Histogram]  # returns the histogram of all spans that overlap a stretch
    joined: Spans  # spans of more than one window, in order
    windows: Callable[[], pd.DataFrame]  # returns the frame `windows`

    def histogram(
        self, time: str, *, name: str | None = None, start: float = 0.0, end: float | None = None
    ) -> Histogram:
        """Return how long the actions took that ended in a stretch; see `Results.histogram`."""
        cut = cut_by(self.joined, start, math.inf if end is None else end)
        found = Histogram()
        if cut.low < cut.high:
            last = None if math.isinf(cut.high) else cut.high
            found = self.whole(time, name=name, start=cut.low, end=last)
        for since, until in cut.parts:
            rows = self.windows()
            low, high = np.searchsorted(rows["window_at"].to_numpy(), [since, until])
            rows = rows.iloc[low:high]
            if name is not None:
                rows = rows[rows["name"] == name]
            around = self.whole(time, name=name, start=since, end=until)
            found = found + _of_rows(rows, time, around.min)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class SpanTimes:
    """The histograms of a run, as columns: a row for each name in each span."""

    name: NDArray[np.object_]  # ascending; the rows of a name are ordered by time
    start: NDArray[np.float64]  # start, length: when the span began and how long it is, in seconds
    length: NDArray[np.float64]
    times: Mapping[str, Distributions]  # for `"response"` and `"service"`, a group for each row

    def whole(
        self, time: str, *, name: str | None = None, start: float = 0.0, end: float | None = None
    ) -> Histogram:
        """Return the histogram of all spans that overlap a stretch."""
        low, high = 0, len(self.name)
        if name is not None:
            low = int(np.searchsorted(self.name, name))
            high = int(np.searchsorted(self.name, name, "right"))
        chosen = self.start[low:high] + self.length[low:high] > start
        if end is not None:
            chosen &= self.start[low:high] < end
        columns = self.times[time]
        edges = np.flatnonzero(np.diff(np.concatenate(([0], chosen, [0]))))
        parts = [
            columns.between(int(low + first), int(low + last))
            for first, last in edges.reshape(-1, 2)
        ]
        pairs = [(part, np.zeros(len(part), np.int64)) for part in parts]
        return Histogram.of(Distributions.merge(pairs, 1))

    def joined(self, window: float) -> Spans:
        """Return the spans that are longer than a window, in order."""
        long = self.length > 1.5 * window
        pairs = zip(self.start[long], self.start[long] + self.length[long], strict=True)
        return sorted({(float(start), float(end)) for start, end in pairs})


def _of_rows(
    rows: pd.DataFrame,  # rows of the frame `windows`
    time: str,
    smallest: float,  # no duration is below it, in seconds
) -> Histogram:
    """Return a histogram of as many durations as `rows` of windows count."""
    sizes = (rows["count"] - rows["failed"]).to_numpy()
    known = rows[[f"{time}_{knot}" for knot in _KNOTS]].to_numpy()
    means = rows[f"{time}_mean"].to_numpy()
    filled = sizes > 0
    if not filled.any():
        return Histogram()
    parts = [
        _spread(int(size), values, smallest)
        for size, values in zip(sizes[filled], known[filled], strict=True)
    ]
    columns = Distributions.fold(np.zeros(int(sizes.sum()), np.int64), np.concatenate(parts), 1)
    total = np.array([float((means[filled] * sizes[filled]).sum())])
    return Histogram.of(replace(columns, total=total))


def _spread(size: int, values: NDArray[np.float64], smallest: float) -> NDArray[np.float64]:
    """Return `size` durations of a window whose percentiles are `values`."""
    ranks = nearest_rank(np.array(list(_KNOTS.values())), np.array([size]))
    first = min(smallest, float(values[0])) if math.isfinite(smallest) else float(values[0])
    spread: NDArray[np.float64] = np.interp(
        np.arange(1, size + 1), [0, *ranks.tolist()], [first, *values.tolist()]
    )
    return spread
