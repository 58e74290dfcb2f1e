"""A timer that is armed anew very often and seldom fires."""

from __future__ import annotations

import math
from collections.abc import Callable

from murmur._backend import Native, Wakeup


class Countdown:
    """Calls `fire` once, `seconds` after it was last armed.

    Arming happens with every user and must be cheap, so it only moves the deadline: the
    task sleeps until the one it knew, looks again, and sleeps on.
    """

    def __init__(self, seconds: float, native: Native, fire: Callable[[], None]) -> None:
        self._seconds = seconds
        self._native = native
        self._fire = fire
        self._deadline = math.inf
        self._sleep: Wakeup | None = None
        self._is_dormant = False  # asleep without a deadline
        self._is_over = False

    def arm(self) -> None:
        """Fire `seconds` from now, and not before."""
        self._deadline = self._native.now() + self._seconds
        if self._is_dormant:
            self._wake()

    def disarm(self) -> None:
        """Fire only after the next `arm`."""
        self._deadline = math.inf

    def end(self) -> None:
        """Let `run` return."""
        self._is_over = True
        self._wake()

    def _wake(self) -> None:
        self._is_dormant = False
        if self._sleep is not None:
            self._sleep.wake()

    async def run(self) -> None:
        """Fire whenever it is time, until `end`."""
        while not self._is_over:
            if self._deadline <= self._native.now():
                self._deadline = math.inf
                self._fire()
                continue
            self._sleep = self._native.wakeup()
            self._is_dormant = self._deadline == math.inf
            await self._native.wait_until(self._sleep, self._deadline)
