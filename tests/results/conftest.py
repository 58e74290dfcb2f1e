"""A run so small that every number in its frames can be worked out by hand."""

from __future__ import annotations

import pytest

from murmur.recording import RunRecord
from murmur.results import Results
from murmur.telemetry import Event, Recorder

STARTED_AT = 100.0  # on the nodes' clock; nothing in a frame may show it
WALL_STARTED_AT = 1_700_000_000.0


def recorder(node: str, now: float = STARTED_AT) -> Recorder:
    return Recorder(
        node=node, started_at=STARTED_AT, wall_started_at=WALL_STARTED_AT, now=lambda: now
    )


@pytest.fixture
def record() -> RunRecord:
    return RunRecord("r1", STARTED_AT, WALL_STARTED_AT, seed=7)


@pytest.fixture
def empty() -> Results:
    return Results(RunRecord("r0", STARTED_AT, WALL_STARTED_AT))


@pytest.fixture
def results(record: RunRecord) -> Results:
    """Two nodes, two seconds; user 4 runs, user 5 waits, users 6 and 7 were dropped.

    Actions, seconds since the start:

    ====  ======  ====  =======  =====  ======
    node  name    due   started  ended  failed
    ====  ======  ====  =======  =====  ======
    n1    echo    0.0   0.0      0.25
    n1    echo    0.0   0.5      0.75
    n1    login   1.0   1.0      1.5    refused
    n2    echo    0.5   0.5      1.0
    ====  ======  ====  =======  =====  ======
    """
    first, second = recorder("n1", now=100.5), recorder("n2", now=101.5)
    first.action("echo", 1, 100.0, 100.0, 100.25)
    first.action("echo", 2, 100.0, 100.5, 100.75)
    first.action("login", 1, 101.0, 101.0, 101.5, ConnectionError("refused"))
    second.action("echo", 0, 100.5, 100.5, 101.0)
    first.user_gone(1, "failed", "ConnectionError: refused", 100.0, 100.0, 101.5)
    first.user_gone(2, "finished", None, 100.0, 100.25, 101.0)
    second.user_gone(3, "left", None, 100.0, 100.5, 102.0)
    first.users_dropped(6, 7, 101.0, "stopped")
    for number in (2, 3):
        first.count("messages", number)
    first.gauge("depth", 5)
    first.gauge("depth", 1)
    for node, running in ((first, 3), (second, 1)):
        node.population(100.0, 0, running, 0)
        node.health(101.0, [0.001, 0.002, 0.003], 0.5, 1e8, saturated=False)
    first.population(101.0, 1, 2, 1)  # the other node's sample is late
    first.throttle(
        101.0,
        "logins",
        {
            "rate": 60.0,
            "interval": 60.0,
            "requested": 3,
            "granted": 1,
            "waiting": 2,
            "lateness": [0.25],
        },
    )
    first.change(100.5, "panel", "pace", 1.0, "fast")
    first.event(
        Event(
            "amoc.run.state",
            at=100.25,
            wall_at=WALL_STARTED_AT + 0.25,
            node="n1",
            run_id="r1",
            measurements={"count": 1},
            metadata={"from": "idle", "to": "running"},
        )
    )
    record.add(first.seal())
    record.add(second.seal())
    record.set_present("n2", [4], [100.5], [100.5], waiting=[(5, 5)])
    return Results(record, scenario="Chat")
