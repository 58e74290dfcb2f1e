"""A record is read while the loop adds to it: between any two lines of a look comes a chunk.

The chunk is added by a trace function, at one line after the other, so that each order in which
the two threads can be is tried, and none is left to chance.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

from murmur import recording
from murmur.recording import FRAMES, TABLES, LiveView, RunRecord
from murmur.results import Results
from murmur.telemetry import Event, Recorder

READERS = Path(recording.__file__).parent
"""Where the code is that reads a record."""

MOST = 80
"""Chunks that come during one look, at most."""

RECORD: dict[str, Callable[[RunRecord], object]] = {
    "hanging": RunRecord.hanging,
    "under_way": RunRecord.under_way,
    "span_times": RunRecord.span_times,
    "totals": RunRecord.totals,
    "totals_by_node": RunRecord.totals_by_node,
    "nodes_here": RunRecord.nodes_here,
    "histogram": lambda record: record.histogram("service", name="old", node="node 1"),
    "population of all": lambda record: record.table("population", of_all=True),
}
RESULTS: dict[str, Callable[[Results], object]] = {
    "verdict": lambda got: got.verdict,
    "summary": Results.summary,
    "effects": lambda got: got.effects,
    "manifest": lambda got: got.manifest,
    "check": lambda got: got.check("failed < 1%", "p99 < 2s"),
    "repr": Results._repr_html_,
    **{name: lambda got, name=name: got.frame(name) for name in FRAMES},
}


class Growing:
    """A record to which whatever is new can be added: node, names, failures, users, changes."""

    def __init__(self) -> None:
        self.record = RunRecord("r1", 0.0, 0.0)
        self.chunks = 0
        self.grow()
        self.grow()

    def grow(self) -> None:
        self.chunks += 1
        number = self.chunks
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
        recorder.span(f"new {number}", "first", at - 0.2, at - 0.1)
        recorder.user_gone(number, f"outcome {number}", f"why {number}", at, at, at)
        recorder.health(at, [0.001], 0.1, 5e7, False)
        recorder.event(Event("amoc.run.state", at, at, node, "r1", {"count": 1}, {}))
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


def look_while_it_grows(growing: Growing, look: Callable[[], object]) -> None:
    """Call `look`, with a chunk before each line that reads, the first two times it is run."""
    lines = Counter[tuple[str, int]]()

    def trace(frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:
        if Path(frame.f_code.co_filename).parent != READERS or growing.chunks > MOST:
            return None
        line = frame.f_code.co_filename, frame.f_lineno
        lines[line] += event == "line"
        if event == "line" and lines[line] <= 2:
            growing.grow()
        return trace

    before, known = sys.gettrace(), growing.chunks
    sys.settrace(trace)
    try:
        look()
    finally:
        sys.settrace(before)
    assert growing.chunks > known  # else nothing was traced


@pytest.mark.parametrize("name", RECORD)
def test_no_other_look_at_a_record_breaks_by_chunks_that_come(name: str):
    growing = Growing()
    look_while_it_grows(growing, lambda: RECORD[name](growing.record))

    numbers = range(1, growing.chunks + 1)
    assert growing.record.totals_by_node() == {f"node {number}": (3, 1) for number in numbers}


@pytest.mark.parametrize("name", RESULTS)
def test_no_look_at_results_breaks_by_chunks_that_come(name: str):
    growing = Growing()
    got = Results(growing.record)
    look_while_it_grows(growing, lambda: RESULTS[name](got))

    assert got.windows["count"].sum() == 3 * growing.chunks
