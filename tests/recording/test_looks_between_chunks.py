"""A record is read while the loop adds to it: between any two lines of a look comes a chunk.

The chunk is added by a trace function, at one line after the other, so that each order in which
the two threads can be is tried, and none is left to chance.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from types import CodeType, FrameType
from typing import Any

import pytest

from murmur.recording import TABLES, LiveView, RunRecord
from murmur.telemetry import Recorder


class Growing:
    """A record to which whatever is new can be added: node, names, failures, users, changes."""

    def __init__(self) -> None:
        self.record = RunRecord("r1", 0.0, 0.0)
        self._number = count(1)
        self.grow()
        self.grow()

    def grow(self) -> None:
        number = next(self._number)
        at, node = float(number), f"node {number}"
        recorder = Recorder(node=node, started_at=0.0, wall_started_at=0.0, now=lambda: at)
        recorder.action("old", number, at - 0.2, at - 0.2, at)
        recorder.action(f"new {number}", number, at - 0.2, at - 0.2, at)
        recorder.action("old", number, at, at, at, type(f"Error{number}", (Exception,), {})("no"))
        recorder.count(f"counter {number}")
        recorder.gauge(f"gauge {number}", 1.0)
        recorder.change(at, "test", f"setting {number}", 1, 2)
        recorder.failure("user", "user", KeyError(f"key {number}"))
        recorder.users_dropped(number, number, at, f"reason {number}")
        recorder.population(at, 0, 1, 0)
        self.record.note_node(node, joined_at=at)
        self.record.add(recorder.seal())
        self.record.set_present(node, [100 + number], [at], [at], [(200 + number, 200 + number)])


@contextmanager
def at_line(place: int, code: CodeType, then: Callable[[], None]) -> Iterator[list[int]]:
    """Call `then` before the line of `code` that is the `place`th to be run; count them."""
    passed = [0]

    def line(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            passed[0] += 1
            if passed[0] == place:
                sys.settrace(None)
                then()
        return line

    def call(frame: FrameType, event: str, argument: Any) -> Any:
        return line if frame.f_code is code else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        yield passed
    finally:
        sys.settrace(before)


def looks(at: Callable[..., Any], look: Callable[[RunRecord], Any]) -> Iterator[Any]:
    """Yield what a look comes to, with a chunk before each line of the function `at` in turn."""
    code = at.__code__
    with at_line(0, code, lambda: None) as passed:
        look(Growing().record)
    assert passed[0] > 1
    for place in range(1, passed[0] + 1):
        growing = Growing()
        with at_line(place, code, growing.grow):
            found = look(growing.record)
        yield found


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_whole_whenever_a_chunk_comes(name: str):
    for table in looks(RunRecord.table, lambda record: record.table(name)):
        assert len({len(column) for column in table.values()}) == 1


def test_names_come_to_what_is_told_of_all_together_whenever_a_chunk_comes():
    for recent in looks(LiveView._recent, lambda record: LiveView(record).recent(3.0)):
        assert recent.total.count == sum(figures.count for figures in recent.actions)
        assert recent.total.failed == sum(figures.failed for figures in recent.actions)
