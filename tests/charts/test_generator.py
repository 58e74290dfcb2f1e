"""The generator's own lag, and the shade of windows in which it was the bottleneck."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest
import vl_convert

from murmur import charts
from murmur.errors import InvalidArgumentError


@pytest.fixture
def health() -> pd.DataFrame:
    """Return ten windows of two nodes; on one of them three are saturated, two in a row."""
    at = np.arange(10.0)
    quiet = pd.DataFrame(
        {
            "window_at": at,
            "loop_lag_p99": 0.001,
            "loop_lag_max": 0.002,
            "schedule_lag": np.nan,
            "saturated": False,
        }
    )
    busy = quiet.assign(saturated=np.isin(at, [3, 4, 7]), loop_lag_p99=0.2)
    return pd.concat([quiet, busy], ignore_index=True)


@pytest.fixture
def population() -> alt.TopLevelMixin:
    frame = pd.DataFrame({"window_at": [0.0, 1.0], "waiting": 0, "running": [1, 6], "leaving": 0})
    return charts.population(frame)


def rows(chart: alt.TopLevelMixin, having: str) -> list[dict[str, Any]]:
    sets = chart.to_dict()["datasets"].values()
    return next(rows for rows in sets if rows and having in rows[0])


def test_windows_in_a_row_are_one_band(population: Any, health: pd.DataFrame) -> None:
    chart = charts.shaded(population, health)

    assert rows(chart, "until") == [{"at": 3.0, "until": 5.0}, {"at": 7.0, "until": 8.0}]
    spec = chart.to_dict()
    assert spec["title"] == {"text": "Users", "subtitle": "shaded: the generator was saturated"}
    assert (spec["width"], spec["height"]) == (560, 240)
    assert spec["config"] == population.to_dict()["config"]


def test_windows_in_which_nothing_is_known_of_the_lag_are_a_gap(health: pd.DataFrame) -> None:
    """The loop was held from 4 to 7 s: nobody measured, and a line would say that all was well."""
    lags = ["loop_lag_p99", "loop_lag_max", "schedule_lag"]
    health.loc[health["window_at"].between(4, 6), lags] = np.nan

    drawn = rows(charts.health(health), "measure")

    assert {row["measure"] for row in drawn} == {"loop, 99th percentile", "loop, longest"}
    assert {row["at"] for row in drawn if row["value"] is None} == {4, 5, 6}


def test_without_saturated_windows_the_chart_stays_as_it_is(
    population: Any, health: pd.DataFrame
) -> None:
    quiet = health.assign(saturated=False)

    for nothing in (None, quiet, quiet.iloc[:0]):
        assert charts.shaded(population, nothing).to_dict() == population.to_dict()


def test_the_worst_node_is_drawn_and_the_limit_is_on_the_axis(health: pd.DataFrame) -> None:
    chart = charts.health(health)
    lags = rows(chart, "measure")

    assert {row["value"] for row in lags if row["measure"] == "loop, 99th percentile"} == {0.2}
    assert {row["measure"] for row in lags} == {"loop, 99th percentile", "loop, longest"}
    assert rows(chart, "until")
    low, high = chart.to_dict()["layer"][1]["layer"][0]["encoding"]["y"]["scale"]["domain"]
    assert low < 0.05 < high


def test_they_render_without_a_complaint(
    population: Any, health: pd.DataFrame, capfd: pytest.CaptureFixture[str]
) -> None:
    for chart in (charts.health(health), charts.shaded(population, health)):
        assert "</svg>" in vl_convert.vegalite_to_svg(chart.to_dict())
    assert capfd.readouterr().err == ""


def test_frames_without_the_columns_are_refused(population: Any, health: pd.DataFrame) -> None:
    with pytest.raises(InvalidArgumentError, match="saturated"):
        charts.health(health.drop(columns="saturated"))
    with pytest.raises(InvalidArgumentError, match="saturated"):
        charts.shaded(population, health.drop(columns="saturated"))


def test_the_legend_lists_the_lags_that_are_drawn(health: pd.DataFrame) -> None:
    legend = charts.health(health).to_dict()["layer"][1]["layer"][1]["encoding"]["color"]["scale"]
    assert legend["domain"] == ["loop, 99th percentile", "loop, longest"]

    known = charts.health(health.assign(schedule_lag=0.01)).to_dict()
    drawn = known["layer"][1]["layer"][1]["encoding"]["color"]["scale"]
    assert drawn["domain"] == ["loop, 99th percentile", "loop, longest", "schedule"]
    assert drawn["range"][:2] == legend["range"]
