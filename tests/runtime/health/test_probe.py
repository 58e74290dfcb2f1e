"""The lag that is measured is that of a timer due at a random moment, whatever the rhythm.

The true delay is worked out from the rhythm alone: of a loop that is free for `free` and held
for `held` milliseconds in turn, a timer due at a random moment is late by more than d with the
probability (held - d) / (free + held), so one in a hundred is late by more than
held - (free + held) / 100.
"""

from __future__ import annotations

import asyncio
import math
from itertools import islice
from random import Random
from typing import Any

import anyio
import pytest

import murmur
from murmur.runtime.health import BEAT, due_moments
from murmur.testing import VirtualLoop, rehearse

RHYTHMS = [
    (60, 40),
    (51, 49),
    (10, 40),
    (51, 99),
    (52, 98),
    (5, 45),
    (101, 99),
    (30, 120),
    (151, 99),
    (1, 49),
]


class Held(murmur.Scenario):
    """One of the users holds the loop, free and held in turn; the others wait."""

    async def start(self, user: murmur.User) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        while user.id > 1:
            await user.sleep(0.5)
        while True:
            await user.sleep(self.free / 1e3)
            loop.jump(self.held / 1e3)

    free, held = 0, 0


@pytest.mark.parametrize(("free", "held"), RHYTHMS)
def test_the_probe_falls_into_step_with_no_rhythm(free: int, held: int) -> None:
    scenario = type("Held", (Held,), {"free": free, "held": held})
    results = rehearse(scenario, 40, duration=20.0, user_rate=math.inf)

    true = (held - (free + held) / 100) / 1e3
    whole = results.health[:20]  # what comes after the end is a part of a window
    assert 0.95 * true <= whole["loop_lag_p99"].median() <= held / 1e3
    assert (whole["loop_lag_p99"] >= 0.8 * true).mean() >= 0.95
    assert whole["loop_lag_max"].max() <= held / 1e3 + 1e-9
    assert whole["saturated"].mean() >= 0.9 if true > 0.055 else not whole["saturated"].any()


def test_a_quiet_loop_is_late_for_nobody() -> None:
    class Quiet(murmur.Scenario):
        """Users wait."""

        async def start(self, user: murmur.User) -> None:
            await user.sleep(60)

    results = rehearse(Quiet, 40, duration=20.0)

    assert results.health["loop_lag_max"].max() < 1e-6
    assert results.verdict.state == "valid"


def test_moments_are_drawn_one_for_each_stretch_and_heed_nobody() -> None:
    moments = list(islice(due_moments(Random(1), 100.0), 1000))

    assert [int((at - 100.0) / BEAT) for at in moments] == list(range(1000))
    within = [(at - 100.0) / BEAT % 1 for at in moments]
    assert sum(within) / 1000 == pytest.approx(0.5, abs=0.05)


async def test_a_long_hold_makes_every_moment_in_it_late(
    stage: Any, anyio_backend_name: str
) -> None:
    if anyio_backend_name != "asyncio":
        pytest.skip("only asyncio's virtual loop can be made late from inside a task")

    class Idle(murmur.Scenario):
        """Users stay until asked."""

        async def start(self, user: murmur.User) -> None:
            await user.sleep(1_000)

    await stage.do(Idle, 1)
    await anyio.sleep(0.5)
    stage.run.native.now.__self__.jump(20.0)
    await anyio.sleep(1.5)

    health = stage.record.table("health")
    worst = health["loop_lag_p50"].argmax()
    assert health["loop_lag_p50"][worst] == pytest.approx(10.0, abs=0.5)
    assert health["loop_lag_p99"][worst] == pytest.approx(19.8, abs=0.2)
