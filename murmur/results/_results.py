"""Results: everything a run left behind, as frames that are built when asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from murmur.telemetry import RunRecord

from ._build import BUILDERS
from ._schema import OUTCOMES
from ._summary import ActionSummary, Summary
from ._verdict import Evidence, Verdict, judge

__all__ = ["Results"]


class Results:
    """What a run measured, as pandas frames; up to now while it goes on.

    Every frame is built anew when it is asked for and belongs to the caller.  Names, units
    and dtypes are those of ``docs/reference/frames.md``, during the run, after it, and when
    nothing happened.

    Parameters
    ----------
    record : murmur.telemetry.RunRecord
        Where the chunks of all nodes are merged.
    refresh : callable, optional
        Called before a frame is built; it has the nodes hand over what they still hold.
    scenario : str, default ""
        Name of the scenario, for the summary.

    Examples
    --------
    >>> from murmur.telemetry import RunRecord
    >>> results = Results(RunRecord("r1", started_at=0.0, wall_started_at=0.0))
    >>> results.users.empty
    True
    >>> list(results.changes)
    ['at', 'wall_at', 'node', 'who', 'what', 'old', 'new']
    """

    def __init__(
        self,
        record: RunRecord,
        refresh: Callable[[], None] | None = None,
        *,
        scenario: str = "",
    ) -> None:
        self._record = record
        self._refresh = refresh
        self._scenario = scenario

    @property
    def users(self) -> pd.DataFrame:
        """One row is one user, sorted by ``user_id``.

        Columns: user_id, node, outcome (finished, failed, left, killed, dropped, lost;
        missing while the user is here), reason, admitted_at, started_at, duration [s].
        """
        return self._frame("users")

    @property
    def actions(self) -> pd.DataFrame:
        """One row is one action; a uniform sample beyond the bound of the recorder.

        Columns: name, user_id, node, due_at, started_at, service_time, response_time [s],
        ok, error.  ``frame.attrs["sampled"]`` says whether it is a sample,
        ``frame.attrs["seen"]`` how many actions there were.
        """
        return self._frame("actions")

    @property
    def windows(self) -> pd.DataFrame:
        """One row is one action name in one window, all nodes together.

        Columns: window_at [s], name, node (``all``), count, failed, rate [1/s], then mean,
        p50, p90, p95, p99, p999 and max of service and response time [s], of the actions
        that succeeded.  ``count`` adds up to the number of actions.
        """
        return self._frame("windows")

    @property
    def windows_by_node(self) -> pd.DataFrame:
        """One row is one action name in one window on one node; columns as `windows`."""
        return self._frame("windows_by_node")

    @property
    def counters(self) -> pd.DataFrame:
        """One row is what was added to one counter on one node in one window.

        Columns: window_at [s], name, node, value, total (so far).
        """
        return self._frame("counters")

    @property
    def gauges(self) -> pd.DataFrame:
        """One row is one gauge on one node in one window.

        Columns: window_at [s], name, node, last, min, max, mean.
        """
        return self._frame("gauges")

    @property
    def throttles(self) -> pd.DataFrame:
        """One row is one throttle on one node in one window.

        Columns: window_at [s], name, node, rate (permits per interval), interval [s],
        requested, granted, waiting, lateness_p50, lateness_p99 [s].
        """
        return self._frame("throttles")

    @property
    def population(self) -> pd.DataFrame:
        """One row is the number of users at one moment, all nodes together.

        Columns: window_at [s], waiting, running, leaving.
        """
        return self._frame("population")

    @property
    def events(self) -> pd.DataFrame:
        """One row is one event of the run, frequent ones excepted.

        Columns: at [s], wall_at (UTC), name, node, measurements and metadata (JSON objects).
        """
        return self._frame("events")

    @property
    def changes(self) -> pd.DataFrame:
        """One row is one change somebody made to the run while it went on.

        Columns: at [s], wall_at (UTC), node, who, what, old, new.
        """
        return self._frame("changes")

    @property
    def nodes(self) -> pd.DataFrame:
        """One row is one node that took part.

        Columns: node, users, actions, failed, first_at, last_at [s].
        """
        return self._frame("nodes")

    @property
    def health(self) -> pd.DataFrame:
        """One row is the state of the load generator on one node in one window.

        Columns: window_at [s], node, loop_lag_p50, loop_lag_p99, loop_lag_max [s],
        cpu [cores], rss [bytes], saturated.
        """
        return self._frame("health")

    @property
    def errors(self) -> pd.DataFrame:
        """One row is one kind of error under one action name, the most frequent first.

        Columns: name, kind, error, count, first_at, last_at [s], traceback.
        """
        return self._frame("errors")

    @property
    def verdict(self) -> Verdict:
        """Whether the numbers can be trusted, by the rules of `murmur.results.judge`."""
        self._update()
        return self._judged(BUILDERS["users"](self._record))

    def summary(self) -> Summary:
        """Return what came of the run on one page, for text, HTML, frame and JSON."""
        self._update()
        record = self._record
        users = BUILDERS["users"](record)
        outcomes = users["outcome"].value_counts().reindex(list(OUTCOMES))
        counts = {str(outcome): int(count) for outcome, count in outcomes.items() if count}
        here = int(users["outcome"].isna().sum())
        elapsed = self._elapsed()
        return Summary(
            run_id=record.run_id,
            scenario=self._scenario,
            seed=record.seed,
            elapsed=elapsed,
            users={**counts, **({"here": here} if here else {})},
            actions=self._action_summaries(elapsed),
            verdict=self._judged(users),
        )

    def to_csv(self, directory: str | Path) -> Path:
        """Write every frame to ``<directory>/<frame>.csv``, replacing files of that name.

        Parameters
        ----------
        directory : str or pathlib.Path
            Made if it does not exist.

        Returns
        -------
        pathlib.Path
            The directory.
        """
        target = Path(directory)
        target.mkdir(parents=True, exist_ok=True)
        self._update()
        for name, build in BUILDERS.items():
            build(self._record).to_csv(target / f"{name}.csv", index=False)
        return target

    def __repr__(self) -> str:
        """Return which run it is and how many actions it has; builds nothing."""
        record = self._record
        return f"<Results of run {record.run_id}: {record.actions_total:,} actions>"

    def _repr_html_(self) -> str:
        """Return the summary as HTML."""
        return self.summary()._repr_html_()

    def _frame(self, name: str) -> pd.DataFrame:
        self._update()
        return BUILDERS[name](self._record)

    def _update(self) -> None:
        if self._refresh is not None:
            self._refresh()

    def _elapsed(self) -> float:
        """Return the last moment known; windows count from their start, lest it lies ahead."""
        columns = (
            ("users", "ended_at"),
            ("windows", "window_at"),
            ("health", "window_at"),
            ("events", "at"),
        )
        moments = [np.asarray(self._record.table(table)[column]) for table, column in columns]
        return float(np.nanmax(np.concatenate([[0.0], *moments])))

    def _action_summaries(self, elapsed: float) -> tuple[ActionSummary, ...]:
        windows = BUILDERS["windows"](self._record)
        totals = windows.groupby("name", observed=True)[["count", "failed"]].sum()
        summaries = []
        for name, count, failed in totals.itertuples():
            response = self._record.histogram("response", name=name)
            service = self._record.histogram("service", name=name)
            summaries.append(
                ActionSummary(
                    name=str(name),
                    count=int(count),
                    failed=int(failed),
                    rate=count / elapsed if elapsed else float("nan"),
                    response_p50=response.quantile(0.5),
                    response_p95=response.quantile(0.95),
                    response_p99=response.quantile(0.99),
                    response_max=response.max,
                    service_p50=service.quantile(0.5),
                    service_p99=service.quantile(0.99),
                )
            )
        return tuple(summaries)

    def _judged(self, users: pd.DataFrame) -> Verdict:
        record, health = self._record, BUILDERS["health"](self._record)
        abandoned = users["reason"].str.contains("abandoned", regex=False).fillna(False)
        return judge(
            Evidence(
                windows=len(health),
                saturated=int(health["saturated"].sum()),
                worst_lag=float(health["loop_lag_max"].max()),
                lost=int((users["outcome"] == "lost").sum()),
                abandoned=int(((users["outcome"] == "killed") & abandoned).sum()),
                actions=record.actions_total,
                actions_kept=record.actions_kept,
                events_dropped=record.events_dropped,
            )
        )
