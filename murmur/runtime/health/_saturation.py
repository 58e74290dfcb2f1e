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

Whose doing a late loop is, stands behind the rule: ``loop lag by other programs`` where they
took the machine's cores, ``loop lag at chat.py:7`` where one line held it again and again,
``loop lag while the process stood still`` where no thread of the process ran at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from ._vitals import NEARLY_ALL, Vitals

BY_OTHERS = " by other programs"
"""Written behind the rule where other programs of the machine are to blame."""

STOOD_STILL = " while the process stood still"
"""Written behind the rule where the process was stopped, or its container or machine."""

STANDSTILL = 1.0
"""Seconds of lag from which on it is asked whether the process stood still."""

LAG_LIMIT = 0.05
"""Seconds of loop lag, 99th percentile of a window, above which the node is saturated."""

SCHEDULE_LIMIT = 0.1
"""Seconds by which permits may be late, 99th percentile of a window and throttle."""

ENOUGH_PERMITS = 10
"""Permits of a window and throttle whose lateness says anything."""

FULL = 0.9
"""Share of the machine's cores from which on all of them count as taken."""

OF_ITS_OWN = 0.8
"""Cores that a loop uses when it is its own work that makes it late: nearly one."""

QUEUED = 0.1
"""Share of the time for which the loop's thread waits for a core when others have them."""


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


def is_crowded_out(
    cpu: float,  # cores that the process used
    machine_cpu: float,  # share of the machine's cores that were busy
    # share of the time for which the loop's thread could run and no core was free
    queued: float = math.nan,
) -> bool:
    """Return whether other programs kept the generator from running.

    Examples
    --------
    >>> is_crowded_out(0.04, 1.0), is_crowded_out(1.0, 1.0), is_crowded_out(0.04, 0.3)
    (True, False, False)
    """
    is_full = machine_cpu >= FULL and cpu < OF_ITS_OWN
    return is_full and (math.isnan(queued) or queued >= QUEUED)


def standstill(
    lag: float,  # the longest lag of the loop in the window
    elapsed: float,  # length of the window
    *,
    # ran, queued: for how long the process used a core, and the loop's thread waited for one; the
    # latter NaN if it cannot be known
    ran: float,
    queued: float,
    watched: float,  # for how long another thread looked on
) -> float:
    """Return for how many seconds of a window the whole process stood still; 0 if it did not.

    A loop that code holds is watched by another thread meanwhile; one that computes uses a
    core, and one that others crowd out queues for it.

    Examples
    --------
    >>> standstill(4.0, 5.0, ran=0.02, queued=0.0, watched=1.1)
    4.0
    >>> standstill(4.0, 5.0, ran=0.02, queued=0.0, watched=5.1)  # as time.sleep on the loop
    0.0
    """
    if lag < STANDSTILL or ran > lag / 2 or queued > lag / 2 or watched > elapsed - lag / 2:
        return 0.0
    return lag


def place(line: str) -> str:
    """Return a line without the folder of its file.

    Examples
    --------
    >>> place("/srv/load/chat.py:7")
    'chat.py:7'
    """
    return PurePath(line).name


def reasons(
    lags: Sequence[float],  # seconds by which the loop woke late
    schedule: float,
    vitals: Vitals,
    *,
    line: str = "",  # where the loop was held most often
    by_others: bool = False,
    stood_still: bool = False,  # whether `standstill` found one
) -> tuple[str, ...]:
    """Return why a window is saturated; nothing if it is not.

    Examples
    --------
    >>> reasons([0.001, 0.2], math.nan, Vitals(open_files=1000, open_files_limit=1024))
    ('loop lag', 'open files')
    >>> reasons([0.2], math.nan, Vitals(), line="/srv/load/chat.py:7")
    ('loop lag at chat.py:7',)
    """
    whose = BY_OTHERS if by_others else f" at {place(line)}" * bool(line)
    whose = STOOD_STILL if stood_still else whose
    rules = {
        f"loop lag{whose}": high(lags) > LAG_LIMIT,
        "schedule": schedule > SCHEDULE_LIMIT,
        "open files": vitals.open_files >= NEARLY_ALL * vitals.open_files_limit,
        "ports": vitals.ports >= NEARLY_ALL * vitals.ports_limit,
    }
    return tuple(reason for reason, holds in rules.items() if holds)
