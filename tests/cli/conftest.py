"""A scenario in a file, and a run of it that is over, whose numbers are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from murmur._cli._look import Look
from murmur._session import IDLE
from murmur.recording import Figures, RunRecord
from murmur.results import CheckResult, Results
from murmur.runtime import RunState
from murmur.telemetry import Recorder

SCENARIO = '''
"""Users nap."""
import murmur
from traitlets import Enum, Float, Int, Unicode

class Nap(murmur.Scenario):
    """Users nap."""
    pace = Float(0.1, min=0, help="seconds between naps").tag(live=True)
    port = Int(8888, min=1, max=65535, help="port to connect to")
    mood = Enum(["calm", "cross"], "calm", help="how users feel")
    token = Unicode("none", help="password").tag(secret=True)

    async def start(self, user):
        while True:
            with user.timer("nap"):
                await user.sleep(self.pace)
'''


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "nap.py"
    path.write_text(SCENARIO, encoding="utf-8")
    return path


@pytest.fixture
def results() -> Results:
    """Twenty seconds with ten naps of 0.1 s each; in the last second one fails."""
    return run_of(0.1)


@pytest.fixture
def slower() -> Results:
    """Like `results`, with naps of 0.2 s and none that fails."""
    return run_of(0.2, failing=False)


def run_of(seconds: float, *, failing: bool = True) -> Results:
    name = "r1" if failing else "r2"
    record = RunRecord(name, 0.0, 1_700_000_000.0, settings={"pace": seconds}, seed=7)
    node = Recorder(node="n1", started_at=0.0, wall_started_at=1_700_000_000.0, now=lambda: 20.0)
    for second in range(20):
        for place in range(10):
            at = second + place / 20
            fails = failing and second == 19 and place == 9
            error = ConnectionError("bad dream") if fails else None
            node.action("nap", 1, at, at, at + seconds, error)
    node.user_gone(1, "finished", None, 0.0, 0.0, 20.0)
    node.health(20.0, [0.001, 0.002, 0.003], 0.5, 1e8, saturated=False)
    record.add(node.seal())
    return Results(record, scenario="Nap")


@pytest.fixture
def look() -> Callable[..., Look]:
    """Return a maker of looks at a run with one action, `nap`, unless told otherwise."""

    def made(
        *,
        elapsed: float = 10.0,
        waiting: int = 0,
        running: int = 0,
        actions: tuple[str, ...] = ("nap",),
        times: tuple[float, float, float] = (0.1, 0.15, 0.2),
        errors: tuple[tuple[str, str, int], ...] = (),
        lag: float = 0.001,
        checks: tuple[CheckResult, ...] = (),
        problems: tuple[str, ...] = (),
    ) -> Look:
        status = replace(
            IDLE,
            state=RunState.RUNNING,
            users={"waiting": waiting, "running": running, "leaving": 0, "gone": 0},
            elapsed=elapsed,
            throttles={"messages": SimpleNamespace(rate=6000.0, interval=60.0, waiting=3)},
            problems=problems,
        )
        each = tuple(Figures(name, 200, 1, 20.0, 0.1, *times) for name in actions)
        total = Figures(
            "all", 200 * len(each), len(each), 20.0 * len(each), 0.1 * len(each), *times
        )
        return Look(status, each, total, errors, lag, 0.5, checks)

    return made
