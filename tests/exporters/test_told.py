"""What an exporter could not give out is told where people look at the run."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from traitlets import Float

import murmur
from murmur.exporters import ExporterStatistics, Prometheus, PushExporter, Reading, Totals
from murmur.results import Results


class Refused(PushExporter):
    """Fails the first pushes, as a target that is not there yet."""

    fails = 1_000

    def push(self, reading: Reading) -> None:
        self.fails -= 1
        if self.fails >= 0:
            raise ConnectionRefusedError("nobody listens")


class Greet(murmur.Scenario):
    """Users say hello and go."""

    user_rate = Float(math.inf, help="users per minute").tag(live=True)

    async def start(self, user: murmur.User) -> None:
        user.count("hello")


def push_once(exporter: PushExporter, course) -> None:
    """Start and stop an exporter: the last push is made when it stops."""
    with exporter:
        course.act("echo", 0.1)
        course.flush()


def test_a_target_that_is_not_there_is_a_problem_a_remark_and_one_line(caplog):
    with murmur.Session() as session, caplog.at_level(logging.WARNING):
        with Refused(session, "nowhere", interval=3600):
            run = session.do(Greet, 3, end_when_idle=True)
            run.wait(60)
        problems, remarks = session.status().problems, run.results.verdict.reasons
        again = run.results.summary().verdict.reasons

    told = "Refused to nowhere: 1 of 1 pushes failed; the last said ConnectionRefusedError"
    assert [line for line in problems if line.startswith(told)] == [f"{told}: nobody listens"]
    assert f"{told}: nobody listens." in remarks
    assert again == remarks
    assert [record.getMessage() for record in caplog.records].count(
        "Refused to nowhere: ConnectionRefusedError: nobody listens; the run goes on, and the next "
        "push is tried all the same"
    ) == 1


def test_a_target_that_came_later_leaves_what_was_not_sent(course):
    exporter = Refused(course, "slow", interval=3600)
    exporter.fails = 1
    push_once(exporter, course)
    push_once(exporter, course)

    assert [*course.record.troubles.values()] == ["Refused to slow: 1 of 2 pushes failed"]


def test_a_run_is_told_nothing_of_what_failed_in_the_one_before(course):
    exporter = Refused(course, "slow", interval=3600)
    exporter.fails = 1
    push_once(exporter, course)
    before = course.record
    course.begin("r2", started_at=100.0)
    push_once(exporter, course)

    assert [*before.troubles.values()] == [
        "Refused to slow: 1 of 1 pushes failed; the last said ConnectionRefusedError: "
        "nobody listens"
    ]
    assert course.record.troubles == {}
    assert (exporter.statistics().pushed, exporter.statistics().failed) == (1, 1)


def test_last_totals_that_fail_when_another_run_is_on_are_told_in_theirs(course):
    with Refused(course, "slow", interval=3600) as exporter:
        exporter.fails = 1
        course.act("echo", 0.1)
        course.flush()
        before = course.record
        course.begin("r2", started_at=100.0)
        course.act("echo", 0.1)
        course.flush()

    assert [text[:40] for text in before.troubles.values()] == [
        "Refused to slow: 1 of 1 pushes failed; t"
    ]
    assert course.record.troubles == {}


class Dropping(Refused):
    """Had no room for five spans, before the first push."""

    fails = 0

    def statistics(self) -> ExporterStatistics:
        return replace(super().statistics(), dropped=5)


def test_what_was_dropped_before_the_first_push_of_a_run_is_told_in_that_run(course):
    exporter = Dropping(course, "small", interval=3600)
    push_once(exporter, course)
    before = course.record
    course.begin("r2", started_at=100.0)
    push_once(exporter, course)

    assert [*before.troubles.values()] == ["Dropping to small: 5 spans were not sent"]
    assert course.record.troubles == {}


class Endless(PushExporter):
    """Sends to a target that takes a little at a time, so that no timeout is ever over."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.go_on = threading.Event()

    def push(self, reading: Reading) -> None:
        self.go_on.wait(60)


