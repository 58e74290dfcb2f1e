"""Figures of a run at one moment, which the table and the lines show.

A look costs the same on the first day of a run and in its first minute: what takes longer and
longer, such as checks, is done the less often the longer it takes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from murmur.recording import failed_thing
from murmur.results.checks import checked
from murmur.runtime.health import LAG_LIMIT
from murmur.telemetry import kind_text

if TYPE_CHECKING:
    from murmur._session import Run, Status
    from murmur.recording import RunRecord
    from murmur.results.checks import Check, CheckResult

__all__ = ["ActionLook", "Look", "Watch"]

RECENT = 10.0
"""Seconds that rates and percentiles of a look are taken over."""

_HEALTH = 3.0  # s; a spike of the lag is told for so long
_DEAR = 20.0  # what gets dearer may take one part in so many of the time
_MOST_ERRORS = 3


@dataclass(frozen=True, slots=True)
class ActionLook:
    """The actions of one name: totals, and the last seconds.

    Attributes
    ----------
    name : str
        The name.
    count, failed : int
        Over the run.
    rate : float
        Actions per second, of the last seconds.
    p50, p95, p99 : float
        Response times in seconds, of the last seconds; NaN without any.
    """

    name: str
    count: int
    failed: int
    rate: float
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class Look:
    """A run at one moment.

    Attributes
    ----------
    status : Status
        State, users and throttles.
    actions : tuple of ActionLook
        By name.
    total : ActionLook
        All of them together.
    errors : tuple of (str, str, int)
        The most frequent failures: what failed, the error, how often.
    lag, cpu : float
        Of the generator, at its worst lately: seconds and cores; NaN if unknown.
    checks : tuple of CheckResult
        As they stand; empty until they were judged.
    """

    status: Status
    actions: tuple[ActionLook, ...]
    total: ActionLook
    errors: tuple[tuple[str, str, int], ...]
    lag: float
    cpu: float
    checks: tuple[CheckResult, ...] = ()

    @property
    def is_saturated(self) -> bool:
        """Whether the generator is too slow to be trusted at present."""
        return self.lag > LAG_LIMIT


class Watch:
    """Looks at a run time and again.

    Parameters
    ----------
    run : Run
        The run.
    checks, abort_on : sequence of Check
        What has to hold, and what ends the run.
    """

    def __init__(self, run: Run, checks: Sequence[Check], abort_on: Sequence[Check]) -> None:
        self._run = run
        self._record: RunRecord = run._record
        self._wanted, self._abort_on = checks, abort_on
        self._checks: tuple[CheckResult, ...] = ()
        self._stock_at = 0.0
        self._memory: dict[tuple[str, float], float] = {}
        self.aborted_by: tuple[CheckResult, ...] = ()
        """What held of what ends the run; empty until then."""

    def look(self) -> Look:
        """Return how the run is now, and note whether it shall be ended."""
        status = self._run.status()
        now = status.elapsed
        if monotonic() >= self._stock_at:
            self._take_stock()
        health = self._record.table("health", since=now - _HEALTH)
        actions = self._actions(now)
        return Look(
            status=status,
            actions=tuple(actions),
            total=self._together(actions, now),
            errors=self._errors(),
            lag=_worst(health["loop_lag_p99"]),
            cpu=_worst(health["cpu"]),
            checks=self._checks,
        )

    def _take_stock(self) -> None:
        """Do what takes longer the longer the run is, as often as that is cheap."""
        began = monotonic()
        if self._wanted or self._abort_on:
            self._judge()
        ended = monotonic()
        self._stock_at = ended + max(0.9, _DEAR * (ended - began))

    def _judge(self) -> None:
        source = self._run.results._source
        source.refresh()
        if self._wanted:
            self._checks = tuple(checked(source, self._wanted, memory=self._memory))
        if self._abort_on and not self.aborted_by:
            found = checked(source, self._abort_on, memory=self._memory)
            self.aborted_by = tuple(result for result in found if result.holds)

    def _actions(self, now: float) -> list[ActionLook]:
        recent = self._recent(now)
        span = max(1.0, min(RECENT, now))
        return [
            ActionLook(name, count, failed, recent[name] / span, *self._times(now, name))
            for name, count, failed in sorted(self._record.totals())
        ]

    def _together(self, each: Sequence[ActionLook], now: float) -> ActionLook:
        count, failed = sum(one.count for one in each), sum(one.failed for one in each)
        return ActionLook("all", count, failed, sum(one.rate for one in each), *self._times(now))

    def _times(self, now: float, name: str | None = None) -> list[float]:
        times = self._record.histogram("response", name=name, start=max(0.0, now - RECENT))
        return [float(value) for value in times.quantiles([0.5, 0.95, 0.99])]

    def _recent(self, now: float) -> Counter[str]:
        """Return how many actions of each name ended in the last seconds."""
        table: Mapping[str, Any] = self._record.table("windows", since=now - RECENT)
        found: Counter[str] = Counter()
        rows = zip(table["node"].decode(), table["name"].decode(), table["count"], strict=True)
        for node, name, count in rows:
            if node == "all":
                found[name] += int(count)
        return found

    def _errors(self) -> tuple[tuple[str, str, int], ...]:
        table: Mapping[str, Any] = self._record.table("errors")
        columns = ("source", "name", "kind", "message", "count", "users")
        found = [
            (failed_thing(source, name), kind_text(kind, message), max(int(count), int(users)))
            for source, name, kind, message, count, users in zip(
                *(table[column] for column in columns), strict=True
            )
        ]
        return tuple(found[:_MOST_ERRORS])  # the most frequent come first


def _worst(column: Any) -> float:  # noqa: ANN401 - an array, or a list
    values = np.asarray(column, np.float64)
    values = values[~np.isnan(values)]
    return float(values.max()) if len(values) else math.nan
