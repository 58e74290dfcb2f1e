"""Settings of the whole process that a run needs, and that it puts back.

Two things hurt a process with many users (measured on CPython 3.11):

* The cyclic garbage collector.  Every wake-up of a user makes an object that lives for a
  while, so full collections walk the whole heap all the time: 100,000 users that wake
  once a second are seconds late.  Freezing what is there and making full collections
  rare brings that to milliseconds; young collections go on.
* The switch interval.  A thread that gives up the GIL for a system call waits up to 5 ms
  to get it back from a busy loop; 0.5 ms keeps cells and nodes responsive.

Several runs may share a process, so the settings are counted in and out.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["tuned_process"]

RARE = 1_000
"""Collections of the middle generation before a full one, while a run is on."""

SWITCH_INTERVAL = 0.0005
"""Seconds after which a running thread is asked to give up the GIL."""

_holders = 0
_before: tuple[tuple[int, int, int], float] | None = None


@contextmanager
def tuned_process(*, collector: bool = True) -> Iterator[None]:
    """Tune the process while the block runs; the last one out puts everything back.

    Parameters
    ----------
    collector : bool, default True
        Whether the garbage collector may be tuned too.
    """
    global _holders, _before  # noqa: PLW0603 - the settings are the process's, and so is this
    if _holders == 0:
        _before = gc.get_threshold(), sys.getswitchinterval()
        if collector:
            gc.collect()
            gc.freeze()
            young, middle, _ = _before[0]
            gc.set_threshold(young, middle, RARE)
        sys.setswitchinterval(min(SWITCH_INTERVAL, _before[1]))
    _holders += 1
    try:
        yield
    finally:
        _holders -= 1
        if _holders == 0 and _before is not None:
            threshold, interval = _before
            if collector:
                gc.set_threshold(*threshold)
                gc.unfreeze()
            sys.setswitchinterval(interval)
