"""Lateness of permits in one window: every one up to a bound, then one in three, ..."""

from __future__ import annotations

from array import array

__all__ = ["Lateness"]

_BOUND = 9_999
"""How many values are kept; a third of them is as good for a percentile."""

_THIN = 3
"""Odd, so that the values kept do not fall into step with turns of the loop."""


class Lateness:
    """Seconds from due to granted, thinned evenly so that memory is bounded."""

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
        if len(self._seconds) >= _BOUND:
            self._seconds = self._seconds[::_THIN]
            self._stride *= _THIN

    def drain(self) -> array[float]:
        """Return what was kept, and start anew."""
        seconds, self._seconds = self._seconds, array("d")
        self._stride, self._skip = 1, 0
        return seconds
