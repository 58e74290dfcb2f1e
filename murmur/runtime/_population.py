"""Population of a run: the arithmetic of waiting, running, leaving and gone users.

Nothing here waits or starts anything.  Waiting users are ranges of ids, so that a
million of them cost as much as one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from murmur.errors import InvalidRangeError

if TYPE_CHECKING:
    from ._user import User


@dataclass(frozen=True, kw_only=True, slots=True)
class Presence:
    """The users of one node that did not end yet."""

    node: str
    user_ids: Sequence[int]  # users that are running or leaving
    # admitted_at, started_at: when they came up, on the node's clock; nan if not yet started
    admitted_at: Sequence[float]
    started_at: Sequence[float]
    waiting: Sequence[tuple[int, int]]  # first and last id of the ranges that wait to be admitted


class Population:
    """The users of one run on one node, by state."""

    def __init__(self) -> None:
        # waiting, gone: how many users wait to be admitted, and how many ended (dropped ones
        # included)
        self.waiting: int = 0
        self.gone: int = 0
        # running, leaving: users that were not, and that were asked to leave; oldest first
        self.running: dict[int, User] = {}
        self.leaving: dict[int, User] = {}
        self.highest_id: int = 0  # the highest id ever announced; ids never go back
        self._ranges: deque[tuple[int, int]] = deque()
        self._doomed: set[int] = set()

    @property
    def present(self) -> int:
        """Users that are announced and not gone."""
        return self.waiting + len(self.running) + len(self.leaving)

    @property
    def wanted(self) -> int:
        """Users that are announced, and neither gone nor asked to go."""
        return self.waiting + len(self.running)

    @property
    def undoomed(self) -> int:
        """Users that were asked to leave and may stay for ever: force reaches them first."""
        return len(self.leaving) - len(self._doomed)

    @property
    def counts(self) -> dict[str, int]:
        """Number of users by state."""
        return {
            "waiting": self.waiting,
            "running": len(self.running),
            "leaving": len(self.leaving),
            "gone": self.gone,
        }

    @property
    def waiting_ranges(self) -> list[tuple[int, int]]:
        """First and last id of each range that waits, in the order of admission."""
        return list(self._ranges)

    def announce(self, first: int, last: int) -> None:
        """Let users `first` to `last` wait to be admitted.

        Raises `InvalidRangeError` if the range is backwards or not above every id announced
        before.
        """
        if not self.highest_id < first <= last:
            raise InvalidRangeError(first, last, self.highest_id)
        self._ranges.append((first, last))
        self.highest_id = last
        self.waiting += last - first + 1

    def next_waiting(self) -> int | None:
        """Take the user that waited longest; None if nobody waits."""
        if not self._ranges:
            return None
        first, last = self._ranges.popleft()
        if first < last:
            self._ranges.appendleft((first + 1, last))
        self.waiting -= 1
        return first

    def drop_waiting(self, count: int) -> list[tuple[int, int]]:
        """Take up to `count` waiting users, latest announced first; return their ranges."""
        dropped = []
        while count > 0 and self._ranges:
            first, last = self._ranges.pop()
            start = max(first, last - count + 1)
            if first < start:
                self._ranges.append((first, start - 1))
            dropped.append((start, last))
            number = last - start + 1
            count -= number
            self.waiting -= number
            self.gone += number
        return dropped

    def drop_one(self, user_id: int) -> bool:
        """Take one waiting user out; False if it does not wait."""
        for place, (first, last) in enumerate(self._ranges):
            if first <= user_id <= last:
                parts = [(first, user_id - 1), (user_id + 1, last)]
                self._ranges.rotate(-place)
                self._ranges.popleft()
                self._ranges.extendleft(part for part in reversed(parts) if part[0] <= part[1])
                self._ranges.rotate(place)
                self.waiting -= 1
                self.gone += 1
                return True
        return False

    def admit(self, user: User) -> None:
        """Count a user that was taken from the waiting as running."""
        self.running[user.id] = user

    def ask(self, user: User) -> bool:
        """Move a running user to the leaving; False if it was asked before or is gone."""
        if user.id not in self.running:
            return False
        self.leaving[user.id] = user  # first, or a thread might find it in neither
        del self.running[user.id]
        return True

    def oldest(self, count: int) -> list[User]:
        """Return up to `count` running users, longest admitted first."""
        return list(islice(self.running.values(), count))

    def lingering(self, count: int) -> list[User]:
        """Return up to `count` users that were asked and not doomed, longest asked first."""
        return list(islice((u for u in self.leaving.values() if u.id not in self._doomed), count))

    def doom(self, users: Iterable[User]) -> None:
        """Take note of users that will be gone after their grace, whatever they do."""
        self._doomed.update(user.id for user in users)

    def depart(self, user: User) -> bool:
        """Count a user as gone; False if it was gone already."""
        if (self.running.pop(user.id, None) or self.leaving.pop(user.id, None)) is None:
            return False
        self.gone += 1
        self._doomed.discard(user.id)
        return True

    def find(self, user_id: int) -> User | None:
        """Return the user of that id if it is here."""
        return self.running.get(user_id) or self.leaving.get(user_id)

    def __iter__(self) -> Iterator[User]:
        """Yield the users that are running or leaving."""
        yield from list(self.running.values())
        yield from list(self.leaving.values())
