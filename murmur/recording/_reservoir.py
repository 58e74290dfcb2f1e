"""A bounded, uniform sample of all rows that ever came.

References
----------
J. S. Vitter, Random sampling with a reservoir, ACM Transactions on Mathematical Software
11 (1985): algorithm R, carried out here on whole arrays of rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Reservoir:
    """Keeps every row up to a bound, then each with the same chance.

    One thread adds; others may read.  Beyond the bound rows are replaced, so the writer
    counts a version up before and after, and a reader that saw it change copies again.
    """

    def __init__(
        self,
        bound: int,  # how many rows are kept
        fields: list[tuple[str, str]],  # name and numpy type of each field
        seed: int,  # the same rows in the same portions and the same seed give the same sample
    ) -> None:
        import numpy as np

        # Untouched pages of a large empty array take no memory.
        self._rows = np.empty(bound, fields)
        self._bound = bound
        self._random = np.random.default_rng(seed)
        self._version = 0
        self.seen: int = 0  # seen, kept: how many rows came, and how many are here
        self.kept: int = 0

    def add(self, rows: NDArray[Any]) -> None:
        """Take in rows, in the order in which they came."""
        room = min(self._bound - self.kept, len(rows))
        self._rows[self.kept : self.kept + room] = rows[:room]
        self.kept += room
        self.seen += room
        if len(rows) > room:
            self._replace(rows[room:])

    def _replace(self, rows: NDArray[Any]) -> None:
        import numpy as np

        # Row number t takes place j of t, drawn at random, if there is such a place.
        number = np.arange(self.seen + 1, self.seen + len(rows) + 1)
        place = (self._random.random(len(rows)) * number).astype(np.int64)
        accepted = place < self._bound
        self._version += 1
        self._rows[place[accepted]] = rows[accepted]  # the last of several to one place wins
        self.seen += len(rows)
        self._version += 1

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return a copy of the rows that are kept now, field by field, none half replaced."""
        while True:
            version = self._version
            rows = self._rows[: self.kept]
            columns = {name: rows[name].copy() for name in rows.dtype.names or ()}
            if version % 2 == 0 and version == self._version:
                return columns
