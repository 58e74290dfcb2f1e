"""Windows of one node, as groups of columns: what a chunk brings, and several of them as one."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from murmur.telemetry import Distributions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from murmur.telemetry import Windows

_OVERHEAD = 4_000  # bytes of nineteen small arrays, as measured


class Part:
    """What one node did in one window, or in several together: a group for each name."""

    __slots__ = ("count", "failed", "name", "node", "response", "service", "size_bytes")

    def __init__(
        self,
        node: int,
        name: NDArray[np.int64],
        count: NDArray[np.int64],
        failed: NDArray[np.int64],
        times: tuple[Distributions, Distributions],
    ) -> None:
        self.node: int = node
        self.name: NDArray[np.int64] = name
        self.count: NDArray[np.int64] = count
        self.failed: NDArray[np.int64] = failed
        self.service: Distributions = times[0]
        self.response: Distributions = times[1]
        entries = sum(each.bucket.nbytes + each.count.nbytes for each in times)
        self.size_bytes: int = _OVERHEAD + entries + 80 * len(name)

    @classmethod
    def of(
        cls, windows: Windows, first: int, end: int, *, node: int, names: NDArray[np.int64]
    ) -> Part:
        """Return the groups `first` up to, and without, `end` of a chunk's windows."""
        return cls(
            node,
            names[windows.name[first:end]],
            windows.count[first:end],
            windows.failed[first:end],
            (windows.service.between(first, end), windows.response.between(first, end)),
        )

    def between(self, first: int, end: int) -> Part:
        """Return the groups from `first` up to, and without, `end`."""
        times = self.service.between(first, end), self.response.between(first, end)
        chosen = slice(first, end)
        return Part(self.node, self.name[chosen], self.count[chosen], self.failed[chosen], times)

    def times(self, which: str, name: int | None) -> list[Distributions]:
        """Return one kind of times, of one name or of all."""
        import numpy as np

        columns: Distributions = getattr(self, which)
        if name is None:
            return [columns]
        # A chunk has a name twice if both of its codes are the same one here.
        places = np.flatnonzero(self.name == name).tolist()
        return [columns.between(place, place + 1) for place in places]


def merged(parts: Sequence[Part], node: int) -> Part:
    """Return what several parts come to together, as one of `node`."""
    import numpy as np

    if not parts:
        empty = np.empty(0, np.int64)
        return Part(node, empty, empty, empty, (_nothing(), _nothing()))
    name, place = np.unique(np.concatenate([part.name for part in parts]), return_inverse=True)
    targets = np.split(place, np.cumsum([len(part.name) for part in parts])[:-1])
    count, failed = np.zeros(len(name), np.int64), np.zeros(len(name), np.int64)
    for part, target in zip(parts, targets, strict=True):
        np.add.at(count, target, part.count)
        np.add.at(failed, target, part.failed)
    service, response = (
        Distributions.merge(
            zip([getattr(part, time) for part in parts], targets, strict=True), len(name)
        )
        for time in ("service", "response")
    )
    return Part(node, name, count, failed, (service, response))


def merged_in_lots(
    parts: Iterable[Part], lot: int, node: int | None = None
) -> Generator[float, None, list[Part]]:
    """Merge parts, and return one for each node, or all as one of `node`; yield after each lot.

    A lot is as many names as have about `lot` bytes; what is yielded is how many it had.
    """
    ordered = sorted(parts, key=lambda part: part.node)
    found = []
    for owner, several in groupby(ordered, lambda part: part.node if node is None else node):
        found.append((yield from _merged_in_lots(list(several), lot, owner)))
    return found


def _merged_in_lots(parts: list[Part], lot: int, node: int) -> Generator[float, None, Part]:
    import numpy as np

    parts = [part if (np.diff(part.name) > 0).all() else merged([part], node) for part in parts]
    names = np.unique(np.concatenate([part.name for part in parts]))
    size = sum(part.size_bytes for part in parts)
    lots = np.array_split(names, min(size // lot + 1, max(len(names), 1)))
    done = []
    for first, *_, last in ((lot[0], *lot) for lot in lots if len(lot)):
        edges = [np.searchsorted(part.name, (first, last + 1)).tolist() for part in parts]
        chosen = [part.between(*ends) for part, ends in zip(parts, edges, strict=True)]
        done.append(merged([part for part in chosen if len(part.name)], node))
        yield size / len(lots)
    return done[0] if len(done) == 1 else _beside(done, node)


def _beside(parts: Sequence[Part], node: int) -> Part:
    """Return what parts say that have no name in common, in their order."""
    import numpy as np

    if not parts:
        return merged((), node)
    name, count, failed = (
        np.concatenate([getattr(part, field) for part in parts])
        for field in ("name", "count", "failed")
    )
    service, response = (
        Distributions.beside([getattr(part, time) for part in parts])
        for time in ("service", "response")
    )
    return Part(node, name, count, failed, (service, response))


def _nothing() -> Distributions:
    import numpy as np

    return Distributions.fold(np.empty(0, np.int64), [], 0)
