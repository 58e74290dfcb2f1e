"""Quantiles of durations that are known by bucket only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from murmur.telemetry import nearest_rank

if TYPE_CHECKING:
    from numpy.typing import NDArray


def quantiles_of(
    # how many durations are in each bucket; one more than there are bounds
    counts: NDArray[np.int64],
    bounds: Sequence[float],  # upper bounds in seconds, ascending
    probabilities: Sequence[float],  # between 0 and 1
    # no duration is longer, in seconds; one above the highest bound counts as this
    maximum: float = math.inf,
) -> list[float]:
    """Return quantiles by nearest rank: the middle of the bucket that holds each.

    Returns
    -------
    list of float
        Seconds, within a bucket and never above the longest duration; NaN if there is none.

    Examples
    --------
    >>> import numpy as np
    >>> quantiles_of(np.array([0, 10, 0]), (1.0, 2.0), [0.5, 1.0])
    [1.0, 1.0]
    """
    reached = counts.cumsum()
    size = int(reached[-1])
    if not size:
        return [math.nan] * len(probabilities)
    ranks = nearest_rank(probabilities, size)
    longest = _longest(int(np.flatnonzero(counts)[-1]), bounds, maximum)
    return [
        min(_middle(number, bounds, longest), longest)
        for number in np.searchsorted(reached, ranks).tolist()
    ]


def _longest(number: int, bounds: Sequence[float], maximum: float) -> float:
    """Return what the longest duration, which is in that bucket, has reached at least."""
    low = bounds[number - 1] if number else 0.0
    high = bounds[number] if number < len(bounds) else math.inf
    is_of_these = low <= maximum <= high and math.isfinite(maximum)
    return maximum if is_of_these else low or high  # below the lowest bound there is no other


def _middle(number: int, bounds: Sequence[float], longest: float) -> float:
    if number == len(bounds):
        return longest
    low = bounds[number - 1] if number else 0.0
    return (low + bounds[number]) / 2
