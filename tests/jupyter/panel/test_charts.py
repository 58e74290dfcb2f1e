"""The charts compile, and read what the page gives them."""

from __future__ import annotations

import json

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
