"""Arithmetic of pacing: when the next permit may be granted, and when it was due.

Two rules, kept apart.  The *pace* puts permits on slots, one for each unit that the rate
integrates to, and makes good a timer that is a little late; it is what spreads permits
evenly and reaches the rate.  The *window* (`_window`) allows no more permits than the
rate in any window of one interval; it is what never gives way.

Nothing here waits or reads a clock: times are monotonic seconds handed in by the caller,
so every rule is tested without an event loop.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Callable
from typing import Protocol

from ._curve import Curve
from ._rate import capacity
from ._window import Window

__all__ = ["Gate", "Pacing", "Slots"]

CATCH_UP = 0.01
"""Seconds of delay that are made good, several times the lateness of a healthy loop."""

_REST = 0.0006
"""Seconds; asyncio's and uvloop's timers make a millisecond of it."""

_SOME = 1e-9
"""A rate that is more than 0, for the moment in which a ramp touches it."""

_PIECES_AT_ONCE = 1000
"""How many pieces without a permit are looked through before the rest is skipped."""


class Gate(Protocol):
    """Decides whether a permit may be granted now."""

    def next_at(self, requested_at: float, now: float) -> float:
        """Return when to ask again for a permit that was requested at `requested_at`."""

    def take(self, requested_at: float, now: float) -> float | None:
        """Take a permit and return when it fell due, or None if it is not due yet."""

    def settle(self, due_at: float, used_at: float) -> None:
        """Note when a permit that was taken went into use."""

    def give_back(self, due_at: float) -> None:
        """Take back a permit that was taken and not used."""

    def rest_at(self, now: float) -> float:
        """Return for how many seconds at least to sleep when nothing is due."""


class Pacing:
    """The slots of permits along a curve.

    Parameters
    ----------
    curve : Curve
        Permits per interval over time.
    now : float
        When pacing starts; the first permit is due at once.
    gap : callable, optional
        Returns the permits' worth of rate between one slot and the next; 1 unless given,
        which is an even pace.  Draws of the unit exponential make arrivals Poisson.
    """

    def __init__(self, curve: Curve, now: float, gap: Callable[[], float] | None = None) -> None:
        self._curve = curve
        self._piece = curve.piece(now)
        self._gap = gap
        self._from = now  # the curve's slots start here
        self._since = now  # up to here the rate is integrated,
        self._left = 0.0  # and this much of a permit is still to come
        self._slot = math.inf
        self._returned: list[float] = []  # due times of permits that were given back
        self._window = Window(curve.interval)
        self._patience = CATCH_UP
        self._enter(now)

    @property
    def curve(self) -> Curve:
        """Permits per interval over time."""
        return self._curve

    def rate_at(self, now: float) -> float:
        """Return the permits per interval at `now`."""
        return self._curve.piece(now).rate_at(now)

    def rest_at(self, now: float) -> float:
        """Return for how many seconds at least to sleep when nothing is due.

        Permits that fall due faster than a loop's timer resolves are granted together.
        """
        rest = min(_REST, self._curve.interval / 150)
        return rest if self.rate_at(now) * rest > self._curve.interval else 0.0

    def next_at(self, requested_at: float, now: float) -> float:
        """Return when to ask again: no permit falls due before, as things stand."""
        self._roll(now)
        self._fit(now)
        if self._piece.is_closed or self._slot == math.inf:
            return self._piece.end
        slot = self._returned[0] if self._returned else self._slot
        return min(max(slot, requested_at, self._window.free_at), self._piece.end)

    def take(self, requested_at: float, now: float) -> float | None:
        """Take a permit and return when it fell due, or None if it is not due yet.

        It falls due at its slot, or later: when it is requested, or when the window has
        room for it.
        """
        if now >= self._piece.end:
            self._roll(now)
        slot = self._returned[0] if self._returned else self._slot
        slot = max(slot, requested_at)
        if slot > now:
            return None
        if not self._piece.is_flat:
            self._fit(now)
        free_at = self._window.take(now)
        if free_at is None:
            return None
        if self._returned and now - self._returned[0] <= self._patience:
            del self._returned[0]
        else:
            self._returned.clear()
            self._advance(slot if now - slot <= self._patience else now, now)
        return max(free_at, slot)

    def settle(self, due_at: float, used_at: float) -> None:
        """Note when a permit that was taken went into use."""
        self._window.settle(used_at, used_at - due_at)

    def give_back(self, due_at: float) -> None:
        """Take back a permit that was taken and not used: its slot is free again."""
        self._window.give_back()
        insort(self._returned, due_at)

    def change(self, curve: Curve, now: float) -> None:
        """Follow another curve from `now` on; a permit that is half due stays half due."""
        self._roll(now)
        if self._slot > now:
            self._left = max(0.0, self._left - self._piece.permits(self._since, now))
            self._since = now
        if curve.interval != self._curve.interval:
            self._window.stretch(curve.interval)
        self._curve, self._from = curve, now
        self._enter(now)

    def hold_until(self, now: float) -> None:
        """Forget slots that passed before `now`, when a pause ends."""
        self._roll(now)
        self._slot = max(self._slot, now)

    def _fit(self, now: float) -> None:
        """Let the window hold what the rate at `now` allows, and say how late is too late.

        A permit may be late by half a spacing, so that the next, which keeps its slot,
        does not follow closer than that; or by `CATCH_UP` if that is more.  After a
        longer delay the slots start anew: to repay it would be a burst.
        """
        rate = 0.0 if self._piece.is_closed else max(self._piece.rate_at(now), _SOME)
        self._window.resize(capacity(rate), now)
        self._patience = max(CATCH_UP, self._piece.interval / rate / 2) if rate else CATCH_UP

    def _advance(self, start: float, now: float) -> None:
        """Find the slot after the one at `start`."""
        self._since = max(self._from, start)
        self._left = 1.0 if self._gap is None else self._gap()
        if self._since < self._piece.start:
            self._piece = self._curve.piece(self._since)
        self._slot = self._piece.reach(self._since, self._left)
        if now >= self._piece.end:
            self._roll(now)

    def _enter(self, at: float) -> None:
        """Go on in the piece of the curve at `at`."""
        was_closed = self._piece.is_closed
        self._piece = self._curve.piece(at)
        starts_from_0 = self._piece.rate_at(at) == 0 and not self._piece.is_closed
        if starts_from_0 and (self._slot <= at or self._left == 0):
            self._since, self._left = at, 1.0  # a whole permit is to come
            self._slot = self._piece.reach(at, 1.0)
        elif self._slot > at:
            self._slot = self._piece.reach(self._since, self._left)
        elif was_closed and not self._piece.is_closed:
            self._slot = at
        self._fit(at)

    def _roll(self, now: float) -> None:
        """Go on to the piece of the curve in force at `now`."""
        for _ in range(_PIECES_AT_ONCE):
            end = self._piece.end
            if end > now:
                return
            if self._slot > end:
                self._left = max(0.0, self._left - self._piece.permits(self._since, end))
                self._since = end
            self._enter(end)
        self._since = now
        self._enter(now)


class Slots:
    """Permits of which so many may be out at a time.

    Parameters
    ----------
    limit : float
        How many may be out.
    now : float
        When the first is free.
    """

    def __init__(self, limit: float, now: float) -> None:
        self.limit = limit
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
        return max(requested_at, self._free_at) if self._out < self.limit else None

    def settle(self, due_at: float, used_at: float) -> None:
        """Do nothing: it is `hold` that counts."""

    def give_back(self, due_at: float) -> None:
        """Do nothing: it is `free` that counts."""

    def rest_at(self, now: float) -> float:
        """Return 0: a permit comes when another comes back."""
        return 0.0
