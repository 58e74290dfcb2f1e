"""Counting users into batches, as the items of a plan ask for.

Nothing here waits, reads a clock or calls an action, so every rule is tested without an
event loop.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Collection
from dataclasses import dataclass
from random import Random

from ._plan import Item, Kind, Member
from ._waits import Wait

MAX_MEMBERS = 100_000  # kept per batch, about 20 MB; further users are only counted


@dataclass(frozen=True, slots=True)
class Batch:
    """Users that an item's actions are called for."""

    item: Item
    kind: Kind
    count: int  # users in it
    members: tuple[Member, ...]  # newest first; empty if no action of the item asks for them

    @property
    def dropped(self) -> int:
        """How many users were counted but not kept, being more than `MAX_MEMBERS`."""
        return self.count - len(self.members) if self.item.keeps_members else 0


class Tally:
    """Counts the users of one item, from one batch to the next.

    Members are filed under their user, so that a user who leaves is taken out at a price
    that does not depend on the size of the batch.
    """

    __slots__ = ("_counts", "_kept", "_latest", "_longest", "_members", "_random", "_required",
                 "_serial", "_since", "count", "item")  # fmt: skip

    def __init__(
        self,
        item: Item,
        random: Random,  # draws how many users a range waits for
    ) -> None:
        self.item: Item = item
        self._random = random
        self._longest = -math.inf
        self._begin()

    def _begin(self) -> None:
        self.count: int = 0
        self._required = self.item.draw(self._random)
        self._counts: dict[int, int] = {}
        self._members: dict[int, list[tuple[int, Member]]] = {}
        self._kept = 0
        self._serial = 0
        self._since = self._latest = math.nan

    def add(self, member: Member, at: float = 0.0) -> Batch | None:
        """Count `member`, who came at a moment; return the batch if that completes it."""
        user_id = member.user.id
        if not self._counts:
            self._since = at
        self._latest = at
        self.count += 1
        self._counts[user_id] = self._counts.get(user_id, 0) + 1
        if self.item.keeps_members and self._kept < MAX_MEMBERS:
            self._members.setdefault(user_id, []).append((self._serial, member))
            self._serial += 1
            self._kept += 1
        if self.count < self._required:
            return None
        self._longest = max(self._longest, at - self._since)
        return self.close("coordinate")

    @property
    def user_ids(self) -> Collection[int]:
        """Users in the open batch."""
        return self._counts.keys()

    def wait(self, is_held: Callable[[int], bool] | None = None) -> Wait | None:
        """Return who is in the open batch; None if nobody is.

        `is_held` tells of a user whether it waits until the batch is complete.
        """
        if not self._counts:
            return None
        size, first = self.item.how_many, next(iter(self._counts))
        times = (self._since, self._latest, self._longest)
        is_rest = is_held and self._longest >= 0 and any(map(is_held, self._counts))
        return Wait("rest" if is_rest else "batch", size, self.count, first, *times)

    def remove(self, user_id: int) -> None:
        """Take a user out, however often it was added; fine if it never was."""
        self.count -= self._counts.pop(user_id, 0)
        self._kept -= len(self._members.pop(user_id, ()))

    def members_of(self, user_id: int) -> list[Member]:
        """Return the places that a user has in the open batch."""
        return [member for _, member in self._members.get(user_id, ())]

    def close(self, kind: Kind) -> Batch:
        """Return the users counted so far as a batch, and begin the next."""
        entries = sorted(
            itertools.chain.from_iterable(self._members.values()),
            key=operator.itemgetter(0),
            reverse=True,
        )
        batch = Batch(self.item, kind, self.count, tuple(member for _, member in entries))
        self._begin()
        return batch
