"""Rows of numbers in the order they came; beyond a bound the oldest go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIRST = 64  # rows to begin with
_GIVEN_UP = 8  # an eighth of the rows goes at once, lest every new one moves them all


class Rolling:
    """Append-only rows in one array, which grows as needed.

    One thread adds; others may read: an array is only written beyond what was published.
    """

    def __init__(
        self,
        fields: list[tuple[str, str]],  # name and numpy type of each field
        bound: int | None = None,  # how many rows are kept, the newest; all if not given
    ) -> None:
        import numpy as np

        self._bound = bound
        self._published: tuple[NDArray[Any], int] = np.empty(_FIRST, fields), 0
        self.dropped: int = 0  # rows that were given up for want of room

    def __len__(self) -> int:
        return self._published[1]

    def append(self, *values: object) -> None:
        """Add one row."""
        rows, number = self._with_room(1)
        rows[number] = values
        self._published = rows, number + 1

    def extend(self, new: NDArray[Any]) -> None:
        """Add rows of the same fields."""
        if self._bound is not None and len(new) > self._bound:
            self.dropped += len(new) - self._bound
            new = new[-self._bound :]
        rows, number = self._with_room(len(new))
        rows[number : number + len(new)] = new
        self._published = rows, number + len(new)

    def _with_room(self, more: int) -> tuple[NDArray[Any], int]:
        """Return the array and how many of its rows are kept, with room for some more."""
        import numpy as np

        rows, number = self._published
        kept = rows[:number]
        if self._bound is not None and number + more > self._bound:
            given_up = min(number, max(number + more - self._bound, self._bound // _GIVEN_UP))
            kept = kept[given_up:]
            self.dropped += given_up
        elif number + more <= len(rows):
            return rows, number
        size = max(2 * len(kept), len(kept) + more, _FIRST)
        grown = np.empty(size if self._bound is None else min(size, self._bound), rows.dtype)
        grown[: len(kept)] = kept
        return grown, len(kept)

    def snapshot(self) -> NDArray[Any]:
        """Return the rows that are kept; not to be written to."""
        rows, number = self._published
        return rows[:number]
