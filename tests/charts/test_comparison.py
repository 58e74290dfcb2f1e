"""The charts of what changed: a row for each statistic, its interval, and which way it went."""

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


def rows_with(chart: Any, column: str) -> list[dict[str, Any]]:
    """Return the rows of the first layer that has some with `column`."""
    sets = chart.to_dict()["datasets"].values()
    return next(rows for rows in sets if rows and rows[0].get(column))


def points(chart: Any) -> list[dict[str, Any]]:
    return [row for row in rows_with(chart, "label") if not row["words"]]


def words(chart: Any) -> dict[str, str]:
    """Return the words that stand where there is no interval, by the label of their row."""
    return {row["label"].lstrip("0123456789"): row["words"] for row in rows_with(chart, "words")}


def row_labels(chart: Any) -> list[str]:
    domain = chart.to_dict()["layer"][1]["encoding"]["y"]["scale"]["domain"]
    return [label.lstrip("0123456789") for label in domain]


def test_every_statistic_has_a_row(frame: pd.DataFrame) -> None:
    chart = charts.comparison(frame)

    assert row_labels(chart) == [
        "echo  rate",
        "echo  response p99",
        "login  failed",
        "login  response p99",
    ]
    assert len(points(chart)) == 3
    assert chart.to_dict()["height"] == 80


def test_failures_where_there_were_none_are_written_out(frame: pd.DataFrame) -> None:
    """No factor leads from 0 to a tenth, and yet it is what matters most."""
    assert words(charts.comparison(frame)) == {"login  failed": "0 % → 10 %"}

    frame.loc[2, ["b", "outcome"]] = [0.0, "unclear"]
    assert words(charts.comparison(frame)) == {"login  failed": "0 % in both"}

    frame.loc[2, "outcome"] = "too little"  # none of a few is no 0 %
    assert words(charts.comparison(frame)) == {"login  failed": "too little"}


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


def test_without_rows_there_is_a_sentence(frame: pd.DataFrame) -> None:
    (text,) = charts.comparison(frame.iloc[:0]).to_dict()["datasets"].values()

    assert text[0]["text"] == "Nothing to compare."


def test_rows_without_any_factor_are_drawn(
    frame: pd.DataFrame, capfd: pytest.CaptureFixture[str]
) -> None:
    assert "0 % → 10 %" in vl_convert.vegalite_to_svg(charts.comparison(frame[2:3]).to_dict())
    assert capfd.readouterr().err == ""


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


@pytest.fixture
def told() -> pd.DataFrame:
    """Tell of an action that one change made slow, and the next one stopped."""
    nothing = math.nan
    return pd.DataFrame(
        {
            "at": [20.5, 20.5, 40.0, 40.0],
            "what": "pace",
            "old": ["1.0", "1.0", "0.5", "0.5"],
            "new": ["0.5", "0.5", "0.0", "0.0"],
            "name": pd.Categorical(["order"] * 4),
            "statistic": ["rate", "response_p99"] * 2,
            "unit": ["1/s", "s"] * 2,
            "before": [30.0, 0.1, 30.0, 0.2],
            "after": [30.0, 0.2, 0.0, nothing],
            "ratio": [1.0, 2.0, 0.0, nothing],
            "ratio_low": [1.0, 1.9, nothing, nothing],
            "ratio_high": [1.0, 2.1, nothing, nothing],
            "outcome": pd.Categorical(["unclear", "higher", "stopped", "too short to tell"]),
        }
    )


def test_each_change_stands_above_what_it_did(told: pd.DataFrame) -> None:
    chart = charts.effects(told)

    assert row_labels(chart) == ["", "order  rate", "order  response p99"] * 2
    assert [row["heading"] for row in rows_with(chart, "heading")] == [
        "20 s: pace 1.0 → 0.5",
        "40 s: pace 0.5 → 0.0",
    ]
    assert [(row["outcome"], row["ratio"]) for row in points(chart)] == [
        ("unclear", 1.0),
        ("higher", 2.0),
    ]


def test_too_short_to_tell_is_a_word_and_no_point_beside_no_effect(told: pd.DataFrame) -> None:
    assert words(charts.effects(told)) == {
        "order  rate": "stopped",
        "order  response p99": "too short to tell",
    }

    told.loc[3, ["after", "ratio"]] = [0.2, 1.0]  # a factor that nobody can be sure of
    assert words(charts.effects(told))["order  response p99"] == "too short to tell"


def test_changes_of_one_moment_share_a_heading(told: pd.DataFrame) -> None:
    other = told[:2].assign(what="size", old="1", new="3")
    chart = charts.effects(pd.concat([told[:2], other], ignore_index=True))

    (heading,) = rows_with(chart, "heading")
    assert heading["heading"] == "20 s: pace 1.0 → 0.5, size 1 → 3"
    assert len(row_labels(chart)) == 3


def test_of_many_changes_the_newest_are_drawn(told: pd.DataFrame) -> None:
    many = pd.concat([told[:2].assign(at=float(at)) for at in range(60)], ignore_index=True)
    spec = charts.effects(many).to_dict()

    assert spec["title"]["subtitle"] == "the newest 26 of 60 changes"  # of three rows each
    assert len(row_labels(charts.effects(many))) == 78


def test_one_action_and_one_statistic_can_be_chosen(told: pd.DataFrame) -> None:
    chart = charts.effects(told, name="order", statistic="rate")

    assert row_labels(chart) == ["", "order  rate"] * 2
    (text,) = charts.effects(told, name="pay").to_dict()["datasets"].values()
    assert text[0]["text"].startswith("No live changes")


def test_effects_render_without_a_complaint(
    told: pd.DataFrame, capfd: pytest.CaptureFixture[str]
) -> None:
    assert "too short to tell" in vl_convert.vegalite_to_svg(charts.effects(told).to_dict())
    vl_convert.vegalite_to_svg(charts.effects(told[2:]).to_dict())  # none has a factor
    assert capfd.readouterr().err == ""
    with pytest.raises(InvalidArgumentError, match="ratio"):
        charts.effects(told.drop(columns="ratio"))
