"""One step of a search: a run at one load, what it measured, and what it says of the check."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from murmur.results._bootstrap import FEWEST_BLOCKS, memory_of
from murmur.results.checks._check import Check, matching

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from murmur.results._results import Results

    from ._search import Answer

__all__ = ["Step", "crowding", "step_of"]

LEVEL, CELLS = 0.9, 200
"""Which quantile slow requests are beyond, and how many cells they are counted in."""

SKIPPED = 0.01
"""Share of permits that the generator was late for, above which a step is no answer."""


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
        Of those, the ones that succeeded within the check's limit, if that is a time.
    failed : float
        Share of them that failed, from 0 to 1.
    p50, p99 : float
        Response times in seconds.
    busy : float
        Actions in progress at a time, on average.
    residence : float
        Seconds that an action was in progress, on average.
    users : float
        Users running, on average.
    seconds : float
        Length of what was judged.
    evidence : float
        Values beyond the check's percentile that were independent of each other, because slow
        answers of a busy server come in crowds; ``inf`` for what is no percentile.
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


def step_of(
    results: Results, check: Check, load: float, *, start: float, end: float, throttle: str | None
) -> Step:
    """Return what a run says of one load.

    Parameters
    ----------
    results : Results
        Of the run.
    check : Check
        What has to hold from `start` to `end`.
    load : float
        What was asked for.
    start, end : float
        Seconds since the run started: after the warm-up, until the end.
    throttle : str or None
        The throttle that sets the load; its late permits make the step no answer.
    """
    judged = next(iter(results.check(replace(check, start=start, end=end))))
    reason = _silence(results, throttle, start=start, end=end)
    if not reason and math.isnan(judged.value):
        reason = judged.reason or "nothing was measured"
        answer: Answer = "no answer"
    elif reason:
        answer = "no answer"
    else:
        answer = "holds" if judged.holds else "fails"
        reason = "" if judged.holds else judged.reason
    rows = results.actions
    rows = rows[rows["name"].isin(matching(check.name, rows["name"].unique()))]
    ended = rows["started_at"] + rows["service_time"]
    there = rows[(ended >= start) & (ended < end)]
    span = end - start
    good = there["ok"]
    if check.kind == "time":
        good &= there["response_time"] <= check.limit
    people = results.population
    people = people[(people["window_at"] >= start) & (people["window_at"] < end)]
    running = people.groupby("window_at")["running"].sum().mean() if len(people) else math.nan
    return Step(
        load=load,
        answer=answer,
        value=judged.value,
        reason=reason,
        throughput=len(there) / span,
        goodput=int(good.sum()) / span,
        failed=float(1 - there["ok"].mean()) if len(there) else math.nan,
        p50=float(there["response_time"].quantile(0.5)) if len(there) else math.nan,
        p99=float(there["response_time"].quantile(0.99)) if len(there) else math.nan,
        busy=_in_progress(rows, start, end) / span,
        residence=float(there["service_time"].mean()) if len(there) else math.nan,
        users=float(running),
        seconds=span,
        evidence=_evidence(check, there[there["ok"]].sort_values("due_at")),
    )


def _evidence(check: Check, rows: pd.DataFrame) -> float:
    """Return how many independent values beyond its percentile a check rests on."""
    quantile = check.statistic.quantile
    if quantile is None:
        return math.inf
    times = rows[f"{check.statistic.time or 'response'}_time"].to_numpy()
    return len(times) * (1 - quantile) / crowding(times, min(quantile, LEVEL))


def crowding(times: NDArray[np.float64], level: float = LEVEL) -> float:
    """Return the number of slow requests in a row that are worth one independent one.

    Parameters
    ----------
    times : array
        Of requests, in the order in which they were due.
    level : float, default 0.9
        Which quantile a slow one is beyond: there have to be many.
    """
    import numpy as np

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
    if verdict.state != "valid":
        told = "; ".join(map(str, getattr(verdict, "reasons", ()))) or str(verdict)
        return f"the run is {verdict.state}: {told}"
    late = results.throttles
    if throttle is None or "skipped" not in late:
        return ""
    late = late[(late["name"] == throttle) & (late["window_at"] >= start)]
    due, skipped = late["due"].sum(), late["skipped"].sum()
    if due and skipped > SKIPPED * due:
        return f"the generator was late for {skipped / due:.0%} of the permits"
    return ""
