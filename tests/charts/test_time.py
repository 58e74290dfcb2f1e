"""Charts over time: which values they draw, how long runs are joined, what marks changes."""

from __future__ import annotations

import math
import re
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest
import vl_convert

from murmur import charts
from murmur.errors import InvalidArgumentError, MurmurError


def values(chart: alt.TopLevelMixin, having: str) -> list[dict[str, Any]]:
    """Return the rows of the chart's data set that has the field `having`."""
    sets = chart.to_dict()["datasets"].values()
    return next(rows for rows in sets if rows and having in rows[0])


def series(chart: alt.TopLevelMixin, measure: str) -> list[tuple[float, float | None]]:
    rows = values(chart, "measure")
    return [(row["at"], row["value"]) for row in rows if row["measure"] == measure]


def _left_and_width(drawing: str) -> tuple[int, int]:
    """Return where the marks begin in an SVG, and how wide all of it is, in pixels."""
    found = re.search(r'width="(\d+)".*?translate\((\d+)', drawing, re.DOTALL)
    assert found is not None
    return int(found[2]), int(found[1])


@pytest.fixture
def windows() -> pd.DataFrame:
    """Return four seconds of one action; nothing ended in the third."""
    return pd.DataFrame(
        {
            "window_at": [0.0, 1.0, 3.0],
            "name": "echo",
            "count": [10, 8, 4],
            "failed": [0, 3, 4],
            "service_p99": [0.01, 0.02, math.nan],
            "response_p50": [0.01, 0.02, math.nan],
            "response_p95": [0.02, 0.04, math.nan],
            "response_p99": [0.05, 2.0, math.nan],
        }
    )


def test_population_draws_each_state() -> None:
    chart = charts.population(
        pd.DataFrame({"window_at": [0, 1], "waiting": [9, 4], "running": [1, 5], "leaving": [0, 1]})
    )

    assert series(chart, "waiting") == [(0, 9), (1, 4), (2, 4)]
    assert series(chart, "running") == [(0, 1), (1, 5), (2, 5)]
    assert series(chart, "leaving") == [(0, 0), (1, 1), (2, 1)]


@pytest.mark.parametrize(("running", "has_foot"), [(0, True), (3, False)])
def test_nothing_at_all_lies_at_the_foot_of_a_chart(running: int, has_foot: bool) -> None:
    rows = {"window_at": [0, 1, 2], "waiting": 0, "running": running, "leaving": 0}
    drawn = charts.population(pd.DataFrame(rows)).to_json(indent=None)

    assert ('"domain": [0, 1]' in drawn) is has_foot


def test_the_last_step_is_as_wide_as_the_others_and_its_end_has_no_tooltip() -> None:
    frame = pd.DataFrame({"window_at": [2, 4], "waiting": 0, "running": [1, 5], "leaving": 0})
    chart = charts.population(frame)

    assert series(chart, "running") == [(2, 1), (4, 5), (6, 5)]
    _, points = chart.to_dict()["layer"][1]["layer"]
    assert points["transform"] == [{"filter": "(datum.at < 6.0)"}]


def test_throughput_draws_a_window_without_actions_as_zero(windows: pd.DataFrame) -> None:
    chart = charts.throughput(windows)

    assert series(chart, "ok") == [(0, 10), (1, 5), (2, 0), (3, 0), (4, 0)]
    assert series(chart, "failed") == [(0, 0), (1, 3), (2, 0), (3, 4), (4, 4)]


def test_a_run_that_went_on_without_an_action_is_drawn_to_its_end(windows: pd.DataFrame) -> None:
    windows.attrs["elapsed"] = 7.4

    assert series(charts.throughput(windows), "ok")[3:] == [(3, 0), (4, 0), (5, 0), (6, 0), (7, 0)]
    p99 = series(charts.percentiles(windows), "p99")
    assert [at for at, _ in p99] == [0, 1, 2, 3, 4, 5, 6]
    assert [value for _, value in p99[2:]] == [None] * 5


def test_a_long_run_that_stopped_half_way_is_joined_to_spans_of_one_length() -> None:
    frame = pd.DataFrame({"window_at": np.arange(3600.0), "name": "echo", "count": 10, "failed": 0})
    frame.attrs["elapsed"] = 7200.0

    drawn = series(charts.throughput(frame), "ok")

    assert drawn[-1] == (7200, 0)  # the last span is cut at the end of the run
    assert set(np.diff([at for at, _ in drawn[:-1]])) == {drawn[1][0]}
    assert sum(value for at, value in drawn[:-1]) * (drawn[1][0]) == pytest.approx(36_000)


