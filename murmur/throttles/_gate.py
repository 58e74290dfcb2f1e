"""Gate of a line: decides when a permit may be granted; of a limit, by counting them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod


class Gate(ABC):
    """Decides whether a permit may be granted now.

    It is told more than some need to know: those do nothing then.
    """

    @abstractmethod
    def next_at(self, requested_at: float, now: float) -> float:
        """Return when to ask again for a permit that was requested at `requested_at`."""

    @abstractmethod
    def take(self, requested_at: float, now: float) -> float | None:
        """Take a permit and return when it fell due, or None if it is not due yet."""

    def settle(self, due_at: float, used_at: float) -> None:
        """Note when a permit that was taken went into use."""
        return

    def give_back(self, due_at: float) -> None:
        """Take back a permit that was taken and not used."""
        return

    def note_asked(self, until: float) -> None:
        """Note that somebody waited, up to this time."""
        return

    def want(self, now: float, *, wanted: bool) -> None:
        """Note that a crowd waits from now on, or that nobody of it does any more."""
        return

    @abstractmethod
    def rest_at(self, now: float) -> float:
        """Return for how many seconds at least to sleep when nothing is due."""


class Slots(Gate):
    """Permits of which so many may be out at a time."""

    def __init__(
        self,
        limit: float,  # how many may be out
        now: float,  # when the first is free
    ) -> None:
        self.limit = limit
        # permits that were taken while this was the gate, until somebody sets it back
        self.taken: int = 0
        self._out = 0
        self._free_at = now

    @property
    def out(self) -> int:
        """Permits that are out."""
        return self._out

    def hold(self) -> None:
        """Count a permit that goes out."""
        self._out += 1

    def free(self, now: float) -> None:
        """Count a permit that comes back."""
        self._out -= 1
        self._free_at = now

    def next_at(self, requested_at: float, now: float) -> float:
        """Return `now` if a permit is free, else ``inf``: one must come back first."""
        return now if self._out < self.limit else math.inf

    def take(self, requested_at: float, now: float) -> float | None:
        """Take a permit, due since it was requested or free, or None if all are out."""
        if self._out >= self.limit:
            return None
        self.taken += 1
        return max(requested_at, self._free_at)

    def give_back(self, due_at: float) -> None:
        """Take back a permit that was taken and not used; it is `free` that frees it."""
        self.taken -= 1

    def rest_at(self, now: float) -> float:
        """Return 0: a permit comes when another comes back."""
        return 0.0
