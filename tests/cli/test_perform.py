"""A run is followed to its end, whatever a verb on the way fails with."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

import pytest

from murmur._cli._perform import _follow
from murmur.errors import MurmurError, NodesFailedError, NodeTimeoutError, UnresponsiveError


class FakeRun:
    """A run that is over after so many turns."""

    def __init__(self, turns: int, stop_fails: MurmurError | None = None) -> None:
        self.turns = turns
        self.stops = 0
        self._stop_fails = stop_fails

    @property
    def is_over(self) -> bool:
        return self.turns == 0

    def status(self) -> SimpleNamespace:
        return SimpleNamespace(users={"waiting": 0, "running": 1})

    def stop(self) -> None:
        self.stops += 1
        if self._stop_fails is not None:
            raise self._stop_fails

    def wait(self, timeout: float) -> None:
        self.turns -= 1


class FakeSteering:
    """Fails whenever it is asked."""

    def __init__(self, error: MurmurError | None = None) -> None:
        self.is_needed = error is not None
        self.ticks = 0
        self._error = error

    def tick(self, seconds: float, users: Mapping[str, int]) -> None:
        self.ticks += 1
        raise self._error


class Shown:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.looks: list[object] = []

    def show(self, look: object) -> None:
        self.looks.append(look)

    def say(self, note: str) -> None:
        self.notes.append(note)


WATCH = SimpleNamespace(look=lambda: None, aborted_by=())
SILENT = NodeTimeoutError("add", "n2", 5.0)


def follow(run: FakeRun, steering: FakeSteering, *, signal: int = 0) -> list[str]:
    shown = Shown()
    _follow(run, WATCH, steering, SimpleNamespace(number=signal), shown)
    return shown.notes


def test_a_stage_that_one_node_does_not_take_is_told_once_and_the_run_goes_on():
    run, steering = FakeRun(turns=3), FakeSteering(SILENT)
    notes = follow(run, steering)

    assert run.is_over
    assert steering.ticks == 3
    assert notes == [f"problem: {SILENT}"]


def test_a_stop_that_one_node_does_not_take_is_told_and_the_end_is_waited_for():
    failed = NodesFailedError("stop", {"n2": SILENT}, ["n1"])
    run = FakeRun(turns=3, stop_fails=failed)
    notes = follow(run, FakeSteering(), signal=2)

    assert (run.is_over, run.stops) == (True, 1)
    assert notes[0].startswith("interrupted: ending the run in order")
    assert notes[1:] == [f"problem: {failed}"]


def test_a_session_that_does_not_answer_is_not_waited_for():
    run = FakeRun(turns=3, stop_fails=UnresponsiveError("stop", 15.0))
    with pytest.raises(UnresponsiveError):
        follow(run, FakeSteering(), signal=2)

    assert not run.is_over


@pytest.mark.parametrize("error", [IndexError("the fault"), SILENT])
def test_a_look_that_fails_is_told_once_and_the_next_is_shown(monkeypatch, error):
    looks = iter([error, error, "the third", "the last"])

    def look() -> str:
        answer = next(looks)
        if isinstance(answer, str):
            return answer
        raise answer

    monkeypatch.setattr("murmur._cli._perform.LOOK", 0.0)
    run, shown = FakeRun(turns=3), Shown()
    watch = SimpleNamespace(look=look, aborted_by=())
    _follow(run, watch, FakeSteering(), SimpleNamespace(number=0), shown)

    assert run.is_over
    assert len(shown.notes) == 1
    assert str(error) in shown.notes[0]
    assert shown.looks == ["the third", "the last"]
