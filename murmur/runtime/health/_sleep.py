"""Sleep of the machine: lids that are closed, virtual machines that are paused.

A monotonic clock stands still meanwhile, so that nothing is late by it.  Linux has another that
goes on, and what it is ahead by is for how long the machine has slept since it was started.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

CLOSE = 0.01
"""Seconds within which two clocks are read together."""

ATTEMPTS = 10
"""Attempts to read them so, of a process that others keep from running."""


def time_asleep(before: float, since_boot: float, after: float) -> float:
    """Return for how long a machine has slept since it was started.

    `since_boot` was read from the clock that goes on, between `before` and `after` from the
    other; NaN if so much time passed in between that it cannot be told.

    Examples
    --------
    >>> time_asleep(100.0, 400.0, 100.0), time_asleep(100.0, 400.0, 130.0)
    (300.0, nan)
    """
    if not after - before <= CLOSE:
        return math.nan
    return since_boot - before


def slept_so_far(
    monotonic: Callable[[], float] = time.monotonic,
    # the clock that goes on; without one it is NaN
    since_boot: Callable[[], float] | None = None,
) -> float:
    """Return for how long this machine has slept since it was started; NaN if unknown."""
    if since_boot is None:
        if not hasattr(time, "CLOCK_BOOTTIME"):
            return math.nan
        since_boot = _since_boot
    for _ in range(ATTEMPTS):
        found = time_asleep(monotonic(), since_boot(), monotonic())
        if not math.isnan(found):
            return found
    return math.nan


def _since_boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
