"""One mergeable histogram of durations, for those who want a single distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ._buckets import middle
from ._distributions import Distributions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray


class Histogram:
    """Durations counted in log-linear buckets: small, mergeable, within 1 %.

    Count, sum and extremes are exact; a quantile is within 0.8 % of the value at its
    nearest rank, and never above the maximum.  Values are never changed: adding and
    merging return new histograms.

    Parameters
    ----------
    values : array of float, default ()
        Seconds.  What is shorter than a nanosecond shares one bucket.

    Examples
    --------
    >>> slow = Histogram([0.1, 0.2, 0.4])
    >>> both = slow + Histogram([0.8])
    >>> both.count, both.max
    (4, 0.8)
    >>> abs(both.quantile(0.5) / 0.2 - 1) < 0.01
    True
    """

    __slots__ = ("_columns",)

    def __init__(self, values: ArrayLike = ()) -> None:
        import numpy as np

        seconds = np.atleast_1d(np.asarray(values, np.float64))
        self._columns = Distributions.fold(np.zeros(len(seconds), np.int64), seconds, 1)

    @classmethod
    def of(cls, columns: Distributions) -> Histogram:
        """Return the histogram of all groups of `columns` together."""
        import numpy as np

        target = np.zeros(len(columns), np.int64)
        return cls._holding(Distributions.merge([(columns, target)], 1))

    @classmethod
    def _holding(cls, columns: Distributions) -> Histogram:
        self = cls.__new__(cls)
        self._columns = columns
        return self

    def __add__(self, other: Histogram) -> Histogram:
        import numpy as np

        target = np.zeros(1, np.int64)
        return self._holding(
            Distributions.merge([(self._columns, target), (other._columns, target)], 1)
        )

    @property
    def count(self) -> int:
        """How many values it holds."""
        return int(self._columns.size[0])

    @property
    def sum(self) -> float:
        """The sum of all values, in seconds."""
        return float(self._columns.total[0])

    @property
    def min(self) -> float:
        """The smallest value, in seconds; NaN if there is none."""
        return float(self._columns.minimum[0]) if self.count else float("nan")

    @property
    def max(self) -> float:
        """The largest value, in seconds; NaN if there is none."""
        return float(self._columns.maxima()[0])

    @property
    def mean(self) -> float:
        """The exact mean, in seconds; NaN if there is no value."""
        return float(self._columns.means()[0])

    def quantile(self, probability: float) -> float:
        """Return the value below or at which that share of the values lies.

        Parameters
        ----------
        probability : float
            Between 0 and 1; 0.99 is the 99th percentile.

        Returns
        -------
        float
            Seconds, by nearest rank; NaN if there is no value.
        """
        return float(self.quantiles([probability])[0])

    def quantiles(self, probabilities: Sequence[float]) -> NDArray[np.float64]:
        """Return the quantiles of all `probabilities`, in seconds; see `quantile`."""
        values: NDArray[np.float64] = self._columns.quantiles(probabilities)[0]
        return values

    def buckets(self) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
        """Return the numbers of the buckets that are not empty, and their counts."""
        import numpy as np

        return self._columns.bucket, self._columns.count.astype(np.int64)

    def values(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the durations that buckets stand for, in seconds, and their counts."""
        bucket, count = self.buckets()
        return middle(bucket), count

    def __repr__(self) -> str:
        return f"<Histogram of {self.count} values>"
