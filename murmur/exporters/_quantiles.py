"""Quantiles of durations that are known by bucket only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from murmur.telemetry import nearest_rank

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["quantiles_of"]


def quantiles_of(
    counts: NDArray[np.int64],
    bounds: Sequence[float],
    probabilities: Sequence[float],
    maximum: float = math.inf,
) -> list[float]:
    """Return quantiles by nearest rank: the middle of the bucket that holds each.

    Parameters
    ----------
    counts : numpy.ndarray of int
        How many durations are in each bucket; one more than there are bounds.
    bounds : sequence of float
        Upper bounds in seconds, ascending.
    probabilities : sequence of float
        Between 0 and 1.
    maximum : float, default inf
        No duration is longer, in seconds; one above the highest bound counts as this.

    Returns
    -------
    list of float
        Seconds, within half a bucket; NaN if there is no duration.

    Examples
    --------
    >>> import numpy as np
    >>> quantiles_of(np.array([0, 10, 0]), (1.0, 2.0), [0.5, 1.0])
    [1.5, 1.5]
    """
    reached = counts.cumsum()
    size = int(reached[-1])
    if not size:
        return [math.nan] * len(probabilities)
    ranks = nearest_rank(probabilities, size)
    return [
        min(_middle(number, bounds, maximum), maximum)
        for number in np.searchsorted(reached, ranks).tolist()
    ]


def _middle(number: int, bounds: Sequence[float], maximum: float) -> float:
    if number == len(bounds):
        return maximum if math.isfinite(maximum) else bounds[-1]
    low = bounds[number - 1] if number else 0.0
    return (low + bounds[number]) / 2
