"""A command is one call on the session, and its outcome is a value."""

from __future__ import annotations

import pytest

from murmur.errors import InvalidSettingError, RunStateError
from murmur.jupyter.panel import COMMANDS, carry_out


@pytest.mark.parametrize(
    ("name", "given", "call", "code"),
    [
        ("add", {"count": "3"}, ("add", 3, {}), "session.add(3)"),
        ("remove", {"count": 2}, ("remove", 2, {"force": False}), "session.remove(2)"),
        (
            "remove",
            {"count": 2, "force": True},
            ("remove", 2, {"force": True}),
            "session.remove(2, force=True)",
        ),
        (
            "arrivals",
            {"rate": "inf"},
            ("update", {"user_rate": float("inf")}),
            "session.update(user_rate=inf)",
        ),
        (
            "update",
            {"settings": {"pace": "0.5"}},
            ("update", {"pace": 0.5}),
            "session.update(pace=0.5)",
        ),
        ("stop", {}, ("stop", {}), "session.stop()"),
        (
            "rate",
            {"name": "messages", "rate": "200"},
            ("messages.change_rate", {"rate": 200.0}),
            "session.throttles['messages'].change_rate(rate=200)",
        ),
        (
            "rate",
            {"name": "logins", "rate": "5", "limit": True},
            ("logins.change_rate", {"limit": 5}),
            "session.throttles['logins'].change_rate(limit=5)",
        ),
        (
            "rate",
            {"name": "messages", "rate": "9", "cancel_ramp": True},
            ("messages.change_rate", {"rate": 9.0, "cancel_ramp": True}),
            "session.throttles['messages'].change_rate(rate=9, cancel_ramp=True)",
        ),
        (
            "pause",
            {"name": "messages"},
            ("messages.pause", {}),
            "session.throttles['messages'].pause()",
        ),
        (
            "resume",
            {"name": "messages"},
            ("messages.resume", {}),
            "session.throttles['messages'].resume()",
        ),
        (
            "ramp",
            {"name": "messages", "from_rate": 10, "to_rate": "90", "duration": "60"},
            ("messages.ramp", {"from_rate": 10.0, "to_rate": 90.0, "duration": 60.0}),
            "session.throttles['messages'].ramp(from_rate=10, to_rate=90, duration=60)",
        ),
    ],
)
def test_a_command_makes_its_call_and_says_the_code(subject, session, name, given, call, code):
    done = carry_out(subject, name, given)

    assert session.calls == [call]
    assert done.code == code
    assert done.said
    assert not done.is_refused


def test_a_start_reads_the_form_and_hands_over_the_class(subject, session, chat):
    settings = {"port": "80", "password": "hunter3"}

    done = carry_out(subject, "start", {"scenario": "Chat", "users": "5", "settings": settings})

    assert session.calls == [("do", chat, 5, {"port": 80, "password": "hunter3"})]
    assert "hunter3" not in done.code
    assert done.code.endswith(", 5, port=80, password=getpass('password'))")


def test_what_is_refused_says_why_for_each_field_and_leaves_no_code(subject, session):
    session.errors["do"] = InvalidSettingError([("port", 0, "it is too small")])

    done = carry_out(subject, "start", {"scenario": "Chat", "users": 5})

    assert done.is_refused
    assert done.code == ""
    assert done.problems == {"port": "it is too small"}
    assert done.said == "Nothing was changed: 1 setting was refused."


def test_other_refusals_are_said_in_the_sessions_words(subject, session):
    session.errors["add"] = RunStateError("add users", "idle", "start a run with do first")

    done = carry_out(subject, "add", {"count": 1})

    assert done.is_refused
    assert done.said == str(session.errors["add"])


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("add", {}),
        ("add", {"count": "many"}),
        ("add", {"count": "2.5"}),
        ("arrivals", {"rate": "soon"}),
        ("start", {"scenario": "Nobody", "users": 1}),
        ("start", {"scenario": "Chat", "users": 1, "settings": "port=1"}),
        ("update", {"settings": ["pace"]}),
        ("update", {"settings": None}),
        ("rate", {"name": "logins", "rate": "inf", "limit": True}),
        ("rate", {"name": "logins", "rate": "nan", "limit": True}),
        ("rate", {"name": "logins", "rate": "2.5", "limit": True}),
        ("explode", {}),
    ],
)
def test_nonsense_is_refused_and_nothing_is_called(subject, session, name, given):
    assert carry_out(subject, name, given).is_refused
    assert session.calls == []


def test_a_limit_without_end_is_told_what_to_give(subject):
    done = carry_out(subject, "rate", {"name": "logins", "rate": "inf", "limit": True})

    assert done.said == "not understood: give a whole number, not inf"


def test_a_failure_that_nobody_foresaw_is_logged_and_answered(subject, session, caplog):
    session.errors["stop"] = RuntimeError("the loop is gone")

    done = carry_out(subject, "stop", {})

    assert done.is_refused
    assert done.said == "failed: RuntimeError('the loop is gone')"
    assert "the panel's command 'stop' failed" in caplog.text


def test_nothing_is_updated_before_the_first_run(subject, session):
    session.scenario = None

    assert carry_out(subject, "update", {"settings": {}}).is_refused


def test_every_command_is_tested():
    assert set(COMMANDS) == {
        "start",
        "add",
        "remove",
        "arrivals",
        "update",
        "stop",
        "rate",
        "pause",
        "resume",
        "ramp",
    }
