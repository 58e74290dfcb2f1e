"""A defect of murmur's own ends the run and not the session, and nobody takes it for an end."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import anyio
import pytest

import murmur
from murmur.results import Results


class Idle(murmur.Scenario):
    """Users stay until asked."""

    async def start(self, user: murmur.User) -> None:
        await user.sleep(math.inf)


class Slow(murmur.Scenario):
    """Users take half a second to clean up."""

    async def start(self, user: murmur.User) -> None:
        try:
            await user.sleep(math.inf)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.5)


@pytest.fixture
def defect(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return what has a task of each run raise after so many seconds."""

    def arm(seconds: float) -> None:
        async def sample_forever(_: object) -> None:
            await anyio.sleep(seconds)
            raise ArithmeticError("seven is no prime")

        monkeypatch.setattr("murmur.runtime._run.Sampler.sample_forever", sample_forever)

    return arm


@pytest.mark.parametrize(
    "course", [{}, {"end_when_idle": True}, {"duration": 10.2}, {"duration": 60.0}]
)
async def test_a_run_that_breaks_has_failed_whatever_would_have_ended_it(
    stage: Any, defect: Callable[[float], None], course: dict[str, Any]
) -> None:
    defect(10.0)
    await stage.do(Idle, 4, **course)
    await stage.cluster.wait_over()

    status, results = await stage.status(), Results(stage.record)
    assert status.state == "failed"
    assert status.elapsed == pytest.approx(10, abs=1.2)
    assert status.nodes[0].problems[0] == "the run broke: ArithmeticError: seven is no prime"
    assert results.verdict.state == "invalid"
    assert results.verdict.reasons[0] == (
        "The run did not end in order: on node local the run broke: "
        "ArithmeticError: seven is no prime."
    )
    failures = results.errors[["source", "name", "error", "count"]].values.tolist()
    assert failures == [["node", "local", "ArithmeticError: seven is no prime", 1]]
    assert set(stage.users().values()) == {"left"}
    assert set(stage.reasons().values()) == {"the run broke"}

    defect(math.inf)
    await stage.do(Idle, 2, duration=5)
    await stage.cluster.wait_over()
    assert (await stage.status()).state == "finished"


async def test_a_run_that_breaks_while_it_ends_has_failed(
    stage: Any, defect: Callable[[float], None]
) -> None:
    defect(10.3)
    await stage.do(Slow, 4)
    await anyio.sleep(10)
    await stage.stop()

    assert (await stage.status()).state == "failed"
    assert Results(stage.record).verdict.state == "invalid"
    assert set(stage.users().values()) == {"killed"}  # in the midst of their clean-up


async def test_a_run_that_breaks_in_init_says_so(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Prepares(Idle):
        """It takes a while to begin."""

        async def init(self) -> None:
            await anyio.sleep(5)

    async def watch(_: object) -> None:
        await anyio.sleep(1)
        raise ArithmeticError("seven is no prime")

    monkeypatch.setattr("murmur.runtime._run.Watchdog.watch", watch)
    with pytest.raises(murmur.MurmurError, match=r"the run broke: .* seven .* node local"):
        await stage.do(Prepares, 4)
    assert (await stage.status()).state == "failed"
