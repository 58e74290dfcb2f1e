"""From the columns of a run's record to the frames of the schema, one function a frame."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from murmur.recording import CATEGORY, FRAMES, STEERING, RunRecord
from murmur.runtime import went_with_their_node
from murmur.runtime.health import LAG_LIMIT, UNSTEERED
from murmur.telemetry import OWN_COUNTERS, Labels, kind_text

from ._absences import NO_SIGN, absent_windows
from ._deliveries import deliveries
from ._frame import Values, build, series, unknown

NEARLY = 0.9
"""Share of a window from which on it counts as whole."""


def _counters(record: RunRecord) -> pd.DataFrame:
    frame = build(FRAMES["counters"], record.table("counters"))
    names = frame["name"].cat
    own = [name for name in names.categories if str(name).startswith(OWN_COUNTERS)]
    if not own:
        return frame
    shown = frame.assign(name=names.remove_categories(own))
    return shown[shown["name"].notna()].reset_index(drop=True)


def _users(record: RunRecord) -> pd.DataFrame:
    table = record.table("users")
    duration = np.asarray(table["ended_at"]) - np.asarray(table["started_at"])
    return build(FRAMES["users"], {**table, "duration": duration})


def _actions(record: RunRecord) -> pd.DataFrame:
    frame = build(FRAMES["actions"], record.table("actions"))
    frame.attrs.update(sampled=record.sampled, seen=record.actions_total)
    return frame


def _windows(record: RunRecord) -> pd.DataFrame:
    return _windows_of(record, "windows", merged=True)


def _windows_by_node(record: RunRecord) -> pd.DataFrame:
    return _windows_of(record, "windows_by_node", merged=False)


def _windows_of(record: RunRecord, name: str, *, merged: bool) -> pd.DataFrame:
    """Return the windows of all nodes together, or those of each node; never both."""
    table = record.table("windows", of_all=merged)
    table["rate"] = np.asarray(table["count"]) / _seconds_passed(record, table["window_at"])
    ranks = (_ranks(table[column]) for column in ("node", "name"))
    order = np.lexsort((*ranks, np.asarray(table["window_at"])))
    for column, values in table.items():  # one by one: a day of windows takes 100 MB
        if isinstance(values, Labels):
            table[column] = Labels(values.codes[order], values.labels)
        else:
            table[column] = np.asarray(values)[order]
    return build(FRAMES[name], table)


def _ranks(column: Values) -> NDArray[np.int64]:
    """Return by what a column of text is ordered, as a number for each row."""
    assert isinstance(column, Labels)
    places = np.argsort(np.argsort(np.array(column.labels, object)))
    ranks: NDArray[np.int64] = places[column.codes]
    return ranks


def _seconds_passed(record: RunRecord, window_at: Values) -> NDArray[np.float64]:
    """Return for how long each window went on: the newest may not be over, or never will be.

    At least half of it, or what ended in its first moments would be a high rate.  Nearly all of
    it is all: the last thing that is known seldom happened at its very end.
    """
    passed = (record.latest - np.asarray(window_at, np.float64)) / record.window
    return np.where(passed > NEARLY, 1.0, np.maximum(passed, 0.5)) * record.window


def _spans(record: RunRecord) -> pd.DataFrame:
    frame = build(FRAMES["spans"], record.table("spans"))
    return frame.sort_values(["window_at", "name"], ignore_index=True)


def _gauges(record: RunRecord) -> pd.DataFrame:
    table = record.table("gauges")
    mean = np.asarray(table["sum"]) / np.asarray(table["size"])
    return build(FRAMES["gauges"], {**table, "mean": mean})


def _population(record: RunRecord) -> pd.DataFrame:
    return build(FRAMES["population"], record.table("population", of_all=True))


def _health(record: RunRecord) -> pd.DataFrame:
    frame = build(FRAMES["health"], record.table("health"))
    late = ~frame["saturated"] & (frame["loop_lag_p99"] > LAG_LIMIT)
    frame["saturated"] |= late
    frame.loc[late, "reason"] = "loop lag"
    absent = absent_windows(record, frame)
    if len(absent):
        frame = _with_absent(frame, absent)
    _mark_unsteered(frame, record)
    return frame.sort_values(["window_at", "node"], ignore_index=True)


def _mark_unsteered(frame: pd.DataFrame, record: RunRecord) -> None:
    """Saturate what nodes told of windows in which nobody steered them.

    Permits ran out and messages waited, however well the nodes themselves were.
    """
    for stood in record.standstills():
        if stood.node == STEERING:
            ends = frame["window_at"] + record.window
            rows = (frame["window_at"] < stood.until) & (ends > stood.since)
            rows &= frame["reason"] != NO_SIGN
            before = frame.loc[rows, "reason"].fillna("")
            frame.loc[rows, "saturated"] = True
            frame.loc[rows, "reason"] = [f"{UNSTEERED}{', ' * bool(w)}{w}" for w in before]


def _with_absent(frame: pd.DataFrame, absent: pd.DataFrame) -> pd.DataFrame:
    """Return the health of windows that were written and of those that were not."""
    number, joined = len(absent), {}
    known: dict[str, Values] = {
        **{name: absent[name].tolist() for name in ("window_at", "node")},
        "saturated": [True] * number,
        "reason": [NO_SIGN] * number,
    }
    for column in FRAMES["health"].columns:
        there, name = frame[column.name], column.name
        more = series(column, known[name]) if name in known else unknown(column, number)
        if column.dtype == CATEGORY:  # of two that differ in their labels, the sum is text
            joined[name] = series(column, [*there.astype("str"), *more.astype("str")])
        else:
            joined[name] = pd.concat([there, more], ignore_index=True)
    return pd.DataFrame(joined, copy=False)


def _throttles(record: RunRecord) -> pd.DataFrame:
    frame = build(FRAMES["throttles"], record.table("throttles"))
    return frame.sort_values(["window_at", "name", "node"], ignore_index=True)


def _events(record: RunRecord) -> pd.DataFrame:
    table = record.table("events")
    texts = {
        column: list(map(_json, _items(table[column]))) for column in ("measurements", "metadata")
    }
    return build(FRAMES["events"], {**table, **texts})


def _changes(record: RunRecord) -> pd.DataFrame:
    table = record.table("changes")
    texts = {column: list(map(str, _items(table[column]))) for column in ("old", "new")}
    wall_at = np.asarray(table["at"]) + record.wall_started_at
    return build(FRAMES["changes"], {**table, **texts, "wall_at": wall_at})


def _errors(record: RunRecord) -> pd.DataFrame:
    table = record.table("errors")
    texts = list(map(kind_text, _items(table["kind"]), _items(table["message"])))
    return build(FRAMES["errors"], {**table, "error": texts})


def _deliveries(record: RunRecord) -> pd.DataFrame:
    """Return what was counted of stamps, by the name of their messages."""
    return build(FRAMES["deliveries"], deliveries(record))


def _nodes(record: RunRecord) -> pd.DataFrame:
    population = record.table("population")
    reported = pd.Series(np.asarray(population["window_at"]))
    reported_by = reported.groupby(_items(population["node"]))
    ended = record.totals_by_node()
    table: dict[str, Any] = record.table("users")
    homes = pd.Series(_items(table["node"]), dtype="str")
    went = went_with_their_node(table["outcome"], table["reason"])
    users, lost = homes.value_counts(), homes[went].value_counts()
    table = record.table("nodes")
    nodes = _items(table["node"])
    return build(
        FRAMES["nodes"],
        {
            **table,
            "users": users.reindex(nodes, fill_value=0).to_numpy(),
            "lost": lost.reindex(nodes, fill_value=0).to_numpy(),
            "actions": [ended.get(node, (0, 0))[0] for node in nodes],
            "failed": [ended.get(node, (0, 0))[1] for node in nodes],
            "first_at": reported_by.min().reindex(nodes).to_numpy(),
            "last_at": reported_by.max().reindex(nodes).to_numpy(),
        },
    )


def _items(column: Values) -> list[Any]:
    return column.decode() if isinstance(column, Labels) else list(column)


def _json(value: object) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)


BUILDERS: Mapping[str, Callable[[RunRecord], pd.DataFrame]] = MappingProxyType(
    {
        "users": _users,
        "actions": _actions,
        "windows": _windows,
        "windows_by_node": _windows_by_node,
        "spans": _spans,
        "counters": _counters,
        "gauges": _gauges,
        "deliveries": _deliveries,
        "throttles": _throttles,
        "population": _population,
        "events": _events,
        "changes": _changes,
        "nodes": _nodes,
        "health": _health,
        "errors": _errors,
    }
)
"""Name of a frame, and the function that builds it anew of a record."""
