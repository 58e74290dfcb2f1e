"""Throttles are started once, found by name, counted per window, and tell what they do."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator

import anyio
import pandas as pd
import pytest

from murmur.errors import InvalidArgumentError, ThrottleConflictError, UnknownThrottleError
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


async def test_the_same_configuration_finds_the_throttle_again(throttles):
    first = await throttles.open("messages", 100)

    assert await throttles.open("messages", rate=100) is first
    assert await throttles.open("messages", 100, interval=60.0) is first
    assert await throttles.open("messages") is first
    assert throttles["messages"] is first


async def test_a_user_that_asks_as_the_first_did_finds_it_after_a_change(throttles):
    first = await throttles.open("messages", 100)
    await first.change_rate(200)

    assert await throttles.open("messages", 100) is first
    assert await throttles.open("messages", 200) is first


async def test_a_shape_made_by_the_same_line_is_the_same(throttles):
    found = [await throttles.open("wave", shape=lambda t: 5.0) for _ in range(2)]

    assert found[0] is found[1]
    with pytest.raises(ThrottleConflictError):
        await throttles.open("wave", shape=lambda t: 6.0)


async def test_an_equal_series_is_the_same(throttles):
    first, second, other = (pd.Series([1.0, last], index=[0, 9]) for last in (5, 5, 6))
    throttle = await throttles.open("wave", shape=first)

    assert await throttles.open("wave", shape=second) is throttle
    assert repr(throttles) == "<Throttles wave>"
    with pytest.raises(ThrottleConflictError):
        await throttles.open("wave", shape=other)


async def test_another_configuration_is_a_conflict_that_says_what_to_do(throttles):
    await throttles.open("messages", 100)

    with pytest.raises(ThrottleConflictError, match=r"rate 100 per 60 s, not with rate 50 per 5 s"):
        await throttles.open("messages", 50, interval=5)


async def test_an_unknown_name_is_told_with_the_nearest_known(throttles):
    await throttles.open("messages", 100)

    with pytest.raises(UnknownThrottleError, match="did you mean 'messages'"):
        await throttles.open("mesages")
    with pytest.raises(UnknownThrottleError):
        throttles["other"]


async def test_a_stopped_throttle_is_gone_and_its_name_is_free(throttles):
    first = await throttles.open("messages", 100)
    await first.stop()

    assert "messages" not in throttles
    assert len(throttles) == 0
    with pytest.raises(UnknownThrottleError):
        await throttles.open("messages")
    assert await throttles.open("messages", 5) is not first
    assert list(throttles) == ["messages"]


async def test_a_window_tells_what_came_since_the_one_before(throttles):
    throttle = await throttles.open("t", rate=10, interval=1)
    for _ in range(5):
        await throttle.wait()
    jobs = [throttle.run(len, "") for _ in range(3)]
    ((name, sample),) = throttles.sample(anyio.current_time())
    lateness = sample.pop("lateness")

    assert name == "t"
    assert sample.pop("at") == pytest.approx(anyio.current_time())
    assert sample == {
        "rate": 10,
        "interval": 1,
        "due": 5,
        "requested": 8,
        "granted": 5,
        "unasked": 0,
        "withheld": 0,
        "skipped": 0,
        "waiting": 3,
    }
    assert list(lateness) == pytest.approx([0] * 5, abs=1e-6)

    for job in jobs:
        await job
    ((_, sample),) = throttles.sample(anyio.current_time())
    assert (sample["requested"], sample["granted"], sample["waiting"]) == (0, 3, 0)


async def test_a_stopped_throttle_has_one_last_window(throttles):
    throttle = await throttles.open("t", rate=math.inf)
    await throttle.wait()
    await throttle.stop()

    ((_, sample),) = throttles.sample(anyio.current_time())
    assert sample["granted"] == 1
    assert throttles.sample(anyio.current_time()) == []


async def test_a_window_keeps_a_bounded_number_of_latenesses(throttles):
    throttle = await throttles.open("t", rate=math.inf)
    for _ in range(25_000):
        await throttle.wait()
    ((_, sample),) = throttles.sample(anyio.current_time())

    assert sample["granted"] == 25_000
    assert 1000 < len(sample["lateness"]) < 10_000


async def test_statistics_are_a_record_of_the_moment(throttles):
    throttle = await throttles.open("t", rate=2.5, interval=1)
    await throttle.wait()
    throttle.run(len, "")
    found = throttle.statistics()

    assert (found.name, found.rate, found.interval, found.limit) == ("t", 2.5, 1, None)
    assert (found.waiting, found.requested, found.granted, found.out) == (1, 2, 1, 0)
    assert (found.paused, found.ramping, found.stopped) == (False, False, False)
    with pytest.raises(AttributeError):
        found.rate = 3
    assert repr(throttle) == "<Throttle 't' 2.5 per 1 s, 1 waiting>"


async def test_events_tell_of_a_throttle_s_life(throttles, emitter):
    throttle = await throttles.open("t", rate=10, interval=1)
    await throttle.wait()
    await throttle.unlock()
    await throttle.wait()
    await throttle.pause()
    await throttle.resume()
    await throttle.stop()

    told = [name.removeprefix("amoc.throttle.") for name, _, _ in emitter.events]
    assert told == [
        *("init", "rate", "request", "execute", "rate", "request", "execute"),
        *("process", "process", "process"),
    ]
    assert all(metadata["name"] == "t" for _, _, metadata in emitter.events)
    assert emitter.named("amoc.throttle.rate") == [
        ({"rate": 10, "interval": 1}, {"name": "t"}),
        ({"rate": math.inf}, {"name": "t"}),
    ]


@pytest.mark.parametrize(
    ("config", "rate", "interval"),
    [
        ({"rate": 100}, 100, 60),
        ({"rate": 2, "interval": 0.1}, 2, 0.1),
        ({"rate": 1, "interval": 0.001}, 1, 0.001),
        ({"rate": 60, "interval": 0}, 60, 0),
        ({"rate": 0, "interval": 0}, 0, 0),
        ({"rate": math.inf}, math.inf, 60),
        ({"rate": math.inf, "interval": 0}, math.inf, 0),
        ({"rate": 0}, 0, 60),
        ({"interarrival": 0.05}, 1200, 60),
        ({"interarrival": 60}, 1, 60),
        ({"interarrival": 0}, math.inf, 60),
        ({"interarrival": math.inf}, 0, 60),
        # Exact, where amoc rounds down to 8571, 1, 1, 0 and 0; and rates may be fractions.
        ({"interarrival": 0.007}, 60 / 0.007, 60),
        ({"interarrival": 31}, 60 / 31, 60),
        ({"interarrival": 40}, 1.5, 60),
        ({"interarrival": 60.001}, 60 / 60.001, 60),
        ({"interarrival": 120}, 0.5, 60),
        ({"interarrival": 1.5}, 40, 60),
        ({"rate": 1.5}, 1.5, 60),
    ],
)
async def test_appendix_b_configurations_are_stored_so(throttles, config, rate, interval):
    throttle = await throttles.open("t", **config)

    assert (throttle.rate, throttle.interval) == (rate, interval)


@pytest.mark.parametrize(
    "config",
    [
        {"interarrival": -1},
        {"interarrival": 1, "rate": 1},
        {"interarrival": 1, "interval": 1},
        {"rate": 1, "interval": math.inf},
        {"rate": 1, "interval": -1},
        {"rate": 1.5, "interval": 0},
        {"rate": -1},
        {"rate": math.nan},
        {"rate": "fast"},
        {"interval": 5},
        {"limit": -1},
        {"limit": 1.5},
        {"limit": 1, "rate": 1},
        {"limit": 1, "interval": 1},
        {"shape": lambda t: 1, "rate": 1},
        {"shape": 5},
        {"rate": 1, "arrivals": "odd"},
        {"limit": 1, "arrivals": "poisson"},
        {"seed": 1},
    ],
)
async def test_appendix_b_configurations_are_refused(throttles, config):
    with pytest.raises(InvalidArgumentError):
        await throttles.open("t", **config)
    assert len(throttles) == 0


async def test_an_unknown_key_is_refused(throttles):
    with pytest.raises(TypeError):
        await throttles.open("t", rate=1, burst=5)
