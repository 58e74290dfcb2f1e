"""Times of a comparison that are known to be at least so long, because some actions never ended.

Those have no duration, so they are in no percentile: a side that kept every twentieth caller
waiting for ever would look as fast as one that answered all.  Here they count with how long
they had gone on, as they do in checks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from murmur.telemetry import RESOLUTION

from ._cells import Statistic
from ._source import Source
from .checks._data import Measured
from .checks._units import TEXTS

_Stretch: TypeAlias = "tuple[Source, tuple[float, float]]"

_SURE = 3.0
"""Standard errors of a share, beyond which a quantile among what never ended is no chance."""


def count_unended(
    frame: pd.DataFrame,
    firsts: Sequence[_Stretch],
    seconds: Sequence[_Stretch],
    statistics: Mapping[str, Statistic],
) -> list[str]:
    """Put times into a comparison that count what never ended; return a note for each side.

    Where that makes a time longer, nobody knows by how much more: of `b` such a row has no
    upper end, and of `a` no interval at all.
    """
    sides = [[(Measured(source), *span) for source, span in side] for side in (firsts, seconds)]
    notes: list[str] = []
    for place, row in enumerate(frame.to_dict("records")):
        rule = statistics[str(row["statistic"])]
        if rule.kind not in {"quantile", "mean"}:
            continue
        before, after = ([_bounds(*each, row["name"], rule) for each in side] for side in sides)
        changed = _with_unended(row, before, after)
        for column, value in changed.items():
            frame.loc[frame.index[place], column] = value
        notes += [
            f"warning: {side}: with the '{row['name']}' actions that never ended, its "
            f"{row['statistic']} is at least {TEXTS['time'](changed[column])}"
            for side, column in (("A", "a"), ("B", "b"))
            if _is_moved(row[column], changed.get(column, math.nan))
        ]
    return notes


def _bounds(
    measured: Measured, start: float, end: float, name: str, rule: Statistic
) -> tuple[float, float]:
    """Return what a time of a run is at least, and surely; NaN if all of its actions ended."""
    times = measured.with_unended_in(rule.time, [name], start, end)
    if times is None or not times.count:
        return math.nan, math.nan
    if rule.kind == "mean":
        return times.mean, math.nan  # a few long ones move it by chance
    reach = _SURE * math.sqrt(rule.probability * (1 - rule.probability) / times.count)
    low, value = times.quantiles([max(rule.probability - reach, 0.0), rule.probability])
    return float(value), float(low)


def _with_unended(
    row: Mapping[Any, Any], before: list[tuple[float, float]], after: list[tuple[float, float]]
) -> dict[str, Any]:
    """Return the columns of a row that are other ones if what never ended counts."""
    a, b = (_typical(row[side], found) for side, found in (("a", before), ("b", after)))
    is_a, is_b = _is_moved(row["a"], a), _is_moved(row["b"], b)
    if not (is_a or is_b):
        return {}
    a, b = (a if is_a else row["a"]), (b if is_b else row["b"])
    changed = {"a": a, "b": b, "difference": b - a, "ratio": b / a if a else math.nan}
    sure = _typical(row["b"], [(low, low) for _, low in after])
    ends = dict.fromkeys(("difference_low", "difference_high", "ratio_low", "ratio_high"), math.nan)
    if not is_a and _is_moved(row["b"], sure) and math.isfinite(row["ratio_low"]):
        ends["difference_low"] = row["difference_low"] + sure - row["b"]
        ends["ratio_low"] = row["ratio_low"] * sure / row["b"]
        ends["difference_high"] = ends["ratio_high"] = math.inf
    is_higher = ends["ratio_low"] > 1
    known = "unclear" if math.isfinite(ends["ratio_low"]) else "too little"
    return {**changed, **ends, "outcome": "higher" if is_higher else known}


def _typical(value: float, bounds: list[tuple[float, float]]) -> float:
    """Return the mean of what runs came to, in logarithms, as a side has it; NaN for none."""
    known = np.array([bound for bound, _ in bounds], np.float64)
    if np.isnan(known).all() or not value > 0:
        return float(known[~np.isnan(known)].mean()) if not np.isnan(known).all() else math.nan
    return float(np.exp(np.log(np.where(np.isnan(known), value, known)).mean()))


def _is_moved(value: float, bound: float) -> bool:
    """Whether a time is longer by more than histograms know it."""
    return not math.isnan(bound) and not bound <= value * (1 + 2 * RESOLUTION)
