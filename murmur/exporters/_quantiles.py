"""Quantiles of durations that are known by bucket only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["quantiles_of"]


def quantiles_of(
    counts: NDArray[np.int64], bounds: Sequence[float], probabilities: Sequence[float]
) -> list[float]:
    """Return quantiles as Prometheus' ``histogram_quantile`` does.

    Within its bucket a duration is taken to lie where its rank does; what is above the
    highest bound counts as that bound.

    Parameters
    ----------
    counts : numpy.ndarray of int
        How many durations are in each bucket; one more than there are bounds.
    bounds : sequence of float
        Upper bounds in seconds, ascending.
    probabilities : sequence of float
        Between 0 and 1.

    Returns
    -------
    list of float
        Seconds; NaN if there is no duration.

    Examples
    --------
    >>> import numpy as np
    >>> quantiles_of(np.array([0, 10, 0]), (1.0, 2.0), [0.5, 1.0])
    [1.5, 2.0]
    """
    reached = counts.cumsum()
    size = int(reached[-1])
    if not size:
        return [math.nan] * len(probabilities)
    return [
        _quantile(probability * size, reached.tolist(), bounds) for probability in probabilities
    ]


def _quantile(rank: float, reached: Sequence[int], bounds: Sequence[float]) -> float:
    number = next(index for index, count in enumerate(reached) if count >= rank and count)
    if number == len(bounds):
        return bounds[-1]
    low = bounds[number - 1] if number else 0.0
    before = reached[number - 1] if number else 0
    share = max(0.0, rank - before) / (reached[number] - before)
    return low + (bounds[number] - low) * share
