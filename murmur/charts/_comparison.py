"""Charts of what changed by which factor: from run to run, and at each live change."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from ._rows import check
from ._theme import BLUE, GREY, PURPLE, VERMILLION, AnyChart, dressed, ordered, sentence

_OUTCOMES = {
    "higher": (VERMILLION, "triangle-up"),
    "lower": (BLUE, "triangle-down"),
    "unclear": (GREY, "circle"),
    "too little": (PURPLE, "cross"),
}
# Colours of words that stand where there is no interval to draw; the others are grey.
_WORDS = {"higher": VERMILLION, "started": VERMILLION, "lower": BLUE, "stopped": BLUE}
_FACTOR = ("ratio", "ratio_low", "ratio_high", "outcome")
_COMPARED = ("name", "statistic", "unit", "a", "b", *_FACTOR)
_CHANGED = ("at", "what", "old", "new", "name", "statistic", "unit", "before", "after", *_FACTOR)
_TEXTS = dict.fromkeys(("what", "old", "new", "name", "statistic", "unit", "outcome"), str)
_ROWS = 80
_PLACE = 4  # digits before a label, which tell rows of the same name apart
_LONGEST, _LABEL_LIMIT, _CHARACTER = 520, 300, 7  # px: a heading, a label, a character
_ROW_HEIGHT = 20
_TICKS = (0.01, 0.1, 0.2, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 5.0, 10.0, 100.0)
_MOST_TICKS = 10
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
    rate.  Where one of the values is 0 there is no factor, and both are written out.

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
    title = "Second against the first" + (f", {name}" if name else "")
    check(frame, "comparison", _COMPARED)
    chosen = frame if name is None else frame[frame["name"] == name]
    if chosen.empty:
        return sentence("Nothing to compare.", title)
    rows = chosen[list(_COMPARED)].head(_ROWS).astype(_texts_of(_COMPARED))
    names = rows["name"] + "  " if name is None else ""
    rows["label"] = names + rows["statistic"].str.replace("_", " ")
    rows["words"] = [_in_words(row, "a", "b") for row in rows.to_dict("records")]
    note = "" if len(rows) == len(chosen) else f"{len(rows)} of {len(chosen)} rows"
    chart = alt.LayerChart(layer=_intervals(rows, {"a": "run a", "b": "run b"}))
    return dressed(chart, title, note, height=_ROW_HEIGHT * len(rows))


def effects(
    frame: pd.DataFrame, *, name: str | None = None, statistic: str | None = None
) -> AnyChart:
    """Draw by which factor each statistic of each action differs after every live change.

    Below each change stands a row for each statistic of each action.  A line is the interval
    that holds the factor; where it stays clear of 1 the statistic changed, and the point says
    which way.  Where there is no interval, words say why: the action stopped, or the time
    around the change was too short to tell, which is not the same as no effect.

    Parameters
    ----------
    frame : pandas.DataFrame
        `Results.effects`, or columns ``at`` [s], ``what``, ``old``, ``new``, ``name``,
        ``statistic``, ``unit``, ``before``, ``after``, ``ratio``, ``ratio_low``,
        ``ratio_high``, ``outcome``.
    name : str, optional
        The action to draw; all of them by default.
    statistic : str, optional
        The statistic to draw, such as ``"response_p99"``; all of them by default.

    Raises
    ------
    InvalidArgumentError
        If `frame` lacks one of these columns.

    Examples
    --------
    >>> import pandas as pd
    >>> from murmur import charts
    >>> chart = charts.effects(
    ...     pd.DataFrame(
    ...         {
    ...             "at": [40.0, 40.0],
    ...             "what": "pace",
    ...             "old": "1.0",
    ...             "new": "0.5",
    ...             "name": "echo",
    ...             "statistic": ["rate", "response_p99"],
    ...             "unit": ["1/s", "s"],
    ...             "before": [100.0, 0.010],
    ...             "after": [199.0, 0.010],
    ...             "ratio": [1.99, 1.0],
    ...             "ratio_low": [1.95, 0.98],
    ...             "ratio_high": [2.03, 1.02],
    ...             "outcome": ["higher", "unclear"],
    ...         }
    ...     )
    ... )
    """
    title = "Before and after each live change" + (f", {name}" if name else "")
    check(frame, "effects", _CHANGED)
    chosen = frame if name is None else frame[frame["name"] == name]
    chosen = chosen if statistic is None else chosen[chosen["statistic"] == statistic]
    if chosen.empty:
        return sentence("No live changes with actions around them.", title)
    rows, note = _below_headings(chosen[list(_CHANGED)].astype(_texts_of(_CHANGED)))
    layers = _intervals(rows, {"before": "before", "after": "after"}, is_numbered=True)
    heading = alt.Chart(rows[rows["heading"] != ""]).encode(
        y=_row_axis(rows["label"], is_numbered=True), x=alt.value(0), text="heading:N"
    )
    layers.append(heading.mark_text(align="left", fontWeight="bold", color=GREY, limit=_LONGEST))
    chart = alt.LayerChart(layer=layers)
    return dressed(chart, title, note, height=_ROW_HEIGHT * len(rows))


def _texts_of(columns: Sequence[str]) -> dict[Hashable, type]:
    """Return which of `columns` hold text; a category could not take another word."""
    return dict.fromkeys((each for each in columns if each in _TEXTS), str)


def _below_headings(frame: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return rows to draw, each change's below its heading, and a note if some are left out."""
    moments = [_with_heading(moment) for _, moment in frame.groupby("at", sort=True)]
    heights = np.cumsum([len(moment) for moment in reversed(moments)])
    shown = moments[-max(int((heights <= _ROWS).sum()), 1) :]
    rows = pd.concat(shown, ignore_index=True).head(_ROWS)
    rows["label"] = [f"{place:0{_PLACE}}{label}" for place, label in enumerate(rows["label"])]
    left_out = len(shown) < len(moments)
    return rows, f"the newest {len(shown)} of {len(moments)} changes" if left_out else ""


