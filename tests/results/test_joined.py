"""In a long run the oldest seconds are joined; what is asked of a part of it stays true."""

from __future__ import annotations

from pathlib import Path

import pytest

import murmur
from murmur.recording import RunRecord
from murmur.results import Results, compare
from murmur.telemetry import Recorder

SLOW_UNTIL = 15  # in the middle of joined seconds
JOINED_IN_PART = "in part by the percentiles of their windows: older seconds are joined"


@pytest.fixture(scope="module")
def long_run() -> Results:
    """Return a run of 600 s, slow at first, whose record remembers little."""
    record = RunRecord("r1", 0.0, 0.0, histograms_bound=200_000)
    recorder = Recorder(node="n", started_at=0.0, wall_started_at=0.0)
    for second in range(600):
        seconds = 0.8 if second < SLOW_UNTIL else 0.1
        for place in range(20):
            started = second + place / 200
            recorder.action("echo", 1, started, started, started + seconds + place / 1000)
        record.add(recorder.seal())
    return Results(record)


def test_a_part_has_the_count_the_sum_and_the_maximum_of_its_windows(long_run: Results) -> None:
    times = long_run.histogram(name="echo", start=2.0, end=4.0)

    assert times.count == 40
    assert times.sum == pytest.approx(sum(0.8 + place / 1000 for place in range(20)) * 2)
    assert times.max == pytest.approx(0.819)
    assert times.quantile(0.5) == pytest.approx(0.809, rel=0.01)


@pytest.mark.parametrize(("start", "end"), [(0, 14), (3, 17), (14, 16), (15, 600), (7, 599)])
def test_every_part_counts_what_the_frame_counts(long_run: Results, start: int, end: int) -> None:
    windows = long_run.windows
    inside = windows[windows["window_at"].between(start, end, inclusive="left")]

    times = long_run.histogram(name="echo", start=start, end=end)

    assert times.count == inside["count"].sum()
    assert times.max == inside["response_max"].max()


def test_what_is_asked_after_a_moment_knows_nothing_before_it(long_run: Results) -> None:
    (result,) = long_run.check(f"max(echo) < 0.2s after {SLOW_UNTIL + 1}s")

    assert result.holds
    assert result.reason == JOINED_IN_PART


def test_a_check_sees_the_slow_seconds_amid_joined_ones(long_run: Results) -> None:
    (result,) = long_run.check("p50(echo) > 0.7s after 2s before 4s")

    assert result.holds
    assert result.reason == JOINED_IN_PART


def test_every_window_is_judged_by_itself_joined_or_not(long_run: Results) -> None:
    every, most = long_run.check(
        "max(echo) < 0.2s in every 1s window", "max(echo) < 0.2s in 97% of 1s windows"
    )

    # The last slow ones end in the window after they began; the last window is not complete.
    assert not every.holds
    assert every.reason.startswith("held in 584 of 599 windows, ")
    assert every.reason.endswith("older seconds are joined")
    assert most.holds


def test_counts_are_those_of_the_time_that_was_asked_for(long_run: Results) -> None:
    (result,) = long_run.check("count(echo) == 60 after 2s before 5s")

    assert result.holds
    assert result.reason == ""


def test_an_archive_answers_as_the_run_did(long_run: Results, tmp_path: Path) -> None:
    checks = (
        f"max(echo) < 0.2s after {SLOW_UNTIL + 1}s",
        "p99(echo) < 0.2s in every 10s window",
        "p99.5(echo) > 0.7s after 2s before 4s",
    )

    loaded = murmur.load(long_run.save(tmp_path / "run"))

    assert loaded.check(*checks).to_dict() == long_run.check(*checks).to_dict()


def test_a_comparison_leaves_joined_seconds_out_at_both_edges(long_run: Results) -> None:
    frame = compare(long_run, long_run, start=SLOW_UNTIL, end=590).set_index("statistic")

    assert frame.loc["rate", "a"] == pytest.approx(20.0)
    assert frame.loc["response_mean", "a"] < 0.2
