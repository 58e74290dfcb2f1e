"""Deliveries: what users' stamps come to, put together from what every node counted.

The runtime counts; nothing here knows more of a stamp than the names of its counters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from murmur.recording import RunRecord
from murmur.runtime import (
    ARRIVED,
    CLOCK_ERROR,
    DUPLICATES,
    EXPECTED,
    SENT,
    UNCERTAIN,
)
from murmur.telemetry import Labels

MOST = 2.0**53  # of one counter of murmur's; whoever counts more has made it up

_COUNTED = {
    "sent": SENT,
    "expected": EXPECTED,
    "arrived": ARRIVED,
    "duplicates": DUPLICATES,
    "uncertain": UNCERTAIN,
}


def deliveries(record: RunRecord) -> dict[str, Any]:
    """Return the columns of the frame ``deliveries``, one row for each name, by name."""
    counters = _texts(record.table("counters"), "node", "name", "total")
    totals = counters.groupby(["node", "name"])["total"].max().clip(0, MOST).astype(np.int64)
    counted = totals.groupby("name").sum()
    errors = _texts(record.table("gauges"), "name", "max").groupby("name")["max"].max()
    names = sorted(
        {
            name.removeprefix(prefix)
            for prefix in _COUNTED.values()
            for name in counted.index
            if name.startswith(prefix)
        }
    )
    columns: dict[str, Any] = {"name": names}
    for column, prefix in _COUNTED.items():
        known = counted.reindex([prefix + name for name in names], fill_value=0)
        columns[column] = known.to_numpy(np.int64)
    expected, arrived = columns["expected"], columns["arrived"]
    columns["reach"] = np.where(expected > 0, arrived / np.maximum(expected, 1), np.nan)
    columns["lost"] = np.maximum(expected - arrived, 0)
    times = _times(record, names)
    for column, share in (("p50", 0.5), ("p99", 0.99)):
        columns[column] = np.array([_nearest_rank(times[name], share) for name in names])
    error = errors.reindex([CLOCK_ERROR + name for name in names]).clip(lower=0).fillna(0.0)
    columns["clock_error"] = error.to_numpy()
    return columns


def _texts(table: Mapping[str, Any], *columns: str) -> pd.DataFrame:
    """Return some columns of a table, those of text as text."""
    return pd.DataFrame(
        {
            name: table[name].decode() if isinstance(table[name], Labels) else table[name]
            for name in columns
        }
    )


def _times(record: RunRecord, names: list[str]) -> dict[str, np.ndarray[Any, Any]]:
    """Return the times of the actions of each name, ascending, and as they are."""
    if not names:
        return {}
    table = record.table("actions")
    labels, seconds = table["name"], np.asarray(table["service_time"])
    assert isinstance(labels, Labels)
    codes = {label: code for code, label in enumerate(labels.labels)}
    return {name: np.sort(seconds[labels.codes == codes.get(name, -2)]) for name in names}


def _nearest_rank(ordered: np.ndarray[Any, Any], share: float) -> float:
    if not len(ordered):
        return float("nan")
    return float(ordered[max(int(np.ceil(share * len(ordered))), 1) - 1])
