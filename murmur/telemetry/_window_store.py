"""Windows of a whole run: kept as histograms, summarised when somebody looks.

A table of percentiles is asked for several times a second while a run goes on, and almost
all of its windows are over.  So what a window came to is remembered with the number of
parts it was made of, and made again only when a part has come since.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ._distributions import Distributions
from ._histogram import Histogram

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ._chunk import Windows

__all__ = ["ALL_NODES", "QUANTILES", "WindowStore"]

ALL_NODES = 0
"""The code of what all nodes come to together."""

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}

_STATISTICS = ("mean", *QUANTILES, "max")
_ROW = [
    ("window", "<i8"),
    ("node", "<i2"),
    ("name", "<i2"),
    ("count", "<i8"),
    ("failed", "<i8"),
    *(
        (f"{time}_{statistic}", "<f8")
        for time in ("service", "response")
        for statistic in _STATISTICS
    ),
]


class _Part:
    """What one chunk knows about one window: some groups of its columns."""

    __slots__ = ("count", "failed", "name", "node", "response", "service")

    def __init__(self, windows: Windows, first: int, end: int, *, node: int, names: Any) -> None:  # noqa: ANN401
        self.node = node
        self.name: NDArray[np.int64] = names[windows.name[first:end]]
        self.count = windows.count[first:end]
        self.failed = windows.failed[first:end]
        self.service = windows.service.between(first, end)
        self.response = windows.response.between(first, end)


class WindowStore:
    """Takes in the windows of chunks; gives rows of statistics and merged histograms.

    One thread adds; others may read.
    """

    def __init__(self) -> None:
        self._parts: dict[int, list[_Part]] = {}
        self._summaries: dict[int, tuple[int, NDArray[Any]]] = {}

    def add(self, windows: Windows, *, node: int, names: NDArray[np.int64]) -> None:
        """Take in the windows of one chunk.

        Parameters
        ----------
        windows : Windows
            Ascending by window.
        node : int
            Code of the node.
        names : numpy.ndarray
            The code of each name, by the code that the chunk gave it.
        """
        import numpy as np

        numbers, first = np.unique(windows.window, return_index=True)
        edges = [*first.tolist(), len(windows.window)]
        for number, (begin, end) in zip(numbers.tolist(), pairwise(edges), strict=True):
            part = _Part(windows, begin, end, node=node, names=names)
            if number in self._parts:
                self._parts[number].append(part)
            else:
                self._parts[number] = [part]  # never seen without a part

    def rows(self, since: int = 0) -> NDArray[Any]:
        """Return one row per window, node and name, and one for all nodes together.

        Parameters
        ----------
        since : int
            Number of the first window wanted.

        Returns
        -------
        numpy.ndarray
            Structured, ascending by window, node (`ALL_NODES` first) and name.
        """
        import numpy as np

        wanted = sorted(number for number in tuple(self._parts) if number >= since)
        stale: dict[int, tuple[_Part, ...]] = {}
        for number in wanted:
            parts = tuple(self._parts[number])
            made_of, _ = self._summaries.get(number, (0, None))
            if made_of != len(parts):
                stale[number] = parts
        if stale:
            summary = _summarise(stale)
            edges = np.searchsorted(summary["window"], list(stale), side="right").tolist()
            for (number, parts), (begin, end) in zip(
                stale.items(), pairwise([0, *edges]), strict=True
            ):
                self._summaries[number] = (len(parts), summary[begin:end])
        kept = [self._summaries[number][1] for number in wanted]
        return np.concatenate([np.empty(0, _ROW), *kept], dtype=_ROW)

    def histogram(
        self, time: str, *, name: int | None, node: int | None, first: int, end: int | None
    ) -> Histogram:
        """Return one histogram of what name, node and a range of windows select."""
        import numpy as np

        chosen = [(Distributions.fold(np.empty(0, np.int64), [], 1), np.zeros(1, np.int64))]
        for number in tuple(self._parts):
            if number < first or (end is not None and number >= end):
                continue
            for part in tuple(self._parts[number]):
                if node in (None, part.node):
                    unwanted = np.zeros(len(part.name)) if name is None else part.name != name
                    chosen.append((getattr(part, time), unwanted.astype(np.int64)))
        return Histogram.of(Distributions.merge(chosen, 2).between(0, 1))


def _summarise(windows: dict[int, tuple[_Part, ...]]) -> NDArray[Any]:
    """Return the rows of some windows, ascending, every part counted twice: own node, all."""
    import numpy as np

    parts = [(number, part) for number, several in windows.items() for part in several]
    keys = [
        _key(number, node, part.name) for number, part in parts for node in (ALL_NODES, part.node)
    ]
    distinct, group = np.unique(np.concatenate(keys), return_inverse=True)
    targets = np.split(group, np.cumsum([len(key) for key in keys])[:-1])
    twice = [part for _, part in parts for _ in range(2)]
    rows = np.zeros(len(distinct), _ROW)
    rows["window"], rest = np.divmod(distinct, 2**32)
    rows["node"], rows["name"] = np.divmod(rest, 2**16)
    np.add.at(rows["count"], group, np.concatenate([part.count for part in twice]))
    np.add.at(rows["failed"], group, np.concatenate([part.failed for part in twice]))
    for time in ("service", "response"):
        columns = [getattr(part, time) for part in twice]
        merged = Distributions.merge(zip(columns, targets, strict=True), len(distinct))
        rows[f"{time}_mean"], rows[f"{time}_max"] = merged.means(), merged.maxima()
        quantiles = merged.quantiles(list(QUANTILES.values()))
        for column, name in enumerate(QUANTILES):
            rows[f"{time}_{name}"] = quantiles[:, column]
    return rows


def _key(window: int, node: int, names: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return one number that sorts by window, node and name."""
    return (window << 32) + (node << 16) + names
