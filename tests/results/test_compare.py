"""A comparison of two runs finds what changed, and says how sure that is."""

from __future__ import annotations

import math
from itertools import count

import numpy as np
import pandas as pd
import pytest

from murmur.errors import InvalidArgumentError
from murmur.recording import RunRecord
from murmur.results import Results, compare
from murmur.telemetry import Recorder

_IDS = count(1)


def _run(
    durations: np.ndarray,
    *,
    name: str = "echo",
    failed: int = 0,
    seconds: int = 60,
    users: int = 0,
    dead: int = 0,
) -> Results:
    """Return a run with these service times, spread evenly; actions began when due."""
    recorder = Recorder(node="n", started_at=0.0, wall_started_at=0.0)
    for number, duration in enumerate(durations):
        at = (number + 0.5) * seconds / len(durations)
        error = "refused" if number < failed else None
        recorder.action(name, 1, at - duration, at - duration, at, error)
    for user in range(1, users + 1):
        recorder.user_gone(user, "failed" if user <= dead else "left", None, 0.0, 0.0, seconds)
    record = RunRecord(f"r{next(_IDS)}", 0.0, 0.0)
    record.add(recorder.seal())
    return Results(record)


def _lognormal(seed: int, *, factor: float = 1.0, number: int = 3000) -> np.ndarray:
    return np.random.default_rng(seed).lognormal(math.log(0.01), 0.5, number) * factor


def _row(frame: pd.DataFrame, statistic: str) -> pd.Series:
    return frame.set_index("statistic").loc[statistic]


def test_values_differences_and_ratios_are_those_of_the_two_runs() -> None:
    frame = compare(_run(np.full(600, 0.25)), _run(np.full(1200, 0.5)))

    rate, median = _row(frame, "rate"), _row(frame, "response_p50")
    assert rate[["a", "b", "difference", "ratio"]].tolist() == pytest.approx([10, 20, 10, 2])
    assert median[["a", "b", "difference", "ratio"]].tolist() == pytest.approx([0.25, 0.5, 0.25, 2])
    assert median["unit"] == "s"


@pytest.mark.parametrize("statistic", ["response_mean", "response_p50", "response_p95"])
def test_a_change_of_a_fifth_is_found_and_its_interval_holds_it(statistic: str) -> None:
    row = _row(compare(_run(_lognormal(1)), _run(_lognormal(2, factor=1.2))), statistic)

    assert row["outcome"] == "higher"
    assert row["ratio_low"] < 1.2 < row["ratio_high"]
    assert row["difference_low"] < row["difference"] < row["difference_high"]


@pytest.mark.slow
def test_two_runs_that_are_alike_seldom_look_different() -> None:
    """Of 95 % intervals about one in twenty may; these seeds are fixed."""
    verdicts = [
        _row(compare(_run(_lognormal(2 * seed)), _run(_lognormal(2 * seed + 1))), "response_p50")
        for seed in range(20)
    ]

    assert sum(row["outcome"] != "unclear" for row in verdicts) <= 2


def test_slow_seconds_count_as_one_thing_however_many_actions_they_slow() -> None:
    """Two minutes whose seconds are slow or quick at random, of 100 actions each."""
    runs = []
    for seed in (1, 2):
        slow = np.random.default_rng(seed).random(60) < 0.3
        runs.append(_run(np.repeat(np.where(slow, 0.1, 0.01), 100)))

    row = _row(compare(*runs), "response_mean")

    # As if all 6,000 were independent, the mean would be known to within 5 %.
    assert row["ratio_high"] / row["ratio_low"] > 1.5


def test_a_run_compared_with_itself_is_unclear() -> None:
    run = _run(_lognormal(1))

    assert set(compare(run, run)["outcome"]) == {"unclear"}


def test_the_same_runs_always_compare_alike() -> None:
    a, b = _run(_lognormal(1)), _run(_lognormal(2))

    pd.testing.assert_frame_equal(compare(a, b), compare(a, b))


def test_failures_are_compared_as_shares() -> None:
    row = _row(compare(_run(_lognormal(1)), _run(_lognormal(2), failed=1500)), "failed")

    assert (row["a"], row["unit"]) == (0.0, "share")
    assert row["b"] == pytest.approx(0.5, rel=0.02)  # the last second, cut off, had none
    assert math.isnan(row["ratio"])
    assert row["outcome"] == "higher"


