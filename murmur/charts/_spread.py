"""Charts of how durations spread: the heat map over time and the distribution."""

from __future__ import annotations

from typing import Literal

import altair as alt
import numpy as np
import pandas as pd

from ._changes import with_changes
from ._rows import ROWS, busiest, check, over_time, sample_note
from ._theme import (
    BLUE,
    DASHES,
    PALETTE,
    SECONDS_LABEL,
    SHORTEST,
    AnyChart,
    dressed,
    log_axis,
    log_scale,
    names_legend,
    ordered,
    sentence,
    time_axis,
)

_COLUMNS, _BANDS = 100, 40  # cells of a heat map; their product stays below ROWS
_POINTS = 200  # of a distribution's line


def heatmap(
    frame: pd.DataFrame,
    *,
    of: Literal["response", "service"] = "response",
    name: str | None = None,
    changes: pd.DataFrame | None = None,
) -> AnyChart:
    """Draw how many actions took how long, over time; or, of windows, how slow each name was.

    Two modes of a server, hidden in any percentile, show up as two bands here.

    Parameters
    ----------
    frame : pandas.DataFrame
        `Results.actions`, or columns ``name``, ``started_at``, ``service_time``, ``<of>_time``,
        ``ok`` [s]: a cell is a span of time and of durations.  Failed actions are left out.
        Or `Results.windows`, or columns ``window_at``, ``name``, ``<of>_p95`` [s]: a cell is a
        name in a span of time.
    of : {"response", "service"}, default "response"
        Count from when the action was due, or from when it began.
    name : str, optional
        The action to draw; all of them together by default.
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
    >>> chart = charts.heatmap(
    ...     pd.DataFrame(
    ...         {
    ...             "name": "echo",
    ...             "started_at": [0.0, 0.5, 1.0],
    ...             "service_time": [0.010, 0.011, 0.300],
    ...             "response_time": [0.010, 0.012, 0.500],
    ...             "ok": True,
    ...         }
    ...     )
    ... )
    """
    title = f"{of.capitalize()} time" + (f" of {name}" if name else "")
    if "window_at" in frame.columns:
        return _names_heatmap(frame, of, name, title, changes)
    check(frame, "heatmap", ("name", "started_at", "service_time", f"{of}_time", "ok"))
    chosen = frame[frame["ok"]] if name is None else frame[frame["ok"] & (frame["name"] == name)]
    if chosen.empty:
        return sentence("No actions yet.", title)
    ended = (chosen["started_at"] + chosen["service_time"]).to_numpy()
    durations = chosen[f"{of}_time"].clip(lower=SHORTEST)
    end = max(float(ended.max()), frame.attrs.get("elapsed", 0.0))
    cells = _cells(ended, durations.to_numpy(), end)
    # One hue whose opacity varies is legible on a light and on a dark background.
    chart = (
        alt.Chart(cells)
        .mark_rect(color=BLUE, aria=False)
        .encode(
            x=time_axis(until=end),
            x2="until:Q",
            y=alt.Y("from:Q", axis=log_axis(f"{of} time", durations), scale=log_scale(durations)),
            y2="to:Q",
            opacity=alt.Opacity("actions:Q", scale=alt.Scale(type="sqrt", range=[0.1, 1])),
            tooltip=[
                alt.Tooltip("at:Q", title="from [s]", format=",.1f"),
                alt.Tooltip("until:Q", title="until [s]", format=",.1f"),
                alt.Tooltip("from:Q", title=f"{of} time from [s]", format=".3~r"),
                alt.Tooltip("to:Q", title=f"{of} time to [s]", format=".3~r"),
                alt.Tooltip("actions:Q", format=","),
            ],
        )
    )
    return dressed(with_changes(chart, changes, end), title, sample_note(frame))


