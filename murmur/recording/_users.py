"""Users of a run, as far as their nodes told: those gone, those there, those that wait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from murmur.telemetry import MISSING

from ._columns import USER, user_rows
from ._rolling import Rolling
from ._tables import Present, UserRows, WaitingRows, present_rows

if TYPE_CHECKING:
    from murmur.telemetry import Chunk

    from ._columns import Codebook


class Users:
    """Every user that was announced, and what became of it.

    One thread adds; others may read.
    """

    def __init__(self, codes: Codebook) -> None:
        # by node: users that are there, and when they were admitted and started
        self.present: dict[str, Present] = {}
        # by node: ranges of users, both ends included, that are not admitted yet
        self.waiting: dict[str, list[tuple[int, int]]] = {}
        self._codes = codes
        self._gone = Rolling(USER)
        self._dropped: list[WaitingRows] = []

    @property
    def are_here(self) -> bool:
        """Whether users are here or wait to be admitted."""
        here = any(len(users.ids) for users in self.present.copy().values())
        return here or any(self.waiting.copy().values())

    @property
    def ended(self) -> int:
        """How many have an outcome."""
        return len(self._gone) + sum(rows.last - rows.first + 1 for rows in self._dropped)

    def add(self, chunk: Chunk, node: int) -> float:
        """Take in those that are gone; return when the last of them went, 0 if none did."""
        import numpy as np

        latest = 0.0
        if len(chunk.users):
            rows = user_rows(chunk, node=node, codebook=self._codes)
            self._gone.extend(rows)
            latest = float(np.nanmax(rows["ended_at"]))
        outcomes, reasons = self._codes.outcomes, self._codes.reasons
        for first, last, at, reason in chunk.dropped:
            codes = (outcomes["dropped"], reasons[reason] if reason else MISSING)
            self._dropped.append(WaitingRows(first, last, node, at, *codes))
            latest = max(latest, at)
        return latest

    def set(self, node: str, present: Present, waiting: Sequence[tuple[int, int]]) -> None:
        """Replace what is known of the users that a node has."""
        self.present[node] = present
        self.waiting[node] = [(int(first), int(last)) for first, last in waiting]

    def lose(self, node: str, ended_at: float, reason: str) -> int:
        """Give the users of a node the outcome ``lost``; return how many there were."""
        import numpy as np

        codes = self._codes
        fate = codes.outcomes["lost"], codes.reasons[reason]
        present, waiting = self.present.get(node), self.waiting.get(node, [])
        self._dropped.extend(
            WaitingRows(first, last, codes.nodes[node], ended_at, *fate) for first, last in waiting
        )
        lost = sum(last - first + 1 for first, last in waiting)
        if present is not None:
            rows = present_rows(np.dtype(USER), codes.nodes[node], present)
            rows["outcome"], rows["reason"], rows["ended_at"] = *fate, ended_at
            self._gone.extend(rows)
            lost += len(rows)
        return lost

    def rows(self) -> UserRows:
        """Return what is known of each user.

        Users move on from waiting to present to gone.  Read in that order, one that moves
        meanwhile is seen twice, which the table mends, and never missed.
        """
        nodes = self._codes.nodes
        waiting = [
            WaitingRows(first, last, node=nodes[node])
            for node, ranges in self.waiting.copy().items()
            for first, last in ranges
        ]
        present = [(nodes[node], users) for node, users in self.present.copy().items()]
        ranges = [*tuple(self._dropped), *waiting]
        return UserRows(gone=self._gone.snapshot(), present=present, ranges=ranges)
