"""Look of every chart: colours, dashes, axes, and the sentence of an empty chart.

The look is put on each chart and never into Altair's global state, so that charts a
notebook draws itself stay as they are.  One grey for text, axes and grid has the same
contrast against white and against a dark theme's near-black, and the background is
transparent: one chart reads well in both.

References
----------
Okabe, M. and Ito, K. (2008), "Color Universal Design": the palette, told apart with any
kind of colour vision.  Black and yellow are left out, each vanishes in one of the themes;
orange and sky blue are darker here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import altair as alt
import pandas as pd

AnyChart: TypeAlias = alt.Chart | alt.LayerChart
Configurable = TypeVar("Configurable", bound=alt.Chart | alt.LayerChart | alt.ConcatChart)

BLUE, VERMILLION, GREEN = "#0072B2", "#D55E00", "#009E73"
# Darker than in the palette, where they have 2.3 to 1 against white: a line needs 3 to 1.
PURPLE, ORANGE, SKY = "#CC79A7", "#B08800", "#3B97D3"
GREY = "#7A7A7A"
PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
DASHES = ([1, 0], [7, 3], [2, 2], [7, 2, 2, 2])

_WIDTH, _HEIGHT = 560, 240
_TICKS = 9  # of a logarithmic axis
_LABELS = 52  # px beside an axis, so that charts above each other line up
_BETWEEN = 18  # px between two labels of a legend, and between two legends
_LEGENDS = f"{{offset: 16, top: {{anchor: 'start', direction: 'horizontal', margin: {_BETWEEN}}}}}"
_FONT = "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
# Vega prints 0.02 s as "20m"; people read "20 ms".
SECONDS_LABEL = (
    "datum.value == 0 ? '0' : abs(datum.value) < 1e-3 ? format(datum.value * 1e6, '.3~r') + ' µs'"
    " : abs(datum.value) < 1 ? format(datum.value * 1e3, '.3~r') + ' ms'"
    " : format(datum.value, ',.3~r') + ' s'"
)


def dressed(
    chart: AnyChart, title: str, subtitle: str = "", *, height: int = _HEIGHT, width: int = _WIDTH
) -> AnyChart:
    """Give `chart` title, size and murmur's look, and return it.

    In place: each of Altair's own verbs copies the chart with all of its layers, and to copy
    them is most of what a chart costs.
    """
    chart.title = alt.TitleParams(title, subtitle=subtitle) if subtitle else alt.TitleParams(title)
    chart.width, chart.height = width, height
    return _configured(chart)


def plain(chart: AnyChart) -> AnyChart:
    """Return `chart` without murmur's look, ready to be layered or joined with others.

    Altair joins only charts that carry no configuration.

    Parameters
    ----------
    chart : altair chart
        Any of murmur's charts.

    Examples
    --------
    >>> import pandas as pd
    >>> from murmur import charts
    >>> frame = pd.DataFrame({"window_at": [0.0], "waiting": [9], "running": [1], "leaving": [0]})
    >>> both = charts.plain(charts.population(frame)) & charts.plain(charts.population(frame))
    """
    bare = chart.copy()
    bare.config = alt.Undefined
    bare.background = alt.Undefined
    return bare


def together(*charts: AnyChart, columns: int = 1) -> alt.ConcatChart:
    """Return `charts` as one chart, in rows of `columns`, with murmur's look.

    Parameters
    ----------
    *charts : altair.Chart or altair.LayerChart
        Charts of this package, or others without a configuration of their own.
    columns : int, default 1
        How many stand side by side.

    Examples
    --------
    >>> import pandas as pd
    >>> from murmur import charts
    >>> frame = pd.DataFrame({"window_at": [0.0], "waiting": [9], "running": [1], "leaving": [0]})
    >>> one = charts.together(charts.population(frame), charts.population(frame), columns=2)
    """
    joined = alt.ConcatChart(concat=[plain(chart) for chart in charts], columns=columns)
    apart: alt.ConcatChart = joined.resolve_scale(
        # Each chart keeps its own legend.
        color="independent",
        opacity="independent",
        shape="independent",
        strokeDash="independent",
    )
    return _configured(apart)


def sentence(text: str, title: str) -> AnyChart:
    """Return a chart that shows `text` where the marks would be."""
    mark = alt.Chart(pd.DataFrame({"text": [text]})).mark_text(color=GREY, fontSize=14)
    return dressed(mark.encode(text="text:N"), title)


def time_axis(field: str = "at", *, until: float | None = None) -> alt.X:
    """Return the horizontal axis of every chart over time; those of one run line up at 0.

    With `until`, in seconds, it ends there and not where its rows do.
    """
    scale = alt.Scale(nice=False, zero=True)
    if until is not None:
        scale = alt.Scale(nice=False, zero=True, domainMax=until)
    return alt.X(f"{field}:Q", title="time since the run started [s]", scale=scale)


def names_legend(
    names: Sequence[str],
    beside: Sequence[str] = (),  # labels of another legend in the same row
) -> alt.Legend:
    """Return the legend of the lines of `names`, in as many rows as its labels need.

    Vega puts all labels of a legend above the chart into one row and cuts off what does not fit.
    """
    room = _WIDTH - sum(map(_label_width, beside))
    longest = max(map(_label_width, names), default=room)
    columns = max(1, int(room // longest))
    return alt.Legend(title=None, symbolType="stroke", symbolSize=300, columns=columns)


def _label_width(text: str) -> float:
    """Return pixels that a label of a legend takes at most, with its symbol and the gap."""
    limit = 160  # Vega's, where it puts an ellipsis
    return 32 + _BETWEEN + min(7.2 * len(text), limit)


SHORTEST = 1e-6
"""Seconds that shorter times are drawn as: a logarithmic axis has no place for 0."""


def seconds_axis(title: str) -> alt.Axis:
    """Return an axis of durations, labelled in µs, ms and s."""
    return alt.Axis(title=title, labelExpr=SECONDS_LABEL, labelOverlap=True)


def log_axis(title: str, seconds: pd.Series[float]) -> alt.Axis:
    """Return an axis of durations that is labelled at round ones; goes with `log_scale`."""
    axis = seconds_axis(title)
    ticks = _round_ticks(*_extent(seconds))
    if len(ticks) > 1:  # else Vega finds better ones
        axis["values"] = ticks
    return axis


def whole_scale(values: pd.Series[float]) -> alt.Scale:
    """Return a scale of counts that has a length, and so a lower end, if all of them are 0."""
    return alt.Scale() if values.any() else alt.Scale(domain=[0, 1])


def log_scale(seconds: pd.Series[float]) -> alt.Scale:
    """Return a logarithmic scale that `seconds` just fit on."""
    return alt.Scale(type="log", domain=list(_extent(seconds)), nice=False)


def _extent(seconds: pd.Series[float]) -> tuple[float, float]:
    return float(seconds.min()) / 1.1, float(seconds.max()) * 1.1


def _round_ticks(low: float, high: float) -> list[float]:
    """Return the round numbers between `low` and `high`: 1, 2, 5 of each decade, or fewer."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 5), (1,)):
        ticks = [float(f"{step}e{decade}") for decade in decades for step in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= _TICKS:
            break
    return ticks


def ordered(domain: Sequence[str], values: Sequence[Any]) -> alt.Scale:
    """Return a scale that gives the n-th of `domain` the n-th of `values`, cyclically."""
    return alt.Scale(
        domain=list(domain), range=[values[i % len(values)] for i in range(len(domain))]
    )


def coloured(colours: Mapping[str, str]) -> alt.Scale:
    """Return a scale that gives each measure its colour."""
    return ordered(list(colours), list(colours.values()))


def value_tooltip(title: str, number: str) -> list[alt.Tooltip]:
    """Return what is told of one value of one measure over time; `number` is its format."""
    return [
        alt.Tooltip("at:Q", title="time [s]", format=",.0f"),
        alt.Tooltip("measure:N", title="what"),
        alt.Tooltip("value:Q", title=title, format=number),
    ]


def _configured(chart: Configurable) -> Configurable:
    """Give `chart` murmur's look, in place: each of Altair's own verbs copies all of it."""
    chart.config = alt.Config(
        background="transparent",
        font=_FONT,
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
            labelColor=GREY,
            titleColor=GREY,
            tickColor=GREY,
            domainColor=GREY,
            gridColor=GREY,
            gridOpacity=0.2,
            labelFontSize=11,
            titleFontSize=12,
            titleFontWeight="normal",
        ),
        axisY=alt.AxisConfig(minExtent=_LABELS),
        legend=alt.LegendConfig(
            labelColor=GREY,
            titleColor=GREY,
            orient="top",
            labelFontSize=12,
            titleFontSize=12,
            # A browser's font may be wider than the one by which Vega has placed the labels.
            columnPadding=_BETWEEN,
            layout=alt.ExprRef(expr=_LEGENDS),
        ),
        title=alt.TitleConfig(
            color=GREY,
            subtitleColor=GREY,
            anchor="start",
            frame="group",
            fontSize=14,
            subtitleFontSize=11,
        ),
    )
    return chart
