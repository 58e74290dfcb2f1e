"""What the verdict is told of a run: time that is missing counts, whoever kept silent."""

from __future__ import annotations

import asyncio
import math
import re
from pathlib import Path
from typing import Any

import pytest

import murmur
from murmur.recording import RunRecord
from murmur.results import Results
from murmur.telemetry import Recorder
from murmur.testing import VirtualLoop, rehearse


def recorder(node: str) -> Recorder:
    return Recorder(node=node, started_at=0.0, wall_started_at=0.0)


def record_of(**nodes: Recorder) -> RunRecord:
    record = RunRecord("r1", started_at=0.0, wall_started_at=0.0)
    for node in nodes.values():
        record.add(node.seal())
    return record


def health(node: Recorder, windows: range, **sample: Any) -> None:
    """Record a window's health at the end of each of these windows."""
    cpu, lag = sample.pop("cpu", 0.5), sample.pop("lag", 0.001)
    for number in windows:
        node.health(number + 1.0, [lag] * 20, cpu, 1e8, sample.get("reason", "") != "", **sample)


class Held(murmur.Scenario):
    """One user holds the loop for 20 s in one stretch; all of them act."""

    async def start(self, user: murmur.User) -> None:
        if user.id == 1:
            await user.sleep(20.0)
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)
            loop.jump(20.0)
        while True:
            with user.timer("echo"):
                await user.sleep(0.1)


def test_a_loop_that_was_held_for_20_of_45_s_makes_a_run_invalid() -> None:
    results = rehearse(Held, 10, duration=45.0, user_rate=math.inf)

    assert results.verdict.state == "invalid"
    assert re.search("late or silent for 2[01] of 45 s", results.verdict.reasons[0])
    silent = results.health["reason"] == "no sign of life"
    assert silent.sum() in (19, 20)
    assert len(results.health["window_at"].unique()) == len(results.health) == 45
    assert str(results.verdict) != "valid"
    assert "invalid" in repr(results.summary())


@pytest.mark.parametrize("nodes", [5, 20, 25, 50])
def test_one_saturated_node_among_many_is_never_valid(nodes: int) -> None:
    record = RunRecord("r1", started_at=0.0, wall_started_at=0.0)
    for number in range(nodes):
        node = recorder(f"n{number:02d}")
        health(node, range(60), **({"lag": 0.8, "reason": "loop lag"} if not number else {}))
        record.add(node.seal())

    assert Results(record).verdict.state == "suspect"
    assert any("Node n00" in reason for reason in Results(record).verdict.reasons)


def test_several_samples_of_one_window_are_one() -> None:
    node = recorder("n1")
    for number in range(10):
        node.health(number + 0.5, [0.001], 0.5, 1e8, False)
        node.health(number + 1.0, [0.3], 0.5, 1e8, number == 0, reason="open files" * (not number))
    results = Results(record_of(n1=node))

    assert len(results.health) == 10
    assert results.verdict.reasons[0].startswith("The generator was saturated for 10 of 10 s")


def test_a_node_that_never_told_anything_was_silent_throughout() -> None:
    record = record_of()
    record.note_node("n1", running_at=2.5, outcome="here")
    record.note_end(12.5, "duration")
    results = Results(record)

    assert results.health["window_at"].tolist() == [3, 4, 5, 6, 7, 8, 9, 10, 11]
    assert results.health["saturated"].all()
    assert results.verdict.state == "invalid"


def test_a_lost_node_owes_its_windows_until_it_was_given_up_and_no_longer() -> None:
    one, two = recorder("n1"), recorder("n2")
    health(one, range(60))
    health(two, range(20))
    record = record_of(n1=one, n2=two)
    for node in ("n1", "n2"):
        record.note_node(node, running_at=0.0)
    record.note_node("n2", outcome="lost", left_at=25.2)
    record.note_end(60.0, "duration")
    frame = Results(record).health

    silent = frame[frame["reason"] == "no sign of life"]
    assert silent["window_at"].tolist() == [20, 21, 22, 23]
    assert set(silent["node"]) == {"n2"}


def test_windows_that_may_be_on_their_way_are_not_missed_yet() -> None:
    node = recorder("n1")
    health(node, range(10))
    record = record_of(n1=node)
    record.note_node("n1", running_at=0.0)
    record.note_node("n2", running_at=8.0)  # its first window has not come yet

    assert len(Results(record).health) == 10


