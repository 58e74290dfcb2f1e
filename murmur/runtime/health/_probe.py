"""Probe of the loop's lag: timers that are due at random moments, and how late they fired.

A probe that sleeps for a while from when it was woken falls into step with whatever holds
the loop: held for 49 of every 50 ms, it would be woken at the end of each hold and find every
timer in time.  So the moments are drawn beforehand, one at random in each stretch of `BEAT`
seconds, and stay where they are however late the loop is; a hold that passes over many of
them makes all of them late, each by its own time.  What is measured is then the delay of a
timer that is due at a random moment.  docs/explanation/generator-health.md has the proof.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from random import Random

import anyio

BEAT = 0.02
"""Seconds for each of which one moment is drawn."""


def due_moments(random: Random, start: float) -> Iterator[float]:
    """Yield for ever one moment at random of each `BEAT` after `start`, ascending."""
    cell = 0
    while True:
        yield start + (cell + random.random()) * BEAT
        cell += 1


class LagProbe:
    """Measures how late the loop wakes who sleeps."""

    def __init__(
        self,
        now: Callable[[], float],
        random: Random,  # draws the moments
    ) -> None:
        self._now = now
        self._random = random
        self._lags: list[float] = []
        self._awaited_at = float("inf")

    @property
    def overdue(self) -> float:
        """Real seconds by which the loop is late at present; from any thread."""
        return max(0.0, time.monotonic() - self._awaited_at)

    async def watch(self) -> None:
        """Measure for ever."""
        try:
            for due_at in due_moments(self._random, self._now()):
                left = due_at - self._now()
                if left > 0:
                    self._awaited_at = time.monotonic() + left
                    await anyio.sleep(left)
                self._lags.append(max(0.0, self._now() - due_at))
        finally:
            self._awaited_at = float("inf")

    def take(self) -> list[float]:
        """Return the lags since this was last called, in seconds."""
        lags, self._lags = self._lags, []
        return lags
