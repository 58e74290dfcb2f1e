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
took the machine's cores, ``loop lag by a processor quota`` where that of a container or service
was used up, ``loop lag at chat.py:7`` where one line held it again and again, ``loop lag while
the process stood still`` where no thread of the process ran at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from ._vitals import NEARLY_ALL, Vitals

BY_OTHERS = " by other programs"
"""Written behind the rule where other programs of the machine are to blame."""

BY_QUOTA = " by a processor quota"
"""Written behind the rule where a quota of processor time is to blame."""

STOOD_STILL = " while the process stood still"
"""Written behind the rule where the process was stopped, or its container or machine."""

UNSTEERED = "the steering kernel stood still"
"""Reason of windows of all nodes, which then have no permits and no messages."""

STOPPED, IDLED, COMPUTED, CROWDED_OUT = "stopped", "idled", "computed", "crowded out"
"""What made a process stand still, or its loop."""

CAUSES = {
    STOPPED: "it was stopped, or its container or machine was",
    IDLED: "it was stopped, its container or machine was, or a handler waited on its loop",
    COMPUTED: "code of its own process held it up",
    CROWDED_OUT: "other programs had the machine",
}
"""The same in words."""

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
"""Share of the time for which the loop's thread waits for a core that it does not get."""

USED_UP = 0.9
"""Share of a quota from which on it counts as used up."""


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


def is_held_back(
    cpu: float,  # cores that the process used
    elapsed: float,  # length of the window
    vitals: Vitals,
    # share of the time for which the loop's thread could run and had no core
    queued: float = math.nan,
) -> bool:
    """Return whether a quota of processor time kept the generator from running.

    Linux 6.18 does not always count for how long a quota held threads back.  So a quota that this
    process used up says the same, as does a wait for a core while the machine has free ones.

    Examples
    --------
    >>> is_held_back(0.2, 1.0, Vitals(cpu_quota=0.5, cpu_held=0.4))
    True
    >>> is_held_back(0.2, 1.0, Vitals(cpu_quota=0.5, cpu_held=0.0))
    False
    """
    if math.isnan(vitals.cpu_quota) or queued < QUEUED:
        return False
    is_used_up = cpu >= USED_UP * vitals.cpu_quota
    has_room = vitals.machine_cpu < FULL and queued >= QUEUED  # which it is not, if unknown
    return is_used_up or has_room or vitals.cpu_held >= QUEUED * elapsed


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


def standstill_text(who: str, seconds: Sequence[float], cause: str = STOPPED) -> str:
    """Return who stood still for how long, and why.

    Examples
    --------
    >>> standstill_text("the process", [30.0])
    'the process stood still for 30.0 s: it was stopped, or its container or machine was'
    """
    times = f" in {len(seconds):,} times" * (len(seconds) > 1)
    why = f": {CAUSES[cause]}" if cause in CAUSES else ""
    return f"{who} stood still for {sum(seconds):.1f} s{times}{why}"


def place(line: str) -> str:
    """Return a line without the folder of its file.

    Examples
    --------
    >>> place("/srv/load/chat.py:7")
    'chat.py:7'
    """
    return PurePath(line).name


def whose(
    *,
    line: str = "",  # where the loop was held most often
    by_others: bool = False,  # whether it was crowded out
    by_quota: bool = False,  # whether it was held back
    stood_still: bool = False,  # whether `standstill` found one
) -> str:
    """Return whose doing a late loop is, as it stands behind the rule; nothing if unknown.

    Examples
    --------
    >>> whose(line="/srv/load/chat.py:7"), whose(line="/srv/load/chat.py:7", by_others=True)
    (' at chat.py:7', ' by other programs')
    """
    known = {STOOD_STILL: stood_still, BY_QUOTA: by_quota, BY_OTHERS: by_others}
    at = f" at {place(line)}" if line else ""
    return next((text for text, holds in known.items() if holds), at)


def reasons(
    lags: Sequence[float],  # seconds by which the loop woke late
    schedule: float,
    vitals: Vitals,
    blame: str = "",  # whose doing a late loop is
) -> tuple[str, ...]:
    """Return why a window is saturated; nothing if it is not.

    Examples
    --------
    >>> reasons([0.001, 0.2], math.nan, Vitals(open_files=1000, open_files_limit=1024))
    ('loop lag', 'open files')
    >>> reasons([0.2], math.nan, Vitals(), whose(line="/srv/load/chat.py:7"))
    ('loop lag at chat.py:7',)
    """
    rules = {
        f"loop lag{blame}": high(lags) > LAG_LIMIT,
        "schedule": schedule > SCHEDULE_LIMIT,
        "open files": vitals.open_files >= NEARLY_ALL * vitals.open_files_limit,
        "ports": vitals.ports >= NEARLY_ALL * vitals.ports_limit,
    }
    return tuple(reason for reason, holds in rules.items() if holds)
