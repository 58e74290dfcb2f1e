"""Leftovers: the tasks that users left behind, and what is told of them.

A client that was not closed goes on: its reader, its pings, its reconnecting, with the
connections that these hold.  They load the machine and the target, and belong to nobody.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, Protocol

from murmur._backend import cancel_task, name_of_task, transports_of
from murmur.errors import number_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from murmur._backend import Brood

LINGER = 1.0
"""Seconds that the tasks of a user that is gone have to end before they count as left behind."""


class Closable(Protocol):
    """Something that a user holds and that can be closed at once."""

    def close(self) -> None:
        """Close it."""


class Litter(NamedTuple):
    """What is left of one function."""

    name: str  # the function that the tasks run
    # tasks, transports: how many there are, and how many connections they were seen to hold
    tasks: int
    transports: int


class Leftovers:
    """Keeps the tasks of users that are gone until they end."""

    def __init__(
        self,
        *,
        is_cancelling: bool,  # whether tasks are cancelled as soon as their user is gone
        now: Callable[[], float],
    ) -> None:
        self._is_cancelling = is_cancelling
        self._now = now
        self._broods: list[tuple[float, Brood]] = []
        self._told: dict[str, int] = {}
        self._found: tuple[Litter, ...] = ()

    def take(self, brood: Brood) -> None:
        """Take over the tasks of a user that is gone."""
        tasks = list(brood)
        if not tasks:
            return
        self._broods.append((self._now(), brood))
        if self._is_cancelling:
            for task in tasks:
                cancel_task(task)

    def look(self, linger: float = LINGER) -> list[Litter]:
        """Look what is there since `linger` seconds; return what there is more of than before."""
        self._broods = [(since, brood) for since, brood in self._broods if any(brood)]
        before = self._now() - linger
        tasks: Counter[str] = Counter()
        held: Counter[str] = Counter()
        for since, brood in self._broods:
            if since <= before:
                for task in brood:
                    name = name_of_task(task)
                    tasks[name] += 1
                    held[name] += transports_of(task)
        self._found = tuple(Litter(name, number, held[name]) for name, number in tasks.items())
        more = [each for each in self._found if each.tasks > self._told.get(each.name, 0)]
        self._told |= {each.name: each.tasks for each in more}
        return more

    @property
    def is_empty(self) -> bool:
        """Whether no task of a user that is gone is known to run."""
        return not any(any(brood) for _, brood in self._broods)

    def sentences(self) -> list[str]:
        """Return what there is to say about what was found by the last look."""
        return [
            f"users left {number_of(each.tasks, 'task')} of {each.name} behind"
            + (f", with {number_of(each.transports, 'connection')}" if each.transports else "")
            + ': close the client, or set `leftovers = "cancel"`'
            for each in self._found
        ]
