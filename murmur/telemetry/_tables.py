"""Raw columns of a run's record, as `RunRecord.table` hands them out.

The docstring of `RunRecord.table` lists the columns; here is how each comes about.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ._buckets import sums
from ._codes import MISSING, Labels
from ._nodes import nodes_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ._chunk import (
        Change,
        Counters,
        ErrorCount,
        Gauges,
        HealthSample,
        PopulationSample,
        ThrottleSample,
    )
    from ._events import Event

    Column = NDArray[Any] | Labels | list[Any]
    Table = dict[str, Column]

__all__ = ["TABLES", "Legend", "Present", "UserRows", "WaitingRows", "present_rows", "recent"]


class Legend(NamedTuple):
    """What codes stand for, and the length of a window in seconds."""

    names: tuple[str, ...]
    nodes: tuple[str, ...]
    outcomes: tuple[str, ...]
    reasons: tuple[str, ...]
    kinds: tuple[tuple[str, str], ...]
    window: float


class Present(NamedTuple):
    """Users that were admitted and are still there, with moments since the run's start."""

    ids: NDArray[np.int64]
    admitted_at: NDArray[np.float64]
    started_at: NDArray[np.float64]


class WaitingRows(NamedTuple):
    """A range of users, both ends included, that were not admitted, and what became of them."""

    first: int
    last: int
    node: int
    ended_at: float = float("nan")
    outcome: int = MISSING
    reason: int = MISSING


class UserRows(NamedTuple):
    """What is known of users: those gone, those there, and those never admitted."""

    gone: Sequence[NDArray[Any]]
    present: Sequence[tuple[int, Present]]
    ranges: Sequence[WaitingRows]


def _users(rows: UserRows, legend: Legend) -> Table:
    """Return one row per user, ascending by id.

    A user that is there has no outcome and no end; one that waits has not been admitted
    either; one that was dropped ended without that.
    """
    import numpy as np

    dtype = rows.gone[0].dtype
    here = [present_rows(dtype, node, users) for node, users in rows.present]
    never = [_range_rows(dtype, users) for users in rows.ranges]
    users = np.concatenate([*rows.gone, *here, *never])
    # A snapshot of those present may be older than the news that some are gone.
    _, first = np.unique(users["user_id"], return_index=True)
    users = users[first]
    return {
        "user_id": users["user_id"].astype(np.int64),
        "node": Labels.used(users["node"], legend.nodes),
        "outcome": Labels.used(users["outcome"], legend.outcomes),
        "reason": Labels.used(users["reason"], legend.reasons),
        "admitted_at": users["admitted_at"].copy(),
        "started_at": users["started_at"].copy(),
        "ended_at": users["ended_at"].copy(),
    }


def present_rows(dtype: np.dtype[Any], node: int, users: Present) -> NDArray[Any]:
    """Return users that are there as rows like those of users that are gone."""
    import numpy as np

    rows = np.empty(len(users.ids), dtype)
    rows["node"], rows["outcome"], rows["reason"] = node, MISSING, MISSING
    rows["user_id"] = users.ids
    rows["admitted_at"], rows["started_at"] = users.admitted_at, users.started_at
    rows["ended_at"] = np.nan
    return rows


def _range_rows(dtype: np.dtype[Any], users: WaitingRows) -> NDArray[Any]:
    import numpy as np

    rows = np.empty(users.last - users.first + 1, dtype)
    rows["user_id"] = np.arange(users.first, users.last + 1)
    rows["admitted_at"] = rows["started_at"] = np.nan
    for field in ("node", "outcome", "reason", "ended_at"):
        rows[field] = getattr(users, field)
    return rows


def _actions(rows: NDArray[Any], legend: Legend) -> Table:
    """Return one row per action that is kept; user 0 is none.

    Service time is counted from the start, response time from when the action was due.
    Rows are in the order of recording, unless they are a sample, which has no order.
    """
    import numpy as np

    kinds = [f"{kind}: {message}" if message else kind for kind, message in legend.kinds]
    return {
        "name": Labels.used(rows["name"], legend.names),
        "user_id": rows["user_id"].astype(np.int64),
        "node": Labels.used(rows["node"], legend.nodes),
        "due_at": rows["due_at"].copy(),
        "started_at": rows["started_at"].copy(),
        "service_time": rows["ended_at"] - rows["started_at"],
        "response_time": rows["ended_at"] - rows["due_at"],
        "ok": rows["error"] < 0,
        "error": Labels.used(rows["error"], kinds),
    }


