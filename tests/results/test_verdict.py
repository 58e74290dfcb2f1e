"""The rules that say whether a run can be trusted."""

from __future__ import annotations

import pytest

from murmur.results import Evidence, Verdict, judge


@pytest.mark.parametrize(
    ("saturated", "state"),
    [(0, "valid"), (1, "valid"), (5, "valid"), (6, "suspect"), (20, "suspect"), (21, "invalid")],
)
def test_the_share_of_saturated_windows_decides(saturated: int, state: str) -> None:
    assert judge(Evidence(windows=100, saturated=saturated, worst_lag=0.1)).state == state


def test_nothing_measured_is_nothing_to_object_to() -> None:
    assert judge(Evidence()) == Verdict("valid", ())


def test_a_few_saturated_windows_are_mentioned_though_the_run_is_valid() -> None:
    verdict = judge(Evidence(windows=100, saturated=1, worst_lag=0.0512))

    assert verdict.is_valid
    assert verdict.reasons == (
        "The generator was saturated in 1 of 100 windows (lag up to 51 ms).",
    )


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        (Evidence(lost=1), "1 user was lost with a node."),
        (Evidence(lost=1200), "1,200 users were lost with a node."),
        (Evidence(abandoned=2), "2 users were abandoned: cancellation was ignored."),
    ],
)
def test_users_that_are_unaccounted_for_make_a_run_suspect(evidence: Evidence, reason: str) -> None:
    assert judge(evidence) == Verdict("suspect", (reason,))


def test_losses_that_bias_nothing_are_mentioned_only() -> None:
    verdict = judge(Evidence(actions=2000, actions_kept=1000, events_dropped=1))

    assert verdict.is_valid
    assert verdict.reasons == (
        "The actions frame is a uniform sample: 1,000 of 2,000.",
        "1 event was dropped for want of room.",
    )


def test_the_worst_finding_decides_and_every_ground_is_given() -> None:
    verdict = judge(Evidence(windows=4, saturated=2, worst_lag=1.5, lost=3, events_dropped=2))

    assert str(verdict) == (
        "invalid: The generator was saturated in 2 of 4 windows (lag up to 1,500 ms). "
        "3 users were lost with a node. 2 events were dropped for want of room."
    )


def test_grounds_come_before_remarks() -> None:
    verdict = judge(Evidence(windows=100, saturated=1, worst_lag=0.06, abandoned=1))

    assert verdict.reasons[0] == "1 user was abandoned: cancellation was ignored."


def test_a_run_that_its_session_gave_up_is_invalid() -> None:
    verdict = judge(Evidence(windows=10, lost=4, broken_off="user 1 has blocked the loop"))

    assert verdict.state == "invalid"
    assert verdict.reasons == (
        "The run did not end in order: user 1 has blocked the loop.",
        "4 users were lost with a node.",
    )


def test_a_run_that_was_cut_off_is_suspect() -> None:
    verdict = judge(Evidence(windows=10, cut_off_at=12.3))

    assert verdict.state == "suspect"
    assert verdict.reasons == ("The run was cut off; what came after 12 s is not known.",)


def test_what_ran_out_is_named_beside_the_lag() -> None:
    evidence = Evidence(windows=10, saturated=3, worst_lag=0.2, causes=("loop lag", "open files"))

    assert judge(evidence).reasons == (
        "The generator was saturated in 3 of 10 windows (lag up to 200 ms; open files).",
    )
