"""Chart of a search for capacity: what its lines join, and what marks the limit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from murmur import charts
from murmur.errors import InvalidArgumentError

STEPS = pd.DataFrame(
    {
        "load": [10.0, 20.0, 40.0, 20.0, 80.0],
        "answer": ["holds", "holds", "no answer", "fails", "fails"],
        "p50": [0.01, 0.02, 9.0, 0.04, np.nan],
        "p99": [0.02, 0.04, 9.0, 0.40, np.nan],
        "throughput": [10.0, 20.0, 3.0, 18.0, 20.0],
        "goodput": [10.0, 20.0, 3.0, 9.0, 0.0],
        "failed": [0.0, 0.0, 0.0, 0.0, 1.0],
    }
)


def panels(steps: pd.DataFrame, **options: Any) -> list[list[tuple[dict[str, Any], Any]]]:
    """Return each layer of the three panels: what it is, and its rows."""
    chart = charts.capacity(steps, low=14.0, high=22.0, unit="users", **options).to_dict()
    sets = chart["datasets"]
    return [
        [(layer, sets[layer["data"]["name"]]) for layer in panel["layer"]]
        for panel in chart["concat"]
    ]


def line(panel: Any, what: str) -> list[tuple[float, float]]:
    (rows,) = (rows for layer, rows in panel if layer["mark"]["type"] == "line")
    return [(row["load"], row["value"]) for row in rows if row["what"] == what]


def test_lines_join_the_means_of_steps_with_an_answer() -> None:
    times, rates, failed = panels(STEPS)

    assert line(times, "p50") == [(10.0, 0.01), (20.0, pytest.approx(0.03))]
    assert line(rates, "goodput") == [(10.0, 10.0), (20.0, 14.5), (80.0, 0.0)]
    assert line(failed, "failed") == [(10.0, 0.0), (20.0, 0.0), (80.0, 1.0)]


def test_a_step_that_took_no_time_is_drawn_at_the_shortest() -> None:
    times, *_ = panels(STEPS.assign(p50=[0.0, 0.0, 9.0, 0.0, np.nan]))

    assert line(times, "p50") == [(10.0, 1e-6), (20.0, 1e-6)]


def test_every_step_is_a_point() -> None:
    _, rates, _ = panels(STEPS)
    (points,) = (rows for layer, rows in rates if layer["mark"]["type"] == "point")

    assert [row["answer"] for row in points if row["what"] == "goodput"] == list(STEPS["answer"])


@pytest.mark.parametrize(("options", "drawn"), [({}, []), ({"limit": 0.2}, [{"value": 0.2}])])
def test_what_the_check_asks_for_is_a_rule(options: dict[str, float], drawn: list[Any]) -> None:
    times, *_ = panels(STEPS, **options)

    assert [rows[0] for layer, rows in times if layer["mark"]["type"] == "rule"] == drawn


@pytest.mark.parametrize(("failed", "top"), [(0.0, 0.01), (np.nan, 0.01), (0.4, 0.4)])
def test_the_axis_of_failures_begins_at_none_and_has_room(failed: float, top: float) -> None:
    chart = charts.capacity(STEPS.assign(failed=failed), low=14.0, high=22.0).to_dict()
    *_, last = chart["concat"]

    scales = [
        layer["encoding"]["y"]["scale"] for layer in last["layer"] if "y" in layer["encoding"]
    ]
    assert [scale["domain"] for scale in scales] == [[0, top], [0, top]]


def test_no_steps_and_frames_without_their_columns_are_said() -> None:
    assert "No steps yet" in str(charts.capacity(STEPS[:0], low=1, high=2).to_dict())
    with pytest.raises(InvalidArgumentError, match="goodput"):
        charts.capacity(STEPS.drop(columns="goodput"), low=1, high=2)
