"""Queue of nodes that asked for slots, in the order in which they did.  Pure."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass


@dataclass(slots=True)
class _Entry:
    node: str
    number: int  # of slots that it asked for at a time


class SlotQueue:
    """Who is to have the next slots."""

    def __init__(self) -> None:
        self._entries: deque[_Entry] = deque()
        self._waits_for: Counter[str] = Counter()  # slots, by node

    def __bool__(self) -> bool:
        return bool(self._entries)

    @property
    def first(self) -> tuple[str, int]:
        """Who is to have the next slot, and how many in a row."""
        return self._entries[0].node, self._entries[0].number

    def hold(self, node: str, number: int) -> None:
        """Let a node wait for so many slots: more at the end, of fewer the last ones go."""
        more = number - self._waits_for[node]
        self._waits_for[node] = number
        if more > 0:
            self._entries.append(_Entry(node, more))
        for entry in reversed(self._entries):
            if more >= 0:
                break
            if entry.node == node:
                gone = min(entry.number, -more)
                entry.number -= gone
                more += gone
        self._drop_served()

    def serve(self, number: int) -> None:
        """Take note that the first got so many slots."""
        first = self._entries[0]
        first.number -= number
        self._waits_for[first.node] -= number
        self._drop_served()

    def forget(self, node: str) -> None:
        """Let a node wait for none any more; it is gone."""
        self.hold(node, 0)
        del self._waits_for[node]

    def _drop_served(self) -> None:
        while self._entries and not self._entries[0].number:
            self._entries.popleft()
