"""One step of a search: a run at one load, what it measured, and what it says of the check."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from murmur.results._bootstrap import FEWEST_BLOCKS, memory_of
from murmur.results._results import Results
from murmur.results._unended import Unended
from murmur.results.checks._check import Check, matching
from murmur.results.checks._data import Measured
from murmur.results.checks._judge import CheckResult
from murmur.runtime.health import BY_OTHERS
from murmur.telemetry import nearest_rank

from ._search import Answer

LEVEL, CELLS = 0.9, 200
"""Which quantile slow requests are beyond, and how many cells they are counted in."""

SKIPPED = 0.01
"""Share of permits that the generator was late for, above which a step is no answer."""

ABSENT = 0.01
"""Share of the load (permits that found no free user, users that were not there) that may be
missing for the rest to be taken for the whole."""

GENERATOR, OTHERS, NOTHING = "generator", "other programs", "nothing measured"
"""What keeps a step from an answer."""


@dataclass(frozen=True, slots=True)
class Step:
    """One row of `Capacity.steps`.

    Attributes
    ----------
    load : float
        What was asked for: users, users a minute, or permits of a throttle.
    answer : {"holds", "fails", "no answer"}
        Whether the check held; a generator that could not keep up gives no answer.
    value : float
        What the check is about, in seconds, per second, a share or a number.
    reason : str
        Why there is no answer, or why the check failed; else empty.
    throughput : float
        Actions per second that the check is about.
    goodput : float
        Of those, the ones that succeeded within the check's limit, if that is a time; NaN if
        the check is about a part of them.
    failed : float
        Share of them that failed, from 0 to 1.
    p50, p99 : float
        Response times in seconds, of the ones that succeeded.
    busy : float
        Actions in progress at a time, on average; those that never ended too.
    residence : float
        Seconds that an action was in progress, on average.
    users : float
        Users running, on average.
    seconds : float
        Length of what was judged.
    evidence : float
        Values beyond the check's percentile that were independent of each other, because slow
        answers of a busy server come in crowds; ``inf`` for what is no percentile.
    blame : {"", "generator", "other programs", "nothing measured"}
        What kept it from an answer; empty if it has one.
    interval : float
        Seconds that the rate of a throttle is counted over, if that sets the load; else NaN.
    """

    load: float
    answer: Answer
    value: float
    reason: str
    throughput: float
    goodput: float
    failed: float
    p50: float
    p99: float
    busy: float
    residence: float
    users: float
    seconds: float
    evidence: float = math.inf
    blame: str = ""
    interval: float = math.nan


def step_of(
    results: Results,
    check: Check,  # what has to hold from `start` to `end`, without seconds of its own
    load: float,  # what was asked for
    *,
    start: float,  # start, end: seconds since users could come: after the warm-up, until the end
    end: float,
    throttle: str | None,  # sets the load; its late permits make the step no answer
) -> Step:
    """Return what a run says of one load."""
    # Whole windows: the one in which the load ended may hold more of its end than of the load.
    init = math.floor(results.source.load_at() / results.source.window) * results.source.window
    start, end = start + init, end + init
    judged = next(iter(results.check(replace(check, start=start, end=end))))
    answer, reason, blame = _answered(results, judged, throttle, start=start, end=end)
    rows = results.actions
    each = rows.attrs["seen"] / max(len(rows), 1)  # of a sample, a row stands for several
    names, is_part = _names(results, check)
    rows = rows[rows["name"].isin(names)]
    there = rows[(rows["started_at"] + rows["service_time"]).between(start, end, inclusive="left")]
    span, good = end - start, there[there["ok"]]
    in_time = good["response_time"] <= check.limit if check.kind == "time" else good["ok"]
    held = Unended.of(results.source, "service").named(names).seconds(start, end)
    return Step(
        load=load,
        answer=answer,
        value=judged.value,
        reason=reason,
        throughput=each * len(there) / span,
        goodput=math.nan if is_part else each * int(in_time.sum()) / span,
        failed=float(1 - there["ok"].mean()) if len(there) else math.nan,
        p50=_quantile(good["response_time"], 0.5),
        p99=_quantile(good["response_time"], 0.99),
        busy=(each * _in_progress(rows, start, end) + held) / span,
        residence=float(there["service_time"].mean()) if len(there) else math.nan,
        users=_running(results, start, end),
        seconds=span,
        evidence=_evidence(check, good.sort_values("due_at")),
        blame=blame,
        interval=_interval(results, throttle),
    )


def _interval(results: Results, throttle: str | None) -> float:
    rows = results.throttles
    seconds = rows.loc[rows["name"] == throttle, "interval"].dropna()
    return float(seconds.iloc[-1]) if len(seconds) else math.nan


def _running(results: Results, start: float, end: float) -> float:
    """Return how many users were running on all nodes together, on average; NaN if unknown."""
    rows = results.population
    rows = rows[(rows["window_at"] >= start) & (rows["window_at"] < end)]
    return float(rows.groupby("window_at")["running"].sum().mean()) if len(rows) else math.nan


def _names(results: Results, check: Check) -> tuple[list[str], bool]:
    """Return the actions that a check is about, and whether it is about a part of them only."""
    measured = Measured(results.source)
    known = sorted({*measured.names, *measured.unended_names})
    names = matching(check.name, known)
    parts = matching(check.name, sorted({*measured.spans, *measured.unended_spans}))
    if names or not parts:
        return names, False
    return [name for name in known if any(part.startswith(f"{name}.") for part in parts)], True


def _quantile(times: pd.Series[float], probability: float) -> float:
    """Return the nearest rank, as everywhere."""
    if times.empty:
        return math.nan
    rank = int(nearest_rank(probability, len(times)))
    return float(times.sort_values().to_numpy()[rank - 1])


def _answered(
    results: Results, judged: CheckResult, throttle: str | None, *, start: float, end: float
) -> tuple[Answer, str, str]:
    """Return the answer of a step, why it is none or why the check failed, and who is to blame.

    A load under which nothing succeeds, or nothing ends, is not one that nobody knows of: it is
    what the system does with that load.
    """
    if reason := _silence(results, throttle, start=start, end=end):
        return "no answer", reason, OTHERS if _is_crowded(results) else GENERATOR
    if math.isnan(judged.value) and not _has_begun(results, judged.check, start, end):
        return "no answer", judged.reason or "nothing was measured", NOTHING
    if not judged.holds:
        return "fails", judged.reason, ""
    if throttle is None:
        return _attended(results, start, end)
    due, unasked = _permits(results, throttle, "unasked", start, end)
    if due and unasked > ABSENT * due:
        reason = f"{unasked / due:.0%} of the permits found no free user: that load was never there"
        return "fails", reason, ""
    return "holds", "", ""


def _attended(results: Results, start: float, end: float) -> tuple[Answer, str, str]:
    """Return the answer of a step whose load is its users, if the check holds for who is there.

    Those who wait for what never comes are there, and are no load.
    """
    users = results.users
    began = users["started_at"].fillna(end).clip(start, end)
    ended = (users["started_at"] + users["duration"]).fillna(end).clip(start, end)
    early = end - ended.where(ended > began, end)
    late, failed = float((began - start).sum()), float(early[users["outcome"] == "failed"].sum())
    returned = float(early.sum()) - failed
    whole = len(users) * (end - start)
    if (hung := Measured(results.source).hung_seconds(start, end)) > ABSENT * whole:
        reason = f"{hung / whole:.0%} of the users' time went into actions that never ended"
        return "fails", reason, ""
    share = (late + failed + returned) / whole
    if share <= ABSENT:
        return "holds", "", ""
    missing = f"users were missing for {share:.0%} of the time"
    if failed >= max(late, returned):
        return "fails", f"{missing}: they failed", ""
    if late >= returned:
        return "no answer", f"{missing}: they were admitted late", GENERATOR
    return "no answer", f"{missing}: they returned before the step was over", NOTHING


def _is_crowded(results: Results) -> bool:
    """Whether other programs were to blame for most of what saturated the generator."""
    health = results.health
    reasons = health.loc[health["saturated"], "reason"].astype(str)
    return bool(len(reasons)) and bool(reasons.str.contains(BY_OTHERS, regex=False).mean() >= 0.5)


def _has_begun(results: Results, check: Check, start: float, end: float) -> bool:
    """Whether any action that a check is about ended in a stretch, or went on in it."""
    measured = Measured(results.source)
    known = {*measured.names, *measured.unended_names, *measured.unended_spans}
    names = matching(check.name, sorted(known))
    return bool(measured.tally(names, start, end)[0] or measured.unended_in(names, start, end))


def _evidence(check: Check, rows: pd.DataFrame) -> float:
    """Return how many independent values beyond its percentile a check rests on."""
    quantile = check.statistic.quantile
    if quantile is None:
        return math.inf
    times = rows[f"{check.statistic.time or 'response'}_time"].to_numpy()
    return len(times) * (1 - quantile) / crowding(times, min(quantile, LEVEL))


def crowding(
    times: NDArray[np.float64],  # of requests, in the order in which they were due
    level: float = LEVEL,  # which quantile a slow one is beyond: there have to be many
) -> float:
    """Return the number of slow requests in a row that are worth one independent one."""
    if not len(times):
        return 1.0
    size = max(1, len(times) // CELLS)
    is_slow = times > np.quantile(times, level)
    cells = is_slow[: len(times) // size * size].reshape(-1, size).sum(axis=1)
    share = float(is_slow.mean())
    if len(cells) < FEWEST_BLOCKS or not share:
        return 1.0
    return max(1.0, memory_of(cells.astype(np.float64)).variance / (size * share * (1 - share)))


def _in_progress(rows: pd.DataFrame, start: float, end: float) -> float:
    """Return for how many seconds actions were in progress between two moments, all together."""
    began = rows["started_at"].clip(lower=start)
    ended = (rows["started_at"] + rows["service_time"]).clip(upper=end)
    return float((ended - began).clip(lower=0).sum())


def _silence(results: Results, throttle: str | None, *, start: float, end: float) -> str:
    """Return why the step says nothing of the system under test; empty if it does."""
    verdict = results.verdict
    if not verdict.is_valid:
        return f"the run is {verdict.state}: {' '.join(verdict.reasons)}"
    due, skipped = _permits(results, throttle, "skipped", start, end)
    if due and skipped > SKIPPED * due:
        return f"the generator was late for {skipped / due:.0%} of the permits"
    return ""


def _permits(
    results: Results, throttle: str | None, column: str, start: float, end: float
) -> tuple[float, float]:
    """Return how many permits of a throttle fell due in a stretch, and what became of some."""
    rows = results.throttles
    rows = rows[(rows["name"] == throttle) & (rows["window_at"] >= start)]
    # The run is stopped in the window that `end` cuts: its users go, and ask for nothing more.
    whole = rows[rows["window_at"] + results.window <= end]
    rows = whole if len(whole) else rows[rows["window_at"] < end]
    return float(rows["due"].sum()), float(rows[column].sum())
