"""The rules that say whether a run can be trusted; each limit of the table, and whose doing."""

from __future__ import annotations

import math

import pytest

from murmur.results import Evidence, NodeHealth, Permits, Verdict, judge


def one(**seconds: object) -> Evidence:
    """Return the evidence of a run of 100 s on one node."""
    return Evidence(nodes=(NodeHealth("local", 100.0, **seconds),))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["saturated", "missing"])
@pytest.mark.parametrize(
    ("seconds", "state"),
    [(0, "valid"), (1, "valid"), (5, "valid"), (6, "suspect"), (20, "suspect"), (21, "invalid")],
)
def test_seconds_that_are_saturated_or_missing_decide(
    kind: str, seconds: float, state: str
) -> None:
    assert judge(one(**{kind: seconds})).state == state


def test_nothing_measured_is_nothing_to_object_to() -> None:
    assert judge(Evidence()) == Verdict("valid", ())


def test_a_saturated_second_is_mentioned_though_the_run_is_valid() -> None:
    verdict = judge(one(saturated=1.0, worst_lag=0.0512, causes=("loop lag",)))

    assert verdict.is_valid
    assert verdict.reasons == ("The generator was saturated for 1 of 100 s: lag up to 51 ms.",)


@pytest.mark.parametrize("nodes", [5, 6, 20, 50, 1000])
def test_one_node_that_was_saturated_throughout_is_never_valid(nodes: int) -> None:
    healthy = tuple(NodeHealth(f"n{n:03d}", 60.0) for n in range(1, nodes))
    late = NodeHealth("n000", 60.0, saturated=60.0, causes=("schedule",))
    verdict = judge(Evidence(nodes=(late, *healthy)))

    assert verdict.state == "suspect"
    assert "Node n000 was saturated for 60 of its 60 s: schedule." in verdict.reasons


@pytest.mark.parametrize(("bad", "state"), [(12.0, "valid"), (13.0, "suspect")])
def test_a_node_may_be_late_for_a_fifth_of_its_time(bad: float, state: str) -> None:
    healthy = tuple(NodeHealth(f"n{n}", 60.0) for n in range(30))
    verdict = judge(Evidence(nodes=(*healthy, NodeHealth("late", 60.0, missing=bad))))

    assert verdict.state == state


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
def test_a_clock_that_was_set_is_mentioned_and_changes_nothing(seconds: float) -> None:
    verdict = judge(Evidence(clock_set=seconds))

    assert verdict.is_valid
    assert verdict.reasons == (
        f"The machine's clock was set by {seconds:+,.0f} s during the run, or it slept: "
        "dates and times count on from the start.",
    )


def test_where_sleep_is_known_a_clock_that_was_set_was_set() -> None:
    (reason,) = judge(Evidence(clock_set=3600.0, slept=0.0)).reasons

    assert reason.startswith("The machine's clock was set by +3,600 s during the run: dates and")


@pytest.mark.parametrize(
    ("slept", "state"), [(0.9, "valid"), (5.0, "valid"), (6.0, "suspect"), (300.0, "invalid")]
)
def test_a_machine_that_slept_is_named(slept: float, state: str) -> None:
    verdict = judge(Evidence(nodes=(NodeHealth("n1", 100.0),), slept=slept))

    assert verdict.state == state
    said = [reason for reason in verdict.reasons if "The machine slept for" in reason]
    assert len(said) == (slept >= 1)


def test_a_clock_that_is_corrected_little_by_little_is_not_mentioned() -> None:
    assert judge(Evidence(clock_set=-0.4)).reasons == ()


def test_of_many_conspicuous_nodes_three_are_named() -> None:
    nodes = tuple(NodeHealth(f"n{n}", 10.0, saturated=5.0) for n in range(8))
    verdict = judge(Evidence(nodes=nodes))

    assert verdict.state == "invalid"
    assert [text.split(" was")[0] for text in verdict.reasons[1:4]] == [
        "Node n0",
        "Node n1",
        "Node n2",
    ]
    assert "So were 5 more" in verdict.reasons[4]


def test_the_line_that_held_the_loop_is_named() -> None:
    verdict = judge(
        one(
            missing=19.0,
            saturated=2.0,
            worst_lag=20.0,
            holds=(("chat.py:7", 20.04, 1), ("chat.py:9", 0.75, 12)),
            causes=("loop lag at chat.py:7", "loop lag"),
        )
    )

    assert verdict.state == "invalid"
    assert verdict.reasons == (
        "The generator was late or silent for 21 of 100 s: blocked for 20 s at chat.py:7; "
        "blocked for 750 ms at chat.py:9, 12 times.",
    )


def test_what_held_the_loop_for_moments_and_what_ran_out_are_named() -> None:
    evidence = one(
        saturated=30.0,
        worst_lag=0.2,
        causes=("loop lag at shop.py:12", "open files", "loop lag"),
    )

    assert judge(evidence).reasons == (
        "The generator was saturated for 30 of 100 s: loop lag at shop.py:12; open files; "
        "lag up to 200 ms.",
    )


def test_other_programs_are_named_with_advice_that_fits() -> None:
    verdict = judge(one(saturated=40.0, crowded=38.0, cpu=0.04, machine_cpu=1.0, worst_lag=0.3))

    assert verdict.reasons[1] == (
        "Other programs had the machine for 38 s of that (machine 100% busy, this process 4% "
        "of a core): stop them, or give the generator cores of its own."
    )


