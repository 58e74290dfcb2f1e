"""Two runs side by side: what changed, by how much, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from murmur.errors import ComparisonError
from murmur.recording import CATEGORY, FLOAT, TEXT, Column, Frame
from murmur.telemetry import Histogram

from ._bootstrap import Blocks, Floats, drawn, interval, ratio_of
from ._frame import build
from ._spans import cut_by

if TYPE_CHECKING:
    from ._results import Results
    from ._source import Source

__all__ = ["COMPARISON", "compare"]

_BLOCKS = 30
_FEWEST_BLOCKS = 10
_FEWEST = 10  # actions, and those on either side of a quantile
_DRAWS = 2000
_RESOLUTION = 0.008  # of a histogram's quantiles, relative

_OUTCOMES = ("higher", "lower", "unclear", "too little")

COMPARISON = Frame(
    "comparison",
    "One row is one statistic of one action name in two runs: "
    "`murmur.results.compare(a, b)`, drawn by `charts.comparison`.",
    (
        Column("name", CATEGORY, "", "The action."),
        Column("statistic", TEXT, "", "Which statistic of the action."),
        Column("unit", TEXT, "", "Unit of the next five: 1/s, s, or a share."),
        Column("a", FLOAT, "`unit`", "Its value in the first run; NaN if there is none."),
        Column("b", FLOAT, "`unit`", "Its value in the second run."),
        Column("difference", FLOAT, "`unit`", "`b` less `a`."),
        Column("difference_low", FLOAT, "`unit`", "The difference is at least this; NaN: unsure."),
        Column("difference_high", FLOAT, "`unit`", "The difference is at most this."),
        Column("ratio", FLOAT, "", "`b` by `a`; NaN if `a` is 0."),
        Column("ratio_low", FLOAT, "", "The ratio is at least this."),
        Column("ratio_high", FLOAT, "", "The ratio is at most this."),
        Column(
            "outcome",
            CATEGORY,
            "",
            "Of `b`: higher or lower, if the interval of the difference says so; unclear if it "
            "holds 0; too little (time, or actions) if there is no interval.",
            _OUTCOMES,
        ),
    ),
    "The intervals hold the true value with the confidence asked for (95 %), each row by "
    "itself, if blocks of time are alike and do not depend on each other.",
)


@dataclass(frozen=True, slots=True)
class _Statistic:
    """How a statistic is computed: of which time, and if it is a quantile, which."""

    unit: str
    time: str = "response"
    of: Callable[[Blocks, Floats], Floats] | None = None
    probability: float = math.nan

    def resampled(self, blocks: Blocks, weights: Floats) -> Floats:
        """Return the statistic for each row of `weights`."""
        if self.of is not None:
            return self.of(blocks, weights)
        return blocks.quantiles(self.probability, weights)

    def whole(self, blocks: Blocks) -> float:
        """Return the statistic of all blocks."""
        if self.of is not None:
            return float(self.of(blocks, np.ones((1, len(blocks.seconds))))[0])
        return sum(blocks.times, Histogram()).quantile(self.probability)

    def is_known(self, blocks: Blocks) -> bool:
        """Whether there is enough to say how sure it is."""
        if len(blocks.seconds) < _FEWEST_BLOCKS or blocks.count.sum() < _FEWEST:
            return False
        if self.of is not None:
            return True
        beyond = min(self.probability, 1 - self.probability)
        return sum(times.count for times in blocks.times) * beyond >= _FEWEST


_STATISTICS = {
    "rate": _Statistic("1/s", of=Blocks.rates),
    "failed": _Statistic("share", of=Blocks.failures),
    "response_mean": _Statistic("s", of=Blocks.means),
    "response_p50": _Statistic("s", probability=0.5),
    "response_p95": _Statistic("s", probability=0.95),
    "response_p99": _Statistic("s", probability=0.99),
    "service_p50": _Statistic("s", "service", probability=0.5),
    "service_p99": _Statistic("s", "service", probability=0.99),
}


def compare(
    a: Results,
    b: Results,
    *,
    start: float = 0.0,
    end: float | None = None,
    block: float | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return what every statistic of every action came to in two runs, and how sure that is.

    Time is cut into blocks and whole blocks are resampled, for durations that follow each
    other are alike.  That assumes a steady load (leave out the ramp with `start`), and
    blocks that outlast whatever the system under test remembers (caches, garbage
    collections, queues).  Two runs tell about chance within runs only: what differs between
    days or machines shows in more runs, not in longer ones.  Each row stands for itself: of
    twenty that did not change, one is expected to look as if it did.

    Parameters
    ----------
    a, b : Results
        The runs, such as before and after.
    start, end : float
        Seconds since the start of each run between which it is looked at; all by default.
    block : float, optional
        Seconds in a block, a window or more; by default a thirtieth of the shorter run.
    confidence : float, default 0.95
        Share of such intervals that hold the true value.

    Returns
    -------
    pandas.DataFrame
        One row is one statistic of one name: rate [1/s], failed [share], response_mean,
        response_p50, response_p95, response_p99, service_p50, service_p99 [s].  Columns:
        name, statistic, unit, a, b, difference, difference_low, difference_high, ratio,
        ratio_low, ratio_high, outcome (higher, lower, unclear, too little).

    Raises
    ------
    ComparisonError
        If nothing is left to look at, or `start`, `end`, `block` or `confidence` makes no sense.

    Notes
    -----
    There is no interval with fewer than ten blocks in a run, or ten values beyond a
    quantile.  Intervals of quantiles are widened by the resolution of the histograms, 0.8 %.

    In a run of many hours, the oldest seconds are joined to spans of 10, 60, 600 and more.  A
    span that `start` or `end` would cut is left out of that run, with its counts.

    Examples
    --------
    >>> from murmur.results import Results, compare
    >>> from murmur.telemetry import Recorder, RunRecord
    >>> def run(seconds):
    ...     recorder = Recorder(node="n", started_at=0.0, wall_started_at=0.0)
    ...     for at in range(60):
    ...         for place in range(40):
    ...             recorder.action("echo", 1, at, at, at + seconds * (1 + place % 8 / 8))
    ...     record = RunRecord("r", 0.0, 0.0)
    ...     record.add(recorder.seal())
    ...     return Results(record)
    >>> frame = compare(run(0.1), run(0.2))
    >>> frame.set_index("statistic").loc["response_p50", "outcome"]
    'higher'
    """
    if not math.isfinite(start) or (end is not None and (math.isnan(end) or end == -math.inf)):
        raise ComparisonError(block or 0.0, math.nan, confidence)
    a._source.refresh()
    b._source.refresh()
    start = max(start, 0.0)  # nothing was before it, and nobody was idle then
    spans = [_span(run._source, start, end) for run in (a, b)]
    shortest = min(until - since for since, until in spans)
    window = max(a.window, b.window)
    length = max(shortest / _BLOCKS, window) if block is None else block
    if not window <= length <= shortest or not 0 < confidence < 1:
        raise ComparisonError(length, shortest, confidence)
    first, second = (
        _Side(a._source, *spans[0], block=length, seed=1),
        _Side(b._source, *spans[1], block=length, seed=2),
    )
    rows = [
        _row(name, statistic, first, second, confidence)
        for name in sorted({*first.names, *second.names})
        for statistic in _STATISTICS
    ]
    return build(
        COMPARISON, {column: [row[column] for row in rows] for column in COMPARISON.column_names}
    )