def test_a_window_between_two_holes_is_a_dot_for_no_line_leads_to_it() -> None:
    frame = pd.DataFrame(
        {
            "window_at": [0.0, 1.0, 3.0, 6.0, 7.0],
            "name": "echo",
            "count": 10,
            **{f"response_{short}": 0.01 for short in ("p50", "p95", "p99")},
        }
    )

    rows = values(charts.percentiles(frame), "measure")

    assert {(row["at"], row["alone"]) for row in rows if row["measure"] == "p99"} == {
        (at, at == 3) for at in range(8)
    }
    drawn = vl_convert.vegalite_to_svg(charts.percentiles(frame).to_dict())
    seen = re.findall(r'aria-roledescription="point"[^>]*opacity="1"', drawn)
    assert len(seen) == 3


def test_users_and_permits_end_with_the_run_amid_a_window() -> None:
    users = pd.DataFrame({"window_at": [0.0, 1.0], "waiting": 0, "running": [3, 4], "leaving": 0})
    permits = pd.DataFrame(
        {
            "window_at": [0.0, 1.0],
            "name": "messages",
            "rate": 20.0,
            "interval": 1.0,
            "requested": [20, 15],
            "granted": [20, 15],
        }
    )
    users.attrs["elapsed"] = permits.attrs["elapsed"] = 1.75

    assert series(charts.population(users), "running") == [(0, 3), (1, 4), (1.75, 4)]
    # 15 permits in 0.75 s are 20 a second.
    assert series(charts.throttles(permits), "granted") == [(0, 20), (1, 20), (1.75, 20)]


def test_throughput_is_per_second_whatever_the_window(windows: pd.DataFrame) -> None:
    chart = charts.throughput(windows.assign(window_at=windows["window_at"] * 2))

    assert series(chart, "ok") == [(0, 5), (2, 2.5), (4, 0), (6, 0), (8, 0)]


def test_throughput_of_all_names_is_their_sum(windows: pd.DataFrame) -> None:
    both = pd.concat([windows, windows.assign(name="login")])

    assert series(charts.throughput(both), "ok")[0] == (0, 20)
    assert series(charts.throughput(both, name="login"), "ok")[0] == (0, 10)


def test_percentiles_leave_a_gap_where_nothing_succeeded(windows: pd.DataFrame) -> None:
    chart = charts.percentiles(windows)

    assert series(chart, "p50") == [(0, 0.01), (1, 0.02), (2, None), (3, None)]
    assert series(chart, "p99") == [(0, 0.05), (1, 2.0), (2, None), (3, None)]


def test_percentiles_have_a_logarithmic_axis_labelled_at_round_durations(
    windows: pd.DataFrame,
) -> None:
    y = charts.percentiles(windows).to_dict()["layer"][0]["encoding"]["y"]

    assert y["scale"]["type"] == "log"
    assert y["axis"]["values"] == [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0]


def test_service_and_response_draws_the_statistic_that_was_asked_for(windows: pd.DataFrame) -> None:
    chart = charts.service_and_response(windows)

    assert series(chart, "service")[:2] == [(0, 0.01), (1, 0.02)]
    assert series(chart, "response")[:2] == [(0, 0.05), (1, 2.0)]
    with pytest.raises(InvalidArgumentError, match="service_p50"):
        charts.service_and_response(windows, quantile="p50")


def test_actions_that_never_succeeded_have_no_durations_to_draw(windows: pd.DataFrame) -> None:
    chart = charts.percentiles(windows[windows["failed"] == 4])

    assert values(chart, "text") == [{"text": "No action has succeeded yet."}]


def test_a_duration_of_zero_finds_a_place_on_the_logarithmic_axis(windows: pd.DataFrame) -> None:
    chart = charts.percentiles(windows.assign(response_p50=0.0))

    assert series(chart, "p50")[0] == (0, 1e-6)


def test_colours_tell_names_apart_and_dashes_measures(windows: pd.DataFrame) -> None:
    both = pd.concat([windows, windows.assign(name="login")])
    encoding = charts.percentiles(both).to_dict()["layer"][0]["encoding"]

    assert encoding["color"]["field"] == "name"
    assert encoding["color"]["scale"]["domain"] == ["echo", "login"]
    assert encoding["strokeDash"]["field"] == "measure"


def test_only_the_most_frequent_names_are_drawn(windows: pd.DataFrame) -> None:
    many = pd.concat([windows.assign(name=f"a{i}", count=windows["count"] + i) for i in range(9)])
    rows = values(charts.percentiles(many), "measure")

    assert {row["name"] for row in rows} == {"a3", "a4", "a5", "a6", "a7", "a8"}


