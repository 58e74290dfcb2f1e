"""Actions, window by window, of the last five minutes of a run.

A run of an hour has thousands of windows; each is computed once, and once more while chunks
for it may still come.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from murmur.telemetry import middle

from ._table import rows_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from murmur.recording import RunRecord
    from murmur.telemetry import Histogram

__all__ = ["BANDS_A_DECADE", "QUANTILES", "SHORTEST", "SPAN", "Figures", "Window", "Windows"]

SPAN = 300
"""Windows that are kept."""

SHORTEST = 1e-5
"""Seconds at which the lowest band of the heat map begins."""

BANDS_A_DECADE = 8

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}

_LATE = 3  # windows: what a node sends later is missing in the charts, and only there
_RECENT = 5  # windows that the figures are an average of


class Figures(NamedTuple):
    """Actions of the last five whole windows.

    Attributes
    ----------
    rate, failed : float
        Actions per second, and those of them that failed.
    p50, p99 : float or None
        Response time in seconds; None if no action has succeeded.
    total, failed_total : int
        Actions since the run started.
    failed_users : int
        Users that failed since then.
    """

    rate: float = 0.0
    failed: float = 0.0
    p50: float | None = None
    p99: float | None = None
    total: int = 0
    failed_total: int = 0
    failed_users: int = 0


class Window:
    """Actions that ended in one window, all names and nodes together.

    Attributes
    ----------
    count, failed : int
        How many ended, and failed.
    quantiles : numpy.ndarray
        Response times in seconds, as in `QUANTILES`.
    bands : numpy.ndarray of int
        How many took how long; band 0 begins at `SHORTEST`.
    """

    __slots__ = ("bands", "count", "failed", "quantiles")

    def __init__(self, count: int, failed: int, times: Histogram) -> None:
        import numpy as np

        self.count = count
        self.failed = failed
        self.quantiles = times.quantiles(list(QUANTILES.values()))
        buckets, counts = times.buckets()
        seconds = np.maximum(middle(buckets), SHORTEST)
        band = np.floor(BANDS_A_DECADE * np.log10(seconds / SHORTEST)).astype(np.int64)
        self.bands: NDArray[np.int64] = np.bincount(band, weights=counts).astype(np.int64)


class Windows:
    """The last windows of one run; not to be used by two threads at once.

    Parameters
    ----------
    record : RunRecord
        The run.
    """

    def __init__(self, record: RunRecord) -> None:
        self._record = record
        self._known: dict[int, Window] = {}
        self._filling = 0
        self._failed_total = self._failed_users = 0

    def catch_up(self, filling: int) -> None:
        """Take in what is new up to window `filling`, which is not whole yet."""
        record, self._filling = self._record, filling
        newest = max(self._known, default=-1)
        first = max(newest - _LATE + 1, filling - SPAN, 0)
        counts: dict[int, tuple[int, int]] = {}
        table = record.table("windows", first * record.window)
        for at, node, count, failed in rows_of(table, "window_at", "node", "count", "failed"):
            if node == "all":
                number = round(at / record.window)
                before = counts.get(number, (0, 0))
                counts[number] = (before[0] + count, before[1] + failed)
        for number, (count, failed) in counts.items():
            self._known[number] = Window(count, failed, self._times(number, number + 1))
        for number in [number for number in self._known if number < filling - SPAN]:
            del self._known[number]
        failed = list(rows_of(record.table("errors"), "source", "count", "users"))
        self._failed_total = sum(count for source, count, _ in failed if source == "action")
        self._failed_users = sum(users for _, _, users in failed)

    def whole(self) -> Iterator[tuple[float, Window]]:
        """Yield when each window began and what it came to, in order."""
        for number, window in sorted(self._known.items()):
            if number < max(self._filling, 1):
                yield number * self._record.window, window

    def figures(self) -> Figures:
        """Return rates and response times of the last whole windows."""
        if not self._known:
            return Figures()
        end = max(self._filling, 1)
        first = max(end - _RECENT, 0)
        recent = [self._known[number] for number in range(first, end) if number in self._known]
        seconds = (end - first) * self._record.window
        times = self._times(first, end)
        median, slow = times.quantiles((0.5, 0.99)).tolist()
        return Figures(
            rate=sum(window.count for window in recent) / seconds,
            failed=sum(window.failed for window in recent) / seconds,
            p50=median if times.count else None,
            p99=slow if times.count else None,
            total=self._record.actions_total,
            failed_total=self._failed_total,
            failed_users=self._failed_users,
        )

    def _times(self, first: int, end: int) -> Histogram:
        length = self._record.window
        return self._record.histogram(start=first * length, end=end * length)
