"""Windows in which a node took part and told nothing of its health.

A loop that is held writes no row, and neither does a node that is lost.  What is not there
has to be counted all the same: these windows are saturated.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from murmur.recording import RunRecord

NO_SIGN = "no sign of life"
"""Reason of windows that nobody wrote."""

UNDER_WAY = 2
"""Windows at the end of a run that is on which may still be on their way."""


def absent_windows(
    record: RunRecord,  # knows when each node came and went
    known: pd.DataFrame,  # the windows that were written: `window_at` and `node`
) -> pd.DataFrame:
    """Return one row, window_at and node, for each window that a node owes.

    A node owes those that lie as a whole between when it began to have users and when it
    left, or the run began to end, or now.
    """
    length = record.window
    number = (known["window_at"] / length).round().astype("int64")
    written = {str(node): set(group) for node, group in number.groupby(known["node"].astype(str))}
    rows: list[tuple[float, str]] = []
    for node, first, end in _spans(record, written):
        missing = sorted(set(range(first, end)) - written.get(node, set()))
        rows.extend((window * length, node) for window in missing)
    return pd.DataFrame(rows, columns=["window_at", "node"])


def _spans(record: RunRecord, written: dict[str, set[int]]) -> list[tuple[str, int, int]]:
    """Return each node that had users, its first whole window and the one after its last."""
    table: dict[str, Any] = record.table("nodes")
    moments = zip(table["node"], table["running_at"], table["left_at"], strict=True)
    has_gaps = "health" in record.rows_dropped  # the oldest made room for others
    spans = []
    for node, running_at, left_at in moments:
        first = min(written.get(node, ()), default=None)
        if not math.isnan(running_at) and not has_gaps:
            first = math.ceil(running_at / record.window)
        if first is not None:
            spans.append((node, first, _end(record, left_at)))
    return spans


def _end(record: RunRecord, left_at: float) -> int:
    """Return the window after the last one that was to be written by now."""
    moments = [at for at in (left_at, record.ending_at) if not math.isnan(at)]
    until: float = min(moments, default=record.latest) / record.window
    # A sample that is late by less than half a window still tells about its end.
    return math.floor(until - 0.5) + (0 if moments else 1 - UNDER_WAY)
