"""Runs side by side: what changed, by how much, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

from murmur._given import amount_given, needed
from murmur.errors import InvalidArgumentError
from murmur.recording import CATEGORY, FLOAT, TEXT, Column, Frame
from murmur.telemetry import RESOLUTION

from ._at_least import count_unended
from ._bootstrap import Floats, wilson
from ._cells import Statistic
from ._frame import build_rows
from ._manifest import doubts
from ._results import Results
from ._sides import (
    CountedRate,
    RunSide,
    Side,
    are_whole,
    estimates_of,
    pooled,
    rates_by_count,
    sides_of,
)
from ._source import Source, first_window
from ._spans import cut_by
from .checks._answer import answer_of, chosen_statistics
from .checks._difference import parse_difference

_DRAWS = 2000
_SURE = 3.0  # standard errors by which shares of users that failed have to differ
_RESOLUTION = RESOLUTION * math.sqrt(2)  # of a ratio of two quantiles of histograms

_OUTCOMES = ("higher", "lower", "unclear", "too little")

STATISTICS: Mapping[str, Statistic] = {
    "rate": Statistic("1/s", "rate"),
    "failed": Statistic("share", "failed"),
    "response_mean": Statistic("s", "mean"),
    "response_p50": Statistic("s", "quantile", probability=0.5),
    "response_p95": Statistic("s", "quantile", probability=0.95),
    "response_p99": Statistic("s", "quantile", probability=0.99),
    "service_p50": Statistic("s", "quantile", "service", 0.5),
    "service_p99": Statistic("s", "quantile", "service", 0.99),
}

INTERVALS = (
    Column("difference_low", FLOAT, "`unit`", "The difference is at least this; NaN: unsure."),
    Column("difference_high", FLOAT, "`unit`", "It is at most this; inf: unknown."),
    Column("ratio", FLOAT, "", "The second of the two values by the first; NaN if that is 0."),
    Column("ratio_low", FLOAT, "", "The ratio is at least this."),
    Column("ratio_high", FLOAT, "", "The ratio is at most this."),
)
"""How one of two values lies to the other: of two runs, or before a change and after it."""

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
        *INTERVALS,
        Column(
            "outcome",
            CATEGORY,
            "",
            "Of `b`: higher or lower, if that is sure for all rows of the frame together; unclear "
            "if not; too little (time, or actions) if there is no interval.",
            _OUTCOMES,
        ),
    ),
    "The intervals hold the true value with the confidence asked for (95 %), each row by "
    "itself; `outcome` is corrected for the number of rows.",
)


def compare(  # noqa: PLR0913 - all but the runs by keyword
    a: Results | Sequence[Results],
    b: Results | Sequence[Results],
    *,
    start: float = 0.0,
    end: float | None = None,
    statistics: Sequence[str] | None = None,
    rules: Sequence[str] = (),
    margin: float | None = None,
    block: float | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return what every statistic of every action came to in two runs, and how sure that is.

    Time is cut into blocks and whole blocks are resampled, because durations that follow each
    other are alike; how long a block has to be is asked of the data.  That assumes a steady
    load (leave out the ramp with `start`).  One run on each side tells about chance within
    runs only: what differs between days or machines shows in several runs of each.

    Parameters
    ----------
    a, b : Results, or sequence of Results
        The runs, such as before and after; several of a side are repetitions.
    start, end : float
        Seconds since the start of each run between which it is looked at; all by default.
    statistics : sequence of str, optional
        Which statistics; all by default.  Fewer leave more power to each.
    rules : sequence of str
        What must not be so: ``"p99(echo) > +10%"``, ``"failed > +0.1 points"``.
    margin : float, optional
        By how much, relative to `a`, times may rise and rates fall: 0.05 for 5 %.  The
        share of failures may rise by a tenth of that, in shares of all actions.
    block : float, optional
        Seconds in a block, a window or more; by default as long as the data remember.
    confidence : float, default 0.95
        Share of such intervals that hold the true value.

    Returns
    -------
    pandas.DataFrame
        One row is one statistic of one name: rate [1/s], failed [share], response_mean,
        response_p50, response_p95, response_p99, service_p50, service_p99 [s].  Columns:
        name, statistic, unit, a, b, difference, difference_low, difference_high, ratio,
        ratio_low, ratio_high, outcome (higher, lower, unclear, too little).
        ``frame.attrs["answer"]`` is ``"pass"``, ``"fail"`` or ``"cannot tell"``,
        ``frame.attrs["reasons"]`` says why, ``frame.attrs["notes"]`` what else differs
        between the runs.

    Raises
    ------
    InvalidArgumentError
        If nothing is left to look at, or `start`, `end`, `margin`, `block` or `confidence` makes
        no sense.
    InvalidCheckError
        If a rule or the name of a statistic cannot be read.

    Notes
    -----
    The intervals are of each row by itself.  An outcome is ``higher`` or ``lower`` only if it
    would be so in all but 5 % of comparisons in which no row changed: the critical value is
    that of the largest of all rows, drawn together.

    There is no interval where there are fewer than six blocks in a run, or ten values beyond
    a quantile.  With three runs or more on each side blocks are not needed: where runs are too
    short for them, what runs of one side differ by says how sure a change is.  The rate of an
    action that one side has hardly any of, or none, has an interval by counting, with actions
    as bunched as on the other side; notes tell what a side has none of.  Intervals of
    quantiles hold the resolution of the histograms, 0.8 %.

    In a run of many hours, the oldest seconds are joined to spans of 10, 60, 600 and more.  A
    span that `start` or `end` would cut is left out of that run, with its counts.

    Actions that never ended count with how long they had gone on, as in checks, if that was
    longer than any of their name took.  What is longer for them is known to be at least so
    much: in `b` its interval has no upper end, in `a` there is none, and notes tell.

    Examples
    --------
    >>> from murmur.results import Results, compare
    >>> from murmur.recording import RunRecord
    >>> from murmur.telemetry import Recorder
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
    firsts, seconds = _runs("a", a), _runs("b", b)
    margin = _margin_given(margin)
    _check_moments(start, end)
    chosen = chosen_statistics(statistics, STATISTICS)
    asked = [parse_difference(rule) for rule in rules]
    sources = [run.source for run in (*firsts, *seconds)]
    spans = _spans(sources, start, end, block, confidence)
    sides = sides_of(sources, spans, chosen, block=block, times=_DRAWS)
    first = len(firsts)
    before, after = sides[:first], sides[first:]
    frame = side_by_side(before, after, chosen, confidence=confidence)
    stretches = list(zip(sources, spans, strict=True))
    unended = count_unended(frame, stretches[:first], stretches[first:], chosen)
    failed = _failed_users(sources[:first], sources[first:])
    repeated, noted = [*_repeated(sources[:first], sources[first:])], doubts(firsts, seconds)
    answer, reasons = answer_of(
        frame, asked, margin, users_failed=failed, is_trusted=_are_trusted(sources)
    )
    frame.attrs = {
        "answer": "cannot tell" if repeated and answer == "pass" else answer,
        "reasons": [str(reason) for reason in reasons],
        "notes": [*repeated, *_one_sided(before, after, failed), *unended, *noted],
        "confidence": confidence,
    }
    return frame


def _spans(
    sources: Sequence[Source],
    start: float,
    end: float | None,
    block: float | None,
    confidence: float,
) -> list[tuple[float, float]]:
    """Return where to look in each run; raise if that leaves nothing to look at."""
    for source in sources:
        source.refresh()
    spans = [_span(source, max(start, 0.0), end) for source in sources]
    shortest = min(until - since for since, until in spans)
    window = max(source.window for source in sources)
    if not window <= (block or window) <= shortest or not 0 < confidence < 1:
        lasted = min(source.elapsed() for source in sources)
        raise _uncuttable(block or window, shortest, lasted, confidence)
    return spans


def side_by_side(
    firsts: Sequence[RunSide],
    seconds: Sequence[RunSide],
    statistics: Mapping[str, Statistic],
    *,
    confidence: float,
) -> pd.DataFrame:
    """Return the frame `COMPARISON` of stretches of runs that were cut into cells."""
    return _framed(_rows(firsts, seconds, statistics), confidence)


def _failed_users(firsts: Sequence[Source], seconds: Sequence[Source]) -> tuple[float, str]:
    """Return by which share of the users more failed, surely, and how many; 0 if that is unsure.

    Those who go on may keep a throttle busy, so that no number of actions shows it.
    """
    sides = []
    for runs in (firsts, seconds):
        outcomes = pd.concat([run.frame("users")["outcome"].astype("object") for run in runs])
        admitted = outcomes[outcomes != "dropped"]
        sides.append((int((admitted == "failed").sum()), len(admitted)))
    if not all(number for _, number in sides):
        return 0.0, ""
    before, after = (count / number for count, number in sides)
    around = [wilson(count / number, number, _SURE) for count, number in sides]
    low, _ = _combined(after - before, around[0], around[1], (before, after))
    was, now = (f"{count:,} of {number:,}" for count, number in sides)
    return max(low, 0.0), f"{now} users failed, and {was} in A"


def _one_sided(
    before: Sequence[RunSide], after: Sequence[RunSide], failed: tuple[float, str]
) -> Iterator[str]:
    """Yield what a side, or some of its runs, has none of: that may be all that changed."""
    if failed[0] > 0:
        yield f"warning: B: {failed[1]}"
    for name in _names(before, after):
        ended = {
            side: [run.ended(name) for run in runs] for side, runs in (("A", before), ("B", after))
        }
        for side, other in (("A", "B"), ("B", "A")):
            number, none = len(ended[side]), ended[side].count(0)
            if none == number:
                count = sum(ended[other])
                yield f"warning: {side}: '{name}' never ended; in {other} it did {count:,.0f} times"
            elif none:
                yield f"warning: {side}: '{name}' never ended in {none} of {number} runs"
        has_failed = [
            all(run.ended(name) == run.failed(name) for run in runs) for runs in (before, after)
        ]
        if has_failed == [False, True] and any(ended["B"]):
            yield f"warning: B: every '{name}' failed, so that it has no times"


def _runs(side: str, given: Results | Sequence[Results]) -> list[Results]:
    is_many = isinstance(given, Sequence) and not isinstance(given, str | bytes)
    runs: list[Results] = list(given) if is_many else [given]  # type: ignore[arg-type, list-item]
    remedy = "give results, as murmur.load returns them"
    needed(runs, side, given, remedy)
    for run in runs:
        needed(hasattr(run, "source"), side, run, remedy)
    return runs


def _check_moments(start: float, end: float | None) -> None:
    remedy = "give seconds since the start of a run, such as 30"
    first = amount_given("start", start, remedy, least=-math.inf)
    needed(math.isfinite(first), "start", start, remedy)
    if end is not None:
        last = amount_given("end", end, remedy, least=-math.inf)
        needed(last > -math.inf, "end", end, remedy)


def _margin_given(margin: float | None) -> float | None:
    if margin is None:
        return None
    remedy = "give a share of what A has, such as 0.05 for 5 %"
    is_share = math.isfinite(amount_given("margin", margin, remedy)) and margin is not True
    needed(is_share, "margin", margin, remedy)
    return float(margin)


def _repeated(firsts: Sequence[Source], seconds: Sequence[Source]) -> Iterator[str]:
    """Yield which runs are there more than once: they say nothing of what runs differ by."""
    before, after = ([source.run_id for source in side] for side in (firsts, seconds))
    for run_id in dict.fromkeys([*before, *after]):
        if run_id in before and run_id in after:
            yield f"warning: A and B have the same run, {run_id}: it cannot differ from itself"
        elif before.count(run_id) + after.count(run_id) > 1:
            side = "A" if run_id in before else "B"
            yield f"warning: {side} has run {run_id} more than once: it is no repetition of itself"


def _are_trusted(sources: Sequence[Source]) -> bool:
    return all(source.verdict().state != "invalid" for source in sources)


def _span(run: Source, start: float, end: float | None) -> tuple[float, float]:
    """Return where to look: whole windows only, because the last may have been cut off.

    And whole spans, in a long run whose oldest seconds are joined.
    """
    window, start = run.window, max(start, first_window(run))
    last = run.elapsed() if end is None else min(end, run.elapsed())
    cut = cut_by(
        run.joined(), math.ceil(start / window) * window, math.floor(last / window) * window
    )
    return cut.low, cut.high


@dataclass(frozen=True, slots=True)
class _Row:
    """One statistic of one action: its values, and what is known of the change."""

    name: str
    statistic: str
    rule: Statistic
    a: float
    b: float
    sides: tuple[Side, Side] | None
    strayed: Floats | None  # the change in each draw, in standard errors

    def change(self, critical: float) -> tuple[float, float]:
        """Return between which logarithms the ratio is, or which differences the share."""
        if self.sides is None:
            return math.nan, math.nan
        before, after = self.sides
        if self.rule.kind == "failed":
            low, high = (side.wilson(critical) for side in self.sides)
            return _combined(after.value - before.value, low, high, (before.value, after.value))
        reach = critical * math.hypot(before.error, after.error)
        if self.rule.kind == "quantile":
            reach = math.hypot(reach, _RESOLUTION)
        reach = max(reach, 1e-9)  # what sums of floats differ by
        centre = after.value - before.value
        return centre - reach, centre + reach

    def difference(self, critical: float) -> tuple[float, float]:
        """Return between what the difference lies."""
        if self.sides is None or self.rule.kind == "failed":
            return self.change(critical)
        around = []
        for side, value in zip(self.sides, (self.a, self.b), strict=True):
            reach = critical * side.error
            if self.rule.kind == "quantile":
                reach = math.hypot(reach, RESOLUTION)
            around.append((value * math.exp(-reach), value * math.exp(reach)))
        before, after = around
        return _combined(self.b - self.a, before, after, (self.a, self.b))

    def ratio(self, critical: float) -> tuple[float, float]:
        """Return between what the ratio lies; NaN where there is none."""
        low, high = self.change(critical)
        if self.rule.kind == "failed":
            if self.sides is None or not (self.a > 0 and self.b > 0):
                return math.nan, math.nan
            sizes = [sum(each.size for each in side.estimates) for side in self.sides]
            parts = [
                max(side.error / value, math.sqrt((1 - value) / (value * size)))
                for side, value, size in zip(self.sides, (self.a, self.b), sizes, strict=True)
            ]
            reach = critical * math.hypot(*parts)
            centre = math.log(self.b / self.a)
            low, high = centre - reach, centre + reach
        return _exp(low), _exp(high)

    def outcome(self, critical: float) -> str:
        """Return whether the second is higher, as sure as `critical` asks."""
        low, high = self.change(critical)
        if math.isnan(low):
            return "too little"
        if low > 0:
            return "higher"
        return "lower" if high < 0 else "unclear"


@dataclass(frozen=True, slots=True)
class _CountedRow(_Row):
    """A rate of an action of which one side has hardly any, or none: by counts."""

    counts: Sequence[CountedRate] = ()

    def change(self, critical: float) -> tuple[float, float]:
        """Return between which logarithms the ratio is."""
        before, after = (side.interval(critical) for side in self.counts)
        return _log(after[0]) - _log(before[1]), _log(after[1]) - _log(before[0])

    def difference(self, critical: float) -> tuple[float, float]:
        """Return between what the difference lies."""
        before, after = (side.interval(critical) for side in self.counts)
        return _combined(self.b - self.a, before, after, (self.a, self.b))

    def ratio(self, critical: float) -> tuple[float, float]:
        """Return between what the ratio lies; NaN where there is none."""
        low, high = self.change(critical)
        return (_exp(low), _exp(high)) if self.a > 0 else (math.nan, math.nan)


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


def _exp(value: float) -> float:
    return math.exp(min(value, 700.0))


def _combined(
    centre: float,
    before: tuple[float, float],
    after: tuple[float, float],
    values: tuple[float, float],
) -> tuple[float, float]:
    """Return the interval of a difference, from those of both values (Zou and Donner 2008)."""
    low = centre - math.hypot(values[1] - after[0], before[1] - values[0])
    high = centre + math.hypot(after[1] - values[1], values[0] - before[0])
    return low, high


def _rows(
    firsts: Sequence[RunSide], seconds: Sequence[RunSide], statistics: Mapping[str, Statistic]
) -> list[_Row]:
    names = _names(firsts, seconds)
    random = np.random.default_rng(len(names))
    return [
        _row(name, statistic, statistics[statistic], (firsts, seconds), random)
        for name in names
        for statistic in statistics
    ]


def _names(firsts: Sequence[RunSide], seconds: Sequence[RunSide]) -> list[str]:
    return sorted({name for side in (*firsts, *seconds) for name in side.names})


def _row(
    name: str,
    statistic: str,
    rule: Statistic,
    runs: tuple[Sequence[RunSide], Sequence[RunSide]],
    random: np.random.Generator,
) -> _Row:
    known = estimates_of(runs, name, rule, random)
    if not are_whole(known, runs):
        a, b = (float(np.mean([run.value(name, rule) for run in side])) for side in runs)
        counts = rates_by_count(runs, known, name) if rule.kind == "rate" else []
        if counts:
            return _CountedRow(name, statistic, rule, a, b, None, None, counts)
        return _Row(name, statistic, rule, a, b, None, None)
    before, after = pooled(known)
    a, b = before.value, after.value
    if rule.kind != "failed":
        a, b = math.exp(a), math.exp(b)
    error = math.hypot(before.error, after.error)
    seed = int(random.integers(2**32))
    drawn = [side.draws(random, np.random.default_rng(seed)) for side in (before, after)]
    strayed = drawn[1] - drawn[0]
    return _Row(
        name, statistic, rule, a, b, (before, after), strayed / error if error > 0 else None
    )


def _framed(rows: Sequence[_Row], confidence: float) -> pd.DataFrame:
    """Return the frame: intervals of each row by itself, outcomes of all rows together."""
    normal = NormalDist().inv_cdf((1 + confidence) / 2)
    strays = [np.abs(row.strayed) for row in rows if row.strayed is not None]
    together = normal
    if strays:
        together = max(normal, float(np.quantile(np.max(strays, axis=0), confidence)))
    values = []
    for row in rows:
        alone = normal
        if row.strayed is not None:
            alone = max(normal, float(np.quantile(np.abs(row.strayed), confidence)))
        difference, ratio = row.difference(alone), row.ratio(alone)
        values.append(
            {
                "name": row.name,
                "statistic": row.statistic,
                "unit": row.rule.unit,
                "a": row.a,
                "b": row.b,
                "difference": row.b - row.a,
                "difference_low": difference[0],
                "difference_high": difference[1],
                "ratio": row.b / row.a if row.a else math.nan,
                "ratio_low": ratio[0],
                "ratio_high": ratio[1],
                "outcome": row.outcome(max(alone, together)),
            }
        )
    return build_rows(COMPARISON, values)


def _uncuttable(
    block: float, seconds: float, lasted: float, confidence: float
) -> InvalidArgumentError:
    """Return the error of runs that are too short, or of numbers that make no sense."""
    return InvalidArgumentError(
        f"cannot cut {max(seconds, 0):g} s into blocks of {max(block, 0):g} s for intervals of "
        f"confidence {confidence:g}; the shortest run lasted {lasted:.1f} s",
        "leave at least one block, of a window or more, between start and end, and give a "
        "confidence between 0 and 1",
    )
