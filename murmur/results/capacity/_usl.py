"""Fit of the universal scalability law by weighted linear least squares."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ._capacity import Interval

__all__ = ["fitted"]

# Student's t at 97.5 %, by degrees of freedom; 1.96 beyond.
_T = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13)


def fitted(
    # load, throughput: of one step each; their errors are taken as relative ones
    load: NDArray[np.float64],
    throughput: NDArray[np.float64],
) -> tuple[Interval, Interval, Interval, float]:
    """Return throughput of one, contention and coherency with intervals of 95 %, and the peak.

    Raises `ValueError` if there are fewer than four different loads.
    """
    import numpy as np

    from ._capacity import Interval

    if len(np.unique(load)) < 4:
        raise ValueError(f"{len(np.unique(load))} loads with a throughput; a fit needs four")
    design = np.column_stack([np.ones_like(load), load - 1, load * (load - 1)])
    target, weight = load / throughput, throughput / load  # the error of a ratio is relative
    weighted = design * weight[:, None]
    found, *_ = np.linalg.lstsq(weighted, target * weight, rcond=None)
    freedom = len(load) - 3
    rest = target * weight - weighted @ found
    spread = float(rest @ rest) / freedom
    covariance = spread * np.linalg.pinv(weighted.T @ weighted)
    t = _T[freedom - 1] if freedom <= len(_T) else 1.96

    def interval(value: float, gradient: NDArray[np.float64]) -> Interval:
        """Return a function of the coefficients with its interval, by the delta method."""
        half = t * math.sqrt(max(0.0, float(gradient @ covariance @ gradient)))
        return Interval(value, value - half, value + half)

    one, linear, square = (float(each) for each in found)
    contention = interval(linear / one, np.array([-linear / one**2, 1 / one, 0.0]))
    coherency = interval(square / one, np.array([-square / one**2, 0.0, 1 / one]))
    alone = interval(1 / one, np.array([-1 / one**2, 0.0, 0.0]))
    if contention.value >= 1:
        peak = 1.0
    elif coherency.value <= 0:
        peak = math.inf
    else:
        peak = math.sqrt((1 - contention.value) / coherency.value)
    return alone, contention, coherency, peak
