"""Arithmetic of pacing: when the next permit may be granted, and when it was due.

Two rules, kept apart.  The *pace* puts permits on slots, one for each unit that the rate
integrates to, and makes good a timer that is a little late; it is what spreads permits
evenly and reaches the rate.  The *window* (`_window_rule`) allows no more permits than the
rate in any window of one interval; it is what never gives way.

Slots that pass while somebody waits may still be used a little later; those that pass while
nobody does are gone.  What is lost, and why, goes to the account (`_account`).

Arrivals that are drawn (Poisson) have no window and no grid: a slot comes when it is drawn,
and one that nobody waits for is gone.

Nothing here waits or reads a clock: times are monotonic seconds handed in by the caller,
so every rule is tested without an event loop.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Callable
from typing import Protocol

from ._account import Account, Booked, DrawnAccount, Loss, WindowNumbers
from ._curve import Curve
from ._rate import capacity
from ._window_rule import WindowRule

CATCH_UP = 0.01
"""Seconds of delay that are made good, several times the lateness of a healthy loop."""

TURN = 0.001
"""Seconds between two requests in which demand counts as standing: a turn of the loop, in
which a caller that was let through starts what it wanted to and asks again."""

_SPREAD = 0.01
"""Seconds in which a pace that catches up grants twice the even share at most."""

_REST = 0.0006
"""Seconds; asyncio's and uvloop's timers make a millisecond of it."""

_SOME = 1e-9
"""A rate that is more than 0, for the moment in which a ramp touches it."""

_PIECES_AT_ONCE = 1000
"""How many pieces without a permit are looked through before the rest is skipped: of a
function 10 s, and a sampler looks every second."""


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

    def note_asked(self, until: float) -> None:
        """Note that somebody waited, up to this time."""

    def want(self, now: float, *, wanted: bool) -> None:
        """Note that a crowd waits from now on, or that nobody of it does any more."""

    def rest_at(self, now: float) -> float:
        """Return for how many seconds at least to sleep when nothing is due."""


class Pacing:
    """The slots of permits along a curve."""

    def __init__(
        self,
        curve: Curve,
        now: float,  # when pacing starts; the first permit of an even pace is due at once
        # draws the rate between two slots, in permits; exponential draws make Poisson arrivals
        gap: Callable[[], float] | None = None,
        *,
        # whether slots that somebody waited for are made good for as long as one interval
        catch_up: bool = False,
        # what permits are booked by; from `now` on unless given
        windows: WindowNumbers | None = None,
    ) -> None:
        self.free: int = 0  # permits granted while the rate was infinite
        self._curve = curve
        self._piece = curve.piece(now)
        self._gap = gap
        self._catches_up = catch_up and gap is None
        self._from = now  # the curve's slots start here
        self._since = now  # up to here the rate is integrated,
        self._left = 0.0 if gap is None else gap()  # and this much of a permit is still to come
        self._slot = math.inf
        self._returned: list[float] = []  # due times of permits that were given back
        self._in_flight = 0  # taken, and neither used nor given back
        self._asked_until = -math.inf  # up to here somebody waited
        self._is_wanted = True
        self._has_crowd = False
        self._window = WindowRule(curve.interval, math.inf)
        self._spread = WindowRule(_SPREAD, math.inf)
        self._patience = CATCH_UP
        windows = windows or WindowNumbers(now)
        self._account = Account(windows, now)
        self._drawn = DrawnAccount(windows)
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
        free_at = max(self._window.free_at, self._spread.free_at)
        return min(max(slot, requested_at, free_at), self._piece.end)

    def take(self, requested_at: float, now: float) -> float | None:
        """Take a permit and return when it fell due, or None if it is not due yet.

        It falls due at its slot, or later: when it is requested, or when the window has
        room for it.
        """
        if now >= self._piece.end:
            self._roll(now)
        if self._returned and self._forget_returned(now):
            return self._take_returned(requested_at, now)
        slot = self._slot
        if slot <= now and requested_at > slot and not self._stands(requested_at):
            slot = self._pass_over(requested_at, now)
        if slot > now:
            return None
        if not self._piece.is_flat:
            self._fit(now)
        free_at = self._find_room(now)
        if free_at is None:
            return None
        self._in_flight += 1
        self._grant(slot, free_at, now)
        return max(free_at, slot, requested_at)

    def settle(self, due_at: float, used_at: float) -> None:
        """Note when a permit that was taken went into use."""
        self._in_flight -= 1
        self._asked_until = used_at
        if self._gap is None:
            self._window.settle(used_at, used_at - due_at)
            if self._is_spread:
                self._spread.settle(used_at)

    def give_back(self, due_at: float) -> None:
        """Take back a permit that was taken and not used: its slot is free again."""
        self._in_flight -= 1
        if self._gap is None:
            self._window.give_back()
            if self._is_spread:
                self._spread.give_back()
        insort(self._returned, due_at)

    def note_asked(self, until: float) -> None:
        """Note that somebody waited, up to this time."""
        self._asked_until = max(self._asked_until, until)

    def change(self, curve: Curve, now: float) -> None:
        """Follow another curve from `now` on; a permit that is half due stays half due."""
        self._roll(now)
        self._integrate(now)
        was_infinite = self._piece.first == math.inf
        if self._slot > now:
            self._left = max(0.0, self._left - self._piece.permits(self._since, now))
            self._since = now
        if curve.interval != self._curve.interval:
            self._window.stretch(curve.interval)
        self._curve, self._from = curve, now
        self._enter(now)
        if was_infinite and self._gap is None:
            self._account.anchor(0.0)

    def want(self, now: float, *, wanted: bool) -> None:
        """Note that a crowd waits from now on, or that nobody of it does any more.

        Of a throttle that serves a crowd, permits fall due only meanwhile, and no second
        holds more than a second's worth of them, whatever the interval.
        """
        self._has_crowd = True
        self._roll(now)
        self._integrate(now)
        self._is_wanted = wanted
        if wanted:
            self._slot = max(self._slot, now)
            self._asked_until = now
            self._fit(now)
            self._account.anchor(self._piece.permits(now, min(self._slot, self._piece.end)))

    def drain(self, now: float, *, is_waited_for: bool) -> dict[int, Booked]:
        """Return what was booked since the last time, by window, with all that is lost by now."""
        self._roll(now)
        self._integrate(now)
        if self._returned:
            self._forget_returned(now)
        is_idle = not is_waited_for and not self._stands(now)
        if is_idle and self._slot < now and not self._piece.is_closed:
            self._pass_over(now, now)
        return self._drawn.drain() if self._gap is not None else self._account.drain()

    def end_plan(self, now: float, *, is_waited_for: bool) -> None:
        """Settle all that has fallen due by now; from now on nothing is due."""
        self._roll(now)
        self._integrate(now)
        if self._gap is None:
            waited_until = now if is_waited_for else min(self._asked_until, now)
            held_until = min(self._window.free_at, waited_until)
            if self._slot < held_until and not self._piece.is_closed:
                self._account.move(self._place_at(held_until, now), Loss.WITHHELD)
            late = is_waited_for and self._slot <= now and self._window.free_at <= now
            self._account.close(Loss.SKIPPED if late else Loss.UNASKED)

    def _find_room(self, now: float) -> float | None:
        """Take room in the windows, and return since when there was some; None if there is not."""
        if self._gap is not None:
            return -math.inf
        spread_at = self._spread.take(now) if self._is_spread else -math.inf
        if spread_at is None:
            return None
        free_at = self._window.take(now)
        if free_at is None:
            if self._is_spread:
                self._spread.give_back()
            return None
        return max(free_at, spread_at)

    @property
    def _is_spread(self) -> bool:
        """Whether a shorter window counts as well."""
        return self._catches_up or self._has_crowd

    def _stands(self, requested_at: float) -> bool:
        """Whether demand was there all the time until that request."""
        return self._in_flight > 0 or requested_at - self._asked_until <= TURN

    def _pass_over(self, until: float, now: float) -> float:
        """Give up the slots up to a time until which nobody waited; return the next."""
        if self._gap is not None:
            since = max(self._from, min(self._asked_until, until))
            self._drawn.lose(_permits(self._curve, since, until), Loss.UNASKED, since, until)
            self._asked_until = until
            self._left = self._gap()
            self._reach(until, now)
        else:
            if self._piece.first != math.inf:
                self._account.move(self._place_at(until, now), Loss.UNASKED)
            self._slot = until
        return self._slot

    def _grant(self, slot: float, free_at: float, now: float) -> None:
        """Account for the permit of a slot, and find the next slot."""
        if self._gap is not None:
            self._draw(slot, now)
        elif self._piece.first == math.inf:
            self.free += 1
        elif now - slot <= self._patience:
            self._account.grant(slot)
            self._advance(slot, now)
        else:
            self._restart(slot, free_at, now)

    def _restart(self, slot: float, free_at: float, now: float) -> None:
        """Grant the permit of a slot that is long past, and begin a new grid."""
        self._account.grant(slot)
        start = now - self._patience if self._catches_up else now
        place = self._place_at(start, now) + 1.0
        held_until = min(free_at, start)
        if held_until > slot:
            held = _permits(self._curve, slot, held_until)
            self._account.move(min(place, self._account.place + held), Loss.WITHHELD)
        self._account.move(place, Loss.SKIPPED)
        self._advance(start, now)

    def _draw(self, slot: float, now: float) -> None:
        """Grant the permit of a slot that was drawn, and draw the next."""
        assert self._gap is not None
        self._drawn.grant(slot)
        start = slot
        if now - slot > self._patience:
            start = now
            self._drawn.lose(_permits(self._curve, slot, now), Loss.SKIPPED, slot, now)
        self._left = self._gap()
        self._reach(start, now)

    def _forget_returned(self, now: float) -> bool:
        """Give up permits that were given back too long ago; return whether others are there."""
        while self._returned and now - self._returned[0] > self._patience:
            account = self._account if self._gap is None else self._drawn
            account.take_back(self._returned.pop(0))
        return bool(self._returned)

    def _take_returned(self, requested_at: float, now: float) -> float | None:
        free_at = self._find_room(now)
        if free_at is None:
            return None
        self._in_flight += 1
        return max(free_at, self._returned.pop(0), requested_at)

    def _fit(self, now: float) -> None:
        """Let the window hold what the rate at `now` allows, and say how late is too late.

        A permit may be late by half a spacing, so that the next, which keeps its slot,
        does not follow closer than that; or by `CATCH_UP` if that is more.  After a
        longer delay the slots start anew: to repay it would be a burst.
        """
        rate = 0.0 if self._piece.is_closed else max(self._piece.rate_at(now), _SOME)
        interval = self._piece.interval
        if self._gap is None:
            self._window.resize(capacity(rate), now)
        self._patience = max(CATCH_UP, interval / rate / 2) if rate else CATCH_UP
        if self._has_crowd:
            self._spread.stretch(1.0)
            self._spread.resize(capacity(rate / interval), now)
        elif self._catches_up and 0 < rate < math.inf:
            self._patience = interval
            share = 2 * rate / interval * _SPREAD
            self._spread.stretch(max(_SPREAD, interval / rate / 2))
            self._spread.resize(max(1, math.floor(share)), now)

    def _advance(self, start: float, now: float) -> None:
        """Find the slot after the one at `start`."""
        self._left = 1.0
        self._reach(start, now)

    def _reach(self, start: float, now: float) -> None:
        """Find the slot that comes when what is left of a permit has come since `start`."""
        self._since = max(self._from, start)
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
        if starts_from_0 and self._gap is None and (self._slot <= at or self._left == 0):
            self._since, self._left = at, 1.0  # a whole permit is to come
            self._slot = self._piece.reach(at, 1.0)
            self._account.anchor(1.0)
        elif self._slot > at:
            self._slot = self._piece.reach(self._since, self._left)
        elif was_closed and not self._piece.is_closed:
            self._slot = at
            self._account.anchor(0.0)
        self._fit(at)

    def _roll(self, now: float) -> None:
        """Go on to the piece of the curve in force at `now`."""
        for _ in range(_PIECES_AT_ONCE):
            end = self._piece.end
            if end > now:
                return
            self._integrate(end)
            if self._slot > end:
                self._left = max(0.0, self._left - self._piece.permits(self._since, end))
                self._since = end
            self._enter(end)
        self._since = now
        self._enter(now)

    def _integrate(self, until: float) -> None:
        """Let the plan know what the rate came to up to a time."""
        if self._is_wanted and self._gap is None:
            self._account.plan.pass_time(self._piece, until)
        else:
            self._account.plan.skip_time(until)

    def _place_at(self, at: float, now: float) -> float:
        """Return what the plan had come to at a time up to now."""
        self._integrate(now)
        return self._account.plan.sum - _permits(self._curve, max(at, self._from), now)


def _permits(curve: Curve, since: float, until: float) -> float:
    """Return what a curve comes to between two times."""
    total, at = 0.0, since
    while at < until:
        piece = curve.piece(at)
        end = min(piece.end, until)
        if piece.first != math.inf:
            total += piece.permits(at, end)
        at = end
    return total


class Slots:
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

    def settle(self, due_at: float, used_at: float) -> None:
        """Do nothing: it is `hold` that counts."""

    def give_back(self, due_at: float) -> None:
        """Take back a permit that was taken and not used; it is `free` that frees it."""
        self.taken -= 1

    def note_asked(self, until: float) -> None:
        """Do nothing: a limit has no plan."""

    def want(self, now: float, *, wanted: bool) -> None:
        """Do nothing: a limit has no plan."""

    def rest_at(self, now: float) -> float:
        """Return 0: a permit comes when another comes back."""
        return 0.0
