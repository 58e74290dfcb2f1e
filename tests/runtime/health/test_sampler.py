from __future__ import annotations

import gc
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

import murmur
from murmur.recording import FRAMES, Follower, RunRecord
from murmur.telemetry import Chunk
from murmur.testing import VirtualLoop


class Idle(murmur.Scenario):
    """Users stay until asked."""

    async def start(self, user: murmur.User) -> None:
        await user.sleep(1_000)


async def test_there_is_a_row_for_every_second(stage: Any) -> None:
    await stage.do(Idle, 3)
    await anyio.sleep(5.5)

    population = stage.record.table("population")
    assert population["window_at"].tolist() == pytest.approx([1, 2, 3, 4, 5])
    assert population["running"].tolist() == [3] * 5
    throttles = stage.record.table("throttles")
    assert set(stage.labels(throttles["name"])) == {"user_rate"}
    assert throttles["granted"].tolist()[0] == 3


async def test_a_loop_that_was_blocked_shows_in_health_and_as_an_event(
    stage: Any, anyio_backend_name: str
) -> None:
    if anyio_backend_name != "asyncio":
        pytest.skip("only asyncio's virtual loop can be made late from inside a task")
    events = []
    stage.bus.subscribe("amoc.health.saturated", events.append)
    await stage.do(Idle, 1)
    await anyio.sleep(0.5)
    loop = stage.run.native.now.__self__
    assert isinstance(loop, VirtualLoop)

    loop.jump(0.3)  # as if somebody had computed for that long
    await anyio.sleep(2.5)

    health = stage.record.table("health")
    assert max(health["loop_lag_max"].tolist()) == pytest.approx(0.3, abs=0.02)
    assert [event.metadata["saturated"] for event in events] == [True, False]
    assert events[0].metadata["reason"].startswith("loop lag (")
    assert set(stage.labels(health["reason"])) == {"", "loop lag"}


async def test_a_late_sample_finds_no_more_cores_in_use_than_there_were(
    stage: Any, anyio_backend_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if anyio_backend_name != "asyncio":
        pytest.skip("only asyncio's virtual loop can be made late from inside a task")
    await stage.do(Idle, 1)
    loop = stage.run.native.now.__self__
    assert isinstance(loop, VirtualLoop)
    ever_busy = SimpleNamespace(process_time=loop.time)  # one core, all the time
    monkeypatch.setattr("murmur.runtime.health._sampler.time", ever_busy)
    await anyio.sleep(1.5)

    loop.jump(1.49)  # a sample just before the end of the third second
    await anyio.sleep(0.005)
    loop.jump(0.3)  # and the next one late by nearly as much
    await anyio.sleep(2)

    cpu = stage.record.table("health")["cpu"][1:]  # the first began with another clock
    assert cpu.tolist() == pytest.approx([1.0] * 3)


async def test_what_is_measured_is_what_the_schema_declares(stage: Any) -> None:
    """A column is measured under its name and declared once; nothing else names it."""
    samples: dict[str, set[str]] = {}

    class Listener(Follower):
        def take(self, record: RunRecord, chunk: Chunk) -> None:
            for frame, several in chunk.samples.items():
                samples[frame] = set(several[-1].values)

    await stage.do(Idle, 1)
    stage.record.relay.attach(Listener())
    await anyio.sleep(2.5)

    assert samples == {
        frame.name: {column.name for column in frame.measured}
        for frame in FRAMES.values()
        if frame.sampled
    }


async def test_health_tells_what_the_system_tells(stage: Any) -> None:
    await stage.do(Idle, 1)
    await anyio.sleep(1.5)
    gc.collect()
    await anyio.sleep(1.0)

    health = stage.record.table("health")
    assert health["rss"].min() > 5e6
    assert (health["open_files"] > 0).all()
    assert (health["open_files"] < health["open_files_limit"]).all()
    assert health["gc_pauses"].sum() >= 1
    assert 0 < health["gc_longest"].max() < 10