def test_throttles_are_drawn_per_second_and_nodes_added_up() -> None:
    node = pd.DataFrame(
        {
            "window_at": [0, 1],
            "name": "messages",
            "rate": [120.0, math.inf],
            "interval": 60.0,
            "requested": [5, 2],
            "granted": [2, 2],
        }
    )
    chart = charts.throttles(pd.concat([node, node]))

    assert series(chart, "asked") == [(0, 10), (1, 4), (2, 4)]
    assert series(chart, "granted") == [(0, 4), (1, 4), (2, 4)]
    # Unlocked: there is no line to draw.
    assert series(chart, "rate") == [(0, 4), (1, None), (2, None)]


def test_a_limit_has_no_rate_to_draw_and_takes_that_of_no_other_node() -> None:
    node = {"window_at": [0, 1], "name": "doors", "requested": 2, "granted": 1}
    limit = pd.DataFrame({**node, "rate": math.nan, "interval": math.nan})
    paced = pd.DataFrame({**node, "rate": 5.0, "interval": 1.0})
    chart = charts.throttles(pd.concat([limit, paced]))

    assert {value for _, value in series(chart, "rate")} == {None}
    assert series(chart, "granted") == [(0, 2), (1, 2), (2, 2)]
    assert {value for _, value in series(charts.throttles(limit), "rate")} == {None}


@pytest.mark.parametrize("seconds", [4_999, 100_000])
def test_a_long_run_is_joined_to_spans_and_says_so(seconds: int) -> None:
    at = np.arange(seconds, dtype=float)
    spike = np.where(at == 4_321, 9.0, 0.1)
    frame = pd.DataFrame({"window_at": at, "name": "echo", "count": 7, "failed": 0})
    for quantile in ("p50", "p95", "p99"):
        frame[f"response_{quantile}"] = spike
    throughput, latency = charts.throughput(frame), charts.percentiles(frame)

    for chart in (throughput, latency):
        assert len(values(chart, "measure")) <= 3 * 600
    assert max(value for _, value in series(latency, "p99")) == 9.0
    assert latency.to_dict()["title"]["subtitle"].startswith("each point is the worst of")
    rates = [value for _, value in series(throughput, "ok")]
    assert rates[:-2] == pytest.approx([7.0] * (len(rates) - 2))  # the last span is not full


def test_rules_mark_the_changes(windows: pd.DataFrame) -> None:
    changes = pd.DataFrame(
        {"at": [1.5], "who": ["panel"], "what": ["pace"], "old": ["1.0"], "new": ["0.5"]}
    )

    for draw in (charts.throughput, charts.percentiles, charts.service_and_response):
        chart = draw(windows, changes=changes)
        assert values(chart, "who") == [
            {
                "at": 1.5,
                "who": "panel",
                "what": "pace",
                "old": "1.0",
                "new": "0.5",
                "label": "pace → 0.5",
            }
        ]
        marks = [layer.get("mark", {}).get("type") for layer in chart.to_dict()["layer"]]
        assert "rule" in marks


def test_labels_of_changes_leave_out_that_it_was_a_throttle(windows: pd.DataFrame) -> None:
    changes = pd.DataFrame(
        {
            "at": [1.0, 2.0],
            "who": "session",
            "what": ["throttle messages", "throttle of " + "x" * 50],
            "old": "50 per 1 s",
            "new": "ramp 50 to 200/1 s over 60 s",
        }
    )
    rows = values(charts.throughput(windows, changes=changes), "who")

    assert [row["what"] for row in rows] == changes["what"].tolist()
    assert rows[0]["label"] == "messages → ramp 50 to 200/1 s over 60 s"
    assert rows[1]["label"] == "of " + "x" * 38 + "…"


def test_labels_of_close_changes_never_lie_on_each_other(windows: pd.DataFrame) -> None:
    until = float(windows["window_at"].max()) + 1
    at = [0.5, 0.5 + 0.001 * until, 0.5 + 0.02 * until, 0.5 + 0.4 * until]
    changes = pd.DataFrame(
        {"at": at, "who": "panel", "what": "pace", "old": "1", "new": ["2", "3", "4", "5"]}
    )
    chart = charts.throughput(windows, changes=changes).to_dict()
    labelled = [rows for rows in chart["datasets"].values() if "label" in rows[0]][-1]

    assert [row["label"] for row in labelled] == ["pace → 2 (+2)", "pace → 5"]
    rules = max(chart["datasets"].values(), key=lambda rows: len(rows) * ("who" in rows[0]))
    assert len(rules) == 4  # each change keeps its rule and its tooltip


