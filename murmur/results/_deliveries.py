"""Deliveries: what users' stamps come to, put together from what every node counted.

The runtime counts; nothing here knows more of a stamp than the names of its counters.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from murmur.runtime import (
    ARRIVED,
    CLOCK_ERROR,
    DUPLICATES,
    EXPECTED,
    SENT,
    UNCERTAIN,
)
from murmur.telemetry import Labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from murmur.recording import RunRecord

__all__ = ["deliveries"]

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
    counted = _totals(record.table("counters"))
    errors = _largest(record.table("gauges"))
    names = sorted(
        {
            name.removeprefix(prefix)
            for prefix in _COUNTED.values()
            for name in counted
            if name.startswith(prefix)
        }
    )
    columns: dict[str, Any] = {"name": names}
    for column, prefix in _COUNTED.items():
        columns[column] = np.array([counted[prefix + name] for name in names], np.int64)
    expected, arrived = columns["expected"], columns["arrived"]
    columns["reach"] = np.where(expected > 0, arrived / np.maximum(expected, 1), np.nan)
    columns["lost"] = np.maximum(expected - arrived, 0)
    times = _times(record, names)
    for column, share in (("p50", 0.5), ("p99", 0.99)):
        columns[column] = np.array([_nearest_rank(times[name], share) for name in names])
    columns["clock_error"] = np.array([errors.get(CLOCK_ERROR + name, 0.0) for name in names])
    return columns


def _totals(counters: Mapping[str, Any]) -> defaultdict[str, int]:
    """Return what each counter came to over all nodes."""
    last: dict[tuple[str, str], float] = {}
    rows = zip(_texts(counters["node"]), _texts(counters["name"]), counters["total"], strict=True)
    for node, name, total in rows:
        last[node, name] = max(last.get((node, name), 0.0), float(total))
    totals: defaultdict[str, int] = defaultdict(int)
    for (_, name), total in last.items():
        totals[name] += int(min(total, MOST))
    return totals


def _largest(gauges: Mapping[str, Any]) -> dict[str, float]:
    """Return the largest value of each gauge."""
    largest: dict[str, float] = {}
    for name, value in zip(_texts(gauges["name"]), gauges["max"], strict=True):
        largest[name] = max(largest.get(name, 0.0), float(value))
    return largest


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


def _texts(column: Any) -> list[str]:  # noqa: ANN401 - whichever way the table holds text
    return [str(each) for each in (column.decode() if isinstance(column, Labels) else column)]
