"""How durations spread: cells of the heat map, steps of the distribution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest

from murmur import charts
from murmur.errors import InvalidArgumentError


def values(chart: alt.TopLevelMixin, having: str) -> list[dict[str, Any]]:
    """Return the rows of the chart's data set that has the field `having`."""
    sets = chart.to_dict()["datasets"].values()
    return next(rows for rows in sets if rows and having in rows[0])


@pytest.fixture
def actions() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": ["echo", "echo", "echo", "login"],
            "started_at": [0.0, 0.0, 9.0, 9.0],
            "service_time": [0.1, 0.1, 1.0, 1.0],
            "response_time": [0.1, 0.1, 1.0, 10.0],
            "ok": [True, True, True, False],
        }
    )


def test_a_cell_counts_the_successful_actions_that_ended_in_it(actions: pd.DataFrame) -> None:
    fast, slow = values(charts.heatmap(actions), "actions")

    assert (fast["actions"], slow["actions"]) == (2, 1)
    assert fast["from"] <= 0.1 <= fast["to"]
    assert fast["at"] <= 0.1 <= fast["until"]
    assert slow["from"] <= 1.0 <= slow["to"]
    assert slow["at"] <= 10.0 <= slow["until"]


def test_every_action_of_many_is_in_one_of_at_most_4000_cells() -> None:
    random = np.random.default_rng(1)
    many = pd.DataFrame(
        {
            "name": "echo",
            "started_at": random.uniform(0, 3600, 50_000),
            "service_time": 0.0,
            "response_time": random.lognormal(-3, 2, 50_000),
            "ok": True,
        }
    )
    cells = values(charts.heatmap(many), "actions")

    assert len(cells) <= 4_000
    assert sum(cell["actions"] for cell in cells) == 50_000


def test_windows_make_a_heat_map_of_names() -> None:
    windows = pd.DataFrame(
        {"window_at": [0.0, 2.0], "name": "echo", "count": 5, "response_p95": [0.5, 2.0]}
    )
    cells = values(charts.heatmap(windows), "until")

    assert [(cell["at"], cell["until"], cell["value"]) for cell in cells] == [
        (0.0, 2.0, 0.5),
        (2.0, 4.0, 2.0),
    ]


def test_a_heat_map_goes_on_to_the_end_of_its_run(actions: pd.DataFrame) -> None:
    """Of 60 s, the last 50 were silent: a chart that ends at 10 s would hide it."""
    actions.attrs["elapsed"] = 60.0
    chart = charts.heatmap(actions)
    cells = values(chart, "actions")

    assert chart.to_dict()["encoding"]["x"]["scale"]["domainMax"] == 60.0
    assert cells[0]["until"] - cells[0]["at"] == pytest.approx((60.0 - 0.1) / 100)
    assert max(cell["until"] for cell in cells) < 11

    windows = pd.DataFrame({"window_at": [0.0, 2.0], "name": "e", "count": 5, "response_p95": 0.5})
    windows.attrs["elapsed"] = 60.0
    assert charts.heatmap(windows).to_dict()["encoding"]["x"]["scale"]["domainMax"] == 60.0


def test_the_distribution_rises_to_one_and_ends_at_the_slowest(actions: pd.DataFrame) -> None:
    steps = values(charts.distribution(actions), "share")
    shares = [step["share"] for step in steps]

    assert {step["name"] for step in steps} == {"echo"}  # the login failed
    assert shares == sorted(shares)
    assert (steps[0]["value"], steps[-1]["value"]) == (0.1, 1.0)
    assert max(step["share"] for step in steps if step["value"] == 0.1) == pytest.approx(
        2 / 3, 0.01
    )


def test_the_distribution_of_service_times_reads_those(actions: pd.DataFrame) -> None:
    steps = values(charts.distribution(actions.assign(service_time=2.0), of="service"), "share")

    assert {step["value"] for step in steps} == {2.0}


@pytest.mark.parametrize("draw", [charts.heatmap, charts.distribution])
def test_an_action_can_be_chosen_by_name(
    draw: Callable[..., alt.TopLevelMixin], actions: pd.DataFrame
) -> None:
    assert values(draw(actions, name="login"), "text") == [{"text": "No actions yet."}]


@pytest.mark.parametrize("draw", [charts.heatmap, charts.distribution])
def test_a_frame_without_durations_is_refused(draw: Callable[..., alt.TopLevelMixin]) -> None:
    with pytest.raises(InvalidArgumentError, match="response_time"):
        draw(pd.DataFrame({"name": ["echo"], "started_at": [0.0], "ok": [True]}))