def _span(run: Source, start: float, end: float | None) -> tuple[float, float]:
    """Return where to look: whole windows only, for the last may have been cut off.

    And whole spans, in a long run whose oldest seconds are joined.
    """
    window = run.window
    last = run.elapsed() if end is None else min(end, run.elapsed())
    cut = cut_by(
        run.joined(), math.ceil(start / window) * window, math.floor(last / window) * window
    )
    return cut.low, cut.high


class _Side:
    """One of the two runs, cut into blocks of whole windows."""

    def __init__(self, run: Source, start: float, end: float, *, block: float, seed: int) -> None:
        cuts = np.linspace(start, end, max(round((end - start) / block), 1) + 1)[1:-1]
        starts = np.array([at for at in run.starts() if start < at < end])
        self._run = run
        self._edges = np.array([start, *_nearest(starts, cuts), end])
        windows = run.frame("windows")
        self._windows = windows[windows["window_at"].between(start, end, inclusive="left")]
        self._blocks: dict[tuple[str, str], Blocks] = {}
        self.names = self._windows["name"].astype(str).unique().tolist()
        number = len(self._edges) - 1
        # Its own seed: the same two runs always compare alike, and neither draws as the other.
        self.weights = drawn(number, _DRAWS, np.random.default_rng(seed))

    def blocks(self, name: str, time: str) -> Blocks:
        """Return the blocks of an action."""
        if (name, time) not in self._blocks:
            self._blocks[name, time] = self._cut(name, time)
        return self._blocks[name, time]

    def _cut(self, name: str, time: str) -> Blocks:
        mine = self._windows[self._windows["name"] == name]
        place = np.searchsorted(self._edges, mine["window_at"], side="right") - 1
        number = len(self._edges) - 1
        return Blocks(
            seconds=np.diff(self._edges),
            count=np.bincount(place, mine["count"], number).astype(float),
            failed=np.bincount(place, mine["failed"], number).astype(float),
            times=[
                self._run.histogram(time, name=name, start=low, end=high)
                for low, high in pairwise(self._edges.tolist())
            ],
        )


def _nearest(starts: Floats, cuts: Floats) -> Floats:
    """Return for each cut the start that is nearest to it, each once."""
    if not len(starts):
        return starts
    after = np.minimum(np.searchsorted(starts, cuts), len(starts) - 1)
    before = np.maximum(after - 1, 0)
    is_after = np.abs(starts[after] - cuts) <= np.abs(starts[before] - cuts)
    return np.unique(starts[np.where(is_after, after, before)])


def _row(name: str, statistic: str, a: _Side, b: _Side, confidence: float) -> dict[str, object]:
    """Return one row of the frame."""
    rule = _STATISTICS[statistic]
    both = a.blocks(name, rule.time), b.blocks(name, rule.time)
    old, new = map(rule.whole, both)
    difference = ratio = (math.nan, math.nan)
    if all(map(rule.is_known, both)):
        x, y = (
            rule.resampled(blocks, side.weights) for blocks, side in zip(both, (a, b), strict=True)
        )
        unsure = _RESOLUTION if rule.of is None else 0.0
        low, high = interval(y - x, confidence)
        difference = low - unsure * (old + new), high + unsure * (old + new)
        low, high = interval(ratio_of(y, x), confidence)
        ratio = low * (1 - 2 * unsure), high * (1 + 2 * unsure)
    return {
        "name": name,
        "statistic": statistic,
        "unit": rule.unit,
        "a": old,
        "b": new,
        "difference": new - old,
        "difference_low": difference[0],
        "difference_high": difference[1],
        "ratio": new / old if old else math.nan,
        "ratio_low": ratio[0],
        "ratio_high": ratio[1],
        "outcome": _outcome(*difference),
    }


def _outcome(low: float, high: float) -> str:
    if math.isnan(low):
        return "too little"
    if low > 0:
        return "higher"
    return "lower" if high < 0 else "unclear"