def test_an_action_of_one_run_only_has_a_rate_in_both_and_no_times() -> None:
    frame = compare(_run(_lognormal(1)), _run(_lognormal(2), name="login"))

    assert frame["name"].unique().tolist() == ["echo", "login"]
    echo, login = (frame[frame["name"] == name] for name in ("echo", "login"))
    assert math.isnan(_row(echo, "response_p50")["b"])
    assert _row(echo, "response_p50")["outcome"] == "too little"
    assert _row(echo, "rate")[["b", "ratio", "ratio_low", "outcome"]].tolist() == [0, 0, 0, "lower"]
    assert 0 < _row(echo, "rate")["ratio_high"] < 0.01  # 3.7 of 3,000 at the most
    assert _row(login, "rate")["outcome"] == "higher"
    assert frame.attrs["answer"] == "fail"  # echo came to a stop, which is worse
    # The last second, in which something may have been under way, is left out.
    assert frame.attrs["notes"][:2] == [
        "warning: B: 'echo' never ended; in A it did 2,950 times",
        "warning: A: 'login' never ended; in B it did 2,950 times",
    ]


def test_an_action_that_all_but_vanished_fails_the_margin_and_every_rule_about_its_rate() -> None:
    many, few = _run(_lognormal(1, number=300)), _run(_lognormal(2, number=5))

    assert compare(many, few, margin=0.5).attrs["answer"] == "fail"
    assert compare(many, few, rules=["rate(echo) < -90%"]).attrs["answer"] == "fail"
    timed = compare(many, few, rules=["p50(echo) > +10%"])
    assert timed.attrs["answer"] == "cannot tell"
    assert _row(compare(few, many), "rate")["outcome"] == "higher"


def test_few_actions_of_either_run_are_no_evidence_of_a_change() -> None:
    for number in (0, 3, 9):
        few = _run(_lognormal(2, number=number)) if number else _run(_lognormal(2), name="other")
        row = _row(compare(_run(_lognormal(1, number=14)), few).query("name == 'echo'"), "rate")

        assert row["outcome"] == ("lower" if not number else "unclear"), number
        assert row["ratio_low"] <= number / 14 <= row["ratio_high"]


def test_a_burst_that_one_run_lacks_is_one_thing_that_may_be_chance() -> None:
    burst = np.full(300, 0.01)
    recorder = Recorder(node="n", started_at=0.0, wall_started_at=0.0)
    for number, duration in enumerate(burst):
        recorder.action("login", 1, number / 300, number / 300, number / 300 + duration)
    for number in range(600):
        recorder.action("echo", 1, number / 10, number / 10, number / 10 + 0.01)
    record = RunRecord("r", 0.0, 0.0)
    record.add(recorder.seal())

    frame = compare(Results(record), _run(np.full(600, 0.01)), margin=0.1)

    assert _row(frame.query("name == 'login'"), "rate")["outcome"] == "too little"
    assert frame.attrs["answer"] == "cannot tell"
    assert frame.attrs["notes"][0].startswith("warning: B: 'login' never ended; in A it did")


def test_an_action_that_some_runs_of_a_side_lack_is_told() -> None:
    whole, other = _run(_lognormal(1)), _run(_lognormal(2), name="login")

    frame = compare([whole, whole], [whole, other])

    assert "warning: B: 'echo' never ended in 1 of 2 runs" in frame.attrs["notes"]


def test_a_run_of_which_everything_failed_has_no_times_and_says_so() -> None:
    frame = compare(
        _run(_lognormal(1)), _run(_lognormal(2), failed=3000), rules=["p50(echo) > +10%"]
    )

    assert frame.attrs["answer"] == "cannot tell"
    assert frame.attrs["notes"] == ["warning: B: every 'echo' failed, so that it has no times"]
    assert frame.attrs["reasons"][0].endswith("nothing was measured in B)")


