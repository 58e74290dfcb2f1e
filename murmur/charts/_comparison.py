"""The chart of two runs side by side: by which factor each statistic changed."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from ._rows import check
from ._theme import BLUE, GREY, PURPLE, VERMILLION, AnyChart, dressed, ordered, sentence

__all__ = ["comparison"]

_OUTCOMES = {
    "higher": (VERMILLION, "triangle-up"),
    "lower": (BLUE, "triangle-down"),
    "unclear": (GREY, "circle"),
    "too little": (PURPLE, "cross"),
}
_COLUMNS = ("name", "statistic", "unit", "a", "b", "ratio", "ratio_low", "ratio_high", "outcome")
_ROWS = 80
_ROW_HEIGHT = 20
_TICKS = (0.01, 0.1, 0.2, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 5.0, 10.0, 100.0)
_MOST_TICKS = 9
_WIDE = 5.0
"""How many times as far from 1 as most intervals one may reach, to be drawn to its end."""
_LABEL = (
    "datum.value == 1 ? 'same' : datum.value < 2 ? format(datum.value - 1, '+.0%')"
    " : format(datum.value, '.3~r') + ' times'"
)


def comparison(frame: pd.DataFrame, *, name: str | None = None) -> AnyChart:
    """Draw by which factor each statistic of each action differs between two runs.

    A line is the interval that holds the factor; where it stays clear of 1 the statistic
    changed, and the point says which way.  Higher is worse for a duration, and better for a
    rate.

    Parameters
    ----------
    frame : pandas.DataFrame
        What `murmur.results.compare` returned, or columns ``name``, ``statistic``, ``unit``,
        ``a``, ``b``, ``ratio``, ``ratio_low``, ``ratio_high``, ``outcome``.
    name : str, optional
        The action to draw; all of them by default.

    Raises
    ------
    InvalidArgumentError
        If `frame` lacks one of these columns.

    Examples
    --------
    >>> import pandas as pd
    >>> from murmur import charts
    >>> chart = charts.comparison(
    ...     pd.DataFrame(
    ...         {
    ...             "name": "echo",
    ...             "statistic": ["rate", "response_p99"],
    ...             "unit": ["1/s", "s"],
    ...             "a": [100.0, 0.010],
    ...             "b": [101.0, 0.015],
    ...             "ratio": [1.01, 1.5],
    ...             "ratio_low": [0.99, 1.3],
    ...             "ratio_high": [1.03, 1.7],
    ...             "outcome": ["unclear", "higher"],
    ...         }
    ...     )
    ... )
    """
    title = "Second run against the first" + (f", {name}" if name else "")
    check(frame, "comparison", _COLUMNS)
    chosen = frame if name is None else frame[frame["name"] == name]
    if chosen.empty:
        return sentence("Nothing to compare.", title)
    # 0 and nothing have no place on a logarithmic axis.
    drawn = chosen[chosen["ratio"] > 0].head(_ROWS)
    if drawn.empty:
        return sentence("No statistic has a value other than 0 in both runs.", title)
    rows = drawn[list(_COLUMNS)].astype({"name": str, "statistic": str, "outcome": str})
    names = rows["name"] + "  " if name is None else ""
    rows["label"] = names + rows["statistic"].str.replace("_", " ")
    chart = _intervals(rows)
    note = "" if len(drawn) == len(chosen) else f"{len(drawn)} of {len(chosen)} rows have a factor"
    return dressed(chart, title, note, height=_ROW_HEIGHT * len(rows))


def _intervals(rows: pd.DataFrame) -> alt.LayerChart:
    """Return a point for each row, on the interval that holds it, and a rule where both meet."""
    scale, axis = _change_scale(
        rows["ratio"].to_numpy(), rows[["ratio_low", "ratio_high"]].to_numpy()
    )
    # Intervals that go further are drawn to the edge; one without an end has none to be told.
    rows["line_start"] = rows["ratio_low"].clip(lower=scale.domain[0])
    rows["line_end"] = rows["ratio_high"].clip(upper=scale.domain[1])
    rows["ratio_high"] = rows["ratio_high"].replace(np.inf, np.nan)
    x = alt.X("ratio:Q", title="change", scale=scale, axis=axis)
    labels = alt.Axis(labelLimit=300, ticks=False, domain=False)
    outcomes = [outcome for outcome in _OUTCOMES if (rows["outcome"] == outcome).any()]
    colours = [_OUTCOMES[outcome][0] for outcome in outcomes]
    shapes = [_OUTCOMES[outcome][1] for outcome in outcomes]
    base = alt.Chart(rows).encode(
        y=alt.Y("label:N", title=None, sort=rows["label"].tolist(), axis=labels),
        color=alt.Color("outcome:N", title=None, scale=ordered(outcomes, colours)),
        tooltip=[
            "name:N",
            "statistic:N",
            *(alt.Tooltip(f"{run}:Q", title=f"run {run}", format=",.4~r") for run in "ab"),
            "unit:N",
            alt.Tooltip("ratio:Q", title="factor", format=".3f"),
            alt.Tooltip("ratio_low:Q", title="at least", format=".3f"),
            alt.Tooltip("ratio_high:Q", title="at most", format=".3f"),
            "outcome:N",
        ],
    )
    shape = alt.Shape("outcome:N", title=None, scale=ordered(outcomes, shapes))
    lines = base.transform_filter("isValid(datum.ratio_low)").mark_rule(strokeWidth=2)
    points = base.mark_point(filled=True, size=70, opacity=1).encode(x=x, shape=shape)
    one = alt.Chart(pd.DataFrame({"ratio": [1.0]})).mark_rule(color=GREY, strokeDash=[4, 3])
    low = alt.X("line_start:Q", title="change", scale=scale)
    return alt.LayerChart(layer=[one.encode(x=x), lines.encode(x=low, x2="line_end:Q"), points])


def _change_scale(ratios: np.ndarray, bounds: np.ndarray) -> tuple[alt.Scale, alt.Axis]:
    """Return a logarithmic scale of factors, as far to both sides of 1 as all of them need.

    And as their intervals do, unless they are much wider than most: those of a few failures
    would leave no room to see the others.
    """
    known = np.abs(np.log(bounds[(bounds > 0) & np.isfinite(bounds)]))
    widest = min(known.max(), _WIDE * np.median(known)) if len(known) else 0.0
    # Some room where nothing changed.
    reach = max(float(np.abs(np.log(ratios)).max()) * 1.1, float(widest) * 1.1, np.log(1.12))
    low, high = float(np.exp(-reach)), float(np.exp(reach))
    ticks = [1.0]
    for tick in sorted(_TICKS, key=lambda tick: abs(np.log(tick))):  # from 1 to both sides
        apart = min(abs(np.log(tick / other)) for other in ticks)
        if low <= tick <= high and apart > 2 * reach / _MOST_TICKS:
            ticks.append(tick)
    scale = alt.Scale(type="log", domain=[low, high], nice=False)
    return scale, alt.Axis(values=ticks, labelExpr=_LABEL)
