"""Chart of the load generator's own health, and the shade it casts on other charts."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from ._rows import check, over_time, window_length
from ._theme import (
    BLUE,
    GREEN,
    GREY,
    SHORTEST,
    SKY,
    VERMILLION,
    AnyChart,
    dressed,
    log_axis,
    log_scale,
    ordered,
    plain,
    sentence,
    time_axis,
)

_LAGS = {
    "loop_lag_p99": ("loop, 99th percentile", BLUE, [1, 0]),
    "loop_lag_max": ("loop, longest", SKY, [2, 2]),
    "schedule_lag": ("schedule", GREEN, [7, 3]),
}
_LIMIT = 0.05  # s; as `murmur.runtime.health._saturation` has it, which charts do not import
_BANDS = 500
_NOTE = "shaded: the generator was saturated"


def health(frame: pd.DataFrame) -> AnyChart:
    """Draw how late the generator was, and the limit beyond which it cannot be trusted.

    The worst of all nodes; saturated windows are shaded.

    Parameters
    ----------
    frame : pandas.DataFrame
        `Results.health`, or columns ``window_at``, ``loop_lag_p99``, ``loop_lag_max``,
        ``schedule_lag`` [s], ``saturated``.

    Raises
    ------
    InvalidArgumentError
        If `frame` lacks one of these columns.

    Examples
    --------
    >>> import pandas as pd
    >>> from murmur import charts
    >>> chart = charts.health(
    ...     pd.DataFrame(
    ...         {
    ...             "window_at": [0.0, 1.0],
    ...             "loop_lag_p99": [0.001, 0.080],
    ...             "loop_lag_max": [0.002, 0.090],
    ...             "schedule_lag": [0.001, 0.070],
    ...             "saturated": [False, True],
    ...         }
    ...     )
    ... )
    """
    title = "The load generator's own lag"
    check(frame, "health", ("window_at", *_LAGS, "saturated"))
    if frame.empty:
        return sentence("No look at the generator yet.", title)
    spans = over_time(frame, dict.fromkeys(_LAGS, "max"), series=len(_LAGS))
    known = [name for name in _LAGS if spans.rows[name].notna().any()]
    if not known:
        return sentence("No look at the generator's lag yet.", title)
    # Windows of which nothing is known stay as gaps: a line across them would be made up.
    long = spans.rows.melt(["at"], known, var_name="measure", value_name="value")
    long["measure"] = long["measure"].map({name: label for name, (label, _, _) in _LAGS.items()})
    long["value"] = long["value"].clip(lower=SHORTEST)
    chart = _lags(long, known)
    return shaded(dressed(chart, title, spans.note("the worst of")), frame)


def _lags(long: pd.DataFrame, known: Sequence[str]) -> alt.LayerChart:
    """Return a line for each lag that is known, and the limit."""
    labels, colours, dashes = zip(*(_LAGS[name] for name in known), strict=True)
    legend = alt.Legend(title=None, symbolType="stroke", symbolSize=300)
    extent = pd.concat([long["value"], pd.Series([_LIMIT])])
    y = alt.Y("value:Q", axis=log_axis("lag", extent), scale=log_scale(extent))
    lines = alt.Chart(long).mark_line(strokeWidth=1.8, point={"opacity": 0, "size": 60})
    limit = alt.Chart(pd.DataFrame({"value": [_LIMIT]})).mark_rule(
        color=VERMILLION, strokeDash=[4, 3]
    )
    drawn = lines.encode(
        x=time_axis(),
        y=y,
        color=alt.Color("measure:N", legend=legend, scale=ordered(labels, colours)),
        strokeDash=alt.StrokeDash("measure:N", legend=legend, scale=ordered(labels, dashes)),
        tooltip=[
            alt.Tooltip("at:Q", title="time [s]", format=",.0f"),
            alt.Tooltip("measure:N", title="what"),
            alt.Tooltip("value:Q", title="lag [s]", format=".3~r"),
        ],
    )
    return alt.LayerChart(layer=[limit.encode(y=y), drawn])


def shaded(chart: AnyChart, health: pd.DataFrame | None) -> AnyChart:
    """Return a chart over time with the windows shaded in which the generator was saturated.

    Parameters
    ----------
    chart : altair.Chart or altair.LayerChart
        One of this package, over time.
    health : pandas.DataFrame, optional
        `Results.health`, or columns ``window_at`` [s], ``saturated``; nothing is shaded
        without.

    Raises
    ------
    InvalidArgumentError
        If `health` lacks one of these columns.

    Examples
    --------
    >>> import pandas as pd
    >>> from murmur import charts
    >>> users = pd.DataFrame({"window_at": [0, 1], "waiting": 0, "running": [1, 6], "leaving": 0})
    >>> health = pd.DataFrame({"window_at": [0.0, 1.0], "saturated": [False, True]})
    >>> chart = charts.shaded(charts.population(users), health)
    """
    if health is None:
        return chart
    check(health, "shaded", ("window_at", "saturated"))
    bands = _bands(health)
    if bands.empty:
        return chart
    inside = plain(chart)
    title, width, height = inside.title, inside.width, inside.height
    inside.title = inside.width = inside.height = alt.Undefined
    shade = (
        alt.Chart(bands)
        .mark_rect(color=GREY, opacity=0.25)
        .encode(
            x=time_axis(),
            x2="until:Q",
            tooltip=[
                alt.Tooltip("at:Q", title="saturated from [s]", format=",.0f"),
                alt.Tooltip("until:Q", title="until [s]", format=",.0f"),
            ],
        )
    )
    subtitle = "" if title.subtitle is alt.Undefined else f"{title.subtitle}; "
    both = alt.LayerChart(layer=[shade, inside])
    return dressed(both, title.text, subtitle + _NOTE, height=height, width=width)


def _bands(health: pd.DataFrame) -> pd.DataFrame:
    """Return from when until when some node was saturated, the newest 500 times."""
    if health.empty:
        return pd.DataFrame({"at": [], "until": []})
    length = window_length(health["window_at"])
    at = np.unique(health.loc[health["saturated"].astype(bool), "window_at"].to_numpy())
    begins = np.concatenate(([True], np.diff(at) > 1.5 * length))[: len(at)]
    number = np.cumsum(begins)
    joined = pd.Series(at).groupby(number).agg(["min", "max"])
    bands = pd.DataFrame({"at": joined["min"], "until": joined["max"] + length})
    return bands.tail(_BANDS)