def distribution(
    actions: pd.DataFrame,
    *,
    of: Literal["response", "service"] = "response",
    name: str | None = None,
) -> AnyChart:
    """Draw which share of the successful actions was done within which time.

    Parameters
    ----------
    actions : pandas.DataFrame
        `Results.actions`, or columns ``name``, ``<of>_time`` [s], ``ok``.
    of : {"response", "service"}, default "response"
        Count from when the action was due, or from when it began.
    name : str, optional
        The action to draw; by default the six most frequent.

    Raises
    ------
    InvalidArgumentError
        If `actions` lacks one of these columns.

    Examples
    --------
    >>> import pandas as pd
    >>> from murmur import charts
    >>> chart = charts.distribution(
    ...     pd.DataFrame({"name": "echo", "response_time": [0.010, 0.012, 0.5], "ok": True})
    ... )
    """
    title = f"Distribution of {of} times" + (f" of {name}" if name else "")
    column = f"{of}_time"
    check(actions, "distribution", ("name", column, "ok"))
    chosen = actions[actions["ok"]]
    chosen = chosen if name is None else chosen[chosen["name"] == name]
    if chosen.empty:
        return sentence("No actions yet.", title)
    names = busiest(chosen["name"], chosen["ok"], len(PALETTE))
    texts = chosen["name"].astype(str)
    steps = pd.concat([_steps(chosen.loc[texts == each, column], each) for each in names])
    values = steps["value"]
    legend = names_legend(names)
    marks = alt.Chart(steps).encode(
        x=alt.X("value:Q", axis=log_axis(f"{of} time", values), scale=log_scale(values)),
        y=alt.Y("share:Q", axis=alt.Axis(format="%", title="share of the actions")),
        color=alt.Color("name:N", legend=legend, scale=ordered(names, PALETTE)),
    )
    line = marks.mark_line(strokeWidth=1.8, interpolate="step-after").encode(
        strokeDash=alt.StrokeDash("name:N", legend=legend, scale=ordered(names, DASHES))
    )
    points = marks.mark_point(opacity=0, size=60, aria=False).encode(
        tooltip=[
            alt.Tooltip("name:N", title="name"),
            alt.Tooltip("value:Q", title=f"{of} time [s]", format=".3~r"),
            alt.Tooltip("share:Q", title="done by then", format=".1%"),
        ]
    )
    return dressed(alt.LayerChart(layer=[line, points]), title, sample_note(actions))


def _cells(at: np.ndarray, durations: np.ndarray, end: float) -> pd.DataFrame:
    """Return the cells that are not empty: ``at, until, from, to`` and how many actions."""
    # A single moment or duration still needs a cell with an extent.
    span = max(end - float(at.min()), 1.0)
    low, high = float(durations.min()) / 1.02, float(durations.max()) * 1.02
    columns = np.linspace(float(at.min()), float(at.min()) + span, _COLUMNS + 1)
    bands = np.geomspace(low, high, _BANDS + 1)
    count, _, _ = np.histogram2d(at, durations, bins=[columns, bands])
    column, band = np.nonzero(count)
    return pd.DataFrame(
        {
            "at": columns[column],
            "until": columns[column + 1],
            "from": bands[band],
            "to": bands[band + 1],
            "actions": count[column, band].astype(np.int64),
        }
    )


def _names_heatmap(
    windows: pd.DataFrame,
    of: str,
    name: str | None,
    title: str,
    changes: pd.DataFrame | None,
) -> AnyChart:
    column = f"{of}_p95"
    check(windows, "heatmap", ("window_at", "name", "count", column))
    chosen = windows if name is None else windows[windows["name"] == name]
    if chosen.empty:
        return sentence("No actions yet.", title)
    chosen = chosen[chosen["name"].isin(busiest(chosen["name"], chosen["count"], ROWS // 100))]
    spans = over_time(chosen, {column: "max"}, series=1, by=["name"])
    cells = spans.rows.dropna().rename(columns={column: "value"})
    cells["until"] = cells["at"] + spans.length
    cells["value"] = cells["value"].clip(lower=SHORTEST)
    low, high = float(cells["value"].min()), float(cells["value"].max()) * 1.01
    chart = (
        alt.Chart(cells)
        .mark_rect(color=BLUE, aria=False)
        .encode(
            x=time_axis(until=spans.end),
            x2="until:Q",
            y=alt.Y("name:N", title=None),
            opacity=alt.Opacity(
                "value:Q",
                title="95th percentile",
                legend=alt.Legend(labelExpr=SECONDS_LABEL),
                scale=alt.Scale(type="log", domain=[low, high], range=[0.1, 1], nice=False),
            ),
            tooltip=[
                "name:N",
                alt.Tooltip("at:Q", title="from [s]", format=",.1f"),
                alt.Tooltip("value:Q", title="95th percentile [s]", format=".3~r"),
            ],
        )
    )
    drawn = with_changes(chart, changes, spans.end)
    return dressed(drawn, f"{title}, p95", spans.note("the worst of"))


def _steps(durations: pd.Series[float], name: str) -> pd.DataFrame:
    """Return the quantiles that draw the cumulative share of `durations`, the tail included."""
    shares = np.union1d(np.linspace(0, 1, _POINTS), [0.001, 0.995, 0.999, 0.9999])
    values = np.quantile(durations.to_numpy(), shares, method="inverted_cdf")
    return pd.DataFrame({"name": name, "value": np.maximum(values, SHORTEST), "share": shares})
