"""Samples of a throttle: rows about each window, and how late its permits were."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping

from ._account import Booked, WindowNumbers

_LATENESSES = 9_999
"""How many values are kept; a third of them is as good for a percentile."""

_THIN = 3
"""Odd, so that the values kept do not fall into step with turns of the loop."""


_REMEMBERED = 10
"""Windows of which it is remembered that their rate was told, for news that come late."""


class Lateness:
    """Seconds from due to granted in one window, thinned evenly so that memory is bounded."""

    __slots__ = ("_seconds", "_skip", "_stride")

    def __init__(self) -> None:
        self._seconds = array("d")
        self._stride = 1
        self._skip = 0

    def add(self, seconds: float) -> None:
        """Note one permit."""
        if self._skip:
            self._skip -= 1
            return
        self._skip = self._stride - 1
        self._seconds.append(seconds)
        if len(self._seconds) >= _LATENESSES:
            self._seconds = self._seconds[::_THIN]
            self._stride *= _THIN

    def drain(self) -> array[float]:
        """Return what was kept, and start anew."""
        seconds, self._seconds = self._seconds, array("d")
        self._stride, self._skip = 1, 0
        return seconds


class Samples:
    """Rows about a throttle: what is told of each window, and what was told before."""

    def __init__(self, windows: WindowNumbers) -> None:
        self._windows = windows
        self._requested = 0
        self._rate = (0.0, False)  # at the end before, and whether it was changing all the time
        self._told: set[int] = set()  # the newest windows whose state was told

    def rows(  # noqa: PLR0913 - the columns
        self,
        now: float,
        booked: Mapping[int, Booked],
        *,
        rate: float,
        interval: float,
        is_sloping: bool,
        requested: int,
        free: int,
        waiting: int,
        lateness: array[float],
    ) -> list[dict[str, object]]:
        """Return one row for each window that something is told of."""
        this = self._windows.told_by(now)
        limited = math.isnan(rate)
        mean = (self._rate[0] + rate) / 2 if self._rate[1] else rate
        self._rate = (rate, is_sloping)
        state = {} if limited else {"rate": mean, "interval": interval}
        rows: list[dict[str, object]] = []
        for window in sorted({*booked, this}):
            what = booked.get(window) or Booked()
            more = free if window == this else 0
            row: dict[str, object] = {
                "interval": None,
                "lateness": (),
                **({} if window in self._told else state),
            }
            self._told.add(window)
            row["at"] = now if window == this else self._windows.start(window + 1)
            row["granted"] = what.granted + more
            if not limited or what.due:
                row |= {"due": what.due + (0 if limited else more), "unasked": what.unasked}
                row |= {"withheld": what.withheld, "skipped": what.skipped}
            if window == this:
                row |= {"requested": requested - self._requested, "lateness": lateness}
                row |= {**state, "waiting": waiting}
            rows.append(row)
        self._requested = requested
        self._told = {window for window in self._told if window >= this - _REMEMBERED}
        return rows
