"""A rate is one rate, however many nodes there are: over real processes and TLS."""

from __future__ import annotations

import math
import signal
import time
from typing import Any

import numpy as np
import pytest
from traitlets import Float

import murmur
from murmur.errors import InvalidArgumentError

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
    return int((last - np.arange(len(times))).max())


def calm_seconds(run: murmur.Run, start: float, end: float) -> list[int]:
    """Return the whole seconds in which no node's loop was late by 10 ms or more."""
    health = run.results.health
    late = health[health["loop_lag_max"] >= 0.01]["window_at"]
    return [n for n in range(int(start), int(end)) if not late.between(n - 1.0, n + 1.99).any()]


@pytest.mark.parametrize(("count", "rate"), [(2, 100.0), (3, 1000.0), (4, 10_000.0)])
def test_a_rate_holds_over_all_nodes(session: murmur.Session, count: int, rate: float) -> None:
    """Nothing is made good of what a busy machine misses, so only calm seconds must be full."""
    session.spawn_nodes(count)
    run = session.do(Paced, 40 * count, user_rate=math.inf, rate=rate)
    time.sleep(5.0)
    session.stop()
    run.wait(timeout=20)
    times = grants(run)
    calm = calm_seconds(run, 1.0, 4.0)
    reached = sum(((times >= n) & (times < n + 1)).sum() for n in calm)

    assert most_within(times, 1.0) <= rate
    assert reached >= 0.97 * rate * len(calm)
    assert ((times > 1.0) & (times < 4.0)).sum() >= 0.7 * 3 * rate
    assert len(run.results.actions["node"].unique()) == count


def test_survivors_take_over_the_rate_of_a_dead_node(session: murmur.Session, nodes: Any) -> None:
    (one, _) = nodes.start("one", "two")
    run = session.do(Paced, 40, user_rate=math.inf, rate=500.0)
    time.sleep(1.5)
    one.signal(signal.SIGKILL)
    nodes.wait_for(lambda: "one" not in session.nodes)
    lost_at = session.status().elapsed
    time.sleep(3.0)
    session.stop()
    run.wait(timeout=20)
    actions = run.results.actions
    times = np.sort(actions[actions["node"] == "two"]["started_at"].to_numpy())
    after = times[(times > lost_at + 1.0) & (times < lost_at + 2.5)]

    assert len(after) / 1.5 >= ENOUGH * 500
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
    time.sleep(0.5)
    paused_at = session.status().elapsed
    time.sleep(1.0)
    session.stop()
    run.wait(timeout=20)
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
    time.sleep(2.0)
    status = session.status()
    session.stop()
    run.wait(timeout=20)

    assert ENOUGH * 20 * (status.elapsed - 0.5) <= status.users["running"]
    assert status.users["running"] <= 20 * status.elapsed + 2


class Blocked(Paced):
    """The first user blocks the loop of its node, after a second and a half."""

    blocked = Float(4.0, help="seconds")

    async def start(self, user: murmur.User) -> None:
        if user.id == 1:
            await user.sleep(1.5)
            time.sleep(self.blocked)  # noqa: ASYNC251 - what this is about
        await super().start(user)


def test_a_change_waits_for_no_node_that_is_blocked(session: murmur.Session) -> None:
    session.spawn_nodes(2)
    run = session.do(Blocked, 40, user_rate=math.inf, rate=400.0)
    time.sleep(2.5)
    begun = time.monotonic()
    session.throttles["acts"].change_rate(100.0, interval=1)
    took = time.monotonic() - begun
    changed_at = session.status().elapsed
    time.sleep(4.5)
    session.stop()
    run.wait(timeout=20)
    users, actions = run.results.users, run.results.actions
    blocked = users.loc[users["user_id"] == 1, "node"].iloc[0]
    times = {
        is_blocked: np.sort(rows["started_at"].to_numpy())
        for is_blocked, rows in actions.groupby(actions["node"] == blocked)
    }
    meanwhile = times[False][(times[False] > changed_at + 0.5) & (times[False] < 5.0)]

    assert took < 1.5  # well below half a second where the machine has nothing else to do
    silent = (times[True] > changed_at) & (times[True] < 5.0)
    assert silent.sum() == 0  # it was blocked all the time
    assert 0 < most_within(meanwhile, 1.0) <= 100
    assert len(meanwhile) >= 0.3 * 100 * (5.0 - changed_at - 0.5)
    assert most_within(times[False][times[False] < changed_at], 1.0) > 100
