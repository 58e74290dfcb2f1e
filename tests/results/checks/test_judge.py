"""What checks come to on runs whose numbers are known."""

from __future__ import annotations

import math

import pytest

import murmur
from murmur.recording import RunRecord
from murmur.results import Results, parse_check
from murmur.telemetry import Recorder


def judged(results: Results, text: str) -> tuple[bool, float, str]:
    result = results.check(text)[0]
    return result.holds, result.value, result.reason


@pytest.fixture
def run() -> Results:
    """Thirty seconds of one echo each: 0.1 s, but 0.4 s from 10 s on and no echo from 20 s on.

    In the seconds 20 to 29 a login fails.  The run ends at 30 s.
    """
    record = RunRecord("r2", 0.0, 1_700_000_000.0)
    node = Recorder(node="n1", started_at=0.0, wall_started_at=1_700_000_000.0, now=lambda: 30.0)
    for second in range(20):
        took = 0.1 if second < 10 else 0.4
        node.action("echo", 1, second + 0.1, second + 0.1, second + 0.1 + took)
    for second in range(20, 30):
        node.action("login", 1, second + 0.1, second + 0.1, second + 0.5, ConnectionError("no"))
    node.user_gone(1, "finished", None, 0.0, 0.0, 30.0)
    node.user_gone(2, "failed", "ConnectionError: no", 0.0, 0.0, 30.0)
    record.add(node.seal())
    return Results(record)


@pytest.mark.parametrize(
    ("text", "holds", "value"),
    [
        ("p50(echo) < 0.2", True, 0.1),
        ("p51(echo) < 0.2", False, 0.4),
        ("max(echo) < 401ms", True, 0.4),
        ("min(echo) > 50ms", True, 0.1),
        ("mean(echo) < 0.3", True, 0.25),
        ("service_mean(echo) < 0.3", True, 0.25),
        ("p50(echo) < 0.2 after 10s", False, 0.4),
        ("p99(echo) < 0.2 before 10s", True, 0.1),
        ("count(echo) == 20", True, 20),
        ("count == 30", True, 30),
        ("count(echo) == 10 after 10s", True, 10),
        ("rate > 0.9", True, 1.0),
        ("rate(echo) > 0.6", True, 20 / 30),
        ("rate(echo) > 0.6 before 20s", True, 1.0),
        ("rate(echo) < 31/min after 10s", True, 0.5),
        ("failed < 40%", True, 1 / 3),
        ("failed(login) < 40%", False, 1.0),
        ("failed == 10", True, 10),
        ("failed(echo) == 0", True, 0),
        ("users(failed) < 60%", True, 0.5),
        ("users(failed) == 0", False, 1),
        ("users(lost) == 0", True, 0),
        ("users == 2", True, 2),
    ],
)
def test_a_number_is_that_of_the_run(run, text, holds, value):
    is_held, found, _ = judged(run, text)

    assert is_held is holds
    assert found == pytest.approx(value, rel=0.01)


@pytest.mark.parametrize(
    ("text", "holds", "worst", "reason"),
    [
        ("p99(echo) < 0.2 in any 10s window", True, 0.4, "held in 1 of 3 windows, 1 of them"),
        ("p99(echo) < 0.2 in every 10s window", False, 0.4, "1 of them without data"),
        ("p99(echo) < 0.5 in 60% of 10s windows", True, 0.4, "held in 2 of 3 windows"),
        ("p99(echo) < 0.5 in 70% of 10s windows", False, 0.4, "held in 2 of 3 windows"),
        ("p99(echo) < 0.5 in every 5s window before 20s", True, 0.4, "held in 4 of 4 windows"),
        ("p99(echo) < 0.2 in every 4s window before 10s", True, 0.1, "held in 2 of 2 windows"),
        ("rate >= 1 in every 10s window", True, 1.0, "held in 3 of 3 windows"),
        ("failed < 1% in 60% of 10s windows", True, 1.0, "held in 2 of 3 windows"),
    ],
)
def test_windows_are_judged_one_by_one(run, text, holds, worst, reason):
    is_held, found, said = judged(run, text)

    assert is_held is holds
    assert found == pytest.approx(worst, rel=0.01)
    assert reason in said


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("p99(ecko) < 0.2", "no action is called 'ecko'; did you mean 'echo'?"),
        ("count(ecko) == 0", "no action is called 'ecko'"),
        ("failed(x*) == 0", "no action fits 'x*' (actions: echo, login)"),
        ("p99(login) < 0.2", "none of 10 actions succeeded"),
        ("p99(echo) < 0.2 after 20s", "no action ended"),
        ("failed(echo) < 1% after 20s", "no action ended"),
        ("p99(echo) < 0.2 after 40s", "the run lasted 30.0 s"),
        ("p99(echo) < 0.2 in every 1m window", "no 60 s window was complete"),
    ],
)
def test_what_is_not_known_never_passes(run, text, reason):
    holds, value, said = judged(run, text)

    assert not holds
    assert math.isnan(value)
    assert reason in said


