"""Rules that say when a load generator is the bottleneck, as pure functions.

A window is *saturated* when what it measured says more about the generator than about the
system under test:

* **loop lag**: the loop woke tasks late, the 99th percentile by more than 50 ms.
* **schedule**: a throttle granted permits late, the 99th percentile by more than 100 ms, of
  ten or more.
* **open files**, **ports**: 95 % of what the process may open, or of the local ports that
  connections can have, were in use: what fails next fails here.

A busy processor alone is no reason: it matters when it makes something late, and then the
first rule sees it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ._vitals import Vitals

__all__ = ["LAG_LIMIT", "SCHEDULE_LIMIT", "high", "reasons", "schedule_lag"]

LAG_LIMIT = 0.05
"""Seconds of loop lag, 99th percentile of a window, above which the node is saturated."""

SCHEDULE_LIMIT = 0.1
"""Seconds by which permits may be late, 99th percentile of a window and throttle."""

NEARLY_ALL = 0.95
"""Share of open files, or of ports, from which on there are too few."""

ENOUGH_PERMITS = 10


def high(values: Sequence[float]) -> float:
    """Return the 99th percentile by nearest rank; NaN of nothing."""
    if not len(values):
        return math.nan
    rank = -(-99 * len(values) // 100)
    return float(sorted(values)[rank - 1])


def schedule_lag(lateness: Iterable[Sequence[float]]) -> float:
    """Return the 99th percentile of the lateness of permits, of the worst throttle."""
    known = [high(seconds) for seconds in lateness if len(seconds) >= ENOUGH_PERMITS]
    return max(known, default=math.nan)


def reasons(lags: Sequence[float], schedule: float, vitals: Vitals) -> tuple[str, ...]:
    """Return why a window is saturated; nothing if it is not.

    Parameters
    ----------
    lags : sequence of float
        Seconds by which the loop woke late.
    schedule : float
        What `schedule_lag` returned.
    vitals : Vitals
        How the process fares.

    Examples
    --------
    >>> reasons([0.001, 0.2], math.nan, Vitals(open_files=1000, open_files_limit=1024))
    ('loop lag', 'open files')
    """
    rules = {
        "loop lag": high(lags) > LAG_LIMIT,
        "schedule": schedule > SCHEDULE_LIMIT,
        "open files": vitals.open_files >= NEARLY_ALL * vitals.open_files_limit,
        "ports": vitals.ports >= NEARLY_ALL * vitals.ports_limit,
    }
    return tuple(reason for reason, holds in rules.items() if holds)
