"""Settings of the whole process that a run needs, and that it puts back.

Three things hurt a process with many users (measured on CPython 3.11):

* The cyclic garbage collector.  What users have under way lives for a while, so full
  collections walk the whole heap all the time.  Freezing what is there and making full
  collections rare brings that to milliseconds; young collections go on.  Where somebody else
  has frozen the heap it is left so: to unfreeze it later would undo what is theirs.
* The switch interval.  A thread that gives up the GIL for a system call waits up to 5 ms
  to get it back from a busy loop; 0.5 ms keeps cells and nodes responsive.  But each thread
  that waits for the GIL asks for it once an interval: hundreds would take the cores from the
  one that has it (500 made two seconds of arithmetic take 85).  So with many blocking users it
  grows with their number, up to what it was; and those that wait for murmur are woken a few at
  a time (`_backend._threads.Door`), but nobody can say when a client library's will.
* The soft limit of open files, often 1,024: each connection is one, and nobody can change the
  limit of a kernel that is running.  It is raised to the hard one.

Several runs may share a process, so the settings are counted in and out.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from murmur._backend import thread_lock

RARE = 1_000
"""Collections of the middle generation before a full one, while a run is on."""

SWITCH_INTERVAL = 0.0005
"""Seconds after which a running thread is asked to give up the GIL."""

FEW = 20
"""Threads of blocking users up to which that is the interval."""

_lock = thread_lock()
_holders = 0
_threads = 0
_interval: float = 0.0
_thresholds: tuple[int, int, int] | None = None
_has_frozen = False
_open_files: tuple[int, int] | None = None  # soft and hard limit; None where none was raised


@contextmanager
def tuned_process(
    *,
    collector: bool = True,  # whether the garbage collector may be tuned too
) -> Iterator[None]:
    """Tune the process while the block runs; the last one out puts everything back."""
    _enter(collector=collector)
    try:
        yield
    finally:
        _leave()


@contextmanager
def busy_thread() -> Iterator[None]:
    """Count the thread of a blocking user while the block runs."""
    _count_threads(1)
    try:
        yield
    finally:
        _count_threads(-1)


def _count_threads(change: int) -> None:
    global _threads  # noqa: PLW0603 - see below
    with _lock:
        _threads += change
        if _holders:
            sys.setswitchinterval(_fitting_interval())


def _fitting_interval() -> float:
    """Return the switch interval for so many threads; never more than there was."""
    return min(SWITCH_INTERVAL * max(1.0, _threads / FEW), _interval)


def _enter(*, collector: bool) -> None:
    # The process has them once, and so does this module.
    global _holders, _interval, _thresholds, _has_frozen, _open_files  # noqa: PLW0603
    with _lock:
        if _holders == 0:
            _interval = sys.getswitchinterval()
            sys.setswitchinterval(_fitting_interval())
            _open_files = _raise_open_files()
        if collector and _thresholds is None:
            _thresholds = gc.get_threshold()
            _has_frozen = gc.get_freeze_count() == 0
            if _has_frozen:
                gc.collect()
                gc.freeze()
            gc.set_threshold(*_thresholds[:2], RARE)
        _holders += 1


def _leave() -> None:
    global _holders, _thresholds, _has_frozen  # noqa: PLW0603 - see above
    with _lock:
        _holders -= 1
        if _holders:
            return
        sys.setswitchinterval(_interval)
        if _open_files is not None:
            _set_open_files(_open_files)
        if _thresholds is not None:
            gc.set_threshold(*_thresholds)
            if _has_frozen:
                gc.unfreeze()
            _thresholds, _has_frozen = None, False


def _raise_open_files() -> tuple[int, int] | None:
    """Raise the soft limit to the hard one; return what they were, or None if nothing changed."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return None
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft, hard = before
    return before if soft != hard and _set_open_files((hard, hard)) else None


def _set_open_files(limits: tuple[int, int]) -> bool:
    import resource

    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    except (OSError, ValueError):  # macOS reports no limit, and refuses to set it
        return False
    return True
