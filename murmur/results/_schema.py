"""What every frame of `Results` holds: the one place where columns are defined.

The frames are built from this table and ``docs/reference/frames.md`` is written from
it, so that the page, the empty frame and the full frame cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from murmur.telemetry import Labels

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

__all__ = ["FRAMES", "NODE", "OUTCOMES", "Array", "Column", "Frame"]

OUTCOMES = ("finished", "failed", "left", "killed", "dropped", "lost")

_FLOAT, _INT, _BOOL, _TEXT, _CATEGORY, _WALL = (
    "float64",
    "int64",
    "bool",
    "str",
    "category",
    "datetime64[us, UTC]",
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a frame.

    Parameters
    ----------
    name : str
        How the frame calls it.
    dtype : str
        ``"float64"``, ``"int64"``, ``"bool"``, ``"str"``, ``"category"`` or
        ``"datetime64[us, UTC]"``.
    unit : str
        Unit of the numbers; empty for text and plain counts.
    meaning : str
        One sentence for the reference page.
    categories : tuple of str, default ()
        Categories that are there whatever happened; empty when those that occur are taken.
    """

    name: str
    dtype: str
    unit: str
    meaning: str
    categories: tuple[str, ...] = ()

    def series(self, values: Sequence[Any] | Labels | Array) -> pd.Series[Any]:
        """Return `values` in the column's dtype; ``wall_*`` values are UNIX seconds."""
        if self.dtype == _CATEGORY:
            return pd.Series(self._categorical(values), name=self.name)
        if self.dtype == _TEXT:
            return pd.Series(_texts(values), name=self.name)
        if self.dtype == _WALL:
            microseconds = np.round(np.asarray(values, dtype=np.float64) * 1e6)
            moments = pd.Series(microseconds.astype("datetime64[us]"), name=self.name)
            return moments.dt.tz_localize("UTC")
        return pd.Series(np.asarray(values, dtype=self.dtype), name=self.name)

    def _categorical(self, values: Sequence[Any] | Labels | Array) -> pd.Categorical:
        if isinstance(values, Labels):
            # The index of no labels would have no type; text is what they always are.
            labels = pd.Index(values.labels, dtype="str")
            made = pd.Categorical.from_codes(values.codes, categories=labels)
        else:
            made = pd.Categorical(pd.Series(values, dtype="str"))
        return made.set_categories(self.categories or sorted(made.categories))


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its name, what a row is, its columns in order.

    Parameters
    ----------
    name : str
        Attribute of `Results`.
    row : str
        What one row is, as a sentence.
    columns : tuple of Column
        The columns in order.
    notes : str, default ""
        What a reader has to know besides.
    """

    name: str
    row: str
    columns: tuple[Column, ...]
    notes: str = ""

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns in order."""
        return tuple(column.name for column in self.columns)

    def build(self, values: Mapping[str, Sequence[Any] | Labels | Array]) -> pd.DataFrame:
        """Return a frame of `values`, which maps every column to as many values."""
        return pd.DataFrame(
            {column.name: column.series(values[column.name]) for column in self.columns},
            copy=True,  # the caller owns it: nothing it does reaches the record
        )

    def empty(self) -> pd.DataFrame:
        """Return the frame without rows, with the dtypes it always has."""
        return self.build({name: [] for name in self.column_names})


def _texts(values: Sequence[Any] | Labels | Array) -> pd.api.extensions.ExtensionArray:
    if isinstance(values, Labels):
        known = pd.array(list(values.labels), dtype="str")
        return known.take(values.codes, allow_fill=True)
    return pd.array(values, dtype="str")


_NAME = Column("name", _CATEGORY, "", "What was timed, as the scenario called it.")
NODE = Column("node", _CATEGORY, "", "The node it happened on.")
_WINDOW_AT = Column("window_at", _FLOAT, "s", "When the window began, since the run started.")
_AT = Column("at", _FLOAT, "s", "When it happened, since the run started (monotonic).")
_WALL_AT = Column("wall_at", _WALL, "", "The same moment as date and time, UTC.")

_QUANTILES = {
    "mean": "Mean",
    "p50": "Median",
    "p90": "90th percentile",
    "p95": "95th percentile",
    "p99": "99th percentile",
    "p999": "99.9th percentile",
    "max": "Largest",
}
_MEASURES = {
    "service": "from the start of the action to its end",
    "response": "from the moment the action was due to its end",
}


