"""A steering kernel that stands still, in virtual time: it is told, and explains what follows."""

from __future__ import annotations

import re
from typing import Any

import anyio
import pytest

import murmur
from murmur._backend import native
from murmur.results import Results
from murmur.testing import VirtualLoop


class Busy(murmur.Scenario):
    """Users act twice a second."""

    async def start(self, user: murmur.User) -> None:
        while True:
            with user.timer("act"):
                await user.sleep(0.5)


@pytest.fixture
def stand_still(anyio_backend_name: str) -> Any:
    """Return what makes everything on the loop late, as SIGSTOP does."""
    if anyio_backend_name != "asyncio":
        pytest.skip("only asyncio's virtual loop can be made late from inside a task")

    def late(seconds: float) -> None:
        loop = native().now.__self__  # type: ignore[attr-defined]
        assert isinstance(loop, VirtualLoop)
        loop.jump(seconds)

    return late


async def test_who_stood_still_is_in_frames_and_verdict(pair: Any, stand_still: Any) -> None:
    await pair.do(Busy, 4)
    await anyio.sleep(2.05)
    stand_still(3.0)
    await anyio.sleep(5)
    await pair.stop()
    results = Results(pair.record)
    told = results.events.query("name == 'amoc.health.standstill' and node == 'steering'")
    health = results.health.set_index(["window_at", "node"])

    assert len(told) == 1
    assert told["at"].item() == pytest.approx(5.05, abs=0.11)
    assert results.verdict.state == "invalid"
    first = results.verdict.reasons[0]
    assert re.match(r"The steering kernel stood still for [23]\.\d s: it was stopped, its", first)
    assert "(from 2." in first
    for window in (2.0, 3.0, 4.0, 5.0):
        assert health.loc[(window, "a"), "saturated"]
    assert health.loc[(5.0, "a"), "reason"].startswith("the steering kernel stood still")
    assert not health.loc[(6.0, "a"), "saturated"]


@pytest.mark.parametrize(
    ("after", "more"),
    [
        (0.0, r"; the steering kernel stood still for [34]\.\d s before"),
        (9.0, r"; the steering kernel stood still for [34]\.\d s before"),
        (11.0, ""),
    ],
)
async def test_a_loss_just_after_says_so(
    pair: Any, stand_still: Any, after: float, more: str
) -> None:
    """Also where the news of the loss is the first thing that is heard."""
    await pair.do(Busy, 4)
    await anyio.sleep(2)
    stand_still(4.0)
    if after:
        await anyio.sleep(after)
    pair.kill("a")
    (reason,) = set(pair.record.table("users")["reason"].decode()) - {None, ""}

    assert re.fullmatch("connection reset" + more, reason)


async def test_short_delays_of_a_loop_are_no_news(pair: Any, stand_still: Any) -> None:
    await pair.do(Busy, 4)
    for _ in range(5):
        await anyio.sleep(1)
        stand_still(0.3)
    await anyio.sleep(1)
    pair.kill("a")

    assert pair.record.standstills() == []
    assert set(pair.record.table("users")["reason"].decode()) - {None, ""} == {"connection reset"}
