"""Chart of a search for capacity: response time, throughput and failures over load."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import pandas as pd

from . import _theme as theme
from ._rows import check

_ANSWERS = {"holds": "circle", "fails": "cross", "no answer": "triangle-up"}
_TIMES = {"p50": theme.SKY, "p99": theme.VERMILLION}
_RATES = {"throughput": theme.BLUE, "goodput": theme.ORANGE}
_FAILED = {"failed": theme.PURPLE}
_HEIGHT = 150

_LEAST_FAILED = 0.01
"""Share of failures that the axis has room for: one that ends at 0 has no direction."""


def capacity(
    steps: pd.DataFrame, *, low: float, high: float, unit: str = "load", limit: float | None = None
) -> alt.ConcatChart:
    """Draw what each load did: response time, throughput with goodput, and failures.

    A point is a step, its shape the answer; lines join the means of steps with an answer.

    Parameters
    ----------
    steps : pandas.DataFrame
        One row is one step, with the columns ``load``, ``answer``, ``p50``, ``p99`` (seconds),
        ``throughput``, ``goodput`` (per second) and ``failed`` (a share).
    low, high : float
        Between which loads the limit lies; shaded.
    unit : str, default "load"
        Unit of the load.
    limit : float, optional
        Seconds that the check asks for; a dashed line.

    Raises
    ------
    InvalidArgumentError
        If `steps` lacks one of these columns.

    Examples
    --------
    >>> import pandas as pd
    >>> from murmur import charts
    >>> steps = pd.DataFrame({"load": [10.0, 20.0], "answer": ["holds", "fails"],
    ...     "p50": [0.01, 0.1], "p99": [0.02, 0.4], "throughput": [10.0, 18.0],
    ...     "goodput": [10.0, 9.0], "failed": [0.0, 0.0]})
    >>> chart = charts.capacity(steps, low=14.0, high=16.0, unit="users")
    """
    check(steps, "capacity", ("load", "answer", *_TIMES, *_RATES, *_FAILED))
    if steps.empty:
        return theme.together(theme.sentence("No steps yet.", "Capacity"))
    x = alt.X("load:Q", title=unit, scale=alt.Scale(zero=False))
    band = alt.Chart(pd.DataFrame({"low": [low], "high": [high]})).mark_rect(
        color=theme.GREY, opacity=0.18
    )
    shaded = band.encode(x="low:Q", x2="high:Q")
    steps = steps.assign(**{time: steps[time].clip(lower=theme.SHORTEST) for time in _TIMES})
    durations = _long(steps, _TIMES)["value"]
    if limit is not None:
        durations = pd.concat([durations, pd.Series([limit])])
    log = alt.Y(
        "value:Q",
        axis=theme.log_axis("response time", durations),
        scale=theme.log_scale(durations),
    )
    rate = alt.Y("value:Q", title="per second")
    most = max(_LEAST_FAILED, float(steps["failed"].fillna(0).max()))
    share = alt.Y(
        "value:Q",
        title="share",
        axis=alt.Axis(format="~%"),
        scale=alt.Scale(domain=[0, most], nice=True),
    )
    layers = [shaded] if limit is None else [shaded, _rule(limit, log)]
    return theme.together(
        _panel(layers, steps, _TIMES, (x, log), "Response time"),
        _panel([shaded], steps, _RATES, (x, rate), "Actions per second; goodput: in time"),
        _panel([shaded], steps, _FAILED, (x, share), "Failed"),
    )


def _panel(
    below: list[alt.Chart],
    steps: pd.DataFrame,
    colours: Mapping[str, str],
    axes: tuple[alt.X, alt.Y],
    title: str,
) -> theme.AnyChart:
    """Return what was measured of each step over its load, on top of other layers."""
    x, y = axes
    long = _long(steps, colours)
    colour = alt.Color(
        "what:N",
        legend=alt.Legend(title=None, symbolType="stroke", symbolSize=300),
        scale=theme.coloured(colours),
    )
    shape = alt.Shape(
        "answer:N",
        legend=alt.Legend(title=None, symbolFillColor=theme.GREY, symbolStrokeColor=theme.GREY),
        scale=theme.coloured(_ANSWERS),
    )
    tooltip = ["load:Q", "what:N", "value:Q", "answer:N"]
    points = alt.Chart(long).mark_point(filled=True, size=55, opacity=0.9)
    known = long[long["answer"] != "no answer"]
    means = known.groupby(["what", "load"], as_index=False)["value"].mean()
    line = alt.Chart(means).mark_line(strokeWidth=1.8)
    layers = [
        *below,
        line.encode(x=x, y=y, color=colour),
        points.encode(x=x, y=y, color=colour, shape=shape, tooltip=tooltip),
    ]
    return theme.dressed(alt.LayerChart(layer=layers), title, height=_HEIGHT, width=460)


def _long(steps: pd.DataFrame, names: Mapping[str, object]) -> pd.DataFrame:
    chosen = steps[["load", "answer", *names]]
    long = chosen.melt(["load", "answer"], var_name="what", value_name="value")
    return long.dropna(subset="value")  # nothing succeeded there


def _rule(seconds: float, axis: alt.Y) -> alt.Chart:
    """Return a line at what the check asks for."""
    rule = alt.Chart(pd.DataFrame({"value": [seconds]})).mark_rule(
        color=theme.GREY, strokeDash=[5, 4]
    )
    drawn: alt.Chart = rule.encode(y=axis)
    return drawn