def test_a_run_that_fell_silent_is_compared_with_that_remark() -> None:
    recorder = Recorder(node="n", started_at=0.0, wall_started_at=0.0)
    for second in range(60):
        for place in range(10 if second < 10 else 0):
            at = second + place / 10
            recorder.action("echo", 1, at, at, at + 0.01)
        recorder.population(second + 1.0, 0, 5, 0)
        recorder.health(second + 1.0, [0.001], 0.1, 1e8, saturated=False)
    record = RunRecord("r", 0.0, 0.0)
    record.add(recorder.seal())
    record.note_end(60.0, "duration")

    frame = compare(_run(np.full(600, 0.01)), Results(record), margin=0.1)

    assert frame.attrs["answer"] == "cannot tell"
    assert frame.attrs["notes"] == [
        "note: B: No action ended in the last 50 of 60 s, with up to 5 users running."
    ]


def test_users_that_failed_are_seen_although_the_others_kept_the_pace() -> None:
    """Of 100 users 30 die at once; the throttle keeps the others at 20/s, as it did before."""
    runs = [_run(np.full(1200, 0.01), users=100, dead=dead) for dead in (0, 30)]

    frame = compare(*runs)
    assert set(frame["outcome"]) <= {"unclear", "too little"}
    assert frame.attrs["answer"] == "fail"
    assert frame.attrs["reasons"] == [
        "users(failed) > +0 points: met (30 of 100 users failed, and 0 of 100 in A)"
    ]
    assert frame.attrs["notes"][0] == "warning: B: 30 of 100 users failed, and 0 of 100 in A"
    assert compare(*runs, margin=0.5).attrs["answer"] == "fail"
    assert compare(*runs, rules=["p50 > +50%"]).attrs["answer"] == "pass"  # that was asked
    assert compare(*reversed(runs)).attrs["answer"] == "cannot tell"  # better


def test_durations_that_are_all_the_same_are_known_exactly() -> None:
    """As those of a rehearsal are: what floats are rounded by is no memory of the server."""
    same = _run(np.full(620, 0.01))

    assert _row(compare(same, same), "response_mean")["outcome"] == "unclear"
    assert _row(compare(same, _run(np.full(620, 0.011))), "response_mean")["outcome"] == "higher"


def test_a_quantile_with_few_values_beyond_it_has_no_interval() -> None:
    frame = compare(_run(_lognormal(1, number=900)), _run(_lognormal(2, number=900)))

    assert _row(frame, "response_p99")["outcome"] == "too little"  # nine beyond it
    assert _row(frame, "response_p95")["outcome"] == "unclear"


def test_fewer_than_ten_blocks_say_nothing() -> None:
    frame = compare(_run(_lognormal(1)), _run(_lognormal(2)), block=10.0)

    assert set(frame["outcome"]) == {"too little"}


def _short(number: int, *, factor: float = 1.0, slower: float = 0.0) -> list[Results]:
    """Return runs of 5 s, each of which is slower than the one before by as much."""
    return [
        _run(_lognormal(seed, factor=factor * math.exp(slower * seed), number=1000), seconds=5)
        for seed in range(number)
    ]


def test_three_short_runs_a_side_tell_what_one_cannot() -> None:
    before, after = _short(3), _short(3, factor=1.2)

    alone = compare(before[0], after[0])
    pairs = compare(before[:2], after[:2])
    threes = _row(compare(before, after), "response_p50")

    assert _row(alone, "response_p50")["outcome"] == "too little"
    assert _row(pairs, "response_p50")["outcome"] == "too little"
    assert threes["outcome"] == "higher"
    assert threes["ratio_low"] < 1.2 < threes["ratio_high"]


def test_what_short_runs_of_a_side_differ_by_is_chance_after_student() -> None:
    alike = _lognormal(1, number=1000)
    side = [_run(alike * math.exp(off), seconds=5) for off in (-0.1, 0.0, 0.1)]

    row = _row(compare(side, side), "response_p50")

    # t of four degrees of freedom, a standard deviation of 0.1, three runs a side
    reach = 2.776 * 0.1 * math.sqrt(1 / 3 + 1 / 3)
    assert math.log(row["ratio_high"]) == pytest.approx(reach, rel=0.05)
    assert math.log(row["ratio_low"]) == pytest.approx(-reach, rel=0.05)
    assert row["outcome"] == "unclear"


