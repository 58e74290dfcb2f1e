"""The charts compile, and read what the page gives them."""

from __future__ import annotations

import json
import re

import pytest
import vl_convert

from murmur._session import Observation
from murmur.jupyter.panel import charts, specs


@pytest.mark.parametrize("name", list(specs()))
def test_a_chart_compiles_to_data_sets_and_signals_that_the_page_sets(name):
    compiled = vl_convert.vegalite_to_vega(json.dumps(specs()[name]))

    assert {"rows", "changes"} <= {data["name"] for data in compiled["data"]}
    assert {"start", "end", "width"} <= {signal["name"] for signal in compiled["signals"]}


def test_there_are_rows_for_every_chart():
    assert set(charts(Observation())) - {"span"} == set(specs())


@pytest.mark.parametrize(
    ("start", "end", "labels"),
    [
        (0, 30, ["0:00", "0:10", "0:20", "0:30"]),
        (0, 214, ["0:00", "1:00", "2:00", "3:00"]),
        (45.3, 345.3, ["1:00", "2:00", "3:00", "4:00", "5:00"]),
    ],
)
def test_time_is_labelled_in_whole_steps_at_any_age_of_the_run(start, end, labels):
    spec = specs(["throughput"])["throughput"]
    values = {"start": start, "end": end, "columns": 4}
    params = [{**one, "value": values.get(one["name"], one.get("value"))} for one in spec["params"]]
    rows = {"rows": [{"at": start + 1, "ok": 3, "failed": 0}], "changes": []}
    drawn = vl_convert.vegalite_to_svg({**spec, "params": params, "datasets": rows, "width": 400})

    assert re.findall(r">(\d+:\d\d)<", drawn) == labels


def _labels(name, rows):
    """Return what the vertical axis of a chart says, from below."""
    drawn = vl_convert.vegalite_to_svg(
        {**specs([name])[name], "datasets": {"rows": rows, "changes": []}, "width": 400}
    )
    return re.findall(r">([\d.]+ (?:µs|ms|s))<", drawn)


@pytest.mark.parametrize(
    ("least", "most", "labels"),
    [
        (0.1, 0.1, ["90 ms", "95 ms", "100 ms", "105 ms", "110 ms"]),
        (0.0011, 0.0018, ["1 ms", "1.5 ms", "2 ms"]),
        (0.0011, 0.009, ["1 ms", "2 ms", "5 ms", "10 ms"]),
    ],
)
def test_response_times_are_labelled_however_close_together_they_are(least, most, labels):
    quantiles = {"p50": least, "p90": most, "p99": most, "p999": most}
    rows = [{"at": at, **quantiles, "alone": 0.0} for at in range(3)]

    assert _labels("latency", rows) == labels


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("population", {"running": 0, "waiting": 0, "leaving": 0, "target": 0}),
        ("throughput", {"ok": 0, "failed": 0}),
        ("throttles", {"name": "messages", "asked": 0, "granted": 0}),
    ],
)
def test_nothing_at_all_lies_at_the_foot_of_a_chart(name, row):
    rows = {"rows": [{"at": at, **row} for at in range(3)], "changes": []}
    drawn = vl_convert.vegalite_to_svg({**specs([name])[name], "datasets": rows, "width": 400})

    assert ">1</text>" in drawn


def test_a_heat_map_of_one_band_is_labelled():
    assert len(_labels("heatmap", [{"at": 0, "band": 31, "actions": 5}])) >= 2


def _strokes(rows):
    """Return the paths of lines, and how many dots there are, in the drawing of latency."""
    spec = specs(["latency"])["latency"]
    drawn = vl_convert.vegalite_to_svg({**spec, "datasets": {"rows": rows, "changes": []}})
    dots = re.findall(r'aria-roledescription="point"', drawn)
    return re.findall(r'aria-roledescription="line mark" d="([^"]+)"', drawn), len(dots)


def test_a_line_of_response_times_breaks_where_there_are_none_and_a_lone_one_is_a_dot():
    rows = [
        {"at": at, "p50": p50, "p90": p50, "p99": p50, "p999": p50, "alone": float(at == 5)}
        for at, p50 in enumerate([0.1, 0.1, None, None, None, 0.2, None, 0.1, 0.1])
    ]

    lines, dots = _strokes(rows)

    assert len(lines) == 4
    assert all(line.count("M") == 3 for line in lines)  # to 1 s, the lone one, from 7 s on
    assert dots == 4


def test_a_time_of_nothing_leaves_the_others_where_they_are():
    rows = [
        {"at": at, "p50": p50, "p90": p50, "p99": p50, "p999": p50, "alone": 0.0}
        for at, p50 in enumerate([0.1, 10.0, 0.0])
    ]

    lines, _ = _strokes(rows)

    heights = [float(y) for _, y in re.findall(r"([-\d.]+),([-\d.]+)", lines[0])]
    assert heights[1] < heights[0] < heights[2]