@pytest.mark.parametrize("text", ["failed == 0", "count == 0", "p99 < 1", "users == 0"])
def test_nothing_passes_on_a_run_without_anything(empty, text):
    assert not empty.check(text)


def test_a_glob_takes_all_actions_that_fit_together(run):
    assert judged(run, "count(*o*) == 30")[0]
    assert judged(run, "p50(e*o) < 0.2")[0]


def test_two_nodes_are_judged_together(results):
    assert judged(results, "count(echo) == 3")[0]
    assert judged(results, "max(echo) == 0.75")[0]
    assert judged(results, "p50(echo) <= 500ms")[1] == pytest.approx(0.5, rel=0.01)


def test_a_saved_run_is_judged_alike(run, tmp_path):
    loaded = murmur.load(run.save(tmp_path / "run"))
    texts = (
        "p50(echo) < 0.2",
        "service_mean(echo) < 0.3 after 5s",
        "p99(echo) < 0.5 in 60% of 10s windows",
        "failed < 40%",
        "count == 30",
        "users(failed) == 1",
        "p99(ecko) < 1",
    )

    saved, live = loaded.check(*texts), run.check(*texts)

    assert str(saved) == str(live)


def test_a_result_reads_as_a_sentence(run):
    assert str(run.check("failed < 1%")[0]) == "failed < 1%: failed, 33.3 % (10 of 30 actions)"
    assert str(run.check("count == 30")[0]) == "count == 30: holds, 30"


def steady(seconds: float, *, here: bool = True) -> Results:
    """Return a run of 100 actions a second, looked at while it is on."""
    recorder = Recorder(node="n", started_at=0.0, wall_started_at=0.0)
    record = RunRecord("r", 0.0, 0.0)
    for number in range(int(seconds * 100)):
        recorder.action("op", 1, number / 100, number / 100, number / 100 + 0.001)
    record.add(recorder.seal())
    if here:
        record.set_present("n", [1], [0.0], [0.0])
    record.reach(seconds)
    return Results(record)


@pytest.mark.parametrize("seconds", [1.0, 1.2, 1.9, 2.9, 9.9])
def test_a_rate_divides_by_the_time_that_passed(seconds):
    results = steady(seconds)

    assert results.summary().actions[0].rate == pytest.approx(100.0, rel=0.02)
    assert all(results.check("rate(op) <= 102/s", "rate(op) >= 98/s", even_if_invalid=True))


def test_of_the_first_moments_there_is_no_rate_yet():
    early, over = steady(0.5), steady(0.5, here=False)

    for check in ("rate(op) > 150/s", "rate(op) < 150/s"):
        (result,) = early.check(check)
        assert not result.holds
        assert result.reason == "too early: 0.5 s are no rate yet"
    assert over.check("rate(op) == 100/s")[0].holds


def test_a_run_that_stands_still_has_a_falling_rate():
    results = steady(2.0)
    results.source._record.reach(8.0)

    assert results.check("rate(op) == 25/s")[0].holds


def test_a_window_of_which_a_node_told_nothing_holds_nothing():
    recorder = Recorder(node="n", started_at=0.0, wall_started_at=0.0)
    record = RunRecord("r", 0.0, 0.0)
    for second in (*range(1, 11), *range(16, 21)):  # the loop was held from 10 to 15
        recorder.action("op", 1, second - 0.5, second - 0.5, second - 0.4)
        recorder.health(float(second), [0.001], 0.1, 1e8, False)
    record.add(recorder.seal())
    results = Results(record)

    (result,) = results.check("rate(op) < 2/s in every 1s window", even_if_invalid=True)
    (part,) = results.check("rate(op) < 2/s in every 1s window before 10s", even_if_invalid=True)

    assert not result.holds
    assert "5 of them without data" in result.reason
    assert part.holds


def test_limits_and_values_that_differ_by_a_billionth_are_equal():
    assert parse_check("p99 <= 0.3").accepts(0.1 + 0.2)
    assert not parse_check("p99 < 0.3").accepts(0.3 * (1 - 1e-12))
    assert parse_check("rate >= 100/s").accepts(99.99999999999)
    assert not parse_check("rate >= 100/s").accepts(99.999)


def test_few_values_and_a_near_limit_are_told():
    few, near = steady(2.0).check("p99.9(op) < 1s", "p50(op) < 1.005ms")

    assert few.reason == "p99.9 of 200 values is their maximum"
    assert near.reason == "the histogram's error of 0.8% reaches the limit"
