"""Homes of users: how many of them each node gets or loses, and which ids.  Pure arithmetic."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

LAST_ID = 2**32 - 1
"""The highest id a user can have: records keep it in 32 bits."""

Ids = tuple[int, int]
"""First and last id of users that were announced to a node together."""


class Homes:
    """Gives out the ids of one run's users, and knows where each of them lives.

    Examples
    --------
    >>> homes = Homes()
    >>> homes.settle(1, 5, ["a", "b"])
    {'a': (1, 2), 'b': (3, 5)}
    >>> homes.of_user(4), homes.of_user(6)
    ('b', None)
    >>> homes.vacate("b"), homes.departed, homes.announced
    ([(3, 5)], 3, 5)
    >>> homes.departed_of("a"), homes.departed_of("b")
    (0, 3)
    """

    def __init__(self) -> None:
        self.highest_id: int = 0  # the highest id given out
        # users of nodes that take part no more, or refused them, by node
        self._departed: Counter[str] = Counter()
        self._of_nodes: dict[str, list[Ids]] = {}  # rising, as ids never go back
        self._turn = 0

    @property
    def departed(self) -> int:
        """How many users were those of nodes that take part no more, or refused them."""
        return self._departed.total()

    def departed_of(self, node: str) -> int:
        """Return how many of those a node had, before it took part anew if it does."""
        return self._departed[node]

    @property
    def announced(self) -> int:
        """How many users there are or were: all of them have an outcome in the end."""
        return self.departed + sum(map(_size, self._of_nodes.values()))

    def settle(self, first: int, count: int, nodes: Iterable[str]) -> dict[str, Ids]:
        """Spread `count` new users over nodes, with ids from `first` on; return those of each.

        Each node in turn takes what remains divided by the nodes that remain, rounded down, so
        that shares differ by one at most.  Each call begins at another node: the odd ones of many
        small requests do not always land on the same.
        """
        order = sorted(nodes)
        turn = self._turn % len(order)
        self._turn += 1
        self.highest_id = first + count - 1
        ranges: dict[str, Ids] = {}
        for place, node in enumerate([*order[turn:], *order[:turn]]):
            share = (self.highest_id + 1 - first) // (len(order) - place)
            if share:
                ranges[node] = first, first + share - 1
                self._of_nodes.setdefault(node, []).append(ranges[node])
                first += share
        return ranges

    def of_user(self, user_id: int) -> str | None:
        """Return the node that a user was announced to, if one was."""
        for node, ranges in self._of_nodes.items():
            place = bisect_right(ranges, (user_id, math.inf)) - 1
            if place >= 0 and user_id <= ranges[place][1]:
                return node
        return None

    def on(self, node: str) -> list[Ids]:
        """Return the ids of the users that a node was told of."""
        return list(self._of_nodes.get(node, ()))

    def withdraw(self, node: str, ids: Ids) -> bool:
        """Forget users that a node refused; False if they went with it before."""
        ranges = self._of_nodes.get(node, [])
        if ids not in ranges:
            return False
        ranges.remove(ids)
        self._departed[node] += _size([ids])
        return True

    def vacate(self, node: str) -> list[Ids]:
        """Forget, and return, the users of a node that takes part no more."""
        ranges = self._of_nodes.pop(node, [])
        self._departed[node] += _size(ranges)
        return ranges


def _size(ranges: Sequence[Ids]) -> int:
    return sum(last - first + 1 for first, last in ranges)


def split_removal(
    count: int,
    present: Mapping[str, int],  # users of each node that can be asked
    asked: Mapping[str, int] = MappingProxyType({}),  # users that come first: they were asked
) -> dict[str, int]:
    """Return how many users each node is asked to remove.

    As even as the nodes' own numbers allow: what a node lacks, the others make up for.

    Returns
    -------
    dict of str to int
        Nodes with a share only; together `count`, or all that there are.

    Examples
    --------
    >>> split_removal(10, {"a": 1, "b": 20, "c": 20})
    {'a': 1, 'b': 4, 'c': 5}
    >>> split_removal(10, {"a": 1, "b": 20, "c": 20}, {"a": 4})
    {'a': 5, 'b': 2, 'c': 3}
    """
    shares = Counter(_evenly(count, asked))
    shares.update(_evenly(count - shares.total(), present))
    return dict(shares)


def _evenly(count: int, present: Mapping[str, int]) -> dict[str, int]:
    """Return the shares of nodes that have one, as even as their numbers allow."""
    left = min(count, sum(present.values()))
    shares = {}
    fewest_first = sorted(present, key=lambda node: present[node])
    for position, node in enumerate(fewest_first):
        share = min(present[node], left // (len(fewest_first) - position))
        left -= share
        if share:
            shares[node] = share
    return shares