def _windows(rows: NDArray[Any], legend: Legend) -> Table:
    """Return one row per window, node and name with actions that ended in it.

    The count includes those that failed; means and quantiles are of the others, NaN if
    there are none.  Rows ascend by window, what all nodes come to before each node.
    """
    table: Table = {
        "window_at": rows["window"] * legend.window,
        "name": Labels.used(rows["name"], legend.names),
        "node": Labels.used(rows["node"], legend.nodes),
    }
    for column in rows.dtype.names or ():
        if column not in ("window", "name", "node"):
            table[column] = rows[column].copy()
    return table


def _population(samples: Sequence[tuple[int, PopulationSample]], legend: Legend) -> Table:
    """Return one row per window and node: users at about the beginning of the window."""
    latest = {(round(sample.at / legend.window), node): sample for node, sample in samples}
    return {
        **_window_and_node(list(latest), legend),
        **_fields(list(latest.values()), "waiting running leaving", "i8"),
    }


def _throttles(samples: Sequence[tuple[int, ThrottleSample]], legend: Legend) -> Table:
    """Return one row per window, throttle and node; `waiting` is at the window's end."""
    merged: dict[tuple[int, int, str], ThrottleSample] = {}
    for node, sample in samples:
        key = (_window_before(sample.at, legend.window), node, sample.name)
        before = merged.get(key)
        merged[key] = sample if before is None else _both(before, sample)
    names = tuple(dict.fromkeys(name for _, _, name in merged))
    code = {name: number for number, name in enumerate(names)}
    rows = list(merged.values())
    return {
        **_window_and_node([key[:2] for key in merged], legend),
        "name": _labels([code[name] for _, _, name in merged], names),
        **_fields(rows, "rate interval lateness_p50 lateness_p99", "f8"),
        **_fields(rows, "requested granted waiting", "i8"),
    }


def _both(before: ThrottleSample, after: ThrottleSample) -> ThrottleSample:
    """Return two samples of one window as one; lateness is that of the larger."""
    larger = before if before.granted >= after.granted else after
    return after._replace(
        requested=before.requested + after.requested,
        granted=before.granted + after.granted,
        lateness_p50=larger.lateness_p50,
        lateness_p99=larger.lateness_p99,
    )


def _health(samples: Sequence[tuple[int, HealthSample]], legend: Legend) -> Table:
    """Return one row per window and node; cpu is a share of one core, rss in bytes."""
    merged: dict[tuple[int, int], HealthSample] = {}
    for node, sample in samples:
        key = (_window_before(sample.at, legend.window), node)
        before = merged.get(key, sample)
        merged[key] = sample._replace(
            loop_lag_max=max(before.loop_lag_max, sample.loop_lag_max),
            saturated=before.saturated or sample.saturated,
        )
    rows = list(merged.values())
    return {
        **_window_and_node(list(merged), legend),
        **_fields(rows, "loop_lag_p50 loop_lag_p99 loop_lag_max cpu rss", "f8"),
        **_fields(rows, "saturated", "?"),
    }


def _counters(parts: Sequence[tuple[int, Counters]], legend: Legend) -> Table:
    """Return one row per window, counter and node in which it was counted.

    The value is the increment in the window, the total that up to its end.
    """
    import numpy as np

    columns = _joined(parts, 1)
    group, table, series = _by_window(columns, legend)
    value = sums(group, columns[3], len(series))
    total = np.empty_like(value)
    for one in np.unique(series):
        total[series == one] = np.cumsum(value[series == one])
    return {**table, "value": value, "total": total}


def _gauges(parts: Sequence[tuple[int, Gauges]], legend: Legend) -> Table:
    """Return one row per window, gauge and node in which it was set."""
    import numpy as np

    columns = _joined(parts, 5)
    group, table, series = _by_window(columns, legend)
    number = len(series)
    last, minimum, maximum = np.empty(number), np.full(number, np.inf), np.full(number, -np.inf)
    last[group] = columns[3]  # of several parts of a window, the last stays
    np.minimum.at(minimum, group, columns[4])
    np.maximum.at(maximum, group, columns[5])
    mean = sums(group, columns[6], number) / sums(group, columns[7], number)
    return {**table, "last": last, "min": minimum, "max": maximum, "mean": mean}


