"""The live charts as Altair writes them: what they look like, and none of their rows.

Each reads a data set that the page fills (``rows``, ``changes``) and the span of time that
all of them show (``start`` and ``end``); see ``front/charts.js``.  Colours and dashes are
those of `murmur.charts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal

import altair as alt

from murmur._given import needed
from murmur.charts import theme
from murmur.errors import UnknownNameError
from murmur.recording import BANDS_A_DECADE, SHORTEST

from ._rows import COLUMN

_HEIGHT = 176
_ROWS, _CHANGES = alt.NamedData("rows"), alt.NamedData("changes")
_CLOCK = (
    "(datum.value >= 3600 ? floor(datum.value / 3600) + ':' : '')"
    " + format(floor(datum.value / 60) % 60, datum.value >= 3600 ? '02d' : 'd')"
    " + ':' + format(floor(datum.value) % 60, '02d')"
)
_STEP = "(end - start > 150 ? 60 : end - start > 75 ? 20 : 10)"  # seconds between two labels
_TICKS = f"sequence(ceil(start / {_STEP}) * {_STEP}, end + 0.001, {_STEP})"
_ROUND = [float(f"{step}e{decade}") for decade in range(-5, 3) for step in (1, 2, 5)]  # seconds
_LOW, _HIGH = "domain('y')[0]", "domain('y')[1]"
_POWER = f"pow(10, floor(log({_HIGH} - {_LOW}) / LN10))"
_APART = f"{_POWER} / (({_HIGH} - {_LOW}) / {_POWER} < 3 ? 2 : 1)"
_DURATIONS = (  # where the axis is so short that it may hold fewer than two of the round ones
    f"{_HIGH} / {_LOW} < 5 ? sequence(ceil({_LOW} / ({_APART})) * {_APART}, {_HIGH}, {_APART})"
    f" : {_ROUND}"
)
_LEGEND = alt.Legend(
    title=None,
    orient="top",
    symbolType="stroke",
    symbolSize=260,
    offset=2,
    columns=alt.ExprRef("columns"),  # else what does not fit into one row is cut off
    labelExpr="datum.label === 'p999' ? 'p99.9' : datum.label",
)
_STATES = {
    "running": theme.BLUE,
    "waiting": theme.ORANGE,
    "leaving": theme.PURPLE,
    "target": theme.GREY,
}
_RESULTS = {"ok": theme.BLUE, "failed": theme.VERMILLION}
_PERCENTILES = {"p50": theme.SKY, "p90": theme.BLUE, "p99": theme.VERMILLION, "p999": theme.PURPLE}


ALIASES = {"users": "population", "percentiles": "latency", "permits": "throttles"}
"""Other words for the live charts."""


def specs(names: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
    """Return the specification of each live chart by its name, or of some in their order.

    Raises `UnknownNameError` if there is no live chart of a name.
    """
    needed(not isinstance(names, str), "charts", names, f"give a list of names, as [{names!r}]")
    known = _specs()
    wanted = [ALIASES.get(name, name) for name in (known if names is None else names)]
    for name in wanted:
        if name not in known:
            raise UnknownNameError("chart", [name], (*known, *ALIASES))
    return {name: known[name] for name in wanted}


@cache
def _specs() -> dict[str, dict[str, Any]]:
    drawn = {
        "population": _population(),
        "throughput": [_throughput()],
        "latency": _latency(),
        "heatmap": [_heatmap()],
        "throttles": [_throttles()],
    }
    return {name: _finished(layers).to_dict() for name, layers in drawn.items()}


def _population() -> list[alt.Chart]:
    area = (
        alt.Chart(_ROWS)
        .mark_area(color=theme.BLUE, opacity=0.16, interpolate="step-after")
        .encode(x=_time(), y=alt.Y("running:Q"))
    )
    lines = _lines(
        _STATES, "users", interpolate="step-after", dashes=([1, 0], [1, 0], [2, 2], [6, 4])
    )
    return [area, lines]


def _throughput() -> alt.Chart:
    marks = alt.Chart(_ROWS).transform_fold(list(_RESULTS), as_=["measure", "value"])
    chart: alt.Chart = (
        marks.transform_calculate(order="datum.measure === 'failed'")
        .mark_area(interpolate="step-after")
        .encode(
            x=_time(),
            y=_whole("zero"),
            order="order:Q",
            color=alt.Color("measure:N", scale=theme.coloured(_RESULTS), legend=_squares()),
            opacity=alt.Opacity(
                "measure:N", scale=theme.ordered(list(_RESULTS), [0.5, 0.95]), legend=_squares()
            ),
            tooltip=theme.value_tooltip("actions per second", ",.1f"),
        )
    )
    return chart


def _latency() -> list[alt.Chart]:
    y = alt.Y(
        "value:Q",
        title=None,
        scale=alt.Scale(type="log", nice=False, padding=6),
        axis=_durations(grid=True),
    )
    # A gap stays one; a single 0 would put all else at the upper edge.
    shown = f"max(datum.value, {theme.SHORTEST})"
    value = f"isValid(datum.value) ? {shown} : null"
    lines = _lines(_PERCENTILES, "response time [s]", y=y, number=".3~r")
    lines = lines.transform_calculate(value=value)
    marks = alt.Chart(_ROWS).transform_filter("datum.alone").transform_fold([*_PERCENTILES])
    marks = marks.transform_calculate(value=value)
    # What has a gap on either side has no line, and would not be seen.
    dots = marks.mark_point(filled=True, size=14, opacity=1).encode(
        x=_time(), y=y, color=alt.Color("key:N", scale=theme.coloured(_PERCENTILES), legend=None)
    )
    # If all took as long, the axis would have no length without this, and no label.
    ends = alt.Chart(_ROWS).transform_aggregate(least="min(p50)", most="max(p999)")
    ends = ends.transform_fold(["least", "most"], as_=["end", "value"]).transform_calculate(
        value=f"isValid(datum.value) ? {shown} * (datum.end === 'least' ? 0.9 : 1.1) : null"
    )
    return [lines, dots, ends.mark_rule(opacity=0, aria=False).encode(y=y)]


def _heatmap() -> alt.Chart:
    lower = f"{SHORTEST} * pow(10, datum.band / {BANDS_A_DECADE})"
    upper = f"{SHORTEST} * pow(10, (datum.band + 1) / {BANDS_A_DECADE})"
    scale = alt.Scale(type="log", nice=False)
    axis = _durations(grid=False)
    chart: alt.Chart = (
        alt.Chart(_ROWS)
        .transform_calculate(until=f"datum.at + {COLUMN}", low=lower, high=upper)
        .mark_rect(color=theme.BLUE, clip=True)
        .encode(
            x=_time(),
            x2="until:Q",
            y=alt.Y("low:Q", title=None, scale=scale, axis=axis),
            y2="high:Q",
            opacity=alt.Opacity(
                "actions:Q", legend=None, scale=alt.Scale(type="sqrt", range=[0.08, 1])
            ),
            tooltip=[
                alt.Tooltip("at:Q", title="from [s]", format=",.0f"),
                alt.Tooltip("low:Q", title="response time from [s]", format=".3~r"),
                alt.Tooltip("high:Q", title="to [s]", format=".3~r"),
                alt.Tooltip("actions:Q", format=","),
            ],
        )
    )
    return chart


def _throttles() -> alt.Chart:
    measures = {"asked": theme.ORANGE, "granted": theme.BLUE}
    marks = alt.Chart(_ROWS).transform_fold(list(measures), as_=["measure", "value"])
    chart: alt.Chart = marks.mark_line(strokeWidth=1.8, interpolate="step-after").encode(
        x=_time(),
        y=_whole(),
        color=alt.Color("name:N", scale=alt.Scale(range=list(theme.PALETTE)), legend=_LEGEND),
        strokeDash=alt.StrokeDash(
            "measure:N", scale=theme.ordered(["granted", "asked"], ([1, 0], [2, 3])), legend=_LEGEND
        ),
        tooltip=[alt.Tooltip("name:N"), *theme.value_tooltip("permits per second", ",.1f")],
    )
    return chart


def _lines(
    measures: Mapping[str, str],
    title: str,
    *,
    y: alt.Y | None = None,
    number: str = ",.0f",
    interpolate: Literal["linear", "step-after"] = "linear",
    dashes: tuple[list[int], ...] = tuple(theme.DASHES),
) -> alt.Chart:
    """Return a line for each measure: told apart by colour, and by dashes without it."""
    names = list(measures)
    marks = alt.Chart(_ROWS).transform_fold([*names], as_=["measure", "value"])
    chart: alt.Chart = marks.mark_line(strokeWidth=1.8, interpolate=interpolate).encode(
        x=_time(),
        y=y or _whole(),
        color=alt.Color("measure:N", scale=theme.coloured(measures), legend=_LEGEND),
        strokeDash=alt.StrokeDash("measure:N", scale=theme.ordered(names, dashes), legend=_LEGEND),
        tooltip=theme.value_tooltip(title, number),
    )
    return chart


def _finished(layers: Sequence[alt.Chart]) -> alt.LayerChart:
    """Return one chart with the rules of live changes and the parameters that the page sets."""
    rules = (
        alt.Chart(_CHANGES)
        .mark_rule(color=theme.GREY, strokeDash=[4, 3], strokeWidth=1.5, clip=True)
        .encode(
            x=_time(),
            tooltip=[
                alt.Tooltip("at:Q", title="changed at [s]", format=",.1f"),
                *(alt.Tooltip(f"{column}:N") for column in ("what", "old", "new")),
            ],
        )
    )
    both = alt.LayerChart(layer=[*layers, rules])
    finished: alt.LayerChart = both.add_params(
        alt.param(name="start", value=0),
        alt.param(name="end", value=60),
        alt.param(name="columns", value=4),  # of the legend
    ).properties(
        width="container",
        height=_HEIGHT,
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding", resize=False),
    )
    return finished


def _time() -> alt.X:
    scale = alt.Scale(domainMin=alt.ExprRef("start"), domainMax=alt.ExprRef("end"), nice=False)
    axis = alt.Axis(title=None, labelExpr=_CLOCK, values=alt.ExprRef(_TICKS), grid=False)
    return alt.X("at:Q", scale=scale, axis=axis)


def _durations(*, grid: bool) -> alt.Axis:
    """Return an axis that is labelled at 1, 2 and 5 of each decade, from 10 us to 500 s.

    One that holds fewer than two of these, as in a short run, is labelled in between.
    """
    return alt.Axis(
        labelExpr=theme.SECONDS_LABEL,
        labelOverlap=True,
        values=alt.ExprRef(_DURATIONS),
        grid=grid,
    )


def _whole(stack: Literal["zero", False] = False) -> alt.Y:
    """Return the vertical axis of counts: it has a length, and so a lower end, if all are 0."""
    return alt.Y(
        "value:Q",
        title=None,
        stack=stack,
        axis=alt.Axis(format="~s", tickCount=4, tickMinStep=1),
        scale=alt.Scale(domain=alt.DomainUnionWith(unionWith=[0, 1])),
    )


def _squares() -> alt.Legend:
    return alt.Legend(title=None, orient="top", symbolType="square", symbolSize=90, offset=2)
