"""The promise that no window of one interval holds more permits than the rate.

A window holds at most n permits if there are n *tokens*, each permit takes one, and a
token rests for one interval after its use: then no token is used twice in any window of
that length, wherever the window starts.  That argument needs no assumption about timers,
spacing, or the order in which tokens come back, so nothing that happens to the pace can
break it.

A change of the rate changes the number of tokens.  Those that go are the last ones used,
and they go on a stack, from which a later rise takes them back with the rest they still
need.  So at any time the tokens in play are the lowest n of one pile, and a window that
spans changes holds at most as many permits as the *largest* rate in force in it.  (Were
tokens dropped and made anew, lowering the rate and raising it again would double it.)

Prior art: a sliding-window log keeps the same times, but lowers the rate by a silence of
up to one interval; a token bucket (Turner 1986) allows twice the rate in some windows.

Nothing here waits or reads a clock: times are monotonic seconds handed in by the caller.
"""

from __future__ import annotations

import math
from bisect import insort
from collections import deque

_NEXT_UP = 1 + 2.0**-52
"""Makes a sum of times exceed its exact value, however it was rounded."""

_JITTER = 50e-6
"""Seconds that a token rests longer after a late use, at most a thousandth of the interval.

A caller that notes the time itself does so a little after us, and not always equally
late; this keeps the promise true for its notes.
"""

_MANY = 100_000
"""From this many tokens on, times are rounded up to a grain and share their memory."""


class WindowRule:
    """Count permits so that no window of `interval` holds more than `capacity`.

    A permit is taken at one moment and used at another, a little later, when the task
    that waited for it goes on; what counts is its use.
    """

    __slots__ = (
        "_capacity",
        "_interval",
        "_jitter",
        "_last_parked",
        "_open",
        "_parked",
        "_used",
    )

    def __init__(
        self,
        interval: float,  # length of the window, in seconds, more than 0
        capacity: float = 0,  # permits that a window may hold; `math.inf` counts nothing
    ) -> None:
        self._capacity = capacity
        self._open = 0
        self._used: deque[float] = deque()
        self._parked: list[float] = []
        self._last_parked = -math.inf
        self._interval = interval
        self._jitter = min(_JITTER, interval / 1000)

    @property
    def capacity(self) -> float:
        """Permits that a window may hold."""
        return self._capacity

    @property
    def free_at(self) -> float:
        """When a token is free: ``-inf`` if one is, ``inf`` if a use must come first."""
        return self._free_at()

    def _free_at(self) -> float:
        taken = self._open + len(self._used)
        if taken < self._capacity:
            return -math.inf
        if taken > self._capacity or not self._used:
            return math.inf
        return self._rested_at(self._used[0])

    def take(self, now: float) -> float | None:
        """Take a token; return since when it was free, or None if none is."""
        free_at = self._free_at()
        if free_at > now:
            return None
        if free_at > -math.inf:
            self._used.popleft()
        else:
            self._forget(now)
        self._open += 1
        return free_at

    def settle(self, used_at: float, lateness: float = 0.0) -> None:
        """Note that a token was used, `lateness` seconds after it could be."""
        self._open -= 1
        if self._capacity == math.inf:
            return
        used_at += lateness if lateness < self._jitter else self._jitter  # noqa: FURB136 - min() takes 0.15 us
        if self._open + len(self._used) >= self._capacity:
            self._stack(used_at)
            return
        if self._capacity > _MANY:
            grain = self._interval / _MANY
            used_at = math.ceil(used_at / grain) * grain
            if self._used and self._used[-1] == used_at:
                used_at = self._used[-1]
        self._used.append(used_at)

    def give_back(self) -> None:
        """Take back a token that was not used."""
        self._open -= 1

    def resize(self, capacity: float, now: float) -> None:
        """Let windows hold `capacity` permits from now on."""
        if capacity == self._capacity:
            return
        if capacity == math.inf:
            self._used.clear()
            self._parked.clear()
        elif capacity < self._capacity:
            self._park(self._capacity - capacity)
        else:
            self._return(capacity - self._capacity, now)
        self._capacity = capacity

    def stretch(self, interval: float) -> None:
        """Let windows be `interval` long; a use before now rests for the shorter one."""
        longer = max(0.0, interval - self._interval)
        if longer:
            self._used = deque(used_at - longer for used_at in self._used)
            self._parked = [used_at - longer for used_at in self._parked]
        self._interval = interval
        self._jitter = min(_JITTER, interval / 1000)

    def _rested_at(self, used_at: float) -> float:
        return (used_at + self._interval) * _NEXT_UP

    def _forget(self, now: float) -> None:
        """Drop two tokens that have rested, so that memory follows demand."""
        for _ in range(2):
            if self._used and self._rested_at(self._used[0]) <= now:
                self._used.popleft()

    def _park(self, count: float) -> None:
        """Put the tokens used last on the stack, so that those free soonest stay."""
        for _ in range(int(min(count, len(self._used)))):
            self._stack(self._used.pop())

    def _stack(self, used_at: float) -> None:
        self._parked.append(used_at)
        self._last_parked = max(self._last_parked, used_at)

    def _return(self, count: float, now: float) -> None:
        """Take tokens back from the stack; one that has rested is as good as new."""
        for _ in range(int(min(count, len(self._parked)))):
            used_at = self._parked.pop()
            if self._rested_at(used_at) > now:
                insort(self._used, used_at)
        if self._rested_at(self._last_parked) <= now:
            self._parked.clear()
