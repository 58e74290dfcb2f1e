"""A status in one line names what troubles the run, in a singular or a plural that is right."""

from __future__ import annotations

from dataclasses import replace

import pytest

from murmur import Status
from murmur._session._status import status_of
from murmur.cluster import ClusterStatus, NodeStatus
from murmur.recording import RunRecord
from murmur.runtime import RunState
from murmur.telemetry import Event, Recorder


@pytest.mark.parametrize(
    ("problems", "end"),
    [
        ((), "2.0 s>"),
        (
            ("user 3 has blocked the loop for 3.0 s",),
            "; problem: user 3 has blocked the loop for 3.0 s>",
        ),
        (
            ("every user failed (20)", "20 users failed: ConnectionError"),
            "; problem: every user failed (20) (and 1 more)>",
        ),
    ],
)
def test_the_first_of_the_problems_is_told_and_the_others_are_counted(problems, end):
    users = {"waiting": 0, "running": 0, "leaving": 0, "gone": 20}
    status = Status(
        state=RunState.RUNNING,
        scenario="Shop",
        users=users,
        highest_id=20,
        elapsed=2.0,
        nodes={},
        problems=problems,
    )

    assert repr(status).startswith("<running Shop: 0 waiting, 0 running, 0 leaving, 20 gone; 2.0 s")
    assert repr(status).endswith(end)
    assert all(problem in status._repr_html_() for problem in problems)


def test_what_the_verdict_says_is_told_with_it():
    status = Status(
        state=RunState.FINISHED,
        scenario="Shop",
        users={"waiting": 0, "running": 0, "leaving": 0, "gone": 3},
        highest_id=3,
        elapsed=2.0,
        nodes={},
        verdict="valid",
        remarks=("No action ended.", "5 events were dropped."),
    )

    assert repr(status).endswith("2.0 s; verdict: valid: No action ended (and 1 more)>")
    assert "<li>5 events were dropped.</li>" in status._repr_html_()


def test_what_many_nodes_say_alike_is_told_once_and_what_one_says_by_its_name():
    slow = "an init is slow"
    nodes = [
        replace(NodeStatus.idle(f"n{number}"), problems=(slow,) if number != 17 else ("lost",))
        for number in range(1, 97)
    ]
    answer = ClusterStatus(
        state=RunState.RUNNING, highest_id=0, elapsed=1.0, nodes=tuple(nodes), departed=0
    )
    status = status_of(answer)

    assert status.problems == (f"n1, n2, n3 and 92 more: {slow}", "n17: lost")
    assert "on n1, n2, n3 and 93 more</caption>" in status._repr_html_()
    assert status_of(replace(answer, nodes=(nodes[16],))).problems == ("lost",)


def test_who_stood_still_is_told_once_by_name_also_after_its_run():
    def stood(node, seconds):
        return Event(
            "amoc.health.standstill",
            9.0,
            0.0,
            node,
            "r1",
            {"count": 1, "duration": seconds},
            {"cause": "stopped"},
        )

    why = "it was stopped, or its container or machine was"
    recorder = Recorder(node="b", started_at=0.0, wall_started_at=0.0)
    for event in (stood("steering", 5.0), stood("a", 3.0), stood("b", 2.0)):
        recorder.event(event)
    record = RunRecord("r1", started_at=0.0, wall_started_at=0.0)
    record.add(recorder.seal())
    a = replace(NodeStatus.idle("a"), problems=(f"the process stood still for 3.0 s: {why}",))
    answer = ClusterStatus(state=RunState.RUNNING, highest_id=0, elapsed=9.0, nodes=(a,))

    assert status_of(answer, record=record).problems == (
        f"the process stood still for 3.0 s: {why}",
        f"the steering kernel stood still for 5.0 s: {why}",
        f"b: the process stood still for 2.0 s: {why}",
    )
