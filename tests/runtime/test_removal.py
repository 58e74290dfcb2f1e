"""Removal by force reaches those first who would not go, and lets everybody clean up."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import anyio.lowlevel
import pytest

import murmur


class Deaf(murmur.Scenario):
    """Users who do not hear that they are asked to leave."""

    async def start(self, user: murmur.User) -> None:
        try:
            await anyio.sleep(1000)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(CLEANING.get(user.id, 0.0))


CLEANING: dict[int, float] = {}


async def test_force_takes_those_first_that_were_asked_and_are_still_there(stage: Any) -> None:
    await stage.do(Deaf, 10)
    assert await stage.cluster.remove(5, force=False) == 5
    await anyio.sleep(10)
    assert await stage.counts() == {"waiting": 0, "running": 5, "leaving": 5, "gone": 0}

    assert await stage.cluster.remove(5, force=True) == 5
    await anyio.sleep(0.1)  # their grace was over long ago
    assert await stage.counts() == {"waiting": 0, "running": 5, "leaving": 0, "gone": 5}


async def test_force_takes_others_when_those_are_not_enough(stage: Any) -> None:
    await stage.do(Deaf, 10)
    assert await stage.cluster.remove(2, force=False) == 2
    await anyio.sleep(10)

    assert await stage.cluster.remove(5, force=True) == 5
    assert await stage.cluster.remove(3, force=True) == 3  # none of the same again
    await anyio.sleep(1)
    assert await stage.counts() == {"waiting": 0, "running": 2, "leaving": 6, "gone": 2}
    await anyio.sleep(1.5)  # the grace of those that were asked now
    assert await stage.counts() == {"waiting": 0, "running": 2, "leaving": 0, "gone": 8}


async def test_who_cleans_up_has_as_long_as_the_grace_again(stage: Any) -> None:
    CLEANING.update({1: 3.5, 2: 0.5})
    try:
        await stage.do(Deaf, 2, grace=4.0)
        await stage.stop()
    finally:
        CLEANING.clear()

    assert stage.reasons() == {1: "still there after its grace", 2: "still there after its grace"}
    assert stage.users() == {1: "killed", 2: "killed"}
    assert stage.node._run.users.abandoned == 0


@pytest.mark.parametrize("grace", [60.0, 0.0])  # they hear it, or are cancelled
async def test_a_crowd_that_goes_leaves_turns_to_others(stage: Any, grace: float) -> None:
    gone = []

    class Crowd(murmur.Scenario):
        async def start(self, user: murmur.User) -> None:
            try:
                await user.sleep(1000)
            finally:
                gone.append(user.id)

    await stage.do(Crowd, 1000, grace=grace)
    between = []  # turns: how many went since the one before

    async def watch() -> None:
        while len(gone) < 1000:
            before = len(gone)
            await anyio.lowlevel.checkpoint()
            between.append(len(gone) - before)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        await stage.stop()

    assert sum(between) == 1000
    assert max(between) <= 100


@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
async def test_who_was_still_cleaning_up_did_not_ignore_its_cancellation(stage: Any) -> None:
    """On trio a cancelled clean-up has no time unless it takes it."""

    class Slow(murmur.Scenario):
        """A clean-up that takes longer than the grace, and can be cancelled."""

        async def start(self, user: murmur.User) -> None:
            try:
                await anyio.sleep(1000)
            finally:
                await asyncio.sleep(100)

    await stage.do(Slow, 1)
    await stage.stop()

    assert stage.reasons() == {1: "was still cleaning up when its time was over"}
    assert stage.node._run.users.abandoned == 0
