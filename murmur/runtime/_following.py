"""A user on its way through a timetable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from murmur.throttles import Due, permit_due

if TYPE_CHECKING:
    from ._timetable import Occurrence, Timetable
    from ._user import User

__all__ = ["Following"]


class Following:
    """Waits for one event after the other; made by `Timetable.follow`.

    An iterator and not a generator: one that is left early needs no closing.
    """

    __slots__ = ("_now", "_occurrences", "_user")

    def __init__(self, timetable: Timetable, user: User) -> None:
        self._user = user
        self._now = user._run.native.now
        self._occurrences = timetable.occurrences(user.random, start=self._now())

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> Occurrence:
        """Return the next event once it is due, or at once if it is late."""
        user = self._user
        event = next(self._occurrences, None)
        if event is None:
            permit_due.set(None)
            raise StopAsyncIteration
        await user.sleep(event.due_at - self._now())
        while self._now() < event.due_at:  # a loop's timer may be early by its grain
            await user.sleep(event.due_at - self._now())
        due = Due(event.due_at)
        permit_due.set(due)
        user.last_due = due
        return event