def _quantiles() -> tuple[Column, ...]:
    return tuple(
        Column(
            f"{measure}_{short}",
            _FLOAT,
            "s",
            f"{long} {measure} time of the successful actions, {span}; NaN without any.",
        )
        for measure, span in _MEASURES.items()
        for short, long in _QUANTILES.items()
    )


def _windows(name: str, row: str, node: str, notes: str) -> Frame:
    columns = (
        _WINDOW_AT,
        _NAME,
        Column("node", _CATEGORY, "", node),
        Column("count", _INT, "", "Actions that ended in the window, failed ones included."),
        Column("failed", _INT, "", "How many of them failed."),
        Column("rate", _FLOAT, "1/s", "`count` per second of the window."),
        *_quantiles(),
    )
    return Frame(name, row, columns, notes)


_QUANTILE_NOTE = (
    "Quantiles come from histograms with a relative error of at most 1 %; `max` is exact."
)

FRAMES: Mapping[str, Frame] = {
    frame.name: frame
    for frame in (
        Frame(
            "users",
            "One row is one user that was announced to the run.",
            (
                Column("user_id", _INT, "", "The user's id; from 1, never used twice."),
                NODE,
                Column(
                    "outcome",
                    _CATEGORY,
                    "",
                    "How the user ended: finished, failed, left, killed, dropped or lost; "
                    "missing while the user is here.",
                    OUTCOMES,
                ),
                Column("reason", _TEXT, "", "Why, where there is more to say; else missing."),
                Column(
                    "admitted_at",
                    _FLOAT,
                    "s",
                    "When `user_rate` let the user in, since the run started; NaN if never.",
                ),
                Column(
                    "started_at",
                    _FLOAT,
                    "s",
                    "When `start` was called, since the run started; NaN if never.",
                ),
                Column(
                    "duration",
                    _FLOAT,
                    "s",
                    "From `started_at` to the user's end; NaN while the user is here, "
                    "and if it never started.",
                ),
            ),
            "Sorted by `user_id`. Users that wait or run have a row as well.",
        ),
        Frame(
            "actions",
            "One row is one action: a timed block, or a duration that was recorded.",
            (
                _NAME,
                Column("user_id", _INT, "", "The user that acted; 0 when no user did."),
                NODE,
                Column(
                    "due_at",
                    _FLOAT,
                    "s",
                    "When the action should have begun: the due time of its throttle's permit, "
                    "or `started_at` when nothing paced it.",
                ),
                Column("started_at", _FLOAT, "s", "When it began, since the run started."),
                Column("service_time", _FLOAT, "s", f"Seconds {_MEASURES['service']}."),
                Column("response_time", _FLOAT, "s", f"Seconds {_MEASURES['response']}."),
                Column("ok", _BOOL, "", "Whether it succeeded."),
                Column("error", _TEXT, "", "What went wrong; missing if nothing did."),
            ),
            "Complete up to the bound of the recorder (5 million rows by default), a uniform "
            'sample of all actions beyond it: `frame.attrs["sampled"]` says which, '
            '`frame.attrs["seen"]` how many there were.',
        ),
        _windows(
            "windows",
            "One row is one action name in one window, over all nodes.",
            "Always `all`: the nodes are merged.",
            "The counts add up to the number of actions. " + _QUANTILE_NOTE + " "
            "A window without actions of a name has no row. The last window of a run that goes "
            "on is not complete yet, so its rate is low.",
        ),
        _windows(
            "windows_by_node",
            "One row is one action name in one window on one node.",
            "The node.",
            _QUANTILE_NOTE,
        ),
        Frame(
            "counters",
            "One row is what was added to one counter on one node in one window.",
            (
                _WINDOW_AT,
                Column("name", _CATEGORY, "", "The counter."),
                NODE,
                Column("value", _FLOAT, "", "What was added in the window."),
                Column("total", _FLOAT, "", "What was added on the node so far."),
            ),
            "A window in which nothing was added has no row.",
        ),
        Frame(
            "gauges",
            "One row is one gauge on one node in one window.",
            (
                _WINDOW_AT,
                Column("name", _CATEGORY, "", "The gauge."),
                NODE,
                Column("last", _FLOAT, "", "The value set last, in the scenario's own unit."),
                Column("min", _FLOAT, "", "The smallest value set in the window."),
                Column("max", _FLOAT, "", "The largest."),
                Column("mean", _FLOAT, "", "The mean of those that were set."),
            ),
            "A window in which the gauge was not set has no row.",
        ),
        Frame(
            "throttles",
            "One row is one throttle on one node in one window.",
            (
                _WINDOW_AT,
                Column("name", _CATEGORY, "", "The throttle."),
                NODE,
                Column(
                    "rate",
                    _FLOAT,
                    "1/interval",
                    "Permits per `interval` at the end of the window; infinite when unlocked, "
                    "NaN for a limit.",
                ),
                Column("interval", _FLOAT, "s", "Seconds that `rate` is counted over."),
                Column("requested", _INT, "", "Permits asked for in the window."),
                Column("granted", _INT, "", "Permits granted in the window."),
                Column("waiting", _INT, "", "Callers that waited at the end of the window."),
                Column(
                    "lateness_p50",
                    _FLOAT,
                    "s",
                    "Median delay of a permit behind its due time; NaN without permits.",
                ),
                Column("lateness_p99", _FLOAT, "s", "99th percentile of that delay."),
            ),
        ),
        Frame(
            "population",
            "One row is the number of users in each state at one moment.",
            (
                Column("window_at", _FLOAT, "s", "The moment, since the run started."),
                Column("waiting", _INT, "", "Users announced and not admitted yet."),
                Column("running", _INT, "", "Users whose `start` runs."),
                Column("leaving", _INT, "", "Users that were asked to leave and are still here."),
            ),
            "Summed over the nodes; one row a window.",
        ),
        Frame(
            "events",
            "One row is one event of the run, frequent ones excepted.",
            (
                _AT,
                _WALL_AT,
                Column("name", _CATEGORY, "", "The event, as in the catalogue of events."),
                NODE,
                Column("measurements", _TEXT, "", "Its numbers, as a JSON object."),
                Column("metadata", _TEXT, "", "What it was about, as a JSON object."),
            ),
            'Mappings again: `frame["metadata"].map(json.loads)`.',
        ),
        Frame(
            "changes",
            "One row is one change that somebody made to the run while it went on.",
            (
                _AT,
                _WALL_AT,
                Column("node", _CATEGORY, "", "The node on which it took effect."),
                Column("who", _CATEGORY, "", "Where the change came from."),
                Column("what", _CATEGORY, "", "What changed: a setting, a throttle, the users."),
                Column("old", _TEXT, "", "The value before, as text; secrets are masked."),
                Column("new", _TEXT, "", "The value after."),
            ),
            "Every time chart draws a rule for each of them: `changes=results.changes`.",
        ),
        Frame(
            "nodes",
            "One row is one node that took part.",
            (
                NODE,
                Column("users", _INT, "", "Users that were announced to it."),
                Column("actions", _INT, "", "Actions that ended on it."),
                Column("failed", _INT, "", "How many of those failed."),
                Column("first_at", _FLOAT, "s", "When it first reported how many users it has."),
                Column("last_at", _FLOAT, "s", "When it last did."),
            ),
        ),
        Frame(
            "health",
            "One row is the state of the load generator on one node in one window.",
            (
                _WINDOW_AT,
                NODE,
                Column("loop_lag_p50", _FLOAT, "s", "Median delay of a timer of the event loop."),
                Column("loop_lag_p99", _FLOAT, "s", "99th percentile of that delay."),
                Column("loop_lag_max", _FLOAT, "s", "Longest delay."),
                Column("cpu", _FLOAT, "cores", "CPU time used per second; 1 is one whole core."),
                Column("rss", _FLOAT, "bytes", "Resident memory of the process."),
                Column(
                    "saturated",
                    _BOOL,
                    "",
                    "Whether the generator itself was too slow to be trusted in the window: "
                    "`loop_lag_p99` above 50 ms, or what the node found.",
                ),
            ),
        ),
        Frame(
            "errors",
            "One row is one kind of error under one action name, the most frequent first.",
            (
                Column("name", _CATEGORY, "", "The action."),
                Column("kind", _CATEGORY, "", 'Type of the exception; "failed" without one.'),
                Column("error", _TEXT, "", "Type and message, exactly as in `actions`."),
                Column("count", _INT, "", "How many actions failed with it."),
                Column("first_at", _FLOAT, "s", "When the first of them ended."),
                Column("last_at", _FLOAT, "s", "When the last of them ended."),
                Column("traceback", _TEXT, "", "Traceback of one of them; may be empty."),
            ),
            "The counts are complete, also where `actions` is a sample.",
        ),
    )
}
