"""A throttle on lease keeps the line's promises: in order, nothing used twice, nothing lost."""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import anyio
import anyio.lowlevel
import pytest

from murmur import Throttle
from murmur.cluster import ClockOffset
from murmur.errors import (
    InvalidArgumentError,
    RampInProgressError,
    ThrottleConflictError,
    ThrottleError,
    ThrottleStoppedError,
    UnknownThrottleError,
)
from murmur.testing import RecordingEmitter
from murmur.throttles import Throttles
from murmur.throttles.shared import Lease, LeaseState, NodeLeases, SteeringLeases


class Same(ClockOffset):
    """A clock that is the steering kernel's, known to 0.1 ms."""

    offset = 0.0
    error = 0.0001


class Rig:
    """A steering side and two nodes, each with its throttles, in one loop."""

    def __init__(self, tasks: anyio.abc.TaskGroup, native) -> None:
        self.emitter = RecordingEmitter()
        self.steering = SteeringLeases(self._down)
        self.nodes = {
            name: NodeLeases(lambda kind, body, name=name: self._up(name, kind, body), Same())
            for name in ("one", "two")
        }
        self.is_cut = False
        tasks.start_soon(self.steering.serve)
        self.throttles = {}
        for name, leases in self.nodes.items():
            self.steering.join(name, 0.0001)
            tasks.start_soon(leases.serve)
            self.throttles[name] = Throttles(tasks, native(), self.emitter, leases=leases)

    def _down(self, node: str, kind: str, body: bytes) -> None:
        self.nodes[node].heard(kind, body)

    def _up(self, node: str, kind: str, body: bytes) -> None:
        if not self.is_cut:
            self.steering.heard(node, kind, body)


@asynccontextmanager
async def made(native) -> AsyncIterator[Rig]:
    async with anyio.create_task_group() as tasks:
        rig = Rig(tasks, native)
        yield rig
        for throttles in rig.throttles.values():
            await throttles.stop_all()
        tasks.cancel_scope.cancel()


@pytest.fixture
async def rig(native) -> AsyncIterator[Rig]:
    async with made(native) as rig:
        yield rig


async def settle() -> None:
    for _ in range(5):
        await anyio.lowlevel.checkpoint()


def block(seconds: float) -> None:
    """Move the clock on as a loop that was blocked would find it."""
    if "trio" in sys.modules and sys.modules["trio"].lowlevel.in_trio_run():
        sys.modules["trio"].lowlevel.current_clock().jump(seconds)
    else:
        asyncio.get_running_loop().jump(seconds)


class Askers:
    """Tasks that each wait for one permit; notes who got it and when."""

    def __init__(self, throttle: Throttle, tasks: anyio.abc.TaskGroup) -> None:
        self.throttle = throttle
        self.tasks = tasks
        self.order: list[int] = []
        self.granted: list[float] = []
        self.refused = 0
        self.scopes: list[anyio.CancelScope] = []

    async def add(self, count: int) -> None:
        for _ in range(count):
            self.scopes.append(anyio.CancelScope())
            self.tasks.start_soon(self._wait, len(self.scopes) - 1, self.scopes[-1])
            await settle()

    async def _wait(self, number: int, scope: anyio.CancelScope) -> None:
        with scope:
            try:
                permit = await self.throttle.wait()
            except ThrottleStoppedError:
                self.refused += 1
            else:
                self.order.append(number)
                self.granted.append(permit.granted_at)


@pytest.mark.parametrize("rate", [100, 1000])
async def test_two_nodes_together_keep_to_the_rate(rig, rate):
    one, two = [await rig.throttles[name].open("t", rate, interval=1) for name in ("one", "two")]
    granted: list[float] = []

    async def user(throttle: Throttle) -> None:
        while True:
            granted.append((await throttle.wait()).granted_at)

    async with anyio.create_task_group() as tasks:
        for throttle in (one, two):
            for _ in range(20):
                tasks.start_soon(user, throttle)
        await anyio.sleep(3.0)
        tasks.cancel_scope.cancel()

    granted.sort()
    assert len(granted) >= 0.93 * 3 * rate
    assert all(later - at > 1.0 for at, later in zip(granted, granted[rate:], strict=False))


async def test_requests_of_a_line_that_was_told_of_wake_nobody_who_reports(rig):
    """A thousand requests a second, and a look at what is needed every 0.1 s."""
    throttle = await rig.throttles["one"].open("t", 1000, interval=1)
    node, turns = rig.nodes["one"]._node, []
    outgoing = node.outgoing
    node.outgoing = lambda now: turns.append(now) or outgoing(now)

    async def user() -> None:
        while True:
            await throttle.wait()

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(user)
        await anyio.sleep(3.0)
        turns.clear()
        await anyio.sleep(2.0)
        requested = throttle.statistics().requested
        tasks.cancel_scope.cancel()

    assert requested > 4000
    assert 2 * 5 <= len(turns) <= 2 * 25


