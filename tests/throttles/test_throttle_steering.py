"""The rate changes under those who wait: at once, gradually, after a shape, or not at all."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pandas as pd
import pytest

from murmur import Throttle
from murmur.errors import InvalidArgumentError, RampInProgressError, ThrottleStoppedError
from murmur.testing import RecordingEmitter
from murmur.throttles import Throttles


@pytest.fixture
def emitter() -> RecordingEmitter:
    return RecordingEmitter()


@pytest.fixture
async def throttles(native, emitter) -> AsyncIterator[Throttles]:
    async with anyio.create_task_group() as tasks:
        started = Throttles(tasks, native(), emitter)
        yield started
        await started.stop_all()


class Demand:
    """Ten tasks that always want a permit, from the first `until` on; notes when they got one.

    Not from the fixture on, as virtual time may pass between a fixture and its test.
    """

    def __init__(self, throttle: Throttle, native) -> None:
        self.began = math.nan
        self.granted: list[float] = []
        self._throttle = throttle
        self._native = native
        self._tasks: list[Any] = []

    async def _ask(self) -> None:
        while True:
            try:
                permit = await self._throttle.wait()
            except (ThrottleStoppedError, anyio.get_cancelled_exc_class()):
                return
            self.granted.append(permit.granted_at - self.began)

    def between(self, start: float, end: float) -> int:
        return sum(start <= at < end for at in self.granted)

    async def until(self, at: float) -> None:
        if not self._tasks:
            self.began = anyio.current_time()
            self._tasks = [self._native().spawn(self._ask()) for _ in range(10)]
        await anyio.sleep_until(self.began + at)

    async def stop(self) -> None:
        await self._throttle.stop()
        for task in self._tasks:
            task.cancel()
        await anyio.sleep(0.1)


@pytest.fixture
async def throttle(throttles) -> Throttle:
    return await throttles.open("t", rate=10, interval=1)


@pytest.fixture
async def demand(native, throttle) -> AsyncIterator[Demand]:
    asking = Demand(throttle, native)
    yield asking
    await asking.stop()


async def test_a_change_reaches_those_who_wait_already(throttle, demand):
    await demand.until(0.999)
    await throttle.change_rate(0)
    await demand.until(5)
    await throttle.change_rate(50)
    await demand.until(6)

    assert demand.between(0, 1) == 10
    assert demand.between(1, 5) == 0
    assert demand.between(5, 6) in (49, 50, 51)


async def test_a_change_keeps_the_interval_unless_told_otherwise(throttle):
    await throttle.change_rate(20)
    assert (throttle.rate, throttle.interval) == (20, 1)

    await throttle.change_rate(20, interval=5)
    assert (throttle.rate, throttle.interval) == (20, 5)

    await throttle.change_rate(interarrival=0.5)
    assert (throttle.rate, throttle.interval) == (120, 60)


async def test_edge_2_and_3_a_raise_or_a_lowering_strands_nobody(throttles):
    throttle = await throttles.open("t", rate=600)
    jobs = [throttle.run(len, "") for _ in range(400)]
    await anyio.sleep(1)
    await throttle.change_rate(10)
    await anyio.sleep(1)
    await throttle.change_rate(60_000)

    with anyio.fail_after(1):
        for job in jobs:
            await job


async def test_a_pause_holds_and_is_not_made_good(throttle, demand):
    await demand.until(0.95)
    await throttle.pause()
    await throttle.pause()
    await demand.until(5)
    assert demand.between(0.95, 5) == 0
    await throttle.resume()
    await throttle.resume()
    await demand.until(6)

    assert demand.between(5, 6) in (10, 11)
    assert throttle.rate == 10


async def test_edge_4_verbs_in_any_state_do_no_harm(throttle):
    await throttle.resume()
    await throttle.pause()
    await throttle.pause()
    await throttle.unlock()
    await throttle.ramp(from_rate=1, to_rate=2, duration=1)
    await throttle.stop()
    await throttle.stop()

    for verb in (throttle.unlock, throttle.pause, throttle.resume):
        with pytest.raises(ThrottleStoppedError):
            await verb()


async def test_edge_5_a_pause_survives_changes_and_ramps(throttle, demand):
    await demand.until(0.95)
    await throttle.pause()
    await throttle.change_rate(100)
    await demand.until(2)
    await throttle.unlock()
    await demand.until(3)
    await throttle.ramp(from_rate=10, to_rate=100, duration=2)
    await demand.until(6)

    assert demand.between(0.95, 6) == 0
    assert throttle.statistics().paused
    assert throttle.rate == 100  # the ramp went on meanwhile

    await throttle.resume()
    await demand.until(7)
    assert demand.between(6, 7) in (100, 101)


async def test_unlocking_lets_everybody_through_and_a_rate_holds_again(throttles):
    throttle = await throttles.open("t", rate=0)
    jobs = [throttle.run(len, "") for _ in range(500)]
    await throttle.unlock()
    for job in jobs:
        await job
    assert throttle.is_unlimited

    await throttle.change_rate(1, interval=1)
    began = anyio.current_time()
    for _ in range(3):
        await throttle.wait()
    assert anyio.current_time() - began == pytest.approx(2)


async def test_a_ramp_in_steps_goes_through_its_rates(throttle, demand, emitter):
    emitter.events.clear()
    await throttle.ramp(from_rate=10, to_rate=30, steps=2, step_interval=1)
    assert throttle.statistics().ramping
    assert throttle.statistics().pace == "ramp 10 to 30/1 s over 2 s in 2 steps"
    await demand.until(2.5)

    assert [demand.between(start, start + 1) for start in (0, 1)] == pytest.approx([10, 20], abs=1)
    assert throttle.rate == 30
    assert not throttle.statistics().ramping
    assert throttle.statistics().pace == "30/1 s"
    rates = [measured["rate"] for measured, _ in emitter.named("amoc.throttle.rate")]
    assert rates == [10, 20, 30]
    messages = [metadata["message"] for _, metadata in emitter.named("amoc.throttle.process")]
    assert messages == ["ramp from 10 to 30 per 1 s over 2 s in 2 steps", "ramp ended"]


async def test_a_ramp_with_a_duration_changes_all_the_time(throttle, demand):
    await throttle.ramp(from_rate=0, to_rate=100, duration=10)
    await demand.until(5)
    assert throttle.rate == pytest.approx(50)
    await demand.until(12)

    assert demand.between(0, 10) == pytest.approx(500, abs=2)
    assert demand.between(10, 12) == pytest.approx(200, abs=1)


@pytest.mark.parametrize(
    ("how", "rates"),
    [
        ({"steps": 2, "step_interval": 1}, [10, 20, 20, 30]),
        ({"duration": 2}, [12, 16.5, 25, 29.5]),  # it was 12, 21, 29 and 30
    ],
)
async def test_the_rows_of_a_ramp_have_the_rate_that_was_in_force(throttle, throttles, how, rates):
    await throttle.ramp(from_rate=10, to_rate=30, interval=1, **how)
    told = []
    for seconds in (0.2, 0.9, 0.8, 0.3):
        await anyio.sleep(seconds)
        *_, (_, sample) = throttles.sample(anyio.current_time())
        told.append(sample["rate"])

    assert told == pytest.approx(rates)


@pytest.mark.parametrize(
    ("how", "many"),
    [
        ({"to_rate": 0.5, "duration": 60}, 45),  # at the mean of both rates
        ({"to_rate": 0.2, "steps": 4, "step_interval": 15}, 15 * (1.0 + 0.8 + 0.6 + 0.4)),
    ],
)
@pytest.mark.parametrize("catch_up", [False, True])
async def test_a_ramp_of_one_permit_an_interval_holds_nobody(
    native, throttles, how, many, catch_up
):
    """The one permit that its window has room for is on its way when the next is looked for."""
    throttle = await throttles.open("slow", rate=1, interval=1, catch_up=catch_up)
    demand = Demand(throttle, native)
    await demand.until(0)
    await throttle.ramp(from_rate=1, **how)

    await demand.until(60)

    assert demand.between(0, 60) == pytest.approx(many, abs=1.5)
    gaps = [b - a for a, b in zip(demand.granted, demand.granted[1:], strict=False)]
    assert max(gaps) < 3
    await demand.stop()


async def test_a_ramp_ends_by_itself_when_nobody_asks(throttle, emitter):
    await throttle.ramp(from_rate=10, to_rate=20, duration=10)
    await anyio.sleep(11)

    assert not throttle.is_ramping
    assert emitter.named("amoc.throttle.process")[-1][1]["message"] == "ramp ended"
    await throttle.change_rate(5)


async def test_during_a_ramp_other_changes_are_refused_unless_they_end_it(throttle):
    await throttle.ramp(from_rate=10, to_rate=20, duration=10)
    for change in (
        throttle.change_rate(5),
        throttle.unlock(),
        throttle.ramp(from_rate=1, to_rate=2, duration=1),
    ):
        with pytest.raises(RampInProgressError, match="cancel_ramp=True"):
            await change

    await throttle.change_rate(5, cancel_ramp=True)
    assert throttle.rate == 5
    await anyio.sleep(20)
    assert throttle.rate == 5
    assert not throttle.is_ramping


async def test_a_change_that_makes_no_sense_changes_nothing(throttle):
    for change in (
        throttle.change_rate(-1),
        throttle.change_rate(),
        throttle.change_rate(5, interarrival=1),
        throttle.change_rate(limit=1.5),
        throttle.ramp(from_rate=1, to_rate=2),
    ):
        with pytest.raises(InvalidArgumentError):
            await change

    assert throttle.rate == 10


async def test_a_function_of_time_is_the_rate(native, throttles):
    throttle = await throttles.open("t", shape=lambda t: 100 * t, interval=1)
    demand = Demand(throttle, native)
    await demand.until(2)

    assert demand.between(0, 2) == pytest.approx(200, abs=2)
    assert throttle.rate == pytest.approx(200)
    await demand.stop()


async def test_a_series_is_the_rate_and_a_change_replaces_it(native, throttles):
    series = pd.Series([10, 10, 40, 40], index=pd.to_timedelta([0, 1, 1, 2], unit="s"))
    throttle = await throttles.open("t", shape=series, interval=1)
    demand = Demand(throttle, native)
    await demand.until(2)
    await throttle.change_rate(5)
    await demand.until(3)

    counts = [demand.between(start, start + 1) for start in range(3)]
    assert counts == pytest.approx([10, 40, 5], abs=1)
    await demand.stop()


async def test_a_shape_that_fails_later_is_reported_and_keeps_its_rate(native, throttles, emitter):
    throttle = await throttles.open("t", shape=lambda t: 10 if t < 1 else 1 / 0, interval=1)
    demand = Demand(throttle, native)
    await demand.until(3)

    assert demand.between(1, 3) in (20, 21)
    assert emitter.named("amoc.throttle.failure")[0][1]["error"] == "ZeroDivisionError"
    await demand.stop()


@pytest.mark.parametrize("seed", [3, "nightly"])
async def test_poisson_arrivals_come_again_with_their_seed(native, throttles, seed):
    gaps = []
    for name in ("a", "b"):
        throttle = await throttles.open(name, 50, interval=1, arrivals="poisson", seed=seed)
        demand = Demand(throttle, native)
        await demand.until(2)
        await demand.stop()
        gaps.append(demand.granted)

    assert gaps[0] == pytest.approx(gaps[1], abs=1e-6)
    assert 60 < len(gaps[0]) < 101
    assert len({round(b - a, 6) for a, b in zip(gaps[0], gaps[0][1:], strict=False)}) > 50


async def test_a_limit_changes_while_it_is_used(throttles):
    throttle = await throttles.open("t", limit=1)
    inside = 0

    async def work() -> None:
        nonlocal inside
        inside += 1
        await anyio.sleep(10)
        inside -= 1

    for _ in range(6):
        throttle.run(work)
    await anyio.sleep(1)
    assert inside == 1
    await throttle.change_rate(limit=4)
    await anyio.sleep(1)
    assert inside == 4
    await throttle.change_rate(limit=1)
    await anyio.sleep(8.5)  # the first is done, three are inside
    assert inside == 3
    assert throttle.statistics().limit == 1
    await throttle.change_rate(math.inf)
    await anyio.sleep(20)
    assert throttle.statistics().out == 0


async def test_a_rate_does_not_become_a_limit_under_those_who_wait(throttle, demand):
    await demand.until(0.1)

    with pytest.raises(InvalidArgumentError, match="async with"):
        await throttle.change_rate(limit=3)
    assert throttle.rate == 10


async def test_jobs_that_wait_for_a_rate_obey_the_limit_it_becomes(throttles):
    throttle = await throttles.open("t", rate=0)
    jobs = [throttle.run(anyio.sleep, 1) for _ in range(4)]
    await throttle.change_rate(limit=2)
    await anyio.sleep(0.5)
    assert throttle.statistics().out == 2
    for job in jobs:
        await job

    assert throttle.statistics().out == 0


async def test_a_limit_cannot_be_ramped(throttles):
    throttle = await throttles.open("t", limit=1)

    with pytest.raises(InvalidArgumentError, match="limit"):
        await throttle.ramp(from_rate=1, to_rate=2, duration=1)