def test_other_programs_are_blamed_by_what_the_machine_did() -> None:
    node = recorder("n1")
    health(node, range(10), lag=0.2, cpu=0.04, reason="loop lag", vitals={"machine_cpu": 1.0})
    reasons = Results(record_of(n1=node)).verdict.reasons

    assert "Other programs had the machine for 10 s" in reasons[1]
    assert "machine 100% busy, this process 4% of a core" in reasons[1]


@pytest.mark.parametrize("sample", [{"cpu": 1.0}, {"cpu": 0.04, "reason": "loop lag at a.py:7"}])
def test_other_programs_are_not_blamed_for_what_is_our_own(sample: dict[str, Any]) -> None:
    node = recorder("n1")
    sample = {"reason": "loop lag", **sample}
    health(node, range(10), lag=0.2, vitals={"machine_cpu": 1.0}, **sample)

    assert "Other programs" not in str(Results(record_of(n1=node)).verdict)


def test_a_quota_is_named_with_its_cores_and_other_programs_are_not() -> None:
    node = recorder("n1")
    vitals = {"machine_cpu": 1.0, "cpu_quota": 0.5, "cpu_held": 0.4}
    why = "loop lag by a processor quota"
    health(node, range(10), lag=0.2, cpu=0.04, reason=why, vitals=vitals)
    told = str(Results(record_of(n1=node)).verdict)

    assert "A quota of 0.50 cores held the generator back for 10 s of that" in told
    assert "Other programs" not in told


def test_users_that_left_with_their_node_count_against_the_plan() -> None:
    node = recorder("n1")
    for user in range(1, 21):
        node.user_gone(user, "left", "node left", 0.0, 0.0, 5.0)
    record = record_of(n1=node)
    record.note_node("n1", outcome="left", left_at=5.4)
    record.planned_end = 15.0
    record.note_end(5.4, "idle")
    verdict = Results(record).verdict

    assert verdict.state == "invalid"
    assert verdict.reasons[:2] == (
        "20 of 20 users were lost, or went with a node that nobody asked to go: n1 left at 5.0 s.",
        "66.7 % of the plan was not carried out, and nobody asked for that: "
        "200 of 300 user-seconds.",
    )


def test_users_of_a_node_that_was_expelled_are_a_remark() -> None:
    node = recorder("n1")
    for user in range(1, 21):
        node.user_gone(user, "lost", "it was expelled", 0.0, 0.0, 5.0)
    record = record_of(n1=node)
    record.planned_end = 15.0
    verdict = Results(record).verdict

    assert verdict.is_valid
    assert verdict.reasons == ("20 users went with a node that was expelled.",)


@pytest.mark.parametrize("outcome", ["finished", "failed", "left", "killed", "dropped"])
def test_users_that_returned_or_were_asked_leave_no_gap_in_the_plan(outcome: str) -> None:
    node = recorder("n1")
    node.user_gone(1, outcome, "", 0.0, 0.0, 5.0)
    node.user_gone(2, "left", "", 0.0, 0.0, 15.0)
    record = record_of(n1=node)
    record.planned_end = 15.0
    record.note_end(15.0, "duration")

    assert "plan" not in str(Results(record).verdict)


def test_a_run_that_failed_did_not_carry_out_its_plan() -> None:
    node = recorder("n1")
    node.user_gone(1, "killed", "", 0.0, 0.0, 10.0)
    record = record_of(n1=node)
    record.planned_end = 20.0
    record.note_end(10.0, "failed")
    verdict = Results(record).verdict

    assert verdict.state == "invalid"
    assert "50 % of the plan was not carried out" in verdict.reasons[1]


def test_the_line_of_a_hold_reaches_the_verdict() -> None:
    def blocked(seconds: float, line: str) -> murmur.telemetry.Event:
        metadata = {"user_id": 3, "line": line}
        measurements = {"count": 1, "duration": seconds}
        return murmur.telemetry.Event(
            "amoc.run.blocked", 30.0, 0.0, "n1", "r1", measurements, metadata
        )

    node = recorder("n1")
    health(node, range(20))
    health(node, range(40, 45))
    for seconds in (0.7, 20.0, 0.6):
        node.event(blocked(seconds, "/srv/load/chat.py:7"))
    record = record_of(n1=node)
    record.note_end(45.0, "duration")
    verdict = Results(record).verdict

    assert verdict.state == "invalid"
    assert "blocked for 20 s at chat.py:7, 3 times" in verdict.reasons[0]


class Late(murmur.Scenario):
    """Users take permits, while one of them holds the loop for half of the time."""

    async def init(self) -> None:
        self.messages = await murmur.throttle("messages", rate=1000, interval=1.0)

    async def start(self, user: murmur.User) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        while user.id == 1:
            await user.sleep(0.051)
            loop.jump(0.049)
        while True:
            await self.messages.wait()
            await user.sleep(0.001)