async def test_a_throttle_that_nobody_wants_is_reported_along_with_others(rig):
    """A lease comes every 0.2 s, and every second one is answered, for both throttles at once."""
    await rig.throttles["one"].open("idle", 10, interval=1)
    throttle = await rig.throttles["one"].open("t", 1000, interval=1)
    reports, heard = [], rig.steering.heard
    rig.steering.heard = lambda *given: (reports.append(given), heard(*given))

    async def user() -> None:
        while True:
            await throttle.wait()

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(user)
        await anyio.sleep(3.0)
        reports.clear()
        await anyio.sleep(4.0)
        tasks.cancel_scope.cancel()

    assert 8 <= len(reports) <= 12


async def test_permits_come_in_the_order_of_asking(rig):
    throttle = await rig.throttles["one"].open("t", 50, interval=1)
    async with anyio.create_task_group() as tasks:
        askers = Askers(throttle, tasks)
        await askers.add(20)

    assert askers.order == list(range(20))
    assert all(b - a > 0.015 for a, b in pairwise(askers.granted))


async def test_one_who_gives_up_uses_up_no_place_in_line(rig):
    throttle = await rig.throttles["one"].open("t", 10, interval=1)
    async with anyio.create_task_group() as tasks:
        askers = Askers(throttle, tasks)
        await askers.add(6)
        askers.scopes[3].cancel()

    assert askers.order == [0, 1, 2, 4, 5]
    assert throttle.statistics().granted == 5


@pytest.mark.parametrize("rate", [100, 1000])
async def test_a_blocked_loop_loses_slots_and_keeps_the_order(rig, rate):
    """What fell due meanwhile is too late, also for those who were told to go on already."""
    throttle = await rig.throttles["one"].open("t", rate, interval=1)
    async with anyio.create_task_group() as tasks:
        askers = Askers(throttle, tasks)
        await askers.add(60)
        for _ in range(3):
            await anyio.sleep(0.05)
            block(0.3)

    assert askers.order == list(range(60))
    granted = sorted(askers.granted)
    assert all(later - at > 1.0 for at, later in zip(granted, granted[rate:], strict=False))


async def test_a_place_that_lapsed_goes_back_to_the_head_of_the_line(rig):
    """The holder is woken in time and goes on when the loop was blocked in between."""
    throttle = await rig.throttles["one"].open("t", 20, interval=1)
    line, real = throttle._line, throttle._line.has_lapsed
    lapses = iter([True, True, False])
    line.has_lapsed = lambda place, now: real(place, now) or next(lapses, False)
    async with anyio.create_task_group() as tasks:
        askers = Askers(throttle, tasks)
        await askers.add(4)

    assert askers.order == [0, 1, 2, 3]
    assert throttle.statistics().granted == 4


async def test_jobs_run_when_there_is_a_permit_also_after_one_that_lapsed(rig):
    throttle = await rig.throttles["one"].open("t", 20, interval=1)
    line, real = throttle._line, throttle._line.has_lapsed
    lapses = iter([True])
    line.has_lapsed = lambda place, now: real(place, now) or next(lapses, False)
    ran: list[int] = []
    jobs = [throttle.run(ran.append, number) for number in range(3)]
    for job in jobs:
        await job

    assert ran == [0, 1, 2]


async def test_a_change_on_one_node_is_a_change_on_all(rig):
    one, two = [await rig.throttles[name].open("t", 10, interval=1) for name in ("one", "two")]
    await one.change_rate(20)
    await settle()
    assert (two.rate, two.interval) == (20, 1)

    await two.pause()
    await settle()
    assert one.statistics().paused
    assert two.statistics().paused
    await two.resume()
    await one.ramp(from_rate=0, to_rate=10, duration=10)
    await settle()
    assert two.is_ramping
    with pytest.raises(RampInProgressError):
        await two.change_rate(5)
    await anyio.sleep(5)
    assert two.rate == pytest.approx(5, abs=0.5)
    await one.unlock(cancel_ramp=True)
    await settle()

    assert two.is_unlimited
    assert not two.is_ramping
    with pytest.raises(InvalidArgumentError):
        await one.change_rate(-1)


async def test_an_unlimited_throttle_lets_everybody_through(native, rig):
    throttle = await rig.throttles["one"].open("t", math.inf)
    began = native().now()
    for _ in range(100):
        await throttle.wait()

    assert native().now() - began < 0.01


