"""Things in the order they came; beyond a bound the oldest go, and are counted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Newest(Generic[Thing]):
    """The newest of many things.

    One thread adds; others may read: what a reader holds is never shortened.

    Examples
    --------
    >>> newest = Newest(2)
    >>> newest.extend(["a", "b", "c"])
    >>> newest.snapshot(), newest.dropped, newest.seen
    (('b', 'c'), 1, 3)
    """

    def __init__(
        self,
        bound: int,  # how many are kept
    ) -> None:
        self.dropped = 0  # how many were given up, or never came for want of room elsewhere
        self._bound = bound
        self._things: list[Thing] = []

    @property
    def seen(self) -> int:
        """How many there were."""
        return self.dropped + len(self._things)

    def extend(self, things: Iterable[Thing]) -> None:
        """Add things."""
        self._things.extend(things)
        surplus = len(self._things) - self._bound
        if surplus > 0:
            self.dropped += surplus
            self._things = self._things[surplus:]  # a reader may still walk the old list

    def snapshot(self) -> tuple[Thing, ...]:
        """Return those that are kept."""
        return tuple(self._things)