def test_permits_that_a_late_generator_skipped_make_a_run_invalid() -> None:
    verdict = rehearse(Late, 200, duration=5.0, user_rate=math.inf).verdict

    assert verdict.state == "invalid"
    assert re.search(r"late for 4\d\.?\d* % of the 5,\d{3} permits of 'messages'", str(verdict))


def test_only_nodes_that_took_users_unasked_are_named() -> None:
    lost, released = recorder("n1"), recorder("n2")
    for user in range(1, 6):
        lost.user_gone(user, "lost", "connection reset", 0.0, 0.0, 4.0)
        released.user_gone(user + 5, "left", "node released", 0.0, 0.0, 5.0)
    record = record_of(n1=lost, n2=released)
    record.note_node("n1", outcome="here")  # it is back, without users
    record.note_node("n2", outcome="left", left_at=5.0)
    record.note_end(9.0, "stop")
    (reason,) = [each for each in Results(record).verdict.reasons if "nobody asked to go" in each]

    assert reason.endswith(
        "5 of 10 users were lost, or went with a node that nobody asked to go: "
        "n1 was lost at 4.0 s."
    )


def test_a_trouble_that_comes_while_the_verdict_is_given_does_not_break_it():
    record = record_of(a=recorder("a"))

    class Meanwhile(str):
        """A text at whose reading another thread has news."""

        __slots__ = ()

        def __getitem__(self, key: object) -> str:
            record.troubles["exporter"] = "a push failed"
            return str(self)[key]  # type: ignore[index]

    record.troubles["disk"] = Meanwhile("no room is left")

    assert "No room is left." in Results(record).verdict.reasons
    assert "A push failed." in Results(record).verdict.reasons


def standstill(
    node: str, at: float, seconds: float, cause: str = "stopped"
) -> murmur.telemetry.Event:
    return murmur.telemetry.Event(
        "amoc.health.standstill",
        at,
        0.0,
        node,
        "r1",
        {"count": 1, "duration": seconds},
        {"cause": cause},
    )


def test_windows_in_which_nobody_was_steered_are_bad_however_well_nodes_were(
    tmp_path: Path,
) -> None:
    node = recorder("n1")
    health(node, range(30), reason="")
    node.event(standstill("steering", 15.5, 5.0))
    record = record_of(n1=node)
    record.note_end(30.0, "duration")
    results = Results(record)

    for each in (results, murmur.load(results.save(tmp_path / "run"))):
        bad = each.health[each.health["saturated"]]
        assert bad["window_at"].tolist() == [10.0, 11.0, 12.0, 13.0, 14.0, 15.0]
        assert set(bad["reason"]) == {"the steering kernel stood still"}
        assert each.verdict.state == "suspect"
        assert each.verdict.reasons[:2] == (
            "The steering kernel stood still for 5.0 s: it was stopped, or its container or "
            "machine was (from 10.5 s on).",
            "The generator was saturated for 6 of 30 s: the steering kernel stood still; "
            "lag up to 1 ms.",
        )


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("computed", ": code of its own process held it up"),
        ("crowded out", ": other programs had the machine"),
        ("of a later murmur", ""),
    ],
)
def test_why_the_steering_kernel_stood_still_is_told(cause: str, words: str) -> None:
    node = recorder("n1")
    health(node, range(100))
    for at in (20.0, 50.0):
        node.event(standstill("steering", at, 0.6, cause))
    record = record_of(n1=node)
    record.note_end(100.0, "duration")

    assert (
        f"The steering kernel stood still for 1.2 s in 2 times{words} "
        "(the first time from 19.4 s on)." in Results(record).verdict.reasons
    )


def test_a_node_that_was_lost_while_it_stood_still_did_nothing_from_then_on() -> None:
    """Its users were seen last at 10 s, and for a window at most they may have gone on."""
    node = recorder("n1")
    health(node, range(10))
    for window in range(10):
        node.population(window + 1.0, 0, 2, 0)
    for user in (1, 2):
        node.user_gone(user, "lost", "no sign of life for 5.0 s", 0.0, 0.0, 15.0)
    node.event(standstill("n1", 20.0, 10.0))
    record = record_of(n1=node)
    record.note_end(30.0, "duration")
    verdict = str(Results(record).verdict)

    assert "n1 was lost at 15.0 s while it stood still for 10.0 s." in verdict
    assert "63.3 % of the plan was not carried out" in verdict
    assert "38 of 60 user-seconds" in verdict  # 2 x (30 - 11), not 2 x (30 - 15)
