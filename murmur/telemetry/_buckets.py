"""Log-linear buckets: which one a duration falls into, and which durations one holds.

A bucket is named by the top bits of a float64: its exponent and the first six bits of its
mantissa.  So each octave is cut into 64 buckets of equal width, the middle of a bucket is
within 0.8 % of anything in it, and finding the bucket is a shift rather than a logarithm.

References
----------
Gil Tene, HdrHistogram (2012): sub-buckets that are linear within an octave.
C. Masson, J. E. Rim, H. K. Lee, DDSketch: a fast and fully-mergeable quantile sketch with
relative-error guarantees, PVLDB 12 (2019), section 3.4: indices read off the float's bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.signedinteger[Any]]

WIDTH = 1 << 15
"""How many buckets there are; an index fits an int16."""

RESOLUTION = 1 / 128
"""How far the middle of a bucket is at most from a value in it, relative."""

_SHIFT = 46  # of a float64's 52 bits of mantissa, all but the first 6
_SMALLEST = 2.0**-30  # s, just below a nanosecond; what is shorter shares bucket 0
_BASE = (1023 - 30) * 64 - 1  # one less than the bits of _SMALLEST, shifted


def bucket_of(values: Floats) -> NDArray[np.int64]:
    """Return the bucket of each value; values must not be negative or NaN."""
    import numpy as np

    index = (values.view(np.int64) >> _SHIFT) - _BASE
    clipped: NDArray[np.int64] = np.clip(index, 0, WIDTH - 1)
    return clipped


def bounds(bucket: Ints) -> tuple[Floats, Floats]:
    """Return the smallest value of each bucket and the smallest of the next one.

    Examples
    --------
    >>> import numpy as np
    >>> [edges.tolist() for edges in bounds(bucket_of(np.array([0.25, 1.0])))]
    [[0.25, 1.0], [0.25390625, 1.015625]]
    """
    import numpy as np

    index = bucket.astype(np.int64)
    lower = np.where(index > 0, ((index + _BASE) << _SHIFT).view(np.float64), 0.0)
    upper = ((index + 1 + _BASE) << _SHIFT).view(np.float64)
    return lower, upper


def middle(bucket: Ints) -> Floats:
    """Return the value that stands for each bucket: 0 for bucket 0."""
    import numpy as np

    lower, upper = bounds(bucket)
    return np.where(bucket > 0, (lower + upper) / 2, 0.0)


def nearest_rank(probability: ArrayLike, size: ArrayLike) -> NDArray[np.int64]:
    """Return which of `size` ordered values, counted from 1, is the quantile.

    It is the smallest rank that is at least ``probability * size``.  That product is a whole
    number more often than a float says: 0.07 of 100 values is the seventh, not the eighth.

    Examples
    --------
    >>> import numpy as np
    >>> nearest_rank(np.array([0.0, 0.07, 0.071, 1.0]), np.array([100])).tolist()
    [1, 7, 8, 100]
    """
    import numpy as np

    product = np.asarray(probability, np.float64) * np.asarray(size)
    whole = np.rint(product)
    # Some units in the last place, and far less than a rank of any run.
    is_whole = np.abs(product - whole) <= 1e-15 * np.maximum(whole, 1.0)
    rank = np.where(is_whole, whole, np.ceil(product))
    ranks: NDArray[np.int64] = np.clip(rank, 1, np.asarray(size)).astype(np.int64)
    return ranks


def tally(keys: Ints) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct keys in ascending order, and how often each occurs."""
    import numpy as np

    if not len(keys):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    first = int(keys.min())
    span = int(keys.max()) - first + 1
    if span > 4 * len(keys) + WIDTH:  # too sparse to count in place
        distinct, count = np.unique(keys, return_counts=True)
        return distinct.astype(np.int64), count.astype(np.int64)
    dense = np.bincount(keys - first, minlength=span)
    distinct = np.flatnonzero(dense)
    return distinct + first, dense[distinct].astype(np.int64)


def sums(groups: Ints, values: Floats, number: int) -> Floats:
    """Return the sum of the values of each of `number` groups."""
    import numpy as np

    # Without any values, bincount returns integers.
    return np.bincount(groups, weights=values, minlength=number).astype(np.float64)
