"""Deliveries that never arrived, and for how long they have been on their way at least.

Nobody knows which of many messages were lost.  But none is on its way for longer than the
slowest that arrived, unless it never arrives: of those that were sent by a moment, no more came
than had arrived by then and within that time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from murmur.runtime import ARRIVED, EXPECTED
from murmur.telemetry import Histogram

if TYPE_CHECKING:
    import pandas as pd

    from ._source import Source

ON_ITS_WAY = 10.0
"""Seconds in which a node of a run that is on may have to tell yet what arrived at it."""

MOST = 100
"""Moments of sending that are told apart for each name."""

_Row: TypeAlias = tuple[str, float, float, int]


class Undelivered:
    """Deliveries that are missing for longer than any of their name took."""

    def __init__(self, source: Source) -> None:
        # names, when they were sent at the latest, until when they had not arrived, how many
        self._rows = [*_missing_deliveries(source)]

    def ages(self, names: Sequence[str], start: float, end: float) -> Histogram:
        """Return for how long those had been under way in the end that were sent in a stretch."""
        ages = [
            np.full(number, until - sent)
            for name, sent, until, number in self._rows
            if name in names and start < sent <= end
        ]
        return Histogram(np.concatenate([np.empty(0), *ages]))


def _missing_deliveries(source: Source) -> Iterator[_Row]:
    counters = source.frame("counters")
    texts = counters["name"].cat.categories.astype(str)
    until = source.elapsed() - (ON_ITS_WAY if source.is_on() else 0.0)
    for text in sorted(each for each in texts if each.startswith(EXPECTED)):
        name = text.removeprefix(EXPECTED)
        slowest = source.whole("service", name=name).max
        sent = _Total(counters[counters["name"] == text])
        arrived = _Total(counters[counters["name"] == f"{ARRIVED}{name}"])
        yield from _missing(name, sent, arrived, _Times(source.window, until, slowest))


class _Total:
    """What a counter came to by any moment, over all nodes."""

    def __init__(self, rows: pd.DataFrame) -> None:
        rows = rows.sort_values("window_at", kind="stable")
        first = rows.drop_duplicates("node")
        # Rows of a very long run may be gone, and the totals tell what was in them.
        before = float((first["total"] - first["value"]).sum())
        self.at = rows["window_at"].to_numpy(np.float64)
        self.total = np.concatenate([[before], before + rows["value"].to_numpy().cumsum()])

    def before(self, moment: float) -> float:
        """Return what was counted in windows that began before a moment."""
        return float(self.total[np.searchsorted(self.at, moment)])


class _Times:
    """What is known of the times of one name."""

    def __init__(self, window: float, until: float, slowest: float) -> None:
        self.window = window
        self.until = until  # when everything was told that had arrived
        self.slowest = 0.0 if math.isnan(slowest) else slowest


def _missing(name: str, sent: _Total, arrived: _Total, times: _Times) -> Iterator[_Row]:
    known = 0
    ends = np.unique(sent.at) + times.window
    ends = ends[ends < times.until - times.slowest]
    step = max(1, math.ceil(len(ends) / MOST))
    for end in ends[::-step][::-1].tolist():
        # One window more: what arrives at its edge may be counted in the next.
        came = arrived.before(end + times.slowest + times.window)
        if (number := int(sent.before(end) - came)) > known:
            yield name, end, times.until, number - known
            known = number
