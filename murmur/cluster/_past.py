"""Memory of a node from one connection to the next: who it is, and what nobody confirmed.

Chunks are numbered and kept until the steering kernel confirms them.  After a connection that
was lost they are sent again, and the steering kernel leaves out those that it has.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from murmur.telemetry import Chunk

ROOM = 256
"""Chunks that are kept at most: about as many seconds, and the oldest go first."""


class Past:
    """What one node keeps of its connections."""

    def __init__(self) -> None:
        self.life: str = secrets.token_hex(8)  # by which the steering kernel knows it again
        self.name = ""  # what it was called; empty before the first connection
        self._chunks: OrderedDict[int, tuple[str, Chunk]] = OrderedDict()
        self._number = 0

    def keep(self, run_id: str, chunk: Chunk) -> int:
        """Keep a chunk of a run until it is confirmed; return its number."""
        self._number += 1
        self._chunks[self._number] = run_id, chunk
        if len(self._chunks) > ROOM:
            self._chunks.popitem(last=False)
        return self._number

    def confirm(self, number: int) -> None:
        """Forget a chunk: the steering kernel has it."""
        self._chunks.pop(number, None)

    def unconfirmed(self) -> list[tuple[int, str, Chunk]]:
        """Return number, run and chunk of what nobody confirmed, in the order of recording."""
        return [(number, *kept) for number, kept in self._chunks.items()]