async def test_a_limit_is_one_over_both_nodes(rig):
    one, two = [await rig.throttles[name].open("t", limit=3) for name in ("one", "two")]
    out = most = done = 0

    async def user(throttle: Throttle) -> None:
        nonlocal out, most, done
        for _ in range(5):
            async with throttle:
                out += 1
                most = max(most, out)
                await anyio.sleep(0.1)
                out -= 1
                done += 1

    async with anyio.create_task_group() as tasks:
        for throttle in (one, two):
            for _ in range(6):
                tasks.start_soon(user, throttle)

    assert most == 3
    assert done == 60
    assert one.statistics().limit == 3


async def test_a_stop_ends_the_throttle_on_all_nodes(rig):
    one, two = [await rig.throttles[name].open("t", 0.001) for name in ("one", "two")]
    async with anyio.create_task_group() as tasks:
        askers = Askers(two, tasks)
        await askers.add(3)
        await anyio.sleep(0.1)
        await one.stop()

    assert askers.refused == 2  # the first had the slot that is there at once
    assert "t" not in rig.throttles["two"]
    await one.stop()


async def test_a_node_that_ends_leaves_the_throttle_to_the_others(rig):
    await rig.throttles["one"].open("t", 100, interval=1)
    two = await rig.throttles["two"].open("t", 100, interval=1)
    await rig.throttles["one"].stop_all()

    permit = await two.wait()

    assert permit.granted_at >= permit.due_at


async def test_the_first_configuration_wins(rig):
    first = await rig.throttles["one"].open("t", 10, interval=1)

    assert await rig.throttles["one"].open("t", 10, interval=1) is first
    assert await rig.throttles["one"].open("t") is first
    with pytest.raises(ThrottleConflictError, match="rate 10 per 1 s, not with rate 11"):
        await rig.throttles["two"].open("t", 11, interval=1)
    assert (await rig.throttles["two"].open("t")).rate == 10
    with pytest.raises(UnknownThrottleError):
        await rig.throttles["two"].open("other")


async def test_a_steering_kernel_that_does_not_answer_is_not_waited_for(rig):
    rig.is_cut = True

    with pytest.raises(ThrottleError, match="did not answer"):
        await rig.throttles["one"].open("t", 10)


async def test_what_happens_is_told_as_on_one_node(rig):
    throttle = await rig.throttles["one"].open("t", 10, interval=1)
    await throttle.wait()
    await throttle.pause()
    await throttle.resume()
    await throttle.change_rate(20)

    names = [name for name, _, _ in rig.emitter.events]
    rates = [measured["rate"] for measured, _ in rig.emitter.named("amoc.throttle.rate")]
    said = [data["message"] for _, data in rig.emitter.named("amoc.throttle.process")]
    assert names[:2] == ["amoc.throttle.init", "amoc.throttle.rate"]
    assert "amoc.throttle.execute" in names
    assert rates == [10, 20]
    assert said == ["paused", "resumed"]


async def test_a_window_tells_the_rate_of_the_cluster_and_the_permits_of_the_node(native, rig):
    one, two = [await rig.throttles[name].open("t", 10, interval=1) for name in ("one", "two")]
    await one.wait()

    rows = [row for throttle in (one, two) for row in throttle.sample(native().now())]

    assert [row["rate"] for row in rows] == [10, 10]
    assert [row["granted"] for row in rows] == [1, 0]


STATE = LeaseState(10.0, 1.0, 0.0, False, False, False, True, False, False, "", 0.0)


class Known:
    """A clock that is 5 s ahead, known to 10 ms."""

    offset, error = 5.0, 0.01


def test_a_slot_is_used_only_when_every_clock_there_may_be_says_so():
    """From 1 to 1.1 there is from 6.01 to 6.09 here."""
    lease = Lease(Known(), STATE, 0.0, lambda: None)
    lease.add([1.0], 0.1)

    assert lease.next_at(0.0, 5.5) == pytest.approx(6.01)
    assert lease.take(0.0, 6.009) is None
    assert lease.take(0.0, 6.0101) == pytest.approx(6.01)
    assert lease.is_good(lease.last, 6.0898)
    assert not lease.is_good(lease.last, 6.0901)


def test_a_slot_that_is_over_is_lost_and_counted_as_late():
    lease = Lease(Known(), STATE, 0.0, lambda: None)
    lease.add([1.0, 2.0], 0.1)

    assert lease.take(0.0, 6.5) is None
    assert lease.next_at(0.0, 6.5) == pytest.approx(7.01)
    assert sum(lease.drain()) == 1
    assert sum(lease.drain()) == 0


def test_a_slot_that_is_put_back_is_the_next_again():
    lease = Lease(Known(), STATE, 0.0, lambda: None)
    lease.add([1.0, 1.02], 0.1)
    lease.take(0.0, 6.02)
    slot = lease.last
    lease.put_back(slot)

    lease.take(0.0, 6.02)

    assert lease.last is slot
    assert lease.in_hand(6.02) == 1
