"""Failed actions of a whole run, counted by name and kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from murmur.telemetry import Chunk, ErrorCount

__all__ = ["Failures"]


class Failures:
    """How often each name failed in which way, and one traceback of each kind.

    One thread adds; others may read.  Names and kinds are bounded by their codes.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[int, int], ErrorCount] = {}
        self._tracebacks: dict[int, str] = {}

    def add(self, chunk: Chunk, *, names: NDArray[np.int64], kinds: NDArray[np.int64]) -> None:
        """Take in a chunk; `names` and `kinds` are the record's codes of its own."""
        for code, text in chunk.tracebacks.items():
            self._tracebacks.setdefault(int(kinds[code]), text)
        for new in chunk.errors:
            key = (int(names[new.name]), int(kinds[new.kind]))
            old = self._counts.get(key)
            self._counts[key] = new._replace(
                name=key[0],
                kind=key[1],
                number=new.number + (old.number if old else 0),
                first_at=min(new.first_at, old.first_at) if old else new.first_at,
                last_at=max(new.last_at, old.last_at) if old else new.last_at,
            )

    def rows(self) -> list[tuple[ErrorCount, str]]:
        """Return each count, and the traceback of its kind."""
        counts = tuple(self._counts.values())
        return [(count, self._tracebacks.get(count.kind, "")) for count in counts]