def _changes(changes: Sequence[tuple[int, Change]], legend: Legend) -> Table:
    """Return one row per live change, in the order of time."""
    ordered = sorted(changes, key=lambda row: row[1].at)
    return {
        **_fields([change for _, change in ordered], "at", "f8"),
        "node": _labels([node for node, _ in ordered], legend.nodes),
        "who": [change.who for _, change in ordered],
        "what": [change.what for _, change in ordered],
        "old": [change.old for _, change in ordered],
        "new": [change.new for _, change in ordered],
    }


def _events(events: Sequence[Event], legend: Legend) -> Table:
    """Return one row per event that was kept, in the order of time."""
    ordered = sorted(events, key=lambda event: event.at)
    return {
        **_fields(ordered, "at wall_at", "f8"),
        "name": [event.name for event in ordered],
        "node": [event.node for event in ordered],
        "measurements": [dict(event.measurements) for event in ordered],
        "metadata": [dict(event.metadata) for event in ordered],
    }


def _errors(rows: Sequence[tuple[ErrorCount, str]], legend: Legend) -> Table:
    """Return one row per name and kind of failed actions, the most frequent first.

    A kind is the type of the exception, or "failed"; the traceback is that of one.
    """
    import numpy as np

    ordered = sorted(rows, key=lambda row: -row[0].number)
    counts = [count for count, _ in ordered]
    return {
        "name": [legend.names[count.name] for count in counts],
        "kind": [legend.kinds[count.kind][0] for count in counts],
        "message": [legend.kinds[count.kind][1] for count in counts],
        "count": np.array([count.number for count in counts], np.int64),
        **_fields(counts, "first_at last_at", "f8"),
        "traceback": [text for _, text in ordered],
    }


TABLES: dict[str, Callable[[Any, Legend], Table]] = {
    "users": _users,
    "actions": _actions,
    "windows": _windows,
    "population": _population,
    "throttles": _throttles,
    "health": _health,
    "counters": _counters,
    "gauges": _gauges,
    "changes": _changes,
    "events": _events,
    "errors": _errors,
    "nodes": nodes_table,
}
"""The builder of each table; their docstrings list the columns."""


def recent(table: Table, since: float) -> Table:
    """Return the rows of windows that began at `since` or later, if it has windows."""
    import numpy as np

    if since <= 0 or "window_at" not in table:
        return table
    kept = np.asarray(table["window_at"]) >= since
    return {
        name: Labels.used(column.codes[kept], column.labels)
        if isinstance(column, Labels)
        else np.asarray(column)[kept]
        for name, column in table.items()
    }


def _window_before(at: float, length: float) -> int:
    """Return the window that a sample tells about: the one it was taken in or at the end of.

    A thousandth of a window after an end is still that end.
    """
    return max(math.ceil(at / length - 1e-3) - 1, 0)


def _window_and_node(keys: Sequence[tuple[int, int]], legend: Legend) -> Table:
    import numpy as np

    return {
        "window_at": np.array([window for window, _ in keys], np.float64) * legend.window,
        "node": _labels([node for _, node in keys], legend.nodes),
    }


def _fields(rows: Sequence[object], names: str, kind: str) -> Table:
    """Return one array per attribute of `rows`."""
    import numpy as np

    return {name: np.array([getattr(row, name) for row in rows], kind) for name in names.split()}


def _labels(codes: Sequence[int], labels: Sequence[str]) -> Labels:
    import numpy as np

    return Labels.used(np.array(codes, np.int64), labels)


def _joined(parts: Sequence[tuple[int, Sequence[NDArray[Any]]]], values: int) -> list[NDArray[Any]]:
    """Return node, window, name and the columns of values of all parts, one below another."""
    import numpy as np

    if not parts:
        return [np.empty(0, np.int64)] * 3 + [np.empty(0)] * values
    node = np.repeat([node for node, _ in parts], [len(columns[0]) for _, columns in parts])
    rest = zip(*(columns for _, columns in parts), strict=True)
    return [node, *map(np.concatenate, rest)]


def _by_window(
    columns: Sequence[NDArray[Any]], legend: Legend
) -> tuple[NDArray[np.int64], Table, NDArray[np.int64]]:
    """Return which row of the table each row goes to, the table's keys, and each row's series."""
    import numpy as np

    node, window, name = (column.astype(np.int64) for column in columns[:3])
    key, group = np.unique((window << 32) + (node << 16) + name, return_inverse=True)
    table: Table = {
        "window_at": (key >> 32) * legend.window,
        "node": Labels.used((key >> 16) & 0xFFFF, legend.nodes),
        "name": Labels.used(key & 0xFFFF, legend.names),
    }
    return group, table, key & 0xFFFFFFFF
