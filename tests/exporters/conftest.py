"""A run without a run: a recorder whose chunks go into a record that is followed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from murmur.recording import Follower, Relay, RunRecord
from murmur.telemetry import Recorder

VITALS = {
    "machine_cpu": 0.7,
    "cpu_quota": 1.5,
    "cpu_held": 0.25,
    "gc_pauses": 3.0,
    "gc_longest": 0.004,
    "open_files": 30.0,
    "open_files_limit": 20_000.0,
    "ports": 100.0,
    "ports_limit": 28_232.0,
    "schedule_lag": 0.02,
}


class _Hung(SimpleNamespace):
    """An action that is under way."""

    __hash__ = object.__hash__


class Course:
    """Stands in for a session: one run after another, told by hand."""

    def __init__(self) -> None:
        self.relay = Relay()
        self.nodes: dict[str, Recorder] = {}
        self.begin("r1")

    def begin(self, run_id: str, started_at: float = 0.0) -> RunRecord:
        """Start a run; what is recorded from now on is of it."""
        self.record = RunRecord(run_id, started_at, 1_000.0, seed=7)
        self.record.relay = self.relay
        self.nodes = {}
        return self.record

    def on(self, node: str = "local") -> Recorder:
        """Return the recorder of a node."""
        if node not in self.nodes:
            self.nodes[node] = Recorder(
                node=node,
                started_at=self.record.started_at,
                wall_started_at=1_000.0,
                now=lambda: self.record.started_at + 0.5,
            )
        return self.nodes[node]

    def act(self, name: str, *seconds: float, node: str = "local", late: float = 0.0) -> None:
        """Record successful actions, due `late` seconds before they started."""
        for each in seconds:
            start = self.record.started_at + 1.0
            self.on(node).action(name, 1, start - late, start, start + each)

    def fail(self, name: str, error: BaseException | str, node: str = "local") -> None:
        """Record an action that failed."""
        start = self.record.started_at + 1.0
        self.on(node).action(name, 1, start, start, start + 0.1, error)

    def hang(self, name: str, since: float, node: str = "local") -> SimpleNamespace:
        """Begin an action that does not end; `since` is negative, as now is 0.5 s."""
        hung = _Hung(name=name, due_at=since, started_at=since, is_void=False, is_part=False)
        self.on(node).open[hung] = since
        return hung

    def feel(self, at: float, lag: float, *, saturated: bool = False) -> None:
        """Record the health of the generator, in full."""
        self.on().health(at, [lag], 0.5, 1e8, saturated, vitals=VITALS)

    def flush(self) -> None:
        """Let the record take in what was recorded."""
        for recorder in self.nodes.values():
            self.record.add(recorder.seal())


@pytest.fixture
def course() -> Course:
    return Course()


@pytest.fixture
def followed(course: Course) -> Any:
    """Return ``attach(follower)``, which gives the follower back."""

    def attach(follower: Follower) -> Follower:
        course.relay.attach(follower)
        return follower

    return SimpleNamespace(attach=attach).attach
