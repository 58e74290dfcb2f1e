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
