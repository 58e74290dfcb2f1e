"""Chart of a run above what somebody else measured meanwhile, on one axis of time."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from ._rows import ROWS, check
from ._theme import BLUE, PALETTE, VERMILLION, AnyChart, dressed, sentence, time_axis, together

_OURS = {"rate": ("actions per second", BLUE), "response_p99": ("response p99 [s]", VERMILLION)}
_KNOWN = {"window_at", "wall_at", "count", "failed", "rate", "response_p50", "response_p99"}
_MOST = 6


def joined(frame: pd.DataFrame, columns: Sequence[str] | None = None) -> AnyChart | alt.ConcatChart:
    """Draw rate and response time of a run, and below them what else was measured.

    Where the other side has no number, its line has a gap.

    Parameters
    ----------
    frame : pandas.DataFrame
        What `Results.join` returned: ``window_at`` [s], ``rate``, ``response_p99`` [s] and
        other columns of numbers.
    columns : sequence of str, optional
        Which of the other columns; the first six by default.

    Raises
    ------
    InvalidArgumentError
        If `frame` lacks a column.

    Examples
    --------
    >>> import pandas as pd
    >>> from murmur import charts
    >>> chart = charts.joined(
    ...     pd.DataFrame(
    ...         {
    ...             "window_at": [0.0, 1.0],
    ...             "rate": [90.0, 95.0],
    ...             "response_p99": [0.1, 0.2],
    ...             "cpu": [0.4, 0.9],
    ...         }
    ...     )
    ... )
    """
    others = [each for each in frame.columns if each not in _KNOWN]
    chosen = list(columns) if columns is not None else others[:_MOST]
    check(frame, "joined", ("window_at", *_OURS, *chosen))
    if frame.empty:
        return sentence("No windows yet.", "The run and the other side")
    # One row of every so many: a line of more points than pixels shows no more.
    rows = frame.iloc[:: -(-len(frame) // (ROWS // 8))]
    notes = " ".join(frame.attrs.get("notes", ()))
    lines = [
        _line(rows, column, title, colour, notes if column == "rate" else "")
        for column, (title, colour) in _OURS.items()
    ]
    colours = [colour for colour in PALETTE if colour not in {BLUE, VERMILLION}]
    for place, column in enumerate(chosen):
        lines.append(_line(rows, column, column, colours[place % len(colours)], ""))
    return together(*lines)


def _line(rows: pd.DataFrame, column: str, title: str, colour: str, note: str) -> AnyChart:
    data = pd.DataFrame({"at": rows["window_at"], "value": rows[column].astype(float)})
    mark = alt.Chart(data).mark_line(color=colour, strokeWidth=1.8, interpolate="step-after")
    encoded = mark.encode(
        x=time_axis(),
        y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=True)),
        tooltip=[
            alt.Tooltip("at:Q", title="time [s]", format=",.0f"),
            alt.Tooltip("value:Q", title=title, format=",.4~g"),
        ],
    )
    return dressed(encoded, title, note, height=110)
