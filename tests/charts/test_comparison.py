"""The chart of a comparison: a row for each statistic, its interval, and which way it went."""

from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd
import pytest
import vl_convert

from murmur import charts
from murmur.errors import InvalidArgumentError


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": ["echo", "echo", "login", "login"],
            "statistic": ["rate", "response_p99", "failed", "response_p99"],
            "unit": ["1/s", "s", "share", "s"],
            "a": [100.0, 0.010, 0.0, 0.2],
            "b": [101.0, 0.020, 0.1, 0.1],
            "ratio": [1.01, 2.0, math.nan, 0.5],
            "ratio_low": [0.99, 1.5, math.nan, math.nan],
            "ratio_high": [1.03, 3.0, math.nan, math.nan],
            "outcome": ["unclear", "higher", "higher", "too little"],
        }
    )


def points(chart: Any) -> list[dict[str, Any]]:
    sets = chart.to_dict()["datasets"].values()
    return next(rows for rows in sets if "label" in rows[0])


def test_every_statistic_with_a_factor_has_a_row(frame: pd.DataFrame) -> None:
    chart = charts.comparison(frame)

    assert [row["label"] for row in points(chart)] == [
        "echo  rate",
        "echo  response p99",
        "login  response p99",
    ]
    assert chart.to_dict()["title"]["subtitle"] == "3 of 4 rows have a factor"
    assert chart.to_dict()["height"] == 60


def test_one_is_in_the_middle_and_both_ends_of_the_widest_interval_fit(
    frame: pd.DataFrame,
) -> None:
    low, high = charts.comparison(frame).to_dict()["layer"][0]["encoding"]["x"]["scale"]["domain"]

    assert low * high == pytest.approx(1.0)
    assert high > 3.0


def test_it_renders_without_a_complaint(
    frame: pd.DataFrame, capfd: pytest.CaptureFixture[str]
) -> None:
    assert "+50%" in vl_convert.vegalite_to_svg(charts.comparison(frame).to_dict())
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("rows", [slice(0, 0), slice(2, 3)])
def test_without_a_factor_there_is_a_sentence(frame: pd.DataFrame, rows: slice) -> None:
    (text,) = charts.comparison(frame.iloc[rows]).to_dict()["datasets"].values()

    assert text[0]["text"].endswith(".")


def test_one_action_can_be_chosen(frame: pd.DataFrame) -> None:
    chart = charts.comparison(frame, name="login")

    assert [row["label"] for row in points(chart)] == ["response p99"]


def test_a_frame_without_the_columns_is_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(InvalidArgumentError, match="ratio"):
        charts.comparison(frame.drop(columns="ratio"))


def test_an_interval_without_an_upper_end_goes_to_the_edge(frame: pd.DataFrame) -> None:
    frame.loc[1, "ratio_high"] = math.inf
    chart = charts.comparison(frame)
    row = points(chart)[1]

    assert row["line_end"] == chart.to_dict()["layer"][0]["encoding"]["x"]["scale"]["domain"][1]
    assert row["ratio_high"] is None
    assert "Infinity" not in json.dumps(chart.to_dict())
    vl_convert.vegalite_to_svg(chart.to_dict())


def test_one_wide_interval_leaves_room_for_the_others() -> None:
    """That of a few failures goes to the edge, and its tooltip says how far it is."""
    frame = pd.DataFrame(
        {
            "name": "echo",
            "statistic": ["response_mean", "response_p50", "failed"],
            "unit": ["s", "s", "share"],
            "a": [0.1, 0.1, 0.002],
            "b": [0.11, 0.11, 0.002],
            "ratio": [1.1, 1.1, 1.0],
            "ratio_low": [1.05, 1.05, 0.02],
            "ratio_high": [1.15, 1.15, 50.0],
            "outcome": ["higher", "higher", "unclear"],
        }
    )
    chart = charts.comparison(frame).to_dict()

    low, high = chart["layer"][0]["encoding"]["x"]["scale"]["domain"]
    (failed,) = (
        row
        for rows in chart["datasets"].values()
        for row in rows
        if row.get("statistic") == "failed"
    )
    assert 1.15 < high < 3
    assert (failed["line_start"], failed["line_end"]) == (low, high)
    assert (failed["ratio_low"], failed["ratio_high"]) == (0.02, 50.0)
