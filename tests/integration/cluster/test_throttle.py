"""A rate is one rate, however many nodes there are: over real processes and TLS."""

from __future__ import annotations

import math
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from traitlets import Float, Unicode

import murmur
from murmur.errors import InvalidArgumentError

from .conftest import wait_for

ENOUGH = 0.6
"""Of a rate, that a machine reaches which is busy with something else: a slot that comes too
late is lost.  How close to the rate it comes is measured in virtual time; that it is never
above holds on any machine."""


class Paced(murmur.Scenario):
    """Users act at the pace of one throttle."""

    rate = Float(200.0, help="actions per second")

    async def init(self) -> None:
        self.acts = await murmur.throttle("acts", rate=self.rate, interval=1)

    async def start(self, user: murmur.User) -> None:
        while True:
            await self.acts.wait()
            user.record("act", 0.0)


def grants(run: murmur.Run) -> Any:
    """Return when each action was, ascending, in seconds since the run started."""
    return np.sort(run.results.actions["started_at"].to_numpy())


def most_within(times: Any, seconds: float) -> int:
    """Return how many moments at most lie in any window of so many seconds."""
    last = np.searchsorted(times, times + seconds, side="left")
    return int((last - np.arange(len(times))).max(initial=0))


def calm_seconds(run: murmur.Run, nodes: int, start: float, end: float) -> list[int]:
    """Return the whole seconds in and around which all loops were seen, and none was late."""
    health = run.results.health
    on_time = health[health["loop_lag_max"] < 0.01].groupby("window_at")["node"].nunique()
    seconds = {int(at) for at, count in on_time.items() if count >= nodes}
    return [n for n in range(math.ceil(start), int(end)) if {n - 1, n, n + 1} <= seconds]


@pytest.mark.parametrize(("count", "rate"), [(2, 100.0), (3, 1000.0), (4, 10_000.0)])
def test_a_rate_holds_over_all_nodes(session: murmur.Session, count: int, rate: float) -> None:
    """Nothing is made good of what a busy machine misses, so only calm seconds must be full."""
    session.spawn_nodes(count)
    run = session.do(Paced, 40 * count, user_rate=math.inf, rate=rate)
    time.sleep(5.0)
    session.stop()
    run.wait(timeout=60)
    times = grants(run)
    calm = calm_seconds(run, count, times[0], 4.0)
    reached = sum(((times >= n) & (times < n + 1)).sum() for n in calm)

    assert most_within(times, 1.0) <= rate
    assert reached >= 0.9 * rate * len(calm)
    assert len(times) >= rate  # of five seconds, on a machine that has turns for others
    assert len(run.results.actions["node"].unique()) == count


def test_survivors_take_over_the_rate_of_a_dead_node(session: murmur.Session, nodes: Any) -> None:
    (one, _) = nodes.start("one", "two")
    run = session.do(Paced, 40, user_rate=math.inf, rate=500.0)
    time.sleep(1.5)
    one.signal(signal.SIGKILL)
    nodes.wait_for(lambda: "one" not in session.nodes)
    lost_at = session.status().elapsed

    def takes_over() -> bool:
        actions = run.results.actions
        times = np.sort(actions[actions["node"] == "two"]["started_at"].to_numpy())
        return most_within(times[times > lost_at], 1.0) >= ENOUGH * 500  # it had half of the rate

    nodes.wait_for(takes_over)
    session.stop()
    run.wait(timeout=60)
    assert most_within(grants(run), 1.0) <= 500


def test_a_change_reaches_all_nodes_and_one_that_comes_later(
    session: murmur.Session, nodes: Any
) -> None:
    nodes.start("one")
    run = session.do(Paced, 20, user_rate=math.inf, rate=400.0)
    session.throttles["acts"].change_rate(100.0, interval=1)
    changed_at = session.status().elapsed
    nodes.start("two")
    nodes.wait_for(lambda: session.nodes["two"].state == "running")
    session.add(20, nodes=["two"])
    time.sleep(3.0)
    assert session.throttles["acts"].statistics().rate == 100.0
    session.throttles["acts"].pause()
    time.sleep(2.0)  # until all have acted who had a permit
    paused_at = session.status().elapsed
    time.sleep(1.0)
    session.stop()
    run.wait(timeout=60)
    times = grants(run)
    settled = times[times > changed_at + 0.5]  # slots that were leased before run out

    assert most_within(settled, 1.0) <= 100
    assert (times > paused_at).sum() == 0
    changes = run.results.changes
    assert (changes["what"] == "throttle acts").sum() == 2  # once each, not once per node


def test_a_change_that_makes_no_sense_is_refused(session: murmur.Session) -> None:
    session.spawn_nodes(1)
    session.do(Paced, 1, user_rate=math.inf)

    with pytest.raises(InvalidArgumentError):
        session.throttles["acts"].change_rate(-1)


def test_users_are_admitted_at_one_rate(session: murmur.Session) -> None:
    session.spawn_nodes(2)
    run = session.do(Paced, 60, user_rate=1200.0)
    wait_for(lambda: session.status().users["running"] >= 40)
    status = session.status()
    session.stop()
    run.wait(timeout=60)

    assert status.users["running"] <= 20 * status.elapsed + 2


class Blocked(Paced):
    """The first user blocks the loop of its node until there is a file, or for a minute."""

    file = Unicode("", help="path of the file")

    async def start(self, user: murmur.User) -> None:
        if user.id == 1:
            await user.sleep(1.5)
            until = time.monotonic() + 60.0
            while time.monotonic() < until and not Path(self.file).exists():  # noqa: ASYNC240
                time.sleep(0.05)  # noqa: ASYNC251 - what this is about
        await super().start(user)


def test_a_change_waits_for_no_node_that_is_blocked(
    session: murmur.Session, tmp_path: Path
) -> None:
    session.spawn_nodes(2)
    file = tmp_path / "go on"
    run = session.do(Blocked, 40, user_rate=math.inf, rate=400.0, file=str(file))
    wait_for(lambda: any(node.stuck_for > 1 for node in session.nodes.values()))
    blocked = max(session.nodes.values(), key=lambda node: node.stuck_for).name
    begun = time.monotonic()
    session.throttles["acts"].change_rate(100.0, interval=1)
    took = time.monotonic() - begun
    changed_at = session.status().elapsed

    def meanwhile(*, is_blocked: bool) -> Any:
        actions = run.results.actions
        rows = actions[(actions["node"] == blocked) == is_blocked]
        return np.sort(rows["started_at"][rows["started_at"] > changed_at + 0.5].to_numpy())

    wait_for(lambda: len(meanwhile(is_blocked=False)) >= 100)
    until = session.status().elapsed
    file.touch()
    session.stop()
    run.wait(timeout=60)

    # Well below half a second where the machine has nothing else to do.
    assert took < 30
    assert (meanwhile(is_blocked=True) < until).sum() == 0
    assert most_within(meanwhile(is_blocked=False), 1.0) <= 100
