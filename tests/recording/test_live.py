"""The newest minutes of a run, at a cost that does not grow with it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from murmur.recording import SPAN, LiveView, RunRecord
from murmur.telemetry import Recorder


class Tape:
    """A run that is written by hand, window by window."""

    def __init__(self) -> None:
        self.record = RunRecord("r1", 0.0, 0.0)
        self.live = LiveView(self.record)
        self.nodes: dict[str, Recorder] = {}

    def on(self, node: str = "a") -> Recorder:
        return self.nodes.setdefault(
            node, Recorder(node=node, started_at=0.0, wall_started_at=0.0, now=lambda: 0.0)
        )

    def second(self, number: int, *times: float, node: str = "a", name: str = "echo") -> None:
        """Record actions that ended in the window before second `number`, and the users then."""
        for place, seconds in enumerate(times):
            ended = number - 1 + (place + 1) / (len(times) + 1)
            self.on(node).action(name, 1, ended - seconds, ended - seconds, ended)
        self.on(node).population(float(number), 0, 1, 0)
        self.on(node).health(float(number), [0.001], 0.5, 1e6, saturated=False)
        self.record.add(self.on(node).seal())


@pytest.fixture
def tape() -> Tape:
    return Tape()


def test_of_a_run_in_which_nothing_happened_nothing_is_told(tape):
    recent = tape.live.recent(0.0)

    assert (recent.windows, recent.actions, recent.changes, recent.failures) == ((), (), (), ())
    assert (recent.total.count, recent.total.rate) == (0, 0.0)
    assert math.isnan(recent.total.p99)


def test_rates_and_times_are_those_of_the_last_ten_whole_windows(tape):
    for number in range(1, 21):
        tape.second(number, *([0.010] * number))
    tape.second(20, 0.010, name="login")

    recent = tape.live.recent(20.3)

    echo, login = recent.actions
    assert (echo.name, echo.count, echo.failed) == ("echo", 210, 0)
    assert echo.rate == pytest.approx(sum(range(11, 21)) / 10)
    assert login.rate == pytest.approx(0.1)
    assert recent.total.count == 211
    assert recent.total.rate == pytest.approx(echo.rate + login.rate)
    assert echo.p50 == pytest.approx(0.010, rel=0.01)


def test_rates_divide_by_the_time_that_passed(tape):
    """Four windows of ten actions: no matter that ten windows are looked at."""
    for number in range(1, 5):
        tape.second(number, *([0.010] * 10))

    assert tape.live.recent(4.0).total.rate == pytest.approx(10.0)


def test_permits_of_a_window_that_is_not_over_are_no_fall(tape):
    for end in (1.0, 2.0, 3.0):
        tape.on().throttle(end, "messages", {"requested": 100, "granted": 90})
        tape.second(int(end), 0.010)
    tape.on().throttle(3.2, "messages", {"requested": 20, "granted": 1})
    tape.record.add(tape.on().seal())

    permits = tape.live.recent(3.2).permits["messages"]

    assert permits == ((0.0, 100, 90), (1.0, 100, 90), (2.0, 100, 90))


def test_of_a_run_that_is_over_the_last_part_of_a_window_counts(tape):
    tape.second(1, *([0.010] * 10))
    tape.on().action("echo", 1, 1.1, 1.1, 1.2)
    tape.record.add(tape.on().seal())

    assert tape.live.recent(1.25).total.rate == pytest.approx(10.0)
    assert tape.live.recent(1.25, is_over=True).total.rate == pytest.approx(11 / 1.25)


def test_a_run_that_stands_still_has_no_rate(tape):
    """Ten a second for 20 s; then nothing comes any more, and nobody says why."""
    for number in range(1, 21):
        tape.second(number, *([0.010] * 10))

    assert tape.live.recent(20.5).total.rate == pytest.approx(10.0)
    assert tape.live.recent(27.0).total.rate == pytest.approx(5.0)  # 15 to 25, of which 5 told
    assert tape.live.recent(20.5).total.failed_share == 0.0
    stopped = tape.live.recent(60.0)
    assert stopped.total.rate == 0.0
    assert stopped.total.failed_share is None  # nothing ended: that is no success
    assert math.isnan(stopped.total.p50)


def test_windows_in_which_nothing_ended_are_there_with_nothing(tape):
    """Three seconds of ten; a hole; ten again; and then nothing comes any more."""
    for number in (2, 3, 4, 8):
        tape.second(number, *([0.010] * 10))

    windows = tape.live.recent(14.5).windows

    assert [(one.at, one.count) for one in windows] == [
        (1, 10), (2, 10), (3, 10), (4, 0), (5, 0), (6, 0), (7, 10),
        *((at, 0) for at in (8, 9, 10, 11)),  # of 12 and 13 something may be on its way
    ]  # fmt: skip
    assert all(np.isnan(one.quantiles).all() for one in windows if not one.count)


def test_a_hole_longer_than_what_is_looked_back_is_drawn_as_one(tape):
    tape.second(1, 0.010)

    windows = tape.live.recent(SPAN + 40.0).windows

    assert {one.count for one in windows} == {0}
    assert (windows[0].at, windows[-1].at) == (38, SPAN + 37)


def test_windows_in_which_a_node_told_of_no_permits_are_a_gap(tape):
    for end in (1.0, 2.0, 5.0):
        tape.on().throttle(end, "messages", {"requested": 100, "granted": 90})
        tape.second(int(end), 0.010)

    asked = [row[1] for row in tape.live.recent(5.1).permits["messages"]]

    assert asked == pytest.approx([100, 100, math.nan, math.nan, 100], nan_ok=True)


def test_windows_that_a_node_does_not_tell_of_are_unfit(tape):
    for number in range(1, 41):
        tape.second(number, node="a")
        if number <= 31:
            tape.second(number, node="b")
    tape.record.note_node("c", joined_at=37.0)
    tape.record.note_node("d", outcome="left")

    recent = tape.live.recent(40.0)

    # a: all of 30 windows; b: 7 of 28 that are due (2 on their way) are missing; c: 1 is due.
    assert (recent.unfit, recent.judged) == (7 + 1, 30 + 28 + 1)
    assert {node: row["window_at"] for node, row in recent.health.items()} == {"a": 39, "b": 30}


def test_a_node_that_is_lost_is_not_one_that_lags(tape):
    for number in range(1, 21):
        tape.second(number, node="a")
        if number <= 9:
            tape.second(number, node="b")
    silent = tape.live.recent(20.0)
    for_long = tape.live.recent(90.0)  # longer than rows are looked at

    tape.record.lose("b", at=10.0)
    recent = tape.live.recent(20.0)

    assert silent.lag == 20 - 9  # it may be here still
    assert for_long.silent == {"a": 70, "b": 81}
    assert (recent.lag, recent.cpu, list(recent.health)) == (0.001, 0.5, ["a"])


def test_a_node_that_only_has_to_terminate_is_not_silent(tape):
    """One of them has users yet when the run ends, and says nothing more of them."""
    for number in range(1, 11):
        tape.second(number, node="a")
        tape.second(number, node="b")
    tape.record.note_end(10.0, "stop")
    tape.on("a").population(10.4, 0, 0, 0)
    tape.on("a").health(10.4, [0.001], 0.5, 1e6, saturated=False)
    tape.record.add(tape.on("a").seal())

    recent = tape.live.recent(25.0)
    over = tape.live.recent(25.0, is_over=True)

    assert recent.silent == {"b": 15.0}
    assert (recent.unfit, recent.judged) == (13, 11 + 23)  # of b, 10 to 22 are due and missing
    assert (over.silent, over.lag, over.unfit) == ({}, 0.001, 0)


def test_a_node_that_never_said_a_word_is_silent_once_it_has_users(tape):
    tape.record.note_node("a", joined_at=0.0, running_at=math.nan)
    preparing = tape.live.recent(20.0)
    tape.record.note_node("a", running_at=20.5)

    assert (preparing.silent, preparing.judged) == ({}, 0)
    assert tape.live.recent(23.0).silent == {}
    assert tape.live.recent(26.5).silent == {"a": 6.0}
    assert tape.live.recent(26.5).unfit == 3  # 21 to 23; two more may be on their way


def test_of_nodes_that_are_gone_it_is_told_how_and_up_to_when_they_were_heard(tape):
    for number in range(1, 6):
        tape.second(number, node="a")
    tape.record.note_node("b", outcome="left", left_at=7.5)
    tape.record.lose("a", at=9.25)

    told = [(one.node, one.outcome, one.left_at) for one in tape.live.recent(10.0).departed]

    assert told == [("a", "lost", 9.25), ("b", "left", 7.5)]
    assert [one.heard_at for one in tape.live.recent(10.0).departed] == pytest.approx(
        [5.0, math.nan], nan_ok=True
    )


def test_users_that_were_lost_with_their_node_did_not_fail(tape):
    tape.on().failure("node", "b", "silent", users=4)
    tape.record.add(tape.on().seal())

    recent = tape.live.recent(1.0)

    assert [(one.thing, one.count, one.users) for one in recent.failures] == [("node b", 1, 4)]
    assert recent.failed_users == 0


def test_late_actions_correct_a_window(tape):
    tape.second(1, 0.010)
    tape.second(2)
    assert tape.live.recent(2.0).windows[0].count == 1

    tape.on().action("echo", 1, 0.1, 0.1, 0.9)
    tape.record.add(tape.on().seal())

    assert tape.live.recent(2.1).windows[0].count == 2


def test_what_several_nodes_did_at_once_is_one_change(tape):
    for node, at in (("a", 1.10), ("b", 1.11)):
        tape.on(node).change(at, "session", "pace", 1.0, 0.5)
        tape.on(node).change(at, "session", "tone", "polite", "loud")
        tape.on(node).change(at + 0.5, "session", "users", 5, 10)
        tape.record.add(tape.on(node).seal())

    changes = tape.live.recent(2.0).changes

    assert [(one.what, one.old, one.new) for one in changes] == [
        ("pace", 1.0, 0.5),
        ("tone", "polite", "loud"),
        ("users", 10, 20),
    ]


def test_users_that_go_on_one_node_and_come_on_another_are_two_changes(tape):
    """`remove(1)`, which one node does, and at once `add(4)`, which both do."""
    for node, at, old, new in (("a", 1.0, 5, 4), ("b", 1.1, 5, 7), ("a", 1.11, 4, 6)):
        tape.on(node).change(at, "session", "users", old, new)
    for node in "ab":
        tape.record.add(tape.on(node).seal())

    changes = tape.live.recent(2.0).changes

    assert [(one.old, one.new) for one in changes] == [(5, 4), (9, 13)]


def test_users_of_all_nodes_are_summed_as_in_the_frame(tape):
    for number in range(1, 5):
        tape.second(number, node="a")
        if number != 2:
            tape.second(number, node="b")

    assert [row[2] for row in tape.live.recent(4.0).population] == [2, 2, 2, 2]


def test_no_more_than_five_minutes_are_looked_at(tape):
    for number in range(1, SPAN + 50):
        tape.second(number, 0.010)

    recent = tape.live.recent(SPAN + 50.0)

    assert len(recent.population) == SPAN
    assert SPAN - 1 <= len(recent.windows) <= SPAN + 1
    assert recent.windows[-1].at == SPAN + 48


def test_nothing_new_is_known_by_its_version(tape):
    tape.second(1)
    before = tape.live.recent(1.0).version

    assert tape.live.recent(1.2).version == before
    tape.second(2)
    assert tape.live.recent(2.0).version > before
