"""From the columns of a run's record to the frames of the schema, one function a frame."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from murmur.recording import RunRecord
from murmur.runtime.health import LAG_LIMIT
from murmur.telemetry import Labels

from ._frame import Array
from ._schema import FRAMES, NODE

__all__ = ["BUILDERS"]


def _as_recorded(name: str) -> Callable[[RunRecord], pd.DataFrame]:
    """Return the builder of a frame whose columns the record has as they are."""

    def build(record: RunRecord) -> pd.DataFrame:
        return FRAMES[name].build(record.table(name))

    return build


def _users(record: RunRecord) -> pd.DataFrame:
    table = record.table("users")
    duration = np.asarray(table["ended_at"]) - np.asarray(table["started_at"])
    return FRAMES["users"].build({**table, "duration": duration})


def _actions(record: RunRecord) -> pd.DataFrame:
    frame = FRAMES["actions"].build(record.table("actions"))
    frame.attrs.update(sampled=record.sampled, seen=record.actions_total)
    return frame


def _windows(record: RunRecord) -> pd.DataFrame:
    return _windows_of(record, "windows", merged=True)


def _windows_by_node(record: RunRecord) -> pd.DataFrame:
    return _windows_of(record, "windows_by_node", merged=False)


def _windows_of(record: RunRecord, name: str, *, merged: bool) -> pd.DataFrame:
    """Return the windows of all nodes together, or those of each node; never both."""
    table = record.table("windows", of_all=merged)
    rate = np.asarray(table["count"]) / record.window
    frame = FRAMES[name].build({**table, "rate": rate})
    del table, rate  # the frame has what they hold; a day of windows takes 100 MB
    return frame.sort_values(["window_at", "name", "node"], ignore_index=True)


def _population(record: RunRecord) -> pd.DataFrame:
    states = ("waiting", "running", "leaving")
    table = record.table("population")
    window_at, node = np.asarray(table["window_at"]), NODE.series(table["node"])
    totals: dict[str, Array] = {"window_at": np.unique(window_at)}
    for state in states:
        counts = pd.Series(np.asarray(table[state], np.float64), index=[window_at, node])
        # A node whose sample is late has not lost its users: those it had stand in.
        wide = counts.unstack().sort_index().ffill(limit_area="inside").ffill(limit=1)
        totals[state] = wide.sum(axis=1).to_numpy()
    return FRAMES["population"].build(totals)


def _health(record: RunRecord) -> pd.DataFrame:
    frame = FRAMES["health"].build(record.table("health"))
    late = ~frame["saturated"] & (frame["loop_lag_p99"] > LAG_LIMIT)
    frame["saturated"] |= late
    frame.loc[late, "reason"] = "loop lag"
    return frame.sort_values(["window_at", "node"], ignore_index=True)


def _throttles(record: RunRecord) -> pd.DataFrame:
    frame = FRAMES["throttles"].build(record.table("throttles"))
    return frame.sort_values(["window_at", "name", "node"], ignore_index=True)


def _events(record: RunRecord) -> pd.DataFrame:
    table = record.table("events")
    texts = {
        column: list(map(_json, _items(table[column]))) for column in ("measurements", "metadata")
    }
    return FRAMES["events"].build({**table, **texts})


def _changes(record: RunRecord) -> pd.DataFrame:
    table = record.table("changes")
    texts = {column: list(map(str, _items(table[column]))) for column in ("old", "new")}
    wall_at = np.asarray(table["at"]) + record.wall_started_at
    return FRAMES["changes"].build({**table, **texts, "wall_at": wall_at})


def _errors(record: RunRecord) -> pd.DataFrame:
    table = record.table("errors")
    pairs = zip(_items(table["kind"]), _items(table["message"]), strict=True)
    texts = [f"{kind}: {message}" if message else kind for kind, message in pairs]
    return FRAMES["errors"].build({**table, "error": texts})


def _nodes(record: RunRecord) -> pd.DataFrame:
    population = record.table("population")
    reported = pd.Series(np.asarray(population["window_at"]))
    reported_by = reported.groupby(NODE.series(population["node"]).astype("str"))
    ended = record.totals_by_node()
    users = pd.Series(NODE.series(record.table("users")["node"])).value_counts()
    table = record.table("nodes")
    nodes = _items(table["node"])
    return FRAMES["nodes"].build(
        {
            **table,
            "users": users.reindex(nodes, fill_value=0).to_numpy(),
            "actions": [ended.get(node, (0, 0))[0] for node in nodes],
            "failed": [ended.get(node, (0, 0))[1] for node in nodes],
            "first_at": reported_by.min().reindex(nodes).to_numpy(),
            "last_at": reported_by.max().reindex(nodes).to_numpy(),
        }
    )


def _items(column: Sequence[Any] | Labels | Array) -> list[Any]:
    return column.decode() if isinstance(column, Labels) else list(column)


def _json(value: object) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)


BUILDERS: Mapping[str, Callable[[RunRecord], pd.DataFrame]] = MappingProxyType(
    {
        "users": _users,
        "actions": _actions,
        "windows": _windows,
        "windows_by_node": _windows_by_node,
        "counters": _as_recorded("counters"),
        "gauges": _as_recorded("gauges"),
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