def test_of_many_actions_one_percentile_is_drawn_and_every_name_is_in_the_legend() -> None:
    names = [f"step {number} of a purchase" for number in range(6)]
    frame = pd.DataFrame(
        [
            {
                "window_at": at,
                "name": name,
                "count": 9,
                **{f"response_{p}": 0.01 + at for p in ("p50", "p95", "p99")},
            }
            for at in (0.0, 1.0)
            for name in names
        ]
    )
    chart = charts.percentiles(frame)

    assert {row["measure"] for row in values(chart, "measure")} == {"p99"}
    assert "p99 of each" in chart.to_dict()["title"]["subtitle"]
    drawing = vl_convert.vegalite_to_svg(chart.to_dict())
    assert all(f">{name}</text>" in drawing for name in names)
    left, width = _left_and_width(drawing)
    assert width <= left + 560 + 10  # nothing hangs over the side


def test_charts_of_one_run_begin_at_0_at_the_same_place(windows: pd.DataFrame) -> None:
    late = windows.assign(window_at=windows["window_at"] + 30, count=windows["count"] * 1_000)
    drawings = [
        vl_convert.vegalite_to_svg(chart.to_dict())
        for chart in (charts.throughput(late), charts.percentiles(windows))
    ]

    assert len({_left_and_width(drawing)[0] for drawing in drawings}) == 1
    for drawing in drawings:
        labels = drawing[drawing.index("role-axis-label") :]
        assert float(re.findall(r">([^<>]+)</text>", labels)[0]) == 0


def test_no_changes_draw_no_rule(windows: pd.DataFrame) -> None:
    none = pd.DataFrame(columns=["at", "who", "what", "old", "new"])

    assert charts.throughput(windows, changes=none).to_dict() == (
        charts.throughput(windows).to_dict()
    )


def test_a_frame_that_lacks_columns_is_refused_by_their_names() -> None:
    frame = pd.DataFrame({"window_at": [0.0], "name": ["echo"]})

    with pytest.raises(InvalidArgumentError) as caught:
        charts.throughput(frame)

    assert isinstance(caught.value, MurmurError)
    assert str(caught.value) == (
        "charts.throughput needs the columns count, failed: give a frame that has them "
        "(its columns: window_at, name)"
    )


def test_many_series_share_the_bound_on_rows() -> None:
    at = np.arange(3_000, dtype=float)
    frame = pd.concat(
        [pd.DataFrame({"window_at": at, "name": f"a{number}", "count": 1}) for number in range(6)]
    )
    for quantile in ("p50", "p95", "p99"):
        frame[f"response_{quantile}"] = 0.1

    assert len(values(charts.percentiles(frame), "measure")) <= 5_000


def test_the_end_of_a_run_is_no_change_to_mark(windows: pd.DataFrame) -> None:
    end = {"at": 3.0, "who": "session", "what": "the run", "old": "running", "new": "duration"}
    pace = {"at": 1.0, "who": "session", "what": "pace", "old": "1.0", "new": "0.5"}

    both = charts.throughput(windows, changes=pd.DataFrame([pace, end]))
    alone = charts.throughput(windows, changes=pd.DataFrame([end]))
    assert {row["what"] for row in values(both, "who")} == {"pace"}
    assert alone.to_dict() == charts.throughput(windows).to_dict()


def test_the_last_second_of_a_run_that_ended_amid_it_is_no_fall() -> None:
    """Steady 100 a second for 2.5 s: the last window holds 50, in half a second."""
    windows = pd.DataFrame(
        {"window_at": [0.0, 1.0, 2.0], "name": "op", "count": [100, 100, 50], "failed": 0}
    )
    whole, cut = windows, windows.assign(rate=100.0)
    moments = windows.assign(count=[100, 100, 3], rate=[100.0, 100.0, 6.0])  # of 0.03 s

    assert ok_at_the_end(whole) == 50
    assert ok_at_the_end(cut) == 100
    assert ok_at_the_end(moments) == 100


def test_the_last_span_of_joined_windows_is_no_fall() -> None:
    windows = pd.DataFrame(
        {"window_at": np.arange(1_799.0), "name": "op", "count": 100, "failed": 0, "rate": 100.0}
    )

    assert ok_at_the_end(windows) == pytest.approx(100)


def ok_at_the_end(windows: pd.DataFrame) -> float:
    (*_, (_, value)) = series(charts.throughput(windows), "ok")
    assert value is not None
    return value
