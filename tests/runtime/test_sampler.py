from __future__ import annotations

from typing import Any

import anyio
import pytest

import murmur
from murmur.runtime._sampler import is_saturated, resident_bytes
from murmur.testing import VirtualLoop


class Idle(murmur.Scenario):
    """Users stay until asked."""

    async def start(self, user: murmur.User) -> None:
        await user.sleep(1_000)


@pytest.mark.parametrize(
    ("lags", "saturated"),
    [([], False), ([0.049], False), ([0.051], True), ([0.2] + [0.0] * 99, False),
     ([0.2, 0.2] + [0.0] * 98, True)],
)  # fmt: skip
def test_a_window_is_saturated_by_its_99th_percentile(lags: list[float], saturated: bool) -> None:
    assert is_saturated(lags) is saturated


def test_a_python_process_holds_megabytes() -> None:
    assert 5e6 < resident_bytes() < 5e10


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
    assert max(health["loop_lag_max"].tolist()) == pytest.approx(0.3, abs=0.06)
    assert [event.metadata["saturated"] for event in events] == [True, False]