def _with_heading(moment: pd.DataFrame) -> pd.DataFrame:
    """Return what the changes of one moment did, below a row that says what was changed."""
    changes = moment.drop_duplicates("what")
    said = ", ".join(changes["what"] + " " + changes["old"] + " → " + changes["new"])
    # Changes of one moment are one cause, so each has the same rows.
    rows = moment.drop_duplicates(["name", "statistic"])
    # All texts it has: where one is missing, Altair 6.0 draws nothing at all.
    heading = dict.fromkeys((*_TEXTS, "label", "words"), "")
    heading["heading"] = f"{moment['at'].iloc[0]:,.0f} s: {said}"
    below = rows.assign(
        heading="",
        label=rows["name"] + "  " + rows["statistic"].str.replace("_", " "),
        words=[_in_words(row, "before", "after") for row in rows.to_dict("records")],
    )
    return pd.concat([pd.DataFrame([heading]), below], ignore_index=True)


def _in_words(row: Mapping[Hashable, Any], first: str, second: str) -> str:
    """Return what stands in place of a factor that nobody knows; nothing if one is drawn."""
    if row["outcome"] not in _OUTCOMES:  # such as an action that stopped
        return str(row["outcome"])
    if row["ratio"] > 0:  # 0 and nothing have no place on a logarithmic axis
        return ""
    if row["outcome"] == "too little" or math.isnan(row[first]) or math.isnan(row[second]):
        return str(row["outcome"])
    values = [_amount(row[side], row["unit"]) for side in (first, second)]
    return " → ".join(values) if values[0] != values[1] else f"{values[0]} in both"


def _amount(value: float, unit: str) -> str:
    if unit == "share":
        return f"{100 * value:.3g} %"
    return f"{value:.3g}/s" if unit == "1/s" else f"{value:.3g} {unit}"


def _row_axis(labels: pd.Series[str], *, is_numbered: bool) -> alt.Y:
    """Return an axis with a row for each of `labels`, in their order."""
    longest = int(labels.str.len().max()) - is_numbered * _PLACE
    # Vega measures text in another font than a browser may have: labels would be cut off.
    room = min(_CHARACTER * longest, _LABEL_LIMIT)
    axis = alt.Axis(labelLimit=_LABEL_LIMIT, minExtent=room, ticks=False, domain=False)
    if is_numbered:
        axis["labelExpr"] = f"slice(datum.label, {_PLACE})"
    return alt.Y("label:N", title=None, scale=alt.Scale(domain=labels.tolist()), axis=axis)


