"""The history draws the end of a run, at a cost that does not grow."""

from __future__ import annotations

import math

import numpy as np
import pytest

from murmur.jupyter.panel._history import History
from murmur.jupyter.panel._windows import SPAN
from murmur.telemetry import Recorder


def unpacked(frame):
    """Return the columns of a packed frame."""
    names = frame["columns"]
    table = np.frombuffer(frame["values"], "<f4").reshape(len(names), -1)
    return {name: column.tolist() for name, column in zip(names, table, strict=True)}


@pytest.fixture
def history():
    return History()


def test_before_a_run_there_are_empty_charts(history):
    rows = history.draw(0, 0.0)

    assert rows["span"] == [0.0, 60.0]
    assert all(frame["values"] == b"" for name, frame in rows.items() if name != "span")
    assert history.figures.rate == 0


def test_what_happened_is_drawn_by_second(history, tape):
    tape.second(1, 0.010, 0.010, waiting=4, running=1)
    tape.second(2, 0.010, 0.400, waiting=0, running=5)
    history.take(tape.record, tape.seal())

    rows = history.draw(5, 2.0)

    users = unpacked(rows["population"])
    assert users["at"] == [1, 2]
    assert users["waiting"] == [4, 0]
    assert users["running"] == [1, 5]
    assert users["target"] == [5, 5]
    assert unpacked(rows["throughput"]) == {"at": [0, 1], "ok": [2, 2], "failed": [0, 0]}
    latency = unpacked(rows["latency"])
    assert latency["p50"] == pytest.approx([0.010, 0.010], rel=0.01)
    assert latency["p99"] == pytest.approx([0.010, 0.400], rel=0.01)


def test_a_band_of_the_heat_map_holds_the_durations_it_says(history, tape):
    tape.second(1, 0.010, 0.010, 0.5)
    tape.second(2)
    history.take(tape.record, tape.seal())

    cells = unpacked(history.draw(1, 2.0)["heatmap"])

    lower = [1e-5 * 10 ** (band / 8) for band in cells["band"]]
    assert cells["actions"] == [2, 1]
    assert all(
        low <= seconds * 1.01 and seconds <= low * 10 ** (1 / 8) * 1.01
        for low, seconds in zip(lower, (0.010, 0.5), strict=True)
    )


def test_the_window_that_is_being_filled_is_not_drawn_yet(history, tape):
    tape.second(1, 0.010)
    tape.second(2, 0.010)
    tape.recorder.action("echo", 1, 2.0, 2.0, 2.1)
    history.take(tape.record, tape.seal())

    assert unpacked(history.draw(1, 2.2)["throughput"])["at"] == [0, 1]


def test_late_actions_correct_a_window(history, tape):
    tape.second(1, 0.010)
    tape.second(2)
    history.take(tape.record, tape.seal())
    history.draw(1, 2.0)
    tape.recorder.action("echo", 1, 0.1, 0.1, 0.9)
    history.take(tape.record, tape.seal())

    assert unpacked(history.draw(1, 2.1)["throughput"])["ok"][0] == 2


def test_a_run_that_was_on_before_is_caught_up_with(history, tape):
    tape.second(1, 0.010)
    tape.second(2, 0.010)
    tape.seal()

    history.adopt(tape.record)

    assert unpacked(history.draw(1, 2.0)["throughput"])["ok"] == [1, 1]
    assert unpacked(history.draw(1, 2.0)["population"])["running"] == [1, 1]


def test_a_new_run_begins_anew(history, tape):
    tape.second(1, 0.010)
    tape.second(2)
    history.take(tape.record, tape.seal())
    history.draw(1, 2.0)
    other = type(tape)()
    other.second(1)
    history.take(other.record, other.seal())

    assert unpacked(history.draw(1, 1.0)["throughput"])["at"] == []
    assert history.record is other.record


def test_only_the_last_five_minutes_are_kept(history, tape):
    for number in range(1, SPAN + 50):
        tape.second(number, 0.010)
        history.take(tape.record, tape.seal())
    elapsed = float(SPAN + 50)

    rows = history.draw(1, elapsed)

    assert rows["span"] == [50.0, elapsed]
    assert len(unpacked(rows["population"])["at"]) == SPAN
    assert len(unpacked(rows["throughput"])["at"]) <= SPAN + 1
    assert min(unpacked(rows["throughput"])["at"]) >= 48


def test_the_target_follows_what_people_ask_for(history, tape):
    tape.second(1, running=10)
    tape.recorder.change(1.5, "session", "users", 10, 15)
    tape.second(2, running=15)
    tape.recorder.change(2.5, "session", "users", 15, 11)
    tape.second(3, running=11)
    history.take(tape.record, tape.seal())

    rows = history.draw(15, 3.0)

    assert unpacked(rows["population"])["target"] == [10, 15, 11]
    assert history.target(15) == 11


def test_what_several_nodes_did_at_once_is_one_change(history, tape):
    for node, at in (("a", 1.10), ("b", 1.11)):
        recorder = Recorder(node=node, started_at=0.0, wall_started_at=0.0)
        recorder.change(at, "session", "pace", 1.0, 0.5)
        recorder.change(at, "session", "tone", "polite", "loud")
        recorder.change(at + 0.5, "session", "users", 5, 10)
        tape.record.add(recorder.seal())
    history.adopt(tape.record)

    assert [(one.what, one.old, one.new) for one in history.changes] == [
        ("pace", 1.0, 0.5),
        ("tone", "polite", "loud"),
        ("users", 10, 20),
    ]


def test_throttles_are_drawn_without_the_one_that_admits_users(history, tape):
    for name in ("messages", "user_rate"):
        tape.recorder.throttle(1.0, name, {"requested": 7, "granted": 5})
    tape.second(1)
    tape.second(2)
    history.take(tape.record, tape.seal())

    frame = history.draw(1, 2.0)["throttles"]

    assert frame["labels"] == {"name": ["messages"]}
    assert unpacked(frame) == {"at": [0], "name": [0], "asked": [7], "granted": [5]}


def test_figures_are_those_of_the_last_five_whole_seconds(history, tape):
    for number in range(1, 12):
        tape.second(number, *([0.010] * number))
    history.take(tape.record, tape.seal())
    history.draw(1, 11.0)

    figures = history.figures

    assert figures.rate == pytest.approx((7 + 8 + 9 + 10 + 11) / 5)
    assert figures.p50 == pytest.approx(0.010, rel=0.01)
    assert figures.total == sum(range(1, 12))


def test_without_a_success_there_is_no_response_time(history, tape):
    tape.second(1)
    tape.recorder.action("echo", 1, 0.1, 0.1, 0.2, ValueError("no"))
    tape.second(2)
    history.take(tape.record, tape.seal())

    latency = unpacked(history.draw(1, 2.0)["latency"])

    assert math.isnan(latency["p50"][0])
    assert history.figures.p50 is None
    assert history.figures.failed_total == 1
