"""Source of what `Results` shows: the record of a run, or an archive of one.

A source knows the frames and the facts of one run.  It knows neither how they are shown nor
where they are kept.
"""

from __future__ import annotations

import math
import os
import platform
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

import numpy as np
import pandas as pd

from murmur._version import __version__
from murmur.recording import OUTCOMES, THE_RUN, RunRecord, UnderWay, failure_lines, live_changes
from murmur.telemetry import Histogram

from ._build import BUILDERS
from ._evidence import gather
from ._paces import paces_of
from ._scenario_text import scenario_text
from ._spans import Spanned, Spans, SpanTimes
from ._summary import ActionSummary, Summary
from ._verdict import Verdict, judge

BEGUN = 0.1
"""Share of a window that may be over when users could come, for it to count as a whole one."""

_ROUNDING = 1e-6
"""Of a window: what sums of times may be short of its end."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Source(Protocol):
    """The frames and facts of one run."""

    @property
    def run_id(self) -> str:
        """Which run."""

    @property
    def actions_total(self) -> int:
        """How many actions ended, whether or not each has a row."""

    @property
    def window(self) -> float:
        """Seconds in a window."""

    def refresh(self) -> None:
        """Take in what happened since; the other methods show what is known."""

    def frame(self, name: str) -> pd.DataFrame:
        """Return a frame of the schema, anew."""

    def summary(self) -> Summary:
        """Return what came of the run."""

    def elapsed(self) -> float:
        """Return the seconds from the start to the last thing that is known."""

    def load_at(self) -> float:
        """Return the seconds from the start to when `init` was done and users could come."""

    def starts(self) -> Sequence[float]:
        """Return the moments between which `histogram` cuts nothing in half, ascending."""

    def histogram(
        self, time: str, *, name: str | None = None, start: float = 0.0, end: float | None = None
    ) -> Histogram:
        """Return how long successful actions took, of those that ended in some windows."""

    def is_on(self) -> bool:
        """Return whether the run goes on."""

    def joined(self) -> Spans:
        """Return the spans of several windows whose histograms are joined, in order."""

    def whole(
        self, time: str, *, name: str | None = None, start: float = 0.0, end: float | None = None
    ) -> Histogram:
        """Return the histogram of all spans, joined or not, that overlap a stretch."""

    def span_times(self) -> SpanTimes:
        """Return the histograms of all spans."""

    def under_way(self) -> Sequence[UnderWay]:
        """Return the actions that were under way when they were last heard of."""

    def verdict(self) -> Verdict:
        """Return whether the numbers can be trusted."""

    def facts(self) -> dict[str, object]:
        """Return what is known besides the frames, by its name in a manifest."""


def first_window(source: Source) -> float:
    """Return where the first window of the load begins, in seconds: `init` is over by then."""
    return math.ceil(source.load_at() / source.window - BEGUN) * source.window


def init_windows(source: Source) -> float:
    """Return where the windows end in which nothing was there but `init`, in seconds.

    Rates count from when users could come, so what ended before is in none.
    """
    return math.floor(source.load_at() / source.window + _ROUNDING) * source.window


class RecordSource:
    """The record of a run that is on, or was made by this process."""

    def __init__(
        self,
        record: RunRecord,
        refresh: Callable[[], None] | None = None,
        *,
        scenario: str | type = "",
        was_cut_off: bool = False,
    ) -> None:
        self._was_cut_off = was_cut_off
        self._record = record
        self._refresh = refresh
        self._scenario = scenario
        self.run_id, self.window = record.run_id, record.window
        self.whole, self.starts, self.under_way = record.histogram, record.starts, record.under_way

    @property
    def actions_total(self) -> int:
        return self._record.actions_total

    def refresh(self) -> None:
        if self._refresh is not None:
            self._refresh()

    def frame(self, name: str) -> pd.DataFrame:
        return BUILDERS[name](self._record)

    def verdict(self) -> Verdict:
        record = self._record
        return judge(gather(record, self.frame("health"), was_cut_off=self._was_cut_off))

    def summary(self) -> Summary:
        record = self._record
        users = self.frame("users")
        outcomes = users["outcome"].value_counts().reindex(list(OUTCOMES))
        counts = {str(outcome): int(count) for outcome, count in outcomes.items() if count}
        here = int(users["outcome"].isna().sum())
        elapsed = self.elapsed()
        return Summary(
            run_id=record.run_id,
            scenario=_name(self._scenario),
            seed=record.seed,
            elapsed=elapsed,
            users={**counts, **({"here": here} if here else {})},
            actions=self._action_summaries(elapsed - record.load_at),
            verdict=self.verdict(),
            failures=failure_lines(record.table("errors")),
            paces=paces_of(self.frame("throttles")),
            rehearsed=record.plan.get("rehearsed") is True,
        )

    def facts(self) -> dict[str, object]:
        record = self._record
        wall_started_at = _EPOCH + timedelta(seconds=record.wall_started_at)
        return {
            "murmur": __version__,
            "python": f"{platform.python_implementation()} {platform.python_version()}",
            "platform": platform.platform(),
            "host": {
                "name": platform.node(),
                "machine": platform.machine(),
                "cpus": os.cpu_count(),
            },
            "run_id": record.run_id,
            "scenario": {"name": _name(self._scenario), **scenario_text(self._scenario)},
            "seed": record.seed,
            "settings_at_start": dict(record.settings),
            "plan": dict(record.plan),
            **told_of(record),
            "wall_started_at": wall_started_at.isoformat(),
            "window": record.window,
            "under_way": [each._asdict() for each in record.under_way()],
        }

    def histogram(
        self, time: str, *, name: str | None = None, start: float = 0.0, end: float | None = None
    ) -> Histogram:
        spanned = Spanned(self.whole, self.joined(), partial(self.frame, "windows"))
        return spanned.histogram(time, name=name, start=start, end=end)

    def joined(self) -> Spans:
        return sorted(self._record.joined())

    def span_times(self) -> SpanTimes:
        kept = self._record.span_times()
        return SpanTimes(np.array(kept.name, object), kept.start, kept.length, kept.times)

    def is_on(self) -> bool:
        return self._record.is_on

    def elapsed(self) -> float:
        return self._record.latest

    def load_at(self) -> float:
        return self._record.load_at

    def _action_summaries(self, seconds: float) -> tuple[ActionSummary, ...]:
        summaries, in_init = [], self._ended_in_init()
        for name, count, failed in sorted(self._record.totals()):
            response = self._record.histogram("response", name=name)
            service = self._record.histogram("service", name=name)
            summaries.append(
                ActionSummary(
                    name=name,
                    count=count,
                    failed=failed,
                    rate=(count - in_init[name]) / seconds if seconds > 0 else float("nan"),
                    response_p50=response.quantile(0.5),
                    response_p95=response.quantile(0.95),
                    response_p99=response.quantile(0.99),
                    response_max=response.max,
                    service_p50=service.quantile(0.5),
                    service_p99=service.quantile(0.99),
                )
            )
        return tuple(summaries)

    def _ended_in_init(self) -> Counter[str]:
        """Return how many actions of each name ended while nothing was there but `init`."""
        until, found = init_windows(self), Counter[str]()
        if until > 0:
            rows = self._record.table("windows", of_all=True)
            is_early = np.asarray(rows["window_at"]) < until
            names = np.asarray(rows["name"].decode(), object)[is_early]  # type: ignore[union-attr]
            for name, count in zip(
                names, np.asarray(rows["count"])[is_early].tolist(), strict=True
            ):
                found[name] += count
        return found


def told_of(record: RunRecord) -> dict[str, object]:
    """Return how the run was steered, and how much is kept of it."""
    changes = [each for each in live_changes(record) if each.what != THE_RUN]
    now = {each.what: each.new for each in changes if each.what in record.settings}
    return {
        "settings": {**record.settings, **now},
        "changes": [
            {"at": each.at, "what": each.what, "old": each.old, "new": each.new} for each in changes
        ],
        "load_at": record.load_at,
        "calls": list(record.calls),
        "calls_dropped": record.calls_dropped,
        "sampled": record.sampled,
        "actions_total": record.actions_total,
        "actions_kept": record.actions_kept,
        "events_dropped": record.events_dropped,
        "rows_dropped": dict(record.rows_dropped),
    }


def _name(scenario: str | type) -> str:
    return scenario if isinstance(scenario, str) else scenario.__name__