def test_a_quota_is_named_if_it_is_to_blame_for_half_of_it() -> None:
    verdict = judge(one(saturated=40.0, held=20.0, quota=0.5, worst_lag=0.3))

    assert verdict.reasons[1] == (
        "A quota of 0.50 cores held the generator back for 20 s of that: give its container or "
        "service more, or ask less of each node."
    )
    assert len(judge(one(saturated=40.0, held=19.0, quota=0.5, worst_lag=0.3)).reasons) == 1


@pytest.mark.parametrize(
    ("skipped", "state"),
    [(0, "valid"), (10, "valid"), (11, "suspect"), (50, "suspect"), (51, "invalid")],
)
def test_permits_that_were_skipped_decide_for_any_throttle(skipped: float, state: str) -> None:
    permits = (Permits("idle", 0.0, 0.0), Permits("fine", 1e6, 0.0), Permits("m", 1e3, skipped))

    assert judge(Evidence(permits=permits)).state == state


def test_skipped_permits_are_told_as_a_share() -> None:
    verdict = judge(Evidence(permits=(Permits("messages", 20_000.0, 9_800.0),)))

    assert verdict.reasons == (
        "The generator was late for 49 % of the 20,000 permits of 'messages', and skipped them.",
    )


@pytest.mark.parametrize(
    ("lost", "gone", "state"),
    [
        (0, 0, "valid"),
        (1, 0, "suspect"),
        (0, 1, "suspect"),
        (10, 10, "suspect"),
        (10, 11, "invalid"),
        (100, 0, "invalid"),
    ],
)
def test_users_that_went_with_a_node_unasked_decide(lost: int, gone: int, state: str) -> None:
    assert judge(Evidence(users=100, lost=lost, gone=gone)).state == state


def test_the_nodes_that_went_are_named() -> None:
    verdict = judge(
        Evidence(users=20, lost=20, departed=("n1 was lost at 5.4 s", "n2 left at 6.0 s"))
    )

    assert verdict == Verdict(
        "invalid",
        (
            "20 of 20 users were lost, or went with a node that nobody asked to go: "
            "n1 was lost at 5.4 s, n2 left at 6.0 s.",
        ),
    )


@pytest.mark.parametrize(
    ("undone", "state"),
    [(0, "valid"), (1, "valid"), (1.1, "suspect"), (20, "suspect"), (20.1, "invalid")],
)
def test_a_plan_that_was_not_carried_out_decides(undone: float, state: str) -> None:
    assert judge(Evidence(planned=100.0, undone=undone)).state == state


def test_users_that_all_failed_make_a_run_suspect() -> None:
    verdict = judge(Evidence(users=20, failed=20, failure="ConnectionRefusedError"))

    assert verdict == Verdict(
        "suspect", ("Every user failed (20, most often ConnectionRefusedError).",)
    )
    assert judge(Evidence(users=20, failed=19)).is_valid


def test_a_forgotten_await_is_named_where_it_failed_every_user() -> None:
    text = "AttributeError: 'coroutine' object has no attribute 'wait'"
    verdict = judge(Evidence(users=2, failed=2, failure=text))

    assert verdict.reasons == (
        f"Every user failed (2, most often {text}; an `await` is missing there).",
    )


def test_users_that_were_never_admitted_are_not_taken_as_users_that_got_through() -> None:
    verdict = judge(Evidence(users=100, dropped=20, failed=80))

    assert verdict == Verdict("suspect", ("Every user that was admitted failed (80).",))
    assert judge(Evidence(users=100, dropped=20, failed=79)).is_valid


def test_what_a_person_asked_for_is_mentioned_only() -> None:
    verdict = judge(Evidence(users=30, expelled=10, stopped_at=12.0, planned_end=60.0))

    assert verdict == Verdict(
        "valid",
        (
            "It was stopped at 12.0 s, before its planned 60.0 s.",
            "10 users went with a node that was expelled.",
        ),
    )


def test_losses_that_bias_nothing_are_mentioned_only() -> None:
    verdict = judge(Evidence(actions=2000, actions_kept=1000, events_dropped=1))

    assert verdict.is_valid
    assert verdict.reasons == (
        "The actions frame is a uniform sample: 1,000 of 2,000.",
        "1 event was dropped for want of room.",
    )


def test_the_worst_finding_decides_and_comes_first() -> None:
    evidence = Evidence(
        nodes=(NodeHealth("local", 4.0, saturated=2.0, worst_lag=1.5),),
        users=9,
        abandoned=2,
        events_dropped=2,
    )

    assert str(judge(evidence)) == (
        "invalid: The generator was saturated for 2 of 4 s: lag up to 1.5 s. "
        "2 users were abandoned: cancellation was ignored. "
        "2 events were dropped for want of room."
    )


def test_a_run_that_its_session_gave_up_is_invalid() -> None:
    verdict = judge(Evidence(users=4, lost=4, broken_off="user 1 has blocked the loop"))

    assert verdict.state == "invalid"
    assert verdict.reasons[0] == "The run did not end in order: user 1 has blocked the loop."


def test_a_run_that_failed_is_invalid() -> None:
    assert judge(Evidence(has_failed=True)) == Verdict(
        "invalid", ("The run failed before its end.",)
    )


def test_a_run_that_was_cut_off_is_suspect() -> None:
    verdict = judge(Evidence(cut_off_at=12.3))

    assert verdict.state == "suspect"
    assert verdict.reasons == (
        "The run was cut off, or is still on; what came after 12 s is not known.",
    )


def test_a_share_that_is_not_nothing_is_never_told_as_nothing() -> None:
    verdict = judge(Evidence(permits=(Permits("m", 1e9, 1.0),)))

    assert verdict.is_valid
    assert "less than 0.01 %" in verdict.reasons[0]
    assert math.isinf(Evidence().planned_end)
