"""In a long run the oldest seconds are joined; what is asked of a part of it stays true."""

from __future__ import annotations

from pathlib import Path

import pytest

import murmur
from murmur.recording import RunRecord
from murmur.results import Results, compare
from murmur.telemetry import Recorder

SLOW_UNTIL = 15  # in the middle of joined seconds


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


@pytest.fixture(scope="module")
def edge(long_run: Results) -> float:
    """Return where the joined seconds end in which the slow ones are."""
    edge, _ = long_run._source.whole(SLOW_UNTIL, 1e9)
    assert edge > SLOW_UNTIL
    return edge


def test_what_is_asked_after_a_moment_counts_nothing_before_it(
    long_run: Results, edge: float
) -> None:
    times = long_run.histogram(name="echo", start=SLOW_UNTIL)

    assert times.max < 0.2
    assert times.count == 20 * (600 - edge)


def test_what_is_asked_before_a_moment_counts_nothing_after_it(
    long_run: Results, edge: float
) -> None:
    times = long_run.histogram(name="echo", end=edge + 1)

    assert times.count <= 20 * (edge + 1)
    assert times.count % 20 == 0
    assert long_run.histogram(name="echo", start=2.0, end=4.0).count == 0


def test_a_check_says_from_where_on_it_looked(long_run: Results, edge: float) -> None:
    (result,) = long_run.check(f"max(echo) < 0.2s after {SLOW_UNTIL}s")

    assert result.holds
    assert result.reason == f"from {edge:g} s on: older seconds are joined"


def test_a_check_within_joined_seconds_is_not_known(long_run: Results) -> None:
    (result,) = long_run.check("p99(echo) < 5s after 2s before 4s")

    assert not result.holds
    assert result.reason == "older seconds are joined with those around them"


def test_windows_that_are_joined_are_left_out_and_told(long_run: Results) -> None:
    (result,) = long_run.check(f"max(echo) < 0.2s in every 1s window after {SLOW_UNTIL}s")

    assert result.holds
    assert "left out: older seconds are joined" in result.reason


def test_counts_are_those_of_the_time_that_was_asked_for(long_run: Results) -> None:
    (result,) = long_run.check(f"count(echo) == {20 * (600 - SLOW_UNTIL)} after {SLOW_UNTIL}s")

    assert result.holds
    assert result.reason == ""


def test_an_archive_judges_alike_from_the_moment_that_was_asked_for(
    long_run: Results, tmp_path: Path
) -> None:
    loaded = murmur.load(long_run.save(tmp_path / "run"))
    (result,) = loaded.check(f"max(echo) < 0.2s after {SLOW_UNTIL}s")

    assert result.holds
    assert result.reason == ""


def test_a_comparison_leaves_joined_seconds_out_at_both_edges(
    long_run: Results, edge: float
) -> None:
    frame = compare(long_run, long_run, start=SLOW_UNTIL, end=590).set_index("statistic")

    assert frame.loc["rate", "a"] == pytest.approx(20.0)
    assert frame.loc["response_mean", "a"] < 0.2
