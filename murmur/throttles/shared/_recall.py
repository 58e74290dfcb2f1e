"""Slots that are withdrawn before their time, and when others may have that time.

A change that cannot wait makes the slots in the nodes' hands void.  Who steers tells every
node, and each says that it has heard.  Messages keep their order, so a node that has heard
has no slot any more that it was sent before: once all have, their time can be leased anew.
As long as one has not, it may use them, and their time is taken until they have run out.
Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable


class Recall:
    """The last time that slots were withdrawn, and who has heard of it."""

    def __init__(self) -> None:
        self.number: int = 0  # of the last one
        self._unheard: set[str] = set()  # nodes that may still use what was withdrawn
        self._taken_until = -math.inf  # what nodes that are gone had may be used up to then

    def begin(self, nodes: Iterable[str]) -> None:
        """Withdraw what these nodes have."""
        self.number += 1
        self._unheard = set(nodes)

    def end(self) -> None:
        """Let things be as they are: slots after those that were withdrawn are leased now."""
        self._unheard.clear()

    def lose(self, node: str, until: float) -> None:
        """Take note that a node is gone, and that it may use what it has until then."""
        self._taken_until = max(self._taken_until, until)
        self._unheard.discard(node)

    def heard(self, node: str, number: int, now: float) -> float | None:
        """Take note of the last one that a node has heard of.

        Returns
        -------
        float or None
            If now all have heard, from when on nobody has a slot any more.
        """
        if number != self.number or node not in self._unheard:
            return None
        self._unheard.discard(node)
        return None if self._unheard else max(now, self._taken_until)
