"""Raw columns of a run's record, as `RunRecord.table` hands them out.

The schema lists the columns (`Frame.table`); here is how each comes about.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from murmur.telemetry import HAIR, MISSING, Labels, kind_text

from ._column import CATEGORY, TEXT
from ._merge import merged, whole_population
from ._nodes import nodes_table
from ._schema import FRAMES, USER_STATES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from murmur.telemetry import Change, ErrorCount, Event

    from ._column import Frame

    Column = NDArray[Any] | Labels | list[Any]
    Table = dict[str, Column]


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

    @classmethod
    def since(
        cls, run_started_at: float, ids: ArrayLike, admitted_at: ArrayLike, started_at: ArrayLike
    ) -> Present:
        """Return users whose moments are on the clock that `run_started_at` is from."""
        import numpy as np

        return cls(
            np.array(ids, np.int64),
            np.array(admitted_at, np.float64) - run_started_at,
            np.array(started_at, np.float64) - run_started_at,
        )


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

    gone: NDArray[Any]
    present: Sequence[tuple[int, Present]]
    ranges: Sequence[WaitingRows]


def _users(rows: UserRows, legend: Legend) -> Table:
    """Return one row per user, ascending by id.

    A user that is there has no outcome and no end; one that waits has not been admitted
    either; one that was dropped ended without that.
    """
    import numpy as np

    dtype = rows.gone.dtype
    here = [present_rows(dtype, node, users) for node, users in rows.present]
    never = [_range_rows(dtype, users) for users in rows.ranges]
    users = np.concatenate([rows.gone, *here, *never])
    # A snapshot of those present may be older than the news that some are gone.
    _, first = np.unique(users["user_id"], return_index=True)
    users = users[first]
    return {
        "user_id": users["user_id"].astype(np.int64),
        "node": Labels.used(users["node"], legend.nodes),
        "outcome": Labels.used(users["outcome"], legend.outcomes),
        "reason": Labels.used(users["reason"], legend.reasons),
        "scenario": Labels.used(users["scenario"], legend.reasons),
        "result": Labels.used(users["result"], legend.reasons),
        "admitted_at": users["admitted_at"].copy(),
        "started_at": users["started_at"].copy(),
        "ended_at": users["ended_at"].copy(),
    }


def present_rows(dtype: np.dtype[Any], node: int, users: Present) -> NDArray[Any]:
    """Return users that are there as rows like those of users that are gone."""
    import numpy as np

    rows = np.empty(len(users.ids), dtype)
    rows["node"] = node
    for field in ("outcome", "reason", "scenario", "result"):
        rows[field] = MISSING
    rows["user_id"] = users.ids
    rows["admitted_at"], rows["started_at"] = users.admitted_at, users.started_at
    rows["ended_at"] = np.nan
    return rows


def _range_rows(dtype: np.dtype[Any], users: WaitingRows) -> NDArray[Any]:
    import numpy as np

    rows = np.empty(users.last - users.first + 1, dtype)
    rows["user_id"] = np.arange(users.first, users.last + 1)
    rows["admitted_at"] = rows["started_at"] = np.nan
    rows["scenario"] = rows["result"] = MISSING
    for field in ("node", "outcome", "reason", "ended_at"):
        rows[field] = getattr(users, field)
    return rows


def _actions(columns: dict[str, NDArray[Any]], legend: Legend) -> Table:
    """Return one row per action that is kept; user 0 is none.

    Service time is counted from the start, response time from when the action was due.
    Rows are in the order of recording, unless they are a sample, which has no order.
    """
    import numpy as np

    kinds = [kind_text(*kind) for kind in legend.kinds]
    error, ended_at = columns.pop("error"), columns.pop("ended_at")
    codes, kinds = _distinct(error, kinds)
    # Five million rows take 170 MB: each column goes as the one made of it comes.
    return {
        "name": Labels.used(columns.pop("name"), legend.names),
        "user_id": columns.pop("user_id").astype(np.int64),
        "node": Labels.used(columns.pop("node"), legend.nodes),
        "service_time": ended_at - columns["started_at"],
        "response_time": np.subtract(ended_at, columns["due_at"], out=ended_at),
        "due_at": columns["due_at"],
        "started_at": columns["started_at"],
        "ok": error < 0,
        "error": Labels.used(codes, kinds),
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


def _spans(rows: NDArray[Any], legend: Legend) -> Table:
    """Return one row per window and name of spans; a span has one time, an action two."""
    table = _windows(rows, legend)
    named = {name.removeprefix("service_"): values for name, values in table.items()}
    return {name: named[name] for name in FRAMES["spans"].column_names}


def _of_parts(name: str) -> Callable[[NDArray[Any], Legend], Table]:
    """Return the builder of a table with one row for each window, node and name."""
    frame = FRAMES[name]

    def build(parts: NDArray[Any], legend: Legend) -> Table:
        keys = _key(_windows_of(frame, parts, legend.window), parts["node"], parts["name"])
        key, columns = merged(frame, parts, keys)
        table: Table = {
            "window_at": (key >> 32) * legend.window,
            "node": Labels.used((key >> 16) & 0xFFFF, legend.nodes),
        }
        if "name" in frame.column_names:
            table["name"] = Labels.used(key & 0xFFFF, legend.names)
        for column in frame.measured:
            values = columns[column.name]
            is_text = column.dtype in (TEXT, CATEGORY)
            table[column.name] = Labels.used(values, legend.reasons) if is_text else values
        return table

    return build


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
    """Return one row per thing that failed and kind of failure, the most frequent first.

    A kind is the type of the exception, or "failed"; the traceback is that of one.
    """
    import numpy as np

    joined: dict[tuple[str, int, tuple[str, str]], tuple[ErrorCount, str]] = {}
    for count, text in sorted(rows, key=lambda row: row[0].first_at):
        key = (count.source, count.name, legend.kinds[count.kind])
        known = joined.get(key)
        joined[key] = (known[0].plus(count), known[1] or text) if known else (count, text)
    ordered = sorted(joined.values(), key=lambda row: -max(row[0].number, row[0].users))
    counts = [count for count, _ in ordered]
    return {
        "source": [count.source for count in counts],
        "name": [legend.names[count.name] for count in counts],
        "kind": [legend.kinds[count.kind][0] for count in counts],
        "message": [legend.kinds[count.kind][1] for count in counts],
        "count": np.array([count.number for count in counts], np.int64),
        "users": np.array([count.users for count in counts], np.int64),
        **_fields(counts, "first_at last_at", "f8"),
        "traceback": [text for _, text in ordered],
    }


TABLES: dict[str, Callable[[Any, Legend], Table]] = {
    "users": _users,
    "actions": _actions,
    "windows": _windows,
    "spans": _spans,
    "population": _of_parts("population"),
    "throttles": _of_parts("throttles"),
    "health": _of_parts("health"),
    "counters": _of_parts("counters"),
    "gauges": _of_parts("gauges"),
    "changes": _changes,
    "events": _events,
    "errors": _errors,
    "nodes": nodes_table,
}
"""The builder of each table; the schema lists its columns (`Frame.table`)."""


def of_all_nodes(
    population: Table, length: float, departures: Sequence[tuple[str, int]], until: float
) -> Table:
    """Return the population of all nodes together, see `whole_population`."""
    import numpy as np

    node, window_at = population["node"], np.asarray(population["window_at"])
    assert isinstance(node, Labels)
    counts = {state: np.asarray(population[state]) for state in USER_STATES}
    codes = {name: code for code, name in enumerate(node.labels)}
    gone = [(codes[name], since) for name, since in departures if name in codes]
    whole = whole_population(window_at, node.codes, counts, length, gone=gone, until=until)
    return {**whole, "node": ["all"] * len(whole["window_at"])}


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


def _windows_of(frame: Frame, parts: NDArray[Any], length: float) -> NDArray[np.int64]:
    """Return the window that each part tells of.

    A sample of a window was taken in it or at its end, and a sample of a moment stands for the
    window that begins about then.
    """
    import numpy as np

    if not frame.sampled:
        window = parts["window"]
    elif frame.sampled == "moment":
        window = np.rint(parts["at"] / length)
    else:
        window = np.maximum(np.ceil(parts["at"] / length - HAIR) - 1, 0)  # as `window_told_by`
    numbers: NDArray[np.int64] = window.astype(np.int64)
    return numbers


def _key(
    window: NDArray[np.int64], node: NDArray[np.int16], name: NDArray[np.int16]
) -> NDArray[np.int64]:
    """Return one number that sorts by window, node and name."""
    import numpy as np

    keys: NDArray[Any] = (window << 32) + (node.astype(np.int64) << 16) + name
    return keys


def _fields(rows: Sequence[object], names: str, kind: str) -> Table:
    """Return one array per attribute of `rows`."""
    import numpy as np

    return {name: np.array([getattr(row, name) for row in rows], kind) for name in names.split()}


def _distinct(
    codes: NDArray[np.signedinteger[Any]], labels: Sequence[str]
) -> tuple[NDArray[np.signedinteger[Any]], list[str]]:
    """Return codes and labels, each label once."""
    import numpy as np

    distinct = list(dict.fromkeys(labels))
    if len(distinct) == len(labels):
        return codes, distinct
    places = {label: place for place, label in enumerate(distinct)}
    renumbered = np.array([*(places[label] for label in labels), MISSING], np.int32)
    return renumbered[codes], distinct


def _labels(codes: Sequence[int], labels: Sequence[str]) -> Labels:
    import numpy as np

    return Labels.used(np.array(codes, np.int64), labels)
