"""The report says whether the numbers of the demo add up."""

from __future__ import annotations

import pytest

from murmur.demo import Report
from murmur.recording import RunRecord
from murmur.results import Results
from murmur.telemetry import Recorder
from murmur.testing import RouterCounters


@pytest.fixture
def recorder() -> Recorder:
    """Return what three users recorded who sent four messages and received three."""
    recorder = Recorder(node="local", started_at=0.0, wall_started_at=0.0, now=lambda: 3.0)
    for user_id in (1, 2, 3):
        recorder.user_gone(user_id, "finished", "", 0.0, 0.0, 2.0)
    recorder.count("sent", 4)
    recorder.count("received", 3)
    for _ in range(2):
        recorder.action("round_trip", 1, 1.0, 1.0, 1.5)
    return recorder


def report(recorder: Recorder, announced: int = 3, **counts: int) -> Report:
    record = RunRecord("r1", started_at=0.0, wall_started_at=0.0)
    record.add(recorder.seal())
    counters = RouterCounters(**{"received": 4, "forwarded": 3, "absent": 1, **counts})
    return Report.of(Results(record), counters, announced=announced)


def test_a_run_that_adds_up_has_no_problems(recorder):
    figures = report(recorder)

    assert figures.users["finished"] == 3
    assert (figures.sent, figures.delivered, figures.forwarded, figures.absent) == (4, 3, 3, 1)
    assert str(figures).splitlines() == [
        "messages: 4 sent, 3 forwarded by the router, 3 received",
        "the other 1 were to users who had not come, or had left",
    ]
    assert figures.response_p50 == pytest.approx(0.5, rel=0.01)
    assert figures.verdict == "valid"
    assert figures.problems == []


def test_a_user_without_an_outcome_is_a_problem(recorder):
    assert report(recorder, announced=4).problems == ["3 of 4 users have an outcome"]


def test_a_failed_user_is_a_problem(recorder):
    recorder.user_gone(4, "failed", "OSError: no", 0.0, 0.0, 1.0)

    assert report(recorder, announced=4).problems == ["1 user failed"]


def test_a_message_that_was_forwarded_and_not_received_is_a_problem(recorder):
    assert report(recorder, received=5, forwarded=4).problems == [
        "4 messages sent, but 5 reached the router",
        "4 messages forwarded, but 3 received",
    ]


def test_a_killed_user_explains_missing_messages(recorder):
    recorder.user_gone(4, "killed", "", 0.0, 0.0, 1.0)

    assert report(recorder, announced=4, forwarded=4).problems == []


def test_what_was_never_measured_is_none():
    recorder = Recorder(node="local", started_at=0.0, wall_started_at=0.0, now=lambda: 1.0)
    figures = report(recorder, announced=0, received=0, forwarded=0)

    assert (figures.response_p50, figures.response_p99, figures.loop_lag_p99) == (None, None, None)
