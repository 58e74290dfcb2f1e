"""The line in front of a throttle, and the one task that lets it move.

A `Line` grants permits first come, first served, as its gate lets it: at once when nobody
is in front, else from `serve`, which sleeps until the next permit falls due and then
grants all that are due by then.  It knows nothing of rates, verbs or events.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from murmur._backend import AsyncioNative, Native, Wakeup

from ._gate import Gate, Slots
from ._permit import PlaceInLine

_BATCH = 256
"""Permits granted before other tasks get a turn."""


_LOT = 64
"""Of a crowd, how many are let in at most before other tasks get a turn.

A user is up to ten objects that Python's collector counts.  So many are not the 700 which start a
collection, so that users who return at once need none, and they fit the processor's caches.
"""

_FIRST_STEPS = 0.005
"""Seconds that the first steps of those who are let in together should take."""


class Crowd(Protocol):
    """Many who all wait at the same place of a line: users that are to be admitted."""

    @property
    def waiting(self) -> int:
        """How many wait."""

    @property
    def began_at(self) -> float:
        """When the first of those let in since `begin_lot` took its first step; nan if none."""

    def begin_lot(self) -> None:
        """Take note that some are let in together."""

    def let_in(self, now: float) -> None:
        """Let the next one in, which starts a task; its first step comes a little later."""

    def refuse(self, error: Exception) -> None:
        """Take note that nobody is let in any more."""


class Owner(Protocol):
    """A throttle, as its line sees it."""

    def start_job(self, place: PlaceInLine) -> None:
        """Start the job of a place that was granted its permit."""

    def let_in(self, due_at: float, granted_at: float) -> None:
        """Note that one of a crowd went on."""


class Line:
    """Who waits for a permit of one throttle."""

    def __init__(
        self,
        gate: Gate,  # decides when the next permit may be granted
        slots: Slots,  # counts the permits that will be given back
        native: Native,
        owner: Owner,
    ) -> None:
        self.gate = gate
        # requested, granted: permits so far.  One that was given back was not granted.
        self.requested: int = 0
        self.granted: int = 0
        self.is_paused = False
        self.passes = False  # whether every request is granted at once
        self._slots = slots
        self._native = native
        self._owner = owner
        self._waiting: OrderedDict[PlaceInLine, None] = OrderedDict()
        self._in_flight = 0  # granted to tasks that did not go on yet
        self._is_closed = False
        self._alarm: Wakeup | None = None
        self._next_at = math.inf  # when a permit may fall due, as of the last turn
        self._crowd: Crowd | None = None
        self._place: PlaceInLine | None = None  # of the crowd in the line
        self._lot = 1
        # trio runs what was woken together in random order: there, one at a time.
        self._batch = _BATCH if isinstance(native, AsyncioNative) else 1

    def __len__(self) -> int:
        others = len(self._waiting)
        if self._crowd is None or self._place not in self._waiting:
            return others
        return others - 1 + self._crowd.waiting

    @property
    def waits_since(self) -> float:
        """Since when the first in line waits; ``inf`` if nobody does."""
        first = next(iter(self._waiting), None)
        return math.inf if first is None else first.requested_at

    @property
    def has_plain_waiters(self) -> bool:
        """Whether somebody waits who would not give a permit back."""
        return any(not place.holds and place.job is None for place in self._waiting)

    def admit(self, crowd: Crowd) -> None:
        """Let a crowd in from now on, one for each permit; see `crowd_changed`.

        The crowd's demand stands from when somebody of it waits until nobody does, so that
        permits which fall due while one is let in are not lost.
        """
        now = self._native.now()
        self._crowd, self._place = crowd, PlaceInLine(now, holds=False)
        self.gate.want(now, wanted=False)

    def crowd_changed(self, by: int) -> None:
        """Take note that so many more of the crowd wait, or less, which gave up."""
        if self._is_closed or self._place is None or self._crowd is None:
            return
        now = self._native.now()
        self.requested += max(0, by)
        if not self._crowd.waiting:
            self._leave_crowd(now)
        elif self._place not in self._waiting:
            self._place.requested_at = now
            self._waiting[self._place] = None
            self.gate.want(now, wanted=True)
        self.alert()

    def join(self, place: PlaceInLine) -> None:
        """Ask for a permit: it is granted at once, or later, by `serve`."""
        self.requested += 1
        nobody_in_front = not self._waiting and not self._in_flight and not self.is_paused
        if nobody_in_front and self._grant(place, place.requested_at):
            return
        if place.job is None:
            place.wakeup = self._native.wakeup()
        self._waiting[place] = None
        if len(self._waiting) == 1:
            self.alert()

    def leave(self, place: PlaceInLine) -> None:
        """Withdraw a place; a permit that it got goes to the next in line."""
        if place.due_at is None:
            if place in self._waiting:
                del self._waiting[place]
                self.gate.note_asked(self._native.now())
            return
        assert place.gate is not None
        self._in_flight -= 1
        self.granted -= 1
        place.gate.give_back(place.due_at)
        if place.holds:
            self._slots.free(self._native.now())
        self.alert()

    def settle(self, place: PlaceInLine, now: float) -> None:
        """Note that the permit of a place went into use."""
        assert place.gate is not None
        assert place.due_at is not None
        self._in_flight -= 1
        place.gate.settle(place.due_at, now)
        if self._next_at == math.inf and self._waiting:
            self.alert()

    def has_lapsed(self, place: PlaceInLine, now: float) -> bool:
        """Whether the permit of a place may be used no more; here none ever lapses."""
        return False

    def rejoin(self, place: PlaceInLine) -> None:
        """Let a place whose permit has lapsed wait for another one, before all others."""
        raise NotImplementedError

    def alert(self) -> None:
        """Let `serve` look again, for something changed."""
        if self._alarm is not None:
            self._alarm.wake()

    def close(self) -> list[PlaceInLine]:
        """Grant nothing any more; wake all who wait, and return their places."""
        self._is_closed = True
        left = [place for place in self._waiting if place is not self._place]
        self._waiting.clear()
        for place in left:
            if place.wakeup is not None:
                place.wakeup.wake()
        self.alert()
        return left

    async def serve(
        self,
        # called with the time at each turn; returns when it wants to be called next
        follow: Callable[[float], float],
    ) -> None:
        """Grant permits as they fall due, until the line is closed."""
        while not self._is_closed:
            now = self._native.now()
            wanted = follow(now)
            granted = 0
            while granted < self._batch and self._grant_next(now):
                granted += 1
            if granted == self._batch:
                await self._native.checkpoint()
                continue
            if self._is_crowd_first and await self._let_in():
                continue
            due = self._next_at = self._next_due(now)
            if due > now:
                due = max(due, now + self.gate.rest_at(now))
            await self._sleep(min(due, wanted))

    @property
    def _is_crowd_first(self) -> bool:
        return not self.is_paused and self._place is next(iter(self._waiting), self)

    async def _let_in(self) -> bool:
        """Let in who of the crowd has a permit now, and let their first steps be taken."""
        crowd, place, count = self._crowd, self._place, 0
        assert crowd is not None
        assert place is not None
        crowd.begin_lot()
        while count < self._lot and crowd.waiting:
            now = self._native.now()
            due_at = now if self.passes else self.gate.take(place.requested_at, now)
            if due_at is None:
                break
            if not self.passes:
                self.gate.settle(due_at, now)
            count += 1
            self.granted += 1
            self._owner.let_in(due_at, now)
            crowd.let_in(now)
        if not crowd.waiting:
            self._leave_crowd(self._native.now())
        if count:
            await self._native.checkpoint()
            self._size_lot(count, self._native.now() - crowd.began_at)
        return count > 0

    def _size_lot(self, count: int, took: float) -> None:
        """Let in as many the next time as can take their first steps in a short time."""
        fits = _LOT if not took > 0 else int(count * _FIRST_STEPS / took)
        self._lot = max(1, min(fits, 2 * self._lot, _LOT))

    def _leave_crowd(self, now: float) -> None:
        assert self._place is not None
        if self._waiting.pop(self._place, self) is None:
            self.gate.want(now, wanted=False)

    async def _sleep(self, until: float) -> None:
        self._alarm = self._native.wakeup()
        await self._native.wait_until(self._alarm, until)
        self._alarm = None

    def _next_due(self, now: float) -> float:
        if not self._waiting or self.is_paused:
            return math.inf
        return self.gate.next_at(next(iter(self._waiting)).requested_at, now)

    def _grant_next(self, now: float) -> bool:
        """Grant the first in line a permit if one is due; False if there is no more to do."""
        if self.is_paused or not self._waiting:
            return False
        place = next(iter(self._waiting))
        if place is self._place:
            return False
        if place.wakeup is not None and place.wakeup.is_over:
            del self._waiting[place]  # cancelled, and did not go on yet to say so
            return True
        if not self._grant(place, now):
            return False
        del self._waiting[place]
        if place.wakeup is not None:
            place.wakeup.wake()
        return True

    def _grant(self, place: PlaceInLine, now: float) -> bool:
        due_at = self.gate.take(place.requested_at, now)
        if due_at is None:
            return False
        place.due_at = due_at
        place.gate = self.gate
        self._in_flight += 1
        self.granted += 1
        if place.job is not None:
            place.holds = self.gate is self._slots
            self._owner.start_job(place)
        if place.holds:
            self._slots.hold()
        return True
