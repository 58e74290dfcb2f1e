"""Results are read in one thread while another records: no look breaks by what is new.

The other thread is as unkind here as it could be: between any two lines of a look, a chunk
comes from a node that nobody has heard of, with names and errors that are new as well.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from murmur import recording
from murmur.recording import FRAMES, TABLES, LiveView, RunRecord
from murmur.results import Results
from murmur.telemetry import Event, Recorder

READERS = Path(recording.__file__).parent
"""Where the code is that reads a record."""

MOST = 80
"""Chunks that come during one look."""

RECORD: dict[str, Callable[[RunRecord], object]] = {
    "hanging": RunRecord.hanging,
    "under_way": RunRecord.under_way,
    "span_times": RunRecord.span_times,
    "totals": RunRecord.totals,
    "totals_by_node": RunRecord.totals_by_node,
    "nodes_here": RunRecord.nodes_here,
    "nodes": lambda record: record.nodes,
    "rows_dropped": lambda record: record.rows_dropped,
    "histogram": lambda record: record.histogram("service", name="page 0", node="n0"),
    "live": lambda record: LiveView(record).recent(9.0),
    **{f"table {name}": lambda record, name=name: record.table(name) for name in TABLES},
    "table population of all": lambda record: record.table("population", of_all=True),
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
    """A record that gets a chunk whenever it is told to grow."""

    def __init__(self) -> None:
        self.record = RunRecord("r1", 100.0, 1.7e9)
        self.chunks = 0
        self.grow()

    def grow(self) -> None:
        """Add a chunk in which all that can be new is new."""
        number, self.chunks = self.chunks, self.chunks + 1
        end = 101.0 + number / 10
        recorder = Recorder(
            node=f"n{number}", started_at=100.0, wall_started_at=1.7e9, now=lambda: end
        )
        page = f"page {number}"
        recorder.action(page, number, end - 1, end - 0.9, end - 0.5)
        recorder.action(page, number, end - 1, end - 0.9, end - 0.5, ValueError(f"no {number}"))
        recorder.span(page, "first", end - 1, end - 0.7)
        recorder.user_gone(number, f"ended {number}", f"why {number}", end - 1, end - 0.9, end)
        recorder.count(f"counted {number}")
        recorder.gauge(f"measured {number}", number)
        recorder.change(end, "me", f"setting {number}", 0, 1)
        recorder.population(end, 1, 2, 3)
        recorder.health(end, [0.001], 0.1, 5e7, False)
        recorder.event(Event("amoc.run.state", end, 1.7e9, f"n{number}", "r1", {"count": 1}, {}))
        self.record.add(recorder.seal())

    def while_it_grows(self, look: Callable[[], object]) -> None:
        """Call `look`, and grow before each line that reads, the first two times."""
        lines = Counter[tuple[str, int]]()

        def trace(frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:
            if Path(frame.f_code.co_filename).parent != READERS or self.chunks > MOST:
                return None
            line = frame.f_code.co_filename, frame.f_lineno
            lines[line] += event == "line"
            if event == "line" and lines[line] <= 2:
                self.grow()
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            look()
        finally:
            sys.settrace(before)
        assert self.chunks > 1  # else nothing was traced


@pytest.mark.parametrize("look", RECORD)
def test_no_look_at_a_record_breaks_by_what_comes_meanwhile(look: str):
    growing = Growing()
    growing.while_it_grows(lambda: RECORD[look](growing.record))

    ended = growing.record.totals_by_node()
    assert ended == {f"n{number}": (2, 1) for number in range(growing.chunks)}


@pytest.mark.parametrize("look", RESULTS)
def test_no_look_at_results_breaks_by_what_comes_meanwhile(look: str):
    growing = Growing()
    got = Results(growing.record)
    growing.while_it_grows(lambda: RESULTS[look](got))

    assert got.windows["count"].sum() == 2 * growing.chunks
