"""Charts of what became of things: each user, the outcomes, the errors."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from ._changes import with_changes
from ._rows import check
from ._theme import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PALETTE,
    PURPLE,
    SKY,
    VERMILLION,
    AnyChart,
    coloured,
    dressed,
    ordered,
    seconds_axis,
    sentence,
    time_axis,
)

_HERE = "here"  # a user without an outcome yet
_OUTCOMES = {
    "finished": GREEN,
    "failed": VERMILLION,
    "left": BLUE,
    "killed": PURPLE,
    "dropped": ORANGE,
    "lost": GREY,
    _HERE: SKY,
}
_SHAPES = ("circle", "cross", "square", "diamond", "triangle-down", "triangle-up", "triangle-right")
_KINDS = 20
_POINTS = 1_200  # users that are drawn: more would lie on each other, and a saved notebook has each
_TEXT_LENGTH = 60
_ROW_HEIGHT = 22


def users(frame: pd.DataFrame, *, changes: pd.DataFrame | None = None) -> AnyChart:
    """Draw how long each user lived against when it started; colour and shape are its outcome.

    Beyond 1,200 users each outcome is thinned out evenly, the frequent ones first.

    Parameters
    ----------
    frame : pandas.DataFrame
        `Results.users`, or columns ``user_id``, ``outcome``, ``started_at`` [s],
        ``duration`` [s].
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
    >>> chart = charts.users(
    ...     pd.DataFrame(
    ...         {
    ...             "user_id": [1, 2],
    ...             "outcome": ["finished", "left"],
    ...             "started_at": [0.0, 0.5],
    ...             "duration": [3.0, 2.5],
    ...         }
    ...     )
    ... )
    """
    title = "Users by start and duration"
    check(frame, "users", ("user_id", "outcome", "started_at", "duration"))
    ended = frame.loc[frame["duration"].notna(), ["user_id", "outcome", "started_at", "duration"]]
    if ended.empty:
        return sentence("No user has started and ended yet.", title)
    ended = ended.assign(outcome=ended["outcome"].astype(str)).rename(columns={"started_at": "at"})
    rows = _thinned(ended)
    end = max(float(rows["at"].max()), frame.attrs.get("elapsed", 0.0))
    present = [outcome for outcome in _OUTCOMES if (rows["outcome"] == outcome).any()]
    colours = [_OUTCOMES[outcome] for outcome in present]
    shapes = [_SHAPES[list(_OUTCOMES).index(outcome)] for outcome in present]
    chart = (
        alt.Chart(rows)
        .mark_point(filled=True, size=28, opacity=0.8, aria=False)
        .encode(
            x=time_axis(until=end),
            y=alt.Y("duration:Q", axis=seconds_axis("time from start to end")),
            color=alt.Color("outcome:N", title=None, scale=ordered(present, colours)),
            shape=alt.Shape("outcome:N", title=None, scale=ordered(present, shapes)),
            tooltip=[
                alt.Tooltip("user_id:Q", title="user", format="d"),
                "outcome:N",
                alt.Tooltip("at:Q", title="started at [s]", format=",.1f"),
                alt.Tooltip("duration:Q", title="duration [s]", format=",.3~r"),
            ],
        )
    )
    note = "" if len(rows) == len(ended) else f"{len(rows):,} of {len(ended):,} users"
    return dressed(with_changes(chart, changes, end), title, note)


def outcomes(frame: pd.DataFrame) -> AnyChart:
    """Draw how many users ended in which way; those without an outcome are *here*.

    Parameters
    ----------
    frame : pandas.DataFrame
        `Results.users`, or a column ``outcome``.

    Raises
    ------
    InvalidArgumentError
        If `frame` lacks the column.

    Examples
    --------
    >>> import pandas as pd
    >>> from murmur import charts
    >>> chart = charts.outcomes(pd.DataFrame({"outcome": ["finished", "finished", "failed"]}))
    """
    title = "Users by outcome"
    check(frame, "outcomes", ("outcome",))
    if frame.empty:
        return sentence("No users yet.", title)
    words = frame["outcome"].astype(object).fillna(_HERE).astype(str)
    counts = words.value_counts().reindex(list(_OUTCOMES)).dropna().astype(np.int64)
    rows = pd.DataFrame({"outcome": counts.index, "users": counts.to_numpy()})
    bars = alt.Chart(rows).encode(
        x=_amounts("users", "users", rows["users"]),
        y=alt.Y("outcome:N", title=None, sort=list(_OUTCOMES)),
        tooltip=["outcome:N", alt.Tooltip("users:Q", format=",")],
    )
    colour = alt.Color("outcome:N", legend=None, scale=coloured(_OUTCOMES))
    chart = _with_numbers(bars, bars.mark_bar().encode(color=colour), "users")
    return dressed(chart, title, height=_ROW_HEIGHT * len(rows) + _ROW_HEIGHT)


def errors(frame: pd.DataFrame) -> AnyChart:
    """Draw the twenty most frequent errors.

    Parameters
    ----------
    frame : pandas.DataFrame
        `Results.errors`, or columns ``name``, ``error``, ``count``.

    Raises
    ------
    InvalidArgumentError
        If `frame` lacks one of these columns.

    Examples
    --------
    >>> import pandas as pd
    >>> from murmur import charts
    >>> chart = charts.errors(
    ...     pd.DataFrame({"name": ["login"], "error": ["TimeoutError"], "count": [3]})
    ... )
    """
    title = "Errors"
    check(frame, "errors", ("name", "error", "count"))
    if frame.empty:
        return sentence("No errors.", title)
    top = frame.nlargest(_KINDS, "count")
    names = sorted(top["name"].astype(str).unique())
    rows = pd.DataFrame(
        {
            "name": top["name"].astype(str),
            "error": top["error"].astype(str),
            "count": top["count"],
        }
    )
    rows["label"] = rows["name"] + ": " + rows["error"].str.slice(0, _TEXT_LENGTH)
    labels = alt.Axis(labelLimit=260)
    bars = alt.Chart(rows).encode(
        x=_amounts("count", "actions that failed", rows["count"]),
        y=alt.Y("label:N", title=None, sort=rows["label"].tolist(), axis=labels),
        tooltip=["name:N", "error:N", alt.Tooltip("count:Q", format=",")],
    )
    colour = alt.Color("name:N", legend=None, scale=ordered(names, PALETTE))
    note = "" if len(rows) == len(frame) else f"the {_KINDS} most frequent of {len(frame)} kinds"
    chart = _with_numbers(bars, bars.mark_bar().encode(color=colour), "count")
    return dressed(chart, title, note, height=_ROW_HEIGHT * len(rows) + _ROW_HEIGHT)


def _amounts(field: str, title: str, amounts: pd.Series[int]) -> alt.X:
    """Return a horizontal axis of whole numbers, with room for the number after each bar."""
    room = alt.Scale(domain=[0, float(amounts.max()) * 1.12], nice=False)
    axis = alt.Axis(tickMinStep=1, tickCount=8, labelOverlap=True)
    return alt.X(f"{field}:Q", title=title, axis=axis, scale=room)


def _with_numbers(base: alt.Chart, bars: alt.Chart, field: str) -> alt.LayerChart:
    number = base.mark_text(align="left", dx=4, color=GREY)
    return alt.LayerChart(layer=[bars, number.encode(text=alt.Text(f"{field}:Q", format=","))])


def _thinned(ended: pd.DataFrame) -> pd.DataFrame:
    """Return at most `_POINTS` users: rare outcomes whole, of the others every n-th user."""
    room, kept = _POINTS, []
    groups = sorted((group for _, group in ended.groupby("outcome")), key=len)
    for place, group in enumerate(groups):
        share = room // (len(groups) - place)
        chosen = np.linspace(0, len(group) - 1, min(len(group), share)).astype(np.int64)
        room -= len(chosen)
        kept.append(group.iloc[chosen])
    return pd.concat(kept).sort_values("user_id")
