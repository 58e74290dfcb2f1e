"""Arithmetic of pacing: when the next permit may be granted, and when it was due.

Permits lie on slots along a curve (`_walk`), at even distances or at drawn ones.  Slots that
pass while somebody waits may still be used a little later; those that pass while nobody does
are gone.  What is lost, and why, goes to the account (`_account`).

Nothing here waits or reads a clock: times are monotonic seconds handed in by the caller,
so every rule is tested without an event loop.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from bisect import insort
from collections.abc import Callable

from ._account import Account, Booked, DrawnAccount, Loss, WindowNumbers
from ._curve import Curve
from ._gate import Gate
from ._rate import capacity
from ._walk import Walk
from ._window_rule import WindowRule

TURN = 0.001
"""Seconds between two requests in which demand counts as standing: a turn of the loop, in
which a caller that was let through starts what it wanted to and asks again."""

_GLANCE = 0.005
"""Seconds between two looks whether a rate that rises has made room: windows grow with it."""

_SPREAD = 0.01
"""Seconds in which a pace that catches up grants twice the even share at most."""


class Pacing(Gate):
    """Permits on slots along a curve: `EvenPacing` or `DrawnPacing`."""

    def __init__(self, walk: Walk, account: Account | DrawnAccount, now: float) -> None:
        self.free: int = 0  # permits granted while the rate was infinite
        self._walk = walk
        self._account = account
        self._patience = walk.patience(walk.rate_at(now))
        self._returned: list[float] = []  # due times of permits that were given back
        self._in_flight = 0  # taken, and neither used nor given back
        self._asked_until = -math.inf  # up to here somebody waited

    def rest_at(self, now: float) -> float:
        """Return for how many seconds at least to sleep when nothing is due."""
        return self._walk.rest_at(now)

    def next_at(self, requested_at: float, now: float) -> float:
        """Return when to ask again: no permit falls due before, as things stand."""
        self._roll(now)
        self._fit(now)
        walk = self._walk
        if walk.piece.is_closed or walk.slot == math.inf:
            return walk.piece.end
        slot, end = self._returned[0] if self._returned else walk.slot, walk.piece.end
        at = slot if slot > requested_at else requested_at  # noqa: FURB136 - max() takes 0.15 us
        return at if at < end else end  # noqa: FURB136 - min() takes 0.15 us

    def take(self, requested_at: float, now: float) -> float | None:
        """Take a permit and return when it fell due, or None if it is not due yet.

        It falls due at its slot, or later: when it is requested, or when there is room for it.
        """
        walk = self._walk
        if now >= walk.piece.end:
            self._roll(now)
        is_returned = self._returned and self._may_return(now)
        if is_returned:
            slot = self._returned[0]
        else:
            slot = walk.slot
            if slot <= now and slot < requested_at and not self._stands(requested_at):
                self._pass_over(requested_at, now)
                slot = walk.slot
            if slot > now:
                return None
            if not walk.piece.is_flat:
                self._fit(now)
        free_at = self._find_room(now)
        if free_at is None:
            return None
        self._in_flight += 1
        if is_returned:
            self._returned.pop(0)
        else:
            self._grant(slot, free_at, now)
        due_at = slot if slot > requested_at else requested_at  # noqa: FURB136 - max() takes 0.15 us
        return due_at if due_at > free_at else free_at  # noqa: FURB136 - max() takes 0.15 us

    def settle(self, due_at: float, used_at: float) -> None:
        """Note when a permit that was taken went into use."""
        self._in_flight -= 1
        self._asked_until = used_at
        self._note_use(due_at, used_at)

    def give_back(self, due_at: float) -> None:
        """Take back a permit that was taken and not used: its slot is free again."""
        self._in_flight -= 1
        insort(self._returned, due_at)

    def note_asked(self, until: float) -> None:
        """Note that somebody waited, up to this time."""
        self._asked_until = max(self._asked_until, until)

    def want(self, now: float, *, wanted: bool) -> None:
        """Note that a crowd waits from now on, or that nobody of it does any more."""
        self._roll(now)
        if wanted:
            self._walk.slot = max(self._walk.slot, now)
            self._asked_until = now
            self._fit(now)

    def change(self, curve: Curve, now: float) -> None:
        """Follow another curve from `now` on; a permit that is half due stays half due."""
        self._roll(now)
        self._walk.curve, self._walk.start = curve, now
        self._enter(now)

    def drain(self, now: float, *, is_waited_for: bool) -> dict[int, Booked]:
        """Return what was booked since the last time, by window, with all that is lost by now."""
        self._roll(now)
        self._may_return(now)
        walk = self._walk
        is_idle = not is_waited_for and not self._stands(now)
        if is_idle and walk.slot < now and not walk.piece.is_closed:
            self._pass_over(now, now)
        return self._account.drain()

    def end_plan(self, now: float, *, is_waited_for: bool) -> None:
        """Settle all that has fallen due by now; from now on nothing is due."""

    @abstractmethod
    def _pass_over(self, until: float, now: float) -> None:
        """Give up the slots up to a time until which nobody waited."""

    @abstractmethod
    def _find_room(self, now: float) -> float | None:
        """Take room for a permit and return since when there was some; None if there is not."""

    def _note_use(self, due_at: float, used_at: float) -> None:
        """Note when the room of a permit was used."""
        return

    @abstractmethod
    def _grant(self, slot: float, free_at: float, now: float) -> None:
        """Account for the permit of a slot, and find the next slot."""

    def _stands(self, requested_at: float) -> bool:
        """Whether demand was there all the time until that request."""
        return self._in_flight > 0 or requested_at - self._asked_until <= TURN

    def _may_return(self, now: float) -> bool:
        """Whether a permit that was given back may be taken again; give up those too old."""
        while self._returned and now - self._returned[0] > self._patience:
            self._account.take_back(self._returned.pop(0))
        return bool(self._returned)

    def _reach(self, since: float, permits: float, now: float) -> None:
        """Find the slot that comes when so much of a permit has come since a time."""
        self._walk.reach(since, permits)
        if now >= self._walk.piece.end:
            self._roll(now)

    def _roll(self, now: float) -> None:
        """Go on to the piece of the curve in force at `now`."""
        if self._walk.piece.end <= now:
            for end in self._walk.ends(now):
                self._enter(end)

    def _enter(self, at: float) -> None:
        """Go on in the piece of the curve at `at`."""
        self._walk.enter(at)
        self._fit(at)

    def _fit(self, now: float) -> None:
        """Find out how late is too late at `now`."""
        self._patience = self._walk.patience(self._walk.rate_at(now))


class EvenPacing(Pacing):
    """Permits that are spread evenly, and no more in any window than the rate.

    Two rules, kept apart.  The *pace* puts permits on slots, one for each unit that the rate
    integrates to, and makes good a timer that is a little late; it is what spreads permits
    evenly and reaches the rate.  The *window* (`WindowRule`) allows no more permits than the
    rate in any window of one interval; it is what never gives way.
    """

    _account: Account
    free: int

    def __init__(
        self,
        curve: Curve,
        now: float,  # when pacing starts; the first permit is due at once
        *,
        # whether slots that somebody waited for are made good for as long as one interval
        catch_up: bool = False,
        # what permits are booked by; from `now` on unless given
        windows: WindowNumbers | None = None,
    ) -> None:
        super().__init__(Walk(curve, now, 0.0), Account(windows or WindowNumbers(now), now), now)
        self._catches_up = catch_up
        self._has_crowd = False
        self._is_wanted = True  # whether permits fall due
        self._full_at = -math.inf  # when there was last no room for a permit that was due
        self._window = WindowRule(curve.interval, math.inf)
        # a shorter window that counts as well, where many permits may be due at once
        self._spread = WindowRule(_SPREAD, math.inf) if catch_up else None
        self._enter(now)

    def next_at(self, requested_at: float, now: float) -> float:
        """Return when to ask again: no permit falls due before, and none has room.

        It is ``inf`` where a permit that was taken has to be used, or given back, before.
        """
        at, free_at = super().next_at(requested_at, now), self._window.free_at
        if self._spread is not None:
            free_at = max(free_at, self._spread.free_at)
        if free_at <= at:
            return at
        if free_at == math.inf and self._in_flight:
            return free_at
        piece = self._walk.piece
        if piece.last > piece.first:
            free_at = min(free_at, max(at, now + _GLANCE))
        end = piece.end
        return free_at if free_at < end else end  # noqa: FURB136 - min() takes 0.15 us

    def _note_use(self, due_at: float, used_at: float) -> None:
        self._window.settle(used_at, used_at - due_at)
        if self._spread is not None:
            self._spread.settle(used_at)

    def give_back(self, due_at: float) -> None:
        """Take back a permit that was taken and not used: its slot is free again."""
        super().give_back(due_at)
        self._window.give_back()
        if self._spread is not None:
            self._spread.give_back()

    def want(self, now: float, *, wanted: bool) -> None:
        """Note that a crowd waits from now on, or that nobody of it does any more.

        Of a throttle that serves a crowd, permits fall due only meanwhile, and no second
        holds more than a second's worth of them, whatever the interval.
        """
        self._has_crowd = True
        self._spread = self._spread or WindowRule(1.0, math.inf)
        super().want(now, wanted=wanted)
        self._integrate(now)
        self._is_wanted = wanted
        if not wanted:  # the last of the crowd got its permit a little after that was due
            self._account.rest()
        else:
            piece = self._walk.piece
            self._account.anchor(piece.permits(now, min(self._walk.slot, piece.end)))

    def change(self, curve: Curve, now: float) -> None:
        """Follow another curve from `now` on; a permit that is half due stays half due."""
        self._roll(now)
        walk = self._walk
        was_infinite = walk.piece.first == math.inf
        if curve.interval != walk.curve.interval:
            self._window.stretch(curve.interval)
        super().change(curve, now)
        if was_infinite:
            self._account.anchor(0.0)

    def drain(self, now: float, *, is_waited_for: bool) -> dict[int, Booked]:
        """Return what was booked since the last time, by window, with all that is lost by now."""
        self._roll(now)
        self._integrate(now)
        return super().drain(now, is_waited_for=is_waited_for)

    def end_plan(self, now: float, *, is_waited_for: bool) -> None:
        """Settle all that has fallen due by now; from now on nothing is due."""
        self._roll(now)
        self._integrate(now)
        walk, free_at = self._walk, self._window.free_at
        held_until = min(free_at, now if is_waited_for else min(self._asked_until, now))
        if walk.slot < held_until and not walk.piece.is_closed:
            self._account.move(self._place_at(held_until, now), Loss.WITHHELD)
        is_late = is_waited_for and walk.slot <= now and free_at <= now
        self._account.close(Loss.SKIPPED if is_late else Loss.UNASKED)

    def _pass_over(self, until: float, now: float) -> None:
        if self._walk.piece.first != math.inf:
            self._account.move(self._place_at(until, now), Loss.UNASKED)
        self._walk.slot = until

    def _find_room(self, now: float) -> float | None:
        free_at = self._take_room(now)
        if free_at is None:
            self._full_at = now
            return None
        return free_at if free_at > self._full_at else self._full_at  # noqa: FURB136 - max() takes 0.15 us

    def _take_room(self, now: float) -> float | None:
        if self._spread is None:
            return self._window.take(now)
        spread_at = self._spread.take(now)
        if spread_at is None:
            return None
        free_at = self._window.take(now)
        if free_at is None:
            self._spread.give_back()
            return None
        return max(free_at, spread_at)

    def _grant(self, slot: float, free_at: float, now: float) -> None:
        if self._walk.piece.first == math.inf:
            self.free += 1
            return
        self._account.grant(slot)
        if now - slot > self._patience:
            slot = self._begin_anew(slot, free_at, now)
        self._reach(slot, 1.0, now)

    def _begin_anew(self, slot: float, free_at: float, now: float) -> float:
        """Give up the slots after one that is long past; return where the others start."""
        start = now - self._patience if self._catches_up else now
        place = self._place_at(start, now) + 1.0
        held_until = min(free_at, start)
        if held_until > slot:
            held = self._walk.curve.permits(slot, held_until)
            self._account.move(min(place, self._account.place + held), Loss.WITHHELD)
        self._account.move(place, Loss.SKIPPED)
        return start

    def _enter(self, at: float) -> None:
        walk = self._walk
        self._integrate(at)
        opens = walk.enter(at)
        if walk.slot <= at and walk.rises_from_0(at):
            walk.reach(at, 1.0)  # a whole permit is to come
            self._account.anchor(1.0)
        elif opens:
            self._account.anchor(0.0)
        self._fit(at)

    def _fit(self, now: float) -> None:
        """Let the windows hold what the rate at `now` allows, and say how late is too late."""
        walk = self._walk
        rate, interval = walk.rate_at(now), walk.curve.interval
        self._window.resize(capacity(rate), now)
        self._patience = walk.patience(rate)
        if self._spread is None:
            return
        if self._has_crowd:
            self._spread.stretch(1.0)
            self._spread.resize(capacity(rate / interval), now)
        elif 0 < rate < math.inf:
            self._patience = interval
            share = 2 * rate / interval * _SPREAD
            self._spread.stretch(max(_SPREAD, interval / rate / 2))
            self._spread.resize(max(1, math.floor(share)), now)

    def _integrate(self, until: float) -> None:
        """Let the plan know what the rate came to up to a time."""
        if self._is_wanted:
            self._account.plan.pass_time(self._walk.piece, until)
        else:
            self._account.plan.skip_time(until)

    def _place_at(self, at: float, now: float) -> float:
        """Return what the plan had come to at a time up to now."""
        self._integrate(now)
        walk = self._walk
        return self._account.plan.sum - walk.curve.permits(max(at, walk.start), now)


class DrawnPacing(Pacing):
    """Permits at distances that are drawn: no window, and no grid that could be behind."""

    _account: DrawnAccount

    def __init__(
        self,
        curve: Curve,
        now: float,  # when pacing starts
        # draws the rate between two slots, in permits; exponential draws make Poisson arrivals
        gap: Callable[[], float],
        # what permits are booked by; from `now` on unless given
        windows: WindowNumbers | None = None,
    ) -> None:
        account = DrawnAccount(windows or WindowNumbers(now))
        super().__init__(Walk(curve, now, gap()), account, now)
        self._gap = gap

    def _pass_over(self, until: float, now: float) -> None:
        since = max(self._walk.start, min(self._asked_until, until))
        self._lose(since, until, Loss.UNASKED)
        self._asked_until = until
        self._reach(until, self._gap(), now)

    def _find_room(self, now: float) -> float:
        return -math.inf

    def _grant(self, slot: float, free_at: float, now: float) -> None:
        self._account.grant(slot)
        if now - slot > self._patience:
            self._lose(slot, now, Loss.SKIPPED)
            slot = now
        self._reach(slot, self._gap(), now)

    def _lose(self, since: float, until: float, loss: Loss) -> None:
        permits = self._walk.curve.permits(since, until)
        self._account.lose(permits, loss, since, until)
