"""Clicks become code that does the same."""

from __future__ import annotations

from math import inf

from murmur.jupyter.panel import CodeLog, call, start, update


def test_a_call_reads_as_one_would_type_it():
    assert call("session.update", pace=0.5, rate=20.0, tone="loud", tls=True) == (
        "session.update(pace=0.5, rate=20, tone='loud', tls=True)"
    )


def test_code_begins_with_what_it_imports(chat):
    log = CodeLog("session = murmur.session()")
    log.add(call("session.update", user_rate=inf))
    log.add(start(chat, "Chat", 5, {"password": "x"}))

    assert log.text.splitlines() == [
        "from math import inf",
        "from getpass import getpass",
        "import murmur",
        "",
        "session = murmur.session()",
        "session.update(user_rate=inf)",
        "run = session.do(Chat, 5, password=getpass('password'))",
    ]


def test_code_runs_as_it_stands():
    log = CodeLog("session = murmur.session()")
    log.add(call("session.throttles['a'].change_rate", rate=inf, limit=3))

    compile(log.text, "code", "exec")


def test_a_secret_is_asked_for_and_not_written_down(chat):
    code = update(chat, {"pace": 2.0, "password": "hunter3"})

    assert code == "session.update(pace=2, password=getpass('password'))"


def test_a_class_that_the_notebook_has_no_name_for_is_found_by_its_module(chat):
    assert start(chat, "", 1, {}) == f"run = session.do('{chat.__module__}:Chat', 1)"


def test_of_very_many_calls_the_first_are_left_out():
    log = CodeLog("session = murmur.session()")
    for number in range(205):
        log.add(f"session.add({number})")

    lines = log.text.splitlines()
    assert lines[2] == "session = murmur.session()"
    assert lines[3:5] == ["# 5 earlier calls are left out", "session.add(5)"]
    assert lines[-1] == "session.add(204)"
