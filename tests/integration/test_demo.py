"""The demo on real sockets: every user has one outcome, and no message is lost."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest

import murmur
from murmur.demo import Chat, Report
from murmur.testing import RouterProcess, router_process


@pytest.fixture
def router():
    with router_process() as running:
        yield running


@pytest.fixture
def session():
    with murmur.Session() as opened:
        yield opened


def start(session: murmur.Session, router: RouterProcess, users: int, **settings) -> murmur.Run:
    """Start a chat that is over in about two seconds."""
    fast = {"pace": 0.05, "silence": 0.3, "user_rate": math.inf, "end_when_idle": True}
    return session.do(Chat, users, port=router.port, **{**fast, **settings})


def outcomes(run: murmur.Run) -> dict[str, int]:
    counts = run.results.users["outcome"].value_counts()
    return {str(outcome): int(count) for outcome, count in counts.items() if count}


def test_all_users_finish_and_every_forwarded_message_is_received(session, router):
    run = start(session, router, 60)
    run.wait(timeout=60)
    counts = router.counters()
    report = Report.of(run.results, counts, announced=60)

    assert outcomes(run) == {"finished": 60}
    assert report.delivered == counts.forwarded > 0
    assert report.sent == counts.received == counts.forwarded + counts.absent
    assert report.problems == []


def test_users_that_are_asked_to_leave_lose_no_message(session, router):
    run = start(session, router, 60, messages=1000, pace=0.02)
    while router.counters().forwarded < 1000:
        assert not run.is_over
    session.remove(20)
    run.stop()
    run.wait(timeout=60)

    assert outcomes(run) == {"left": 60}
    assert Report.of(run.results, router.counters(), announced=60).problems == []


def test_the_pace_changes_while_users_chat(session, router):
    run = start(session, router, 5, messages=1000, pace=1000.0)
    session.update(pace=0.01)
    session.add(20)
    while router.counters().forwarded < 100:
        assert not run.is_over
    run.stop()
    run.wait(timeout=60)

    assert outcomes(run) == {"left": 25}


def test_a_router_that_is_not_there_is_a_clear_reason(session, router):
    router.stop()
    run = start(session, router, 1)
    run.wait(timeout=60)

    reason = run.results.users["reason"].iloc[0]
    assert reason.startswith("ConnectionRefusedError: ")
    # The port is one of those that systems hand out, and those are told as one kind.
    assert "cannot connect to 127.0.0.1:<port>" in reason


def test_a_router_that_goes_away_fails_its_users(session, router):
    run = start(session, router, 5, messages=1000)
    while router.counters().forwarded < 10:
        assert not run.is_over
    router.stop()
    run.wait(timeout=60)

    assert outcomes(run) == {"failed": 5}


def test_a_frozen_router_shows_in_the_response_time(session, router):
    run = start(session, router, 20, messages=40)
    while router.counters().forwarded < 100:
        assert not run.is_over
    router.freeze(0.5)
    run.wait(timeout=60)

    round_trips = run.results.actions.query("name == 'round_trip'")["response_time"]
    assert round_trips.max() > 0.4
    assert round_trips.min() < 0.1


@pytest.mark.slow
def test_the_command_runs_a_thousand_users_within_a_minute():
    options = ("--users", "1000", "--duration", "10", "--json")
    command = [sys.executable, "-m", "murmur.demo", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    report = json.loads(done.stdout)

    assert done.returncode in (0, 3), done.stderr  # 3: this machine is busy with other things
    assert sum(report["users"].values()) == 1000
    assert report["users"]["failed"] == 0
    assert report["sent"] >= report["delivered"] == report["forwarded"] > 4_000
    assert 0 < report["response_p50"] <= report["response_p99"]
    assert report["problems"] == []


def test_the_command_prints_the_summary_and_its_progress():
    command = [sys.executable, "-m", "murmur.demo", "--users", "10", "--duration", "2.5"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr
    assert "users: 10 left" in done.stdout
    assert "forwarded by the router" in done.stdout
    assert "  1 s  users: " in done.stderr