def _intervals(
    rows: pd.DataFrame, sides: Mapping[str, str], *, is_numbered: bool = False
) -> list[alt.Chart]:
    """Return a point for each row on the interval that holds it, and where 1 is.

    `sides` are the two columns that are compared, and what a tooltip calls them.  A row with
    `words` shows those instead.
    """
    drawn = rows[(rows["words"] == "") & rows["ratio"].notna()].copy()
    scale, axis = _change_scale(
        drawn["ratio"].to_numpy(), drawn[["ratio_low", "ratio_high"]].to_numpy()
    )
    # Intervals that go further are drawn to the edge; one without an end has none to be told.
    drawn["line_start"] = drawn["ratio_low"].clip(lower=scale.domain[0])
    drawn["line_end"] = drawn["ratio_high"].clip(upper=scale.domain[1])
    drawn["ratio_high"] = drawn["ratio_high"].replace(np.inf, np.nan)
    x = alt.X("ratio:Q", title="change", scale=scale, axis=axis)
    y = _row_axis(rows["label"], is_numbered=is_numbered)
    outcomes = [outcome for outcome in _OUTCOMES if (drawn["outcome"] == outcome).any()]
    colours = [_OUTCOMES[outcome][0] for outcome in outcomes]
    shapes = [_OUTCOMES[outcome][1] for outcome in outcomes]
    known = _tooltip(sides)
    base = alt.Chart(drawn).encode(
        y=y,
        color=alt.Color("outcome:N", title=None, scale=ordered(outcomes, colours)),
        tooltip=[
            *known,
            alt.Tooltip("ratio:Q", title="factor", format=".3f"),
            alt.Tooltip("ratio_low:Q", title="at least", format=".3f"),
            alt.Tooltip("ratio_high:Q", title="at most", format=".3f"),
        ],
    )
    shape = alt.Shape("outcome:N", title=None, scale=ordered(outcomes, shapes))
    lines = base.transform_filter("isValid(datum.ratio_low)").mark_rule(strokeWidth=2)
    points = base.mark_point(filled=True, size=70, opacity=1).encode(x=x, shape=shape)
    one = alt.Chart(pd.DataFrame({"ratio": [1.0]})).mark_rule(color=GREY, strokeDash=[4, 3])
    low = alt.X("line_start:Q", title="change", scale=scale)
    words = _words(rows[rows["words"] != ""]).encode(x=x, y=y, tooltip=known)
    return [one.encode(x=x), lines.encode(x=low, x2="line_end:Q"), points, words]


def _tooltip(sides: Mapping[str, str]) -> list[str | alt.Tooltip]:
    values = [alt.Tooltip(f"{side}:Q", title=text, format=",.4~r") for side, text in sides.items()]
    return ["name:N", "statistic:N", *values, "unit:N", "outcome:N"]


def _words(rows: pd.DataFrame) -> alt.Chart:
    """Return the words of `rows`, each beside where nothing has changed."""
    colour = rows["outcome"].map(_WORDS).fillna(GREY)
    mark = alt.Chart(rows.assign(ratio=1.0, colour=colour)).mark_text(align="left", dx=8)
    chart: alt.Chart = mark.encode(text="words:N", color=alt.Color("colour:N", scale=None))
    return chart


def _change_scale(ratios: np.ndarray, bounds: np.ndarray) -> tuple[alt.Scale, alt.Axis]:
    """Return a logarithmic scale of factors, as far to both sides of 1 as all of them need.

    And as their intervals do, unless they are much wider than most: those of a few failures
    would leave no room to see the others.
    """
    known = np.abs(np.log(bounds[(bounds > 0) & np.isfinite(bounds)]))
    widest = min(known.max(), _WIDE * np.median(known)) if len(known) else 0.0
    farthest = float(np.abs(np.log(ratios)).max(initial=0.0))
    # Some room where nothing changed.
    reach = max(farthest * 1.1, float(widest) * 1.1, np.log(1.12))
    low, high = float(np.exp(-reach)), float(np.exp(reach))
    ticks = [1.0]
    for tick in sorted(_TICKS, key=lambda tick: abs(np.log(tick))):  # from 1 to both sides
        apart = min(abs(np.log(tick / other)) for other in ticks)
        if low <= tick <= high and apart > 2 * reach / _MOST_TICKS:
            ticks.append(tick)
    scale = alt.Scale(type="log", domain=[low, high], nice=False)
    return scale, alt.Axis(values=ticks, labelExpr=_LABEL)
