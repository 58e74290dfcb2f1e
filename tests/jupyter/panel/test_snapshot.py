"""The state is plain values that JSON can hold, and holds no secret."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from murmur._session import Observation
from murmur.cluster import NodeStatus
from murmur.jupyter.panel import snapshot
from murmur.recording import LiveView
from murmur.results import Verdict
from murmur.runtime import RunState
from murmur.throttles import ThrottleStatistics


def throttle(name="messages", **changed):
    values = {
        "name": name,
        "rate": 300.0,
        "interval": 60.0,
        "limit": None,
        "waiting": 2,
        "requested": 9,
        "granted": 7,
        "out": 0,
        "paused": False,
        "ramping": False,
        "stopped": False,
    }
    return ThrottleStatistics(**(values | changed))


def running(**throttles):
    users = {"waiting": 1, "running": 5, "leaving": 2, "gone": 3}
    status = SimpleNamespace(
        state=RunState.RUNNING,
        scenario="Chat",
        run_id="r1",
        elapsed=12.7,
        users=users,
        highest_id=11,
        problems=("look out",),
        throttles=throttles,
    )
    nodes = (NodeStatus(node="local", state=RunState.RUNNING, users=users),)
    return Observation(status=status, nodes=nodes)


@pytest.fixture
def take(chat):
    def take_one(seen, tape=None, *, settings=None, is_running=True, verdict=None, judged_at=0.0):
        if tape is not None:
            tape.seal()
            recent = LiveView(tape.record).recent(seen.status.elapsed)
            seen = replace(seen, recent=recent)
        return snapshot(
            seen,
            scenarios={"Chat": chat},
            running=chat if is_running else None,
            settings=settings or {},
            code="",
            verdict=verdict,
            judged_at=judged_at,
        )

    return take_one


@pytest.mark.parametrize(
    ("verdict", "shown"),
    [
        (None, None),
        (Verdict("valid", ("A remark.",)), {"state": "valid", "reasons": ["A remark."]}),
        (Verdict("invalid", ("A ground.",)), {"state": "invalid", "reasons": ["A ground."]}),
    ],
)
def test_the_verdict_is_a_word_and_its_sentences(take, verdict, shown):
    whole = shown and {**shown, "at": None}
    assert take(Observation(), verdict=verdict, judged_at=7.9)["verdict"] == whole


def test_while_a_run_is_on_its_verdict_is_of_a_moment(take):
    assert take(running(), verdict=Verdict("valid"), judged_at=7.9)["verdict"]["at"] == 7


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (RunState.RUNNING, None),
        (RunState.TERMINATING, None),
        (RunState.FINISHED, {"state": "being judged", "at": None, "reasons": []}),
        (RunState.FAILED, {"state": "being judged", "at": None, "reasons": []}),
    ],
)
def test_an_end_without_a_verdict_is_being_judged(take, state, shown):
    seen = Observation(status=replace(Observation().status, state=state, run_id="r1"))
    assert take(seen)["verdict"] == shown


def test_an_idle_session_offers_its_scenarios(take):
    state = take(Observation(), is_running=False)

    assert state["state"] == "idle"
    assert state["arrivals"] is None
    assert list(state["forms"]) == ["Chat"]
    assert state["forms"]["Chat"]["doc"] == "Users write to their neighbours."
    assert state["forms"]["Chat"]["user_rate"] == 1200.0


def test_a_running_session_is_told_whole(take):
    state = take(running(messages=throttle(), user_rate=throttle("user_rate", rate=600.0)))

    assert state["elapsed"] == 12
    assert state["users"] == {"waiting": 1, "running": 5, "leaving": 2, "gone": 3, "target": 11}
    assert state["arrivals"] == 600
    assert [one["name"] for one in state["throttles"]] == ["messages", "user_rate"]
    assert state["nodes"][0]["users"] == 7
    assert state["problems"] == ["look out"]


def test_json_can_hold_all_of_it(take):
    state = take(
        running(
            user_rate=throttle("user_rate", rate=math.inf),
            few=throttle("few", rate=math.nan, interval=0.0, limit=5.0),
        )
    )

    json.dumps(state, allow_nan=False)
    assert state["arrivals"] == "inf"
    assert state["throttles"][1]["limit"] == 5.0


def test_the_form_shows_what_is_in_force_after_changes(take, tape):
    tape.recorder.change(1.0, "session", "pace", 1.0, 0.25)
    tape.second(2)

    state = take(running(), tape, settings={"pace": 1.0, "port": 80, "password": "***"})

    texts = {field["name"]: field["text"] for field in state["forms"]["Chat"]["fields"]}
    assert (texts["pace"], texts["port"], texts["password"]) == ("0.25", "80", "")


def test_no_secret_is_in_it(take):
    state = take(running(), settings={"password": "***"})

    assert "hunter2" not in json.dumps(state)


@pytest.mark.parametrize(("late", "is_warned"), [(0, False), (3, False), (9, True)])
def test_it_is_said_when_the_generator_is_the_bottleneck(take, tape, late, is_warned):
    for number in range(1, 31):
        lags = [0.2] if number <= late else [0.001]
        tape.recorder.health(float(number), lags, 0.5, 1e6, saturated=number <= late)
        tape.second(number)

    state = take(running(), tape)

    assert bool(state["health"]["warning"]) == is_warned
    assert state["nodes"][0]["cpu"] == 0.5


GONE = {"waiting": 0, "running": 0, "leaving": 0, "gone": 11}


def at_its_end(seen, now, elapsed, **node):
    """Return an observation of a run whose users are gone."""
    vars(seen.status).update(state=now, users=GONE, elapsed=elapsed)
    nodes = (NodeStatus(node="local", users=GONE, **{"state": now, **node}),)
    return replace(seen, nodes=nodes)


@pytest.mark.parametrize(
    ("node", "note"),
    [
        ({}, "terminate under way"),
        ({"coordinators": {"pairs": None}}, "coordinators and terminate under way"),
        ({"state": RunState.FINISHED}, "results are being written"),
    ],
)
def test_a_run_that_only_has_to_terminate_is_ending_and_lags_nowhere(take, tape, node, note):
    """Its last windows were bad, and nothing is measured for a minute."""
    for number in range(1, 31):
        tape.recorder.health(float(number), [0.2], 0.5, 1e6, saturated=True)
        tape.second(number, running=0)
    tape.record.note_end(30.0, "stop")

    for elapsed in (32.0, 35.0, 90.0):
        state = take(at_its_end(running(), RunState.TERMINATING, elapsed, **node), tape)

        assert state["health"] == {"warning": "", "pace": "ending", "note": note}
        assert (state["nodes"][0]["cpu"], state["nodes"][0]["lag"]) == (None, None)


def test_a_run_that_is_over_lags_nowhere(take, tape):
    tape.recorder.health(1.0, [0.2], 0.5, 1e6, saturated=False)
    tape.second(1, running=0)
    tape.record.note_end(1.0, "stop")

    state = take(at_its_end(running(), RunState.FINISHED, 60.0), tape)

    assert state["health"] == {"warning": "", "pace": "", "note": "of the whole run"}
    assert state["nodes"][0]["lag"] is None
    assert take(Observation())["health"]["note"] == "no run yet"


@pytest.mark.parametrize(
    ("elapsed", "lag", "pace", "note"),
    [
        (2.0, 0.001, "keeps up", "50 % of a core, lag 1 ms"),
        (2.0, 0.2, "late now", "50 % of a core, lag 200 ms"),
        (9.0, 0.001, "no news", "for 7 s from local"),
    ],
)
def test_a_generator_that_says_nothing_does_not_keep_up(take, tape, elapsed, lag, pace, note):
    tape.recorder.health(2.0, [lag], 0.5, 1e6, saturated=False)
    tape.second(2)
    seen = running()
    vars(seen.status).update(elapsed=elapsed)

    state = take(seen, tape)

    assert (state["health"]["pace"], state["health"]["note"]) == (pace, note)
    is_silent = pace == "no news"
    assert state["health"]["warning"].startswith("The load generator told nothing") == is_silent
    assert (state["nodes"][0]["lag"] == "no news for 7 s") == is_silent


def test_a_node_that_is_lost_stays_in_the_table(take, tape):
    tape.second(3)
    tape.seal()
    tape.record.lose("local", at=9.6)
    tape.record.note_gone("local", 5)
    tape.record.note_node("other", outcome="left", left_at=4.0)
    seen = replace(running(), nodes=(replace(running().nodes[0], node="third"),))

    rows = take(seen, tape)["nodes"]

    columns = ("name", "state", "left_at", "heard_at", "lost")
    assert [tuple(row.get(column) for column in columns) for row in rows] == [
        ("third", "running", None, None, None),
        ("local", "lost", 9, 3, 5),
        ("other", "left", 4, None, 0),
    ]


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("loop lag by other programs", "Stop them"),
        ("loop lag by a processor quota", "quota"),
        ("loop lag at chat.py:7", "fewer users"),
    ],
)
def test_what_to_do_follows_from_whose_doing_it_is(take, tape, reason, advice):
    for number in range(1, 31):
        tape.recorder.health(float(number), [0.2], 0.5, 1e6, saturated=True, reason=reason)
        tape.second(number)

    assert advice in take(running(), tape)["health"]["warning"]


def test_errors_are_told_with_how_many_and_when(take, tape):
    tape.recorder.action("echo", 1, 0.1, 0.1, 0.2, ValueError("no"))
    tape.second(1)

    assert take(running(), tape)["errors"] == [
        {"name": "echo", "error": "ValueError: no", "count": 1, "users": 0, "at": 0.2}
    ]
