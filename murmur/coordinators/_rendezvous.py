"""The rendezvous: users wait for each other and go on together.

A barrier that is never closed for good: as soon as a group is complete it is let go, and
the next user begins a new one.  Groups of different sizes do not mix.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from murmur._backend import Native, Wakeup
from murmur.errors import CoordinatorError, Leaving

from ._plan import Member
from ._waits import Wait


class _Place(NamedTuple):
    """Where a user waits, and since when."""

    size: int
    at: float
    member: Member
    wakeup: Wakeup


class Rendezvous:
    """Groups that fill up."""

    def __init__(self, native: Native) -> None:
        self._native = native
        self._groups: dict[int, dict[int, _Place]] = {}  # size -> user id -> place
        self._places: dict[int, _Place] = {}  # user id -> place
        self._longest: dict[int, float] = {}  # size -> seconds until the slowest was complete

    def __len__(self) -> int:
        return len(self._places)

    async def join(self, member: Member, size: int) -> tuple[Member, ...]:
        """Block until `size` users have come, this one included; return them as they came.

        A waiter that is cancelled leaves the group, unless that is complete already.

        Raises `CoordinatorError` if the user waits here already: it would fill a group with
        itself.
        """
        user_id = member.user.id
        if user_id in self._places:
            raise CoordinatorError(f"user {user_id} waits in gather already")
        place = _Place(size, self._native.now(), member, self._native.wakeup())
        group = self._groups.setdefault(size, {})
        self._places[user_id] = group[user_id] = place
        if len(group) == size:
            self._let_go(size)
        try:
            outcome = await self._native.wait(place.wakeup)
        except BaseException:
            if self._places.get(user_id) is place:
                self._forget(user_id)
            raise
        if isinstance(outcome, BaseException):
            raise outcome
        members: tuple[Member, ...] = outcome
        return members

    def _let_go(self, size: int) -> None:
        group = self._groups.pop(size)
        took = self._native.now() - next(iter(group.values())).at
        self._longest[size] = max(took, self._longest.get(size, 0.0))
        members = tuple(place.member for place in group.values())
        for user_id, place in group.items():
            del self._places[user_id]
            place.wakeup.wake(members)

    def _forget(self, user_id: int) -> _Place:
        place = self._places.pop(user_id)
        group = self._groups[place.size]
        del group[user_id]
        if not group:
            del self._groups[place.size]
        return place

    def waits(self) -> Iterator[Wait]:
        """Yield who waits, a group at a time."""
        for size, group in self._groups.items():
            places = list(group.values())
            first, times = places[0].member.id, (places[0].at, places[-1].at)
            longest = self._longest.get(size, -math.inf)
            yield Wait("gather", size, len(places), first, *times, longest)

    def leave(self, user_id: int) -> None:
        """End a user's wait by `Leaving`; fine if it does not wait."""
        if user_id in self._places:
            self._forget(user_id).wakeup.wake(Leaving())

    def close(self, error: Callable[[], BaseException]) -> None:
        """End every wait by an exception of its own."""
        places = list(self._places.values())
        self._groups.clear()
        self._places.clear()
        for place in places:
            place.wakeup.wake(error())
