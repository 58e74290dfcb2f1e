"""Charts over time, one point a window: users, throughput, durations, throttles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import altair as alt
import numpy as np
import pandas as pd

from ._changes import with_changes
from ._rows import busiest, check, missing_of, over_time, window_length
from ._theme import (
    BLUE,
    DASHES,
    GREEN,
    ORANGE,
    PALETTE,
    PURPLE,
    SHORTEST,
    SKY,
    VERMILLION,
    AnyChart,
    coloured,
    dressed,
    log_axis,
    log_scale,
    names_legend,
    ordered,
    sentence,
    time_axis,
    value_tooltip,
    whole_scale,
)

_NAMES = len(PALETTE)  # more names at once could not be told apart
_TOGETHER = 3  # names, beyond which each has one percentile
_STATES = {"running": BLUE, "waiting": ORANGE, "leaving": PURPLE}
_RESULTS = {"ok": BLUE, "failed": VERMILLION}
_PERCENTILES = {"p50": SKY, "p95": BLUE, "p99": VERMILLION}
_TIMES = {"service": GREEN, "response": VERMILLION}
_THROTTLING = {"asked": ORANGE, "granted": BLUE, "rate": VERMILLION}


def population(frame: pd.DataFrame, *, changes: pd.DataFrame | None = None) -> AnyChart:
    """Draw how many users ran, waited and were leaving.

    Parameters
    ----------
    frame : pandas.DataFrame
        `Results.population`, or columns ``window_at`` [s], ``waiting``, ``running``, ``leaving``.
    changes : pandas.DataFrame, optional
        `Results.changes`: each gets a rule.

    Raises
    ------
    InvalidArgumentError
        If `frame` lacks one of these columns.

    Examples
    --------
    >>> import pandas as pd
    >>> from murmur import charts
    >>> chart = charts.population(
    ...     pd.DataFrame({"window_at": [0, 1], "waiting": [9, 4], "running": [1, 6], "leaving": 0})
    ... )
    """
    title = "Users"
    check(frame, "population", ("window_at", *_STATES))
    if frame.empty:
        return sentence("No users yet.", title)
    spans = over_time(frame, dict.fromkeys(_STATES, "last"), series=len(_STATES))
    long = _long(spans.steps().ffill(), _STATES)
    axis = alt.Y("value:Q", title="users", scale=whole_scale(long["value"]))
    area = (
        alt.Chart(long)
        .mark_area(color=BLUE, opacity=0.15, interpolate="step-after")
        .transform_filter("datum.measure == 'running'")
        .encode(x=time_axis(), y=axis)
    )
    lines = _lines(long, _STATES, axis, value=("users", ",.0f"))
    chart = alt.LayerChart(layer=[area, lines])
    return dressed(with_changes(chart, changes, spans.end), title, spans.note("the last value of"))


def throughput(
    windows: pd.DataFrame, *, name: str | None = None, changes: pd.DataFrame | None = None
) -> AnyChart:
    """Draw how many actions succeeded and failed per second.

    Parameters
    ----------
    windows : pandas.DataFrame
        `Results.windows`, or columns ``window_at`` [s], ``name``, ``count``, ``failed``.
    name : str, optional
        The action to draw; all of them together by default.
    changes : pandas.DataFrame, optional
        `Results.changes`: each gets a rule.

    Raises
    ------
    InvalidArgumentError
        If `windows` lacks one of these columns.

    Examples
    --------
    >>> import pandas as pd
    >>> from murmur import charts
    >>> chart = charts.throughput(
    ...     pd.DataFrame({"window_at": [0, 1], "name": "echo", "count": [90, 95], "failed": [0, 5]})
    ... )
    """
    title = "Throughput" + (f" of {name}" if name else "")
    check(windows, "throughput", ("window_at", "name", "count", "failed"))
    chosen = windows if name is None else windows[windows["name"] == name]
    if chosen.empty:
        return sentence("No actions yet.", title)
    totals = {"count": "sum", "failed": "sum"}
    missing, is_newest = missing_of(chosen), chosen["window_at"] == chosen["window_at"].max()
    if missing >= window_length(chosen["window_at"]) / 2 and not is_newest.all():
        chosen, missing = chosen[~is_newest], 0.0  # its first moments are no rate
    spans = over_time(chosen, totals, series=len(_RESULTS), fill=0, missing=missing)
    rows = spans.steps()
    rows["failed"] /= rows["seconds"]
    rows["ok"] = rows["count"] / rows["seconds"] - rows["failed"]
    # Areas are stacked in the order of the legend: failures lie on top, where they stand out.
    long = _long(rows, _RESULTS).assign(order=lambda cells: cells["measure"] == "failed")
    scale = whole_scale(long["value"])
    axis = alt.Y("value:Q", title="actions per second", stack="zero", scale=scale)
    marks = alt.Chart(long).mark_area(interpolate="step-after")
    chart = marks.encode(
        x=time_axis(),
        y=axis,
        order="order:Q",
        color=alt.Color("measure:N", title=None, scale=coloured(_RESULTS)),
        # By a condition: Vega-Lite complains of an opacity for names, which have no order.
        opacity=alt.condition("datum.order", alt.value(0.95), alt.value(0.45)),
        tooltip=value_tooltip("actions per second", ",.1f"),
    )
    return dressed(with_changes(chart, changes, spans.end), title, spans.note("the mean of"))


def percentiles(
    windows: pd.DataFrame,
    *,
    of: Literal["response", "service"] = "response",
    name: str | None = None,
    changes: pd.DataFrame | None = None,
) -> AnyChart:
    """Draw the 50th, 95th and 99th percentile of a duration, on a logarithmic axis.

    Several actions are told apart by colour (the six most frequent), percentiles by dashes; of
    more than three actions only the 99th is drawn.
    Windows that had to be joined show the worst of them, because a mean would hide a spike.

    Parameters
    ----------
    windows : pandas.DataFrame
        `Results.windows`, or columns ``window_at`` [s], ``name``, ``count`` and
        ``<of>_p50``, ``<of>_p95``, ``<of>_p99`` [s].
    of : {"response", "service"}, default "response"
        Count from when the action was due, or from when it began.
    name : str, optional
        The action to draw; all of them by default.
    changes : pandas.DataFrame, optional
        `Results.changes`: each gets a rule.

    Raises
    ------
    InvalidArgumentError
        If `windows` lacks one of these columns.

    Examples
    --------
    >>> import pandas as pd
    >>> from murmur import charts
    >>> chart = charts.percentiles(
    ...     pd.DataFrame(
    ...         {
    ...             "window_at": [0.0, 1.0],
    ...             "name": "echo",
    ...             "count": [90, 95],
    ...             "response_p50": [0.010, 0.011],
    ...             "response_p95": [0.020, 0.025],
    ...             "response_p99": [0.030, 0.120],
    ...         }
    ...     )
    ... )
    """
    measures = {short: f"{of}_{short}" for short in _PERCENTILES}
    title = f"{of.capitalize()} time, percentiles"
    return _durations(windows, "percentiles", title, measures, name=name, changes=changes)


def service_and_response(
    windows: pd.DataFrame,
    *,
    quantile: Literal["p50", "p90", "p95", "p99", "p999", "max", "mean"] = "p99",
    name: str | None = None,
    changes: pd.DataFrame | None = None,
) -> AnyChart:
    """Draw service and response time together: the gap is time that the load had to wait.

    Where the lines part, actions began later than they were due; a tool that only times
    requests would not have seen it (coordinated omission).

    Parameters
    ----------
    windows : pandas.DataFrame
        `Results.windows`, or columns ``window_at`` [s], ``name``, ``count`` and
        ``service_<quantile>``, ``response_<quantile>`` [s].
    quantile : str, default "p99"
        Which statistic of each window: p50, p90, p95, p99, p999, max or mean.
    name : str, optional
        The action to draw; all of them by default, told apart by colour.
    changes : pandas.DataFrame, optional
        `Results.changes`: each gets a rule.

    Raises
    ------
    InvalidArgumentError
        If `windows` lacks one of these columns.

    Examples
    --------
    >>> import pandas as pd
    >>> from murmur import charts
    >>> chart = charts.service_and_response(
    ...     pd.DataFrame(
    ...         {
    ...             "window_at": [0.0, 1.0],
    ...             "name": "echo",
    ...             "count": [90, 95],
    ...             "service_p99": [0.010, 0.011],
    ...             "response_p99": [0.011, 0.900],
    ...         }
    ...     )
    ... )
    """
    measures = {time: f"{time}_{quantile}" for time in _TIMES}
    title = f"Service and response time, {quantile}"
    return _durations(windows, "service_and_response", title, measures, name=name, changes=changes)


def throttles(
    frame: pd.DataFrame, *, name: str | None = None, changes: pd.DataFrame | None = None
) -> AnyChart:
    """Draw what throttles were asked for, what they granted, and what they may grant.

    Parameters
    ----------
    frame : pandas.DataFrame
        `Results.throttles`, or columns ``window_at`` [s], ``name``, ``rate`` (per interval),
        ``interval`` [s], ``requested``, ``granted``.
    name : str, optional
        The throttle to draw; all of them by default, told apart by colour.
    changes : pandas.DataFrame, optional
        `Results.changes`: each gets a rule.

    Raises
    ------
    InvalidArgumentError
        If `frame` lacks one of these columns.

    Examples
    --------
    >>> import pandas as pd
    >>> from murmur import charts
    >>> chart = charts.throttles(
    ...     pd.DataFrame(
    ...         {
    ...             "window_at": [0, 1],
    ...             "name": "messages",
    ...             "rate": 600.0,
    ...             "interval": 60.0,
    ...             "requested": [30, 8],
    ...             "granted": [10, 10],
    ...         }
    ...     )
    ... )
    """
    title = "Permits" + (f" of {name}" if name else "")
    check(frame, "throttles", ("window_at", "name", "rate", "interval", "requested", "granted"))
    chosen = frame if name is None else frame[frame["name"] == name]
    if chosen.empty:
        return sentence("No throttles yet.", title)
    names = busiest(chosen["name"], chosen["requested"], _NAMES)
    chosen = chosen[chosen["name"].isin(names)]
    # A limit has no rate, and an unlocked throttle an infinite one; where one of a sum has
    # none, the sum has none.
    rates = (chosen["rate"] / chosen["interval"]).astype(float).fillna(np.inf)
    chosen = chosen.assign(rate=rates)
    # The nodes of one window are added up before windows are joined.
    totals = {"requested": "sum", "granted": "sum", "rate": "sum"}
    keys = [chosen["window_at"], chosen["name"].astype(str)]
    chosen = chosen.groupby(keys).agg(totals).reset_index()
    chosen.attrs = frame.attrs
    how = {"requested": "sum", "granted": "sum", "rate": "max"}
    missing = missing_of(chosen)
    spans = over_time(chosen, how, series=len(_THROTTLING), by=["name"], missing=missing)
    rows = spans.steps().assign(
        asked=lambda cells: cells["requested"] / cells["seconds"],
        granted=lambda cells: cells["granted"] / cells["seconds"],
        rate=lambda cells: cells["rate"].replace(np.inf, np.nan),  # no line to draw
    )
    long = _long(rows, _THROTTLING)
    axis = alt.Y("value:Q", title="permits per second", scale=whole_scale(long["value"]))
    value = ("permits per second", ",.1f")
    lines = _lines(long, _THROTTLING, axis, value=value, names=names)
    return dressed(with_changes(lines, changes, spans.end), title, spans.note("the mean of"))


def _durations(
    windows: pd.DataFrame,
    reader: str,
    title: str,
    measures: Mapping[str, str],
    *,
    name: str | None,
    changes: pd.DataFrame | None,
) -> AnyChart:
    """Draw `measures`, what a line is called and its column, of each name of `windows`."""
    check(windows, reader, ("window_at", "name", "count", *measures.values()))
    title += f" of {name}" if name else ""
    chosen = windows if name is None else windows[windows["name"] == name]
    if chosen.empty:
        return sentence("No actions yet.", title)
    names = busiest(chosen["name"], chosen["count"], _NAMES)
    chosen = chosen[chosen["name"].isin(names)]
    lone = list(measures)[-1] if len(names) > _TOGETHER and "p99" in measures else ""
    if lone:  # three lines for each of many names could not be told apart
        measures = {lone: measures[lone]}
    how = dict.fromkeys(measures.values(), "max")
    spans = over_time(chosen, how, series=len(measures), by=["name"])
    shorts = {column: short for short, column in measures.items()}
    long = _long(spans.rows.rename(columns=shorts), measures)
    values = long["value"] = long["value"].clip(lower=SHORTEST)
    if values.isna().all():
        return sentence("No action has succeeded yet.", title)
    long["alone"] = _alone(long)
    axis = alt.Y("value:Q", axis=log_axis("duration", values), scale=log_scale(values))
    value = ("seconds", ".3~r")
    lines = _lines(long, _colours(measures), axis, value=value, interpolate="linear", names=names)
    notes = [
        spans.note("the worst of"),
        f"the {lone} of each; name= draws all of one" if lone else "",
    ]
    return dressed(with_changes(lines, changes, spans.end), title, "; ".join(filter(None, notes)))


def _long(rows: pd.DataFrame, measures: Mapping[str, object]) -> pd.DataFrame:
    keys = [column for column in ("at", "name") if column in rows.columns]
    return rows.melt(keys, list(measures), var_name="measure", value_name="value")


def _alone(long: pd.DataFrame) -> pd.Series[bool]:
    """Return which values have a gap on either side, so that no line leads to them."""
    series = long.groupby(["name", "measure"], sort=False)["value"]
    return long["value"].notna() & series.shift(1).isna() & series.shift(-1).isna()


def _lines(
    long: pd.DataFrame,
    measures: Mapping[str, str],
    axis: alt.Y,
    *,
    value: tuple[str, str],
    interpolate: Literal["linear", "step-after"] = "step-after",
    names: Sequence[str] = (),
) -> alt.LayerChart:
    """Return a line for each name and measure, with points that carry the tooltips.

    Dashes tell the measures apart; colours do so too, unless they are needed for the names.
    """
    by_name = len(names) > 1
    several = len(measures) > 1
    legend = alt.Legend(title=None, symbolType="stroke", symbolSize=300) if several else None
    colour = (
        alt.Color(
            "name:N",
            legend=names_legend(names, list(measures) if several else ()),
            scale=ordered(names, PALETTE),
        )
        if by_name
        else alt.Color("measure:N", legend=legend, scale=coloured(measures))
    )
    dash = alt.StrokeDash("measure:N", legend=legend, scale=ordered(list(measures), DASHES))
    tooltip = value_tooltip(*value)
    if names:
        tooltip.insert(1, alt.Tooltip("name:N", title="name"))
    marks = alt.Chart(long).encode(x=time_axis(), y=axis, color=colour)
    line = marks.mark_line(strokeWidth=1.8, interpolate=interpolate).encode(strokeDash=dash)
    # A line has a single tooltip; these points, which nobody sees, have one for each value.
    points = marks.mark_point(opacity=0, size=60, aria=False).encode(tooltip=tooltip)
    if "alone" in long and long["alone"].any():
        dots = marks.transform_filter("datum.alone").mark_point(filled=True, size=16, opacity=1)
        return alt.LayerChart(layer=[line, dots, points])
    if interpolate == "step-after":
        points = points.transform_filter(alt.datum.at < long["at"].max())  # that is the end
    return alt.LayerChart(layer=[line, points])


def _colours(measures: Mapping[str, object]) -> dict[str, str]:
    known = {**_PERCENTILES, **_TIMES}
    return {measure: known[measure] for measure in measures}
