"""What amoc's throttle suites check, label by label, and its sharp edges that are mended.

THR-18 and THR-P0 are in test_ramp, other edges with the behaviour they belong to.
amoc's milliseconds are seconds here; its workers have no counterpart, so labels about
them check what the workers are for.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from itertools import pairwise

import anyio
import pytest

from murmur.errors import (
    RampInProgressError,
    ThrottleConflictError,
    ThrottleStoppedError,
    UnknownThrottleError,
)
from murmur.testing import RecordingEmitter
from murmur.throttles import EvenPacing, Pieces, Rate, Throttles


@pytest.fixture
def emitter() -> RecordingEmitter:
    return RecordingEmitter()


@pytest.fixture
async def throttles(native, emitter) -> AsyncIterator[Throttles]:
    async with anyio.create_task_group() as tasks:
        started = Throttles(tasks, native(), emitter)
        yield started
        await started.stop_all()


class Mailbox(list):
    """A user that only takes in messages."""

    def send(self, message: object) -> None:
        self.append(message)


async def arrives(throttle, within: float) -> bool:
    """Whether a message that is sent now arrives in time."""
    mailbox = Mailbox()
    throttle.send(mailbox, "hello")
    await anyio.sleep(within)
    return mailbox == ["hello"]


async def test_thr_1_the_same_configuration_is_the_same_throttle(throttles):
    """THR-1."""
    first = await throttles.open("t", 100)

    assert await throttles.open("t", 100) is first
    with pytest.raises(ThrottleConflictError):
        await throttles.open("t", 50)


@pytest.mark.parametrize(
    ("label", "config", "rate", "interval"),
    [
        ("THR-2", {"rate": 100, "interval": 5}, 100, 5),
        ("THR-3", {"interarrival": 0.05}, 1200, 60),
        ("THR-4", {"interarrival": 0}, math.inf, 60),
        ("THR-5", {"interarrival": math.inf}, 0, 60),
        ("THR-6", {"rate": 0}, 0, 60),
        ("THR-7", {"rate": math.inf}, math.inf, 60),
        ("THR-8", {"rate": 60, "interval": 0}, 60, 0),
        ("THR-9", {"rate": 2, "interval": 0.1}, 2, 0.1),
        ("THR-10", {"rate": 1, "interval": 0.001}, 1, 0.001),
        ("THR-24", {"rate": 100}, 100, 60),
    ],
)
async def test_thr_2_to_10_and_24_a_configuration_is_kept(throttles, label, config, rate, interval):
    """THR-2 to THR-10, THR-24."""
    found = (await throttles.open(label, **config)).statistics()

    assert (found.rate, found.interval, found.paused) == (rate, interval, False)


async def test_thr_11_a_stopped_throttle_is_gone_and_may_be_started_again(throttles):
    """THR-11."""
    await (await throttles.open("t", 100)).stop()

    assert "t" not in throttles
    assert (await throttles.open("t", 50)).rate == 50


async def test_thr_12_every_form_of_a_change_has_its_effect(throttles):
    """THR-12."""
    with pytest.raises(UnknownThrottleError):
        throttles["t"]
    throttle = await throttles.open("t", 100)
    await throttle.change_rate(1000)
    await throttle.change_rate(10_000, interval=0.1)
    assert await arrives(throttle, 0.1)

    await throttle.change_rate(0)
    mailbox = Mailbox()
    throttle.send(mailbox, "held")
    await anyio.sleep(0.2)
    assert mailbox == []
    await throttle.change_rate(math.inf)
    await anyio.sleep(0.1)
    assert mailbox == ["held"]

    await throttle.change_rate(interarrival=0.001)
    assert await arrives(throttle, 0.1)
    await throttle.change_rate(interarrival=30)
    await throttle.wait()
    assert not await arrives(throttle, 0.2)


async def test_thr_13_and_14_interval_0_is_a_limit(throttles):
    """THR-13, THR-14."""
    throttle = await throttles.open("t", 36, interval=0)
    jobs = [throttle.run(anyio.sleep, 1) for _ in range(50)]
    await anyio.sleep(0.5)
    assert throttle.statistics().out == 36
    for job in jobs:
        await job

    other = await throttles.open("other", 100)
    await other.change_rate(5, interval=0)
    jobs = [other.run(anyio.sleep, 1) for _ in range(7)]
    await anyio.sleep(0.5)
    assert other.statistics().out == 5
    for job in jobs:
        await job


async def test_thr_15_a_raise_is_effective_for_those_who_wait(throttles):
    """THR-15."""
    throttle = await throttles.open("t", 1)
    jobs = [throttle.run(len, "") for _ in range(100)]
    await anyio.sleep(0.1)
    await throttle.change_rate(60_000)
    await anyio.sleep(0.11)

    assert all(job.is_done for job in jobs)


@pytest.mark.parametrize(
    "ends",
    [
        {"from_rate": 10, "to_rate": 100},
        {"from_interarrival": 6, "to_interarrival": 0.6},
    ],
)
async def test_thr_16_and_17_one_ramp_at_a_time(throttles, ends):
    """THR-16, THR-17."""
    with pytest.raises(UnknownThrottleError):
        throttles["t"]
    throttle = await throttles.open("t", 100)
    await throttle.ramp(**ends, steps=10, step_interval=0.1)

    with pytest.raises(RampInProgressError):
        await throttle.ramp(**ends, steps=10, step_interval=0.1)
    with pytest.raises(RampInProgressError):
        await throttle.change_rate(50)
    await anyio.sleep(1.01)
    await throttle.change_rate(50)


async def test_thr_19_a_wait_returns_and_a_long_line_delays(throttles):
    """THR-19."""
    with pytest.raises(UnknownThrottleError):
        throttles["t"]
    throttle = await throttles.open("t", 100, interval=0.01)
    with anyio.fail_after(0.1):
        await throttle.wait()
    assert await arrives(throttle, 0.1)

    crowd = [throttle.run(len, "") for _ in range(10_000)]
    assert not await arrives(throttle, 0.2)
    for job in crowd:
        await job


async def test_thr_20_a_job_that_fails_tells_who_awaits_it(throttles):
    """THR-20: nobody is killed; the exception is raised where the job is awaited."""
    throttle = await throttles.open("t", 100, interval=0.01)

    def fail() -> None:
        raise ValueError("my reason")

    with anyio.fail_after(0.1), pytest.raises(ValueError, match="my reason"):
        await throttle.run(fail)


async def test_thr_21_nothing_but_stopping_can_take_a_permit_from_a_waiter(throttles):
    """THR-21: there is no runner between a waiter and its permit that could be killed."""
    throttle = await throttles.open("t", 1)
    await throttle.wait()
    refused = []

    async def wait() -> None:
        with pytest.raises(ThrottleStoppedError):
            await throttle.wait()
        refused.append(True)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await anyio.sleep(1)
        assert not refused
        await throttle.stop()

    assert refused


async def test_thr_22_stopping_tells_those_who_wait_to_send(throttles):
    """THR-22."""
    throttle, mailbox = await throttles.open("t", 0), Mailbox()
    job = throttle.send(mailbox, "never")
    await throttle.stop()

    with pytest.raises(ThrottleStoppedError):
        await job
    assert mailbox == []


async def test_thr_23_a_pause_holds_and_resuming_delivers(throttles):
    """THR-23."""
    throttle, mailbox = await throttles.open("t", 100, interval=0.01), Mailbox()
    await throttle.pause()
    throttle.send(mailbox, "held")
    await anyio.sleep(0.2)
    assert mailbox == []
    assert throttle.rate == 100

    await throttle.resume()
    await anyio.sleep(0.2)
    assert mailbox == ["held"]


@pytest.mark.parametrize(
    "per_minute", [*range(1, 200, 7), 999, 1000, 1001, 4097, 65_537, 599_999, 1_000_000]
)
def test_thr_p1_to_p10_every_rate_is_within_a_hundredth_of_the_request(per_minute):
    """THR-P1 to THR-P10: for 60 s, or 1,000 permits of the larger rates."""
    pacing, now, count = EvenPacing(Pieces.constant(Rate(per_minute)), 0.0), 0.0, 0
    until = min(600.0, 60_000 / per_minute)
    while now <= until:
        due_at = pacing.take(0.0, now)
        if due_at is None:
            now = pacing.next_at(0.0, now)
        else:
            pacing.settle(due_at, now)
            count += 1

    assert count - 1 == pytest.approx(per_minute * until / 60, rel=0.01, abs=1)


@pytest.mark.parametrize(
    ("permits", "interval"), [(5000, 1), (100, 0.01), (4100, 1), (3, 0.01), (7, 0.01), (3000, 1)]
)
async def test_edges_6_and_7_high_rates_are_reached_and_not_exceeded(
    native, throttles, permits, interval
):
    throttle = await throttles.open("t", permits, interval=interval)
    granted: list[float] = []

    async def user() -> None:
        while True:
            granted.append((await throttle.wait()).granted_at)

    began = anyio.current_time()
    users = [native().spawn(user()) for _ in range(20)]
    await anyio.sleep(1)
    for task in users:
        task.cancel()
    await anyio.sleep(0.01)

    in_time = sum(at < began + 1 for at in granted)
    assert 0.99 * permits / interval <= in_time <= permits / interval + 1
    apart = zip(granted, granted[permits:], strict=False)
    assert all(later - earlier >= interval for earlier, later in apart)


async def test_edge_8_permits_do_not_clump(throttles):
    throttle = await throttles.open("t", 1200)
    jobs = [throttle.run(anyio.current_time) for _ in range(40)]
    at = [await job for job in jobs]

    assert [b - a for a, b in pairwise(at)] == pytest.approx([0.05] * 39)


async def test_edge_10_few_callers_reach_the_rate_in_order(native, throttles):
    throttle = await throttles.open("t", 200, interval=1)
    order: list[int] = []

    async def user(number: int) -> None:
        while True:
            await throttle.wait()
            order.append(number)

    users = [native().spawn(user(number)) for number in range(10)]
    await anyio.sleep(5)
    for task in users:
        task.cancel()
    await anyio.sleep(0.1)

    assert len(order) >= 990
    turns = [order[start : start + 10] for start in range(0, 980, 10)]
    assert all(turn == turns[0] for turn in turns)


async def test_edge_11_a_slow_interarrival_is_not_never(throttles):
    throttle = await throttles.open("t", interarrival=60.001)
    began = anyio.current_time()
    for _ in range(3):
        await throttle.wait()

    assert anyio.current_time() - began == pytest.approx(120.002)


async def test_edge_13_a_request_that_can_be_granted_takes_no_time(throttles):
    throttle = await throttles.open("t", 1)
    began = anyio.current_time()
    permit = await throttle.wait()

    assert permit == (began, began)


async def test_edge_15_the_line_is_counted_and_a_wait_can_have_a_deadline(throttles):
    throttle = await throttles.open("t", 1)
    await throttle.wait()
    with anyio.move_on_after(5) as scope:
        await throttle.wait()

    assert scope.cancelled_caught
    assert throttle.statistics().waiting == 0
    throttle.run(len, "")
    assert throttle.statistics().waiting == 1


async def test_edge_17_a_throttle_belongs_to_its_run(native, throttles):
    """Two runs have two registries: a name of one is free in the other."""
    mine = await throttles.open("t", 100)
    async with anyio.create_task_group() as tasks:
        others = Throttles(tasks, native(), RecordingEmitter())
        assert await others.open("t", 5) is not mine
        await others.stop_all()
    assert mine.rate == 100