def test_a_push_that_does_not_end_is_told_while_it_goes_on(course, monkeypatch):
    monkeypatch.setattr("murmur.exporters._push.SLOW", 0.05)
    with Endless(course, "drip", interval=0.05) as exporter:
        course.act("echo", 0.1)
        course.flush()
        deadline = time.monotonic() + 30
        while not course.record.troubles and time.monotonic() < deadline:
            time.sleep(0.01)
        told = [*course.record.troubles.values()]
        exporter.go_on.set()

    assert told == ["Endless to drip: a push has not ended for 0 s and more"]
    assert course.record.troubles == {}


class Kept(PushExporter):
    """Keeps what it was to send."""

    def push(self, reading: Reading) -> None:
        self.__dict__.setdefault("sent", []).append((reading.run_id, reading.series["actions"]))


def test_the_end_of_a_run_goes_out_although_another_begins_before_the_next_push(course):
    with Kept(course, "kept", interval=3600) as exporter:
        for run, number in ("r2", 1), ("r3", 2), ("r4", 3):
            course.begin(run, started_at=100.0 * number)
            course.act("echo", *[0.1] * number)
            course.flush()

    assert exporter.sent == [
        ("r2", {("echo", "local"): 1}),
        ("r3", {("echo", "local"): 2}),
        ("r4", {("echo", "local"): 3}),
    ]
    assert exporter.statistics().pushed == 3


def test_a_target_that_takes_all_is_no_trouble(course):
    exporter = Refused(course, "ready", interval=3600)
    exporter.fails = 0
    push_once(exporter, course)

    assert exporter.statistics().pushed == 1
    assert course.record.troubles == {}


def test_names_that_are_given_out_as_others_are_told_once(course):
    course.relay.attach(Totals(names=2))
    for name in ("look", "buy", "pay", "leave"):
        course.act(name, 0.1)
    course.flush()

    assert Results(course.record).verdict.reasons[-1] == (
        "Exporters tell 2 names apart of what is called action, and later ones are `(other)`; "
        "`names=` says how many."
    )
    assert len(course.record.troubles) == 1


@pytest.mark.parametrize("seconds", [59.0, 60.0])
def test_metrics_that_nobody_asked_for_in_a_minute_are_told(course, seconds):
    with Prometheus(course, port=0) as exporter:
        course.act("echo", 0.1)
        course.flush()
        course.record.reach(seconds)
        course.relay.end(course.record)
        told = [f"nobody asked for the metrics at {exporter.url}"]

    assert [*course.record.troubles.values()] == (told if seconds >= 60 else [])


def test_metrics_that_somebody_asked_for_are_no_trouble(course):
    with Prometheus(course, port=0) as exporter:
        course.act("echo", 0.1)
        course.flush()
        exporter.totals.read()  # as a scrape does
        course.record.reach(600.0)
        course.relay.end(course.record)

    assert course.record.troubles == {}


def test_news_that_cannot_be_taken_in_end_no_export(course, monkeypatch, caplog):
    totals = Totals()
    course.relay.attach(totals)

    def fault(*_: object) -> None:
        raise IndexError("the fault")

    course.act("echo", 0.1)
    with monkeypatch.context() as patch:
        patch.setattr(totals, "_take_users", fault)
        course.flush()
        course.flush()
    course.act("echo", 0.1, 0.1)
    course.flush()

    assert totals.read().series["run_actions"][()] == 3
    [trouble] = course.record.troubles.values()
    assert trouble == (
        "what exporters give out lacks 2 pieces of news at least in part: IndexError: the fault"
    )
    assert len([line for line in caplog.records if "taken in all the same" in line.message]) == 1
    monkeypatch.setattr(totals, "_miss_last_windows", fault)
    course.relay.end(course.record)
    assert totals.read().series["run_active"][()] == 0


def test_totals_that_cannot_be_read_end_no_push(course, monkeypatch):
    class Counted(PushExporter):
        pushes = 0

        def push(self, reading: Reading) -> None:
            self.pushes += 1

        def statistics(self) -> ExporterStatistics:
            raise ValueError("no numbers")

    exporter = Counted(course, "somewhere", interval=0.01)

    def fault() -> None:
        raise IndexError("the fault")

    with exporter:
        course.act("echo", 0.1)
        with monkeypatch.context() as patch:
            patch.setattr(exporter.totals, "read", fault)
            course.flush()
            wait_until(lambda: exporter._failed > 1)
        [trouble] = course.record.troubles.values()
        assert trouble.endswith("pushes failed; the last said IndexError: the fault")
        wait_until(lambda: exporter.pushes)


def wait_until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)
