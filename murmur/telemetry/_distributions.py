"""Many sparse histograms side by side, as columns.

A recorder folds a second of actions into one histogram per window and name, and a run of
an hour has tens of thousands of them.  As objects they would cost more than the load; as
columns, all are built, merged and asked for quantiles by the same few array operations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ._buckets import WIDTH, bucket_of, middle, nearest_rank, sums, tally

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.signedinteger[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Distributions:
    """Histograms of durations, one per group; groups are numbered from 0."""

    # group `g` owns the entries `starts[g]:starts[g + 1]` of the next two
    starts: NDArray[np.int64]
    bucket: NDArray[np.int16]  # buckets that are not empty, ascending within a group
    count: NDArray[Any]  # how many values each holds, in as few bytes as the largest needs
    size: NDArray[np.int64]  # how many values a group has
    # total, minimum, maximum: their exact sum and extremes, in seconds; 0, inf and -inf of an
    # empty group
    total: Floats
    minimum: Floats
    maximum: Floats

    @classmethod
    def fold(
        cls,
        groups: Ints,  # the group of each value, below `number`
        # seconds.  A negative duration (a clock that went back) or a NaN counts as 0.
        values: ArrayLike,
        number: int,  # how many groups there are, empty ones included
    ) -> Distributions:
        """Return the histograms of `values`, each counted in the group beside it."""
        import numpy as np

        groups = groups.astype(np.int64, copy=False)
        seconds = np.fmax(np.asarray(values, np.float64), 0.0)
        keys, count = tally(groups * WIDTH + bucket_of(seconds))
        minimum = np.full(number, np.inf)
        maximum = np.full(number, -np.inf)
        np.minimum.at(minimum, groups, seconds)
        np.maximum.at(maximum, groups, seconds)
        return cls._of_keys(
            keys,
            count,
            size=np.bincount(groups, minlength=number).astype(np.int64),
            total=sums(groups, seconds, number),
            minimum=minimum,
            maximum=maximum,
        )

    @classmethod
    def merge(
        cls,
        # histograms, and for each of their groups the group of the result it goes to
        parts: Iterable[tuple[Distributions, Ints]],
        number: int,
    ) -> Distributions:
        """Return histograms that hold what several hold together."""
        import numpy as np

        joined = _Joined.of(parts)
        target, owner = joined.target, np.repeat(joined.target, joined.entries)
        minimum = np.full(number, np.inf)
        maximum = np.full(number, -np.inf)
        np.minimum.at(minimum, target, joined.minimum)
        np.maximum.at(maximum, target, joined.maximum)
        size = np.zeros(number, np.int64)
        np.add.at(size, target, joined.size)
        keys, count = _sum_by_key(owner * WIDTH + joined.bucket, joined.counts)
        return cls._of_keys(
            keys,
            count,
            size=size,
            total=sums(target, joined.total, number),
            minimum=minimum,
            maximum=maximum,
        )

    @classmethod
    def beside(cls, parts: Sequence[Distributions]) -> Distributions:
        """Return the groups of several, in their order."""
        import numpy as np

        joined = _Joined.of((part, np.arange(len(part))) for part in parts)
        return cls(
            starts=np.concatenate(([0], np.cumsum(joined.entries))).astype(np.int64),
            bucket=joined.bucket,
            count=joined.counts,
            size=joined.size,
            total=joined.total,
            minimum=joined.minimum,
            maximum=joined.maximum,
        )

    @classmethod
    def _of_keys(
        cls,
        keys: NDArray[np.int64],
        count: NDArray[Any],
        *,
        size: NDArray[np.int64],
        total: Floats,
        minimum: Floats,
        maximum: Floats,
    ) -> Distributions:
        """Split ascending keys (group * WIDTH + bucket) into groups and buckets."""
        import numpy as np

        starts = np.searchsorted(keys, np.arange(len(size) + 1) * WIDTH)
        narrow = np.min_scalar_type(int(count.max(initial=0)))
        return cls(
            starts=starts.astype(np.int64),
            bucket=(keys % WIDTH).astype(np.int16),
            count=count.astype(narrow),
            size=size,
            total=total,
            minimum=minimum,
            maximum=maximum,
        )

    def __len__(self) -> int:
        return len(self.size)

    def between(self, first: int, end: int) -> Distributions:
        """Return the groups from `first` up to, and without, `end`."""
        low, high = int(self.starts[first]), int(self.starts[end])
        return Distributions(
            starts=self.starts[first : end + 1] - low,
            bucket=self.bucket[low:high],
            count=self.count[low:high],
            size=self.size[first:end],
            total=self.total[first:end],
            minimum=self.minimum[first:end],
            maximum=self.maximum[first:end],
        )

    def means(self) -> Floats:
        """Return the exact mean of each group, NaN of an empty one."""
        import numpy as np

        return np.where(self.size > 0, self.total / np.maximum(self.size, 1), np.nan)

    def maxima(self) -> Floats:
        """Return the exact maximum of each group, NaN of an empty one."""
        import numpy as np

        return np.where(self.size > 0, self.maximum, np.nan)

    def quantiles(
        self,
        probabilities: Sequence[float],  # between 0 and 1
    ) -> Floats:
        """Return quantiles of every group, by nearest rank.

        Returns
        -------
        numpy.ndarray
            One row per group and one column per probability, within 0.8 % of the value
            at that rank and never outside the group's extremes; NaN of empty groups.
        """
        import numpy as np

        result = np.full((len(self), len(probabilities)), np.nan)
        filled = np.flatnonzero(self.size)
        if not len(filled):
            return result
        size = self.size[filled, None]
        rank = nearest_rank(probabilities, size)
        reached = np.cumsum(self.count, dtype=np.int64)
        before = np.concatenate(([0], reached))[self.starts[filled], None]
        value = middle(self.bucket[np.searchsorted(reached, before + rank)])
        result[filled] = np.clip(value, self.minimum[filled, None], self.maximum[filled, None])
        return result


class _Joined(NamedTuple):
    """The columns of several `Distributions`, one below the other."""

    target: NDArray[np.int64]
    entries: NDArray[np.int64]
    bucket: NDArray[np.int16]
    counts: NDArray[Any]
    size: NDArray[np.int64]
    total: Floats
    minimum: Floats
    maximum: Floats

    @classmethod
    def of(cls, parts: Iterable[tuple[Distributions, Ints]]) -> _Joined:
        import numpy as np

        rows = [
            (
                target.astype(np.int64),
                np.diff(part.starts),
                part.bucket,
                part.count,
                part.size,
                part.total,
                part.minimum,
                part.maximum,
            )
            for part, target in parts
        ]
        if not rows:
            whole, real = np.empty(0, np.int64), np.empty(0)
            return cls(whole, whole, whole.astype(np.int16), whole, whole, real, real, real)
        return cls(*map(np.concatenate, zip(*rows, strict=True)))


def _sum_by_key(
    keys: NDArray[np.int64], counts: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct keys in ascending order, and the sum of the counts of each."""
    import numpy as np

    if not len(keys):
        return keys, counts.astype(np.int64)
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    first = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    return keys[first], np.add.reduceat(counts[order].astype(np.int64), first)