def test_short_runs_with_few_values_say_nothing_together_either() -> None:
    frame = compare(_short(3), _short(3, factor=1.2))

    assert _row(frame, "response_p95")["outcome"] == "higher"  # 50 beyond it
    few = [_run(_lognormal(seed, number=150), seconds=5) for seed in range(3)]
    assert _row(compare(few, few), "response_p95")["outcome"] == "too little"  # 7 beyond it


def test_runs_of_a_side_that_are_all_alike_are_no_surer_than_to_one_action() -> None:
    alike = [_run(_lognormal(1, number=1000), seconds=5)] * 3
    one_more = [_run(_lognormal(1, number=1001), seconds=5)] * 3

    assert _row(compare(alike, one_more), "rate")["outcome"] == "unclear"


def test_the_ramp_can_be_left_out() -> None:
    ramped = np.concatenate([np.full(1000, 5.0), np.full(2000, 0.25)])
    row = _row(compare(_run(ramped), _run(np.full(3000, 0.25)), start=20.0), "response_mean")

    assert (row["a"], row["b"]) == (0.25, 0.25)


def test_the_time_before_a_run_is_no_part_of_it_and_the_end_may_be_open() -> None:
    runs = _run(_lognormal(1)), _run(_lognormal(2))

    pd.testing.assert_frame_equal(compare(*runs, start=-30.0, end=math.inf), compare(*runs))


@pytest.mark.parametrize(
    "asked",
    [
        {"start": 60.0},
        {"end": -5.0},
        {"block": 0.5},
        {"block": 61.0},
        {"block": math.nan},
        {"confidence": 1.0},
    ],
)
def test_what_makes_no_sense_is_refused(asked: dict[str, float]) -> None:
    with pytest.raises(InvalidArgumentError, match=r"cannot cut.*shortest run lasted 60\.\d s"):
        compare(_run(_lognormal(1)), _run(_lognormal(2)), **asked)


@pytest.mark.parametrize("moment", [math.nan, -math.inf, "30s"])
@pytest.mark.parametrize("which", ["start", "end"])
def test_a_moment_that_is_none_is_refused_by_its_name(which: str, moment: float) -> None:
    with pytest.raises(InvalidArgumentError, match=rf"{which}=.*: give seconds"):
        compare(_run(_lognormal(1)), _run(_lognormal(2)), **{which: moment})


def test_no_run_has_anything_after_its_last_second() -> None:
    with pytest.raises(InvalidArgumentError, match="start=inf: give seconds"):
        compare(_run(_lognormal(1)), _run(_lognormal(2)), start=math.inf)


def test_a_run_that_is_on_both_sides_passes_nothing() -> None:
    run, other = _run(_lognormal(1)), _run(_lognormal(1))

    frame = compare(run, run, margin=0.5)
    assert frame.attrs["answer"] == "cannot tell"
    (note,) = frame.attrs["notes"]
    assert (
        note
        == f"warning: A and B have the same run, {run.source.run_id}: it cannot differ from itself"
    )
    assert compare(run, other, margin=0.5).attrs["answer"] == "pass"


def test_a_run_that_is_given_twice_is_no_repetition() -> None:
    once, again, before = (_run(_lognormal(seed)) for seed in (1, 2, 3))

    frame = compare([before], [once, again, once], margin=0.5)

    assert frame.attrs["answer"] == "cannot tell"
    assert frame.attrs["notes"][0].startswith(f"warning: B has run {once.source.run_id} more than")
    assert compare([before], [once, again], margin=0.5).attrs["answer"] == "pass"


@pytest.mark.parametrize("margin", [math.nan, math.inf, -0.05, True, "5%", [0.05]])
def test_a_margin_that_is_no_share_is_refused(margin: object) -> None:
    with pytest.raises(InvalidArgumentError, match=r"^margin=.*such as 0\.05"):
        compare(_run(_lognormal(1)), _run(_lognormal(2)), margin=margin)  # type: ignore[arg-type]


@pytest.mark.parametrize("side", [[], "results/before", None])
def test_a_side_without_a_run_is_refused(side: object) -> None:
    with pytest.raises(InvalidArgumentError, match=r"^b=.*murmur\.load"):
        compare(_run(_lognormal(1)), side)  # type: ignore[arg-type]
