"""The charts show the newest minutes of a run."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from murmur._session import IDLE, Observation
from murmur.jupyter.panel import charts, target
from murmur.recording import SPAN, LiveView


def unpacked(frame):
    """Return the columns of a packed frame."""
    names = frame["columns"]
    table = np.frombuffer(frame["values"], "<f4").reshape(len(names), -1)
    return {name: column.tolist() for name, column in zip(names, table, strict=True)}


@pytest.fixture
def draw(tape):
    """Return the rows of the charts, as they are at a moment."""
    live = LiveView(tape.record)

    def drawn(highest_id, elapsed):
        status = replace(IDLE, highest_id=highest_id, elapsed=elapsed)
        return charts(Observation(status=status, recent=live.recent(elapsed)))

    return drawn


def test_before_a_run_there_are_empty_charts():
    rows = charts(Observation())

    assert rows["span"] == [0.0, 60.0]
    assert all(frame["values"] == b"" for name, frame in rows.items() if name != "span")


def test_what_happened_is_drawn_by_second(draw, tape):
    tape.second(1, 0.010, 0.010, waiting=4, running=1)
    tape.second(2, 0.010, 0.400, waiting=0, running=5)
    tape.seal()

    rows = draw(5, 2.0)

    users = unpacked(rows["population"])
    assert users["at"] == [1, 2]
    assert users["waiting"] == [4, 0]
    assert users["running"] == [1, 5]
    assert users["target"] == [5, 5]
    assert unpacked(rows["throughput"]) == {"at": [0, 1], "ok": [2, 2], "failed": [0, 0]}
    latency = unpacked(rows["latency"])
    assert latency["p50"] == pytest.approx([0.010, 0.010], rel=0.01)
    assert latency["p99"] == pytest.approx([0.010, 0.400], rel=0.01)


def test_a_band_of_the_heat_map_holds_the_durations_it_says(draw, tape):
    tape.second(1, 0.010, 0.010, 0.5)
    tape.second(2)
    tape.seal()

    cells = unpacked(draw(1, 2.0)["heatmap"])

    lower = [1e-5 * 10 ** (band / 8) for band in cells["band"]]
    assert cells["actions"] == [2, 1]
    assert all(
        low <= seconds * 1.01 and seconds <= low * 10 ** (1 / 8) * 1.01
        for low, seconds in zip(lower, (0.010, 0.5), strict=True)
    )


def test_the_window_that_is_being_filled_is_not_drawn_yet(draw, tape):
    tape.second(1, 0.010)
    tape.second(2, 0.010)
    tape.recorder.action("echo", 1, 2.0, 2.0, 2.1)
    tape.seal()

    assert unpacked(draw(1, 2.2)["throughput"])["at"] == [0, 1]


def test_late_actions_correct_a_window(draw, tape):
    tape.second(1, 0.010)
    tape.second(2)
    tape.seal()
    draw(1, 2.0)
    tape.recorder.action("echo", 1, 0.1, 0.1, 0.9)
    tape.seal()

    assert unpacked(draw(1, 2.1)["throughput"])["ok"][0] == 2


def test_only_the_last_five_minutes_are_kept(draw, tape):
    for number in range(1, SPAN + 50):
        tape.second(number, 0.010)
        tape.seal()
    elapsed = float(SPAN + 50)

    rows = draw(1, elapsed)

    assert rows["span"] == [50.0, elapsed]
    assert len(unpacked(rows["population"])["at"]) == SPAN
    assert len(unpacked(rows["throughput"])["at"]) <= SPAN + 1
    assert min(unpacked(rows["throughput"])["at"]) >= 48


def test_the_target_follows_what_people_ask_for(draw, tape):
    tape.second(1, running=10)
    tape.recorder.change(1.5, "session", "users", 10, 15)
    tape.second(2, running=15)
    tape.recorder.change(2.5, "session", "users", 15, 11)
    tape.second(3, running=11)
    tape.seal()

    rows = draw(15, 3.0)

    assert unpacked(rows["population"])["target"] == [10, 15, 11]
    assert target(LiveView(tape.record).recent(3.0), 15) == 11


def test_throttles_are_drawn_without_the_one_that_admits_users(draw, tape):
    for name in ("messages", "user_rate"):
        tape.recorder.throttle(1.0, name, {"requested": 7, "granted": 5})
    tape.second(1)
    tape.second(2)
    tape.seal()

    frame = draw(1, 2.0)["throttles"]

    assert frame["labels"] == {"name": ["messages"]}
    assert unpacked(frame) == {"at": [0], "name": [0], "asked": [7], "granted": [5]}


def test_without_a_success_there_is_no_response_time(draw, tape):
    tape.second(1)
    tape.recorder.action("echo", 1, 0.1, 0.1, 0.2, ValueError("no"))
    tape.second(2)
    tape.seal()

    latency = unpacked(draw(1, 2.0)["latency"])

    assert math.isnan(latency["p50"][0])


def test_seconds_in_which_nothing_ended_are_no_throughput_and_no_response_time(draw, tape):
    """A step that goes on to the next row, or a line to it, would fill the hole."""
    for number in (1, 2, 5, 8, 9):
        tape.second(number, 0.010)
    for number in (3, 4, 6, 7):
        tape.second(number)
    tape.seal()

    rows = draw(1, 9.0)

    assert unpacked(rows["throughput"])["ok"] == [1, 1, 0, 0, 1, 0, 0, 1, 1]
    latency = unpacked(rows["latency"])
    assert [math.isnan(value) for value in latency["p50"]] == [
        False, False, True, True, False, True, True, False, False
    ]  # fmt: skip
    assert latency["alone"] == [0, 0, 0, 0, 1, 0, 0, 0, 0]
