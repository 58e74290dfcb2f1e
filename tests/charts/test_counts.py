"""What became of users, and of actions that failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest
import vl_convert

from murmur import charts
from murmur.errors import InvalidArgumentError


def values(chart: alt.TopLevelMixin, having: str) -> list[dict[str, Any]]:
    """Return the rows of the chart's data set that has the field `having`."""
    sets = chart.to_dict()["datasets"].values()
    return next(rows for rows in sets if rows and having in rows[0])


@pytest.fixture
def users() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "user_id": [1, 2, 3, 4],
            "outcome": ["finished", "failed", "dropped", None],
            "started_at": [0.0, 0.5, np.nan, 1.0],
            "duration": [3.0, 2.0, np.nan, np.nan],
        }
    )


def test_users_that_ended_are_points(users: pd.DataFrame) -> None:
    assert values(charts.users(users), "user_id") == [
        {"user_id": 1, "outcome": "finished", "at": 0.0, "duration": 3.0},
        {"user_id": 2, "outcome": "failed", "at": 0.5, "duration": 2.0},
    ]


def test_users_are_drawn_over_the_whole_run(users: pd.DataFrame) -> None:
    users.attrs["elapsed"] = 60.0

    assert charts.users(users).to_dict()["encoding"]["x"]["scale"]["domainMax"] == 60.0


def test_colour_and_shape_tell_the_outcomes_apart(users: pd.DataFrame) -> None:
    encoding = charts.users(users).to_dict()["encoding"]

    for channel in ("color", "shape"):
        assert encoding[channel]["field"] == "outcome"
        assert encoding[channel]["scale"]["domain"] == ["finished", "failed"]


def test_many_users_are_thinned_out_and_rare_outcomes_kept() -> None:
    number = 50_000
    outcome = np.where(np.arange(number) % 10_000 == 0, "killed", "finished")
    frame = pd.DataFrame(
        {
            "user_id": np.arange(1, number + 1),
            "outcome": outcome,
            "started_at": np.arange(number) / 100,
            "duration": 1.0,
        }
    )
    chart = charts.users(frame)
    rows = values(chart, "user_id")

    assert len(rows) == 1_200
    assert sum(row["outcome"] == "killed" for row in rows) == 5
    assert (rows[0]["user_id"], rows[-1]["user_id"]) == (1, number)
    assert chart.to_dict()["title"]["subtitle"] == "1,200 of 50,000 users"


def test_five_thousand_users_are_drawn_in_less_than_300_kb() -> None:
    at = np.random.default_rng(1).random((2, 5_000)) * 60
    frame = pd.DataFrame(
        {"user_id": range(5_000), "outcome": "left", "started_at": at[0], "duration": at[1]}
    )
    chart = charts.users(frame)

    assert len(vl_convert.vegalite_to_svg(chart.to_dict())) < 300_000  # what a notebook keeps
    assert len(chart.to_json()) < 300_000


def test_outcomes_count_every_user_also_those_still_here(users: pd.DataFrame) -> None:
    assert values(charts.outcomes(users), "users") == [
        {"outcome": "finished", "users": 1},
        {"outcome": "failed", "users": 1},
        {"outcome": "dropped", "users": 1},
        {"outcome": "here", "users": 1},
    ]


def test_the_most_frequent_error_comes_first() -> None:
    frame = pd.DataFrame({"name": "login", "error": ["A", "B", "C"], "count": [2, 9, 5]})
    chart = charts.errors(frame)

    assert [row["label"] for row in values(chart, "label")] == ["login: B", "login: C", "login: A"]
    assert chart.to_dict()["layer"][0]["encoding"]["y"]["sort"] == [
        "login: B",
        "login: C",
        "login: A",
    ]


def test_of_many_errors_the_twenty_most_frequent_are_drawn() -> None:
    frame = pd.DataFrame(
        {"name": "login", "error": [f"E{i}" for i in range(30)], "count": range(30)}
    )
    chart = charts.errors(frame)

    assert len(values(chart, "label")) == 20
    assert chart.to_dict()["title"]["subtitle"] == "the 20 most frequent of 30 kinds"


@pytest.mark.parametrize("draw", [charts.users, charts.outcomes, charts.errors])
def test_a_frame_of_something_else_is_refused(draw: Callable[..., alt.TopLevelMixin]) -> None:
    with pytest.raises(InvalidArgumentError, match="its columns: something"):
        draw(pd.DataFrame({"something": [1]}))
