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


async def test_force_reaches_those_who_were_asked_when_nobody_else_is_left(stage: Any) -> None:
    await stage.do(Deaf, 10)
    assert await stage.cluster.remove(10, force=False) == 10
    await anyio.sleep(10)

    assert await stage.cluster.remove(10, force=True) == 10
    await anyio.sleep(0.1)
    assert await stage.counts() == {"waiting": 0, "running": 0, "leaving": 0, "gone": 10}
    await stage.stop()
    assert set(stage.users().values()) == {"killed"}


async def test_a_user_that_is_removed_twice_is_one_less(stage: Any) -> None:
    """However often a person asks, the users that are wanted are those nobody asked to go."""
    await stage.do(Deaf, 4)
    await stage.cluster.remove(1, force=False)
    await stage.cluster.remove(1, force=True)
    await stage.cluster.remove_one(1, force=True)
    await stage.cluster.add(2)
    await stage.stop()

    changes = stage.record.table("changes")
    rows = zip(changes["what"], changes["old"], changes["new"], strict=True)
    wanted = [(old, new) for what, old, new in rows if what == "users"]
    assert wanted == [(4, 3), (3, 3), (3, 3), (3, 5)]


async def test_one_that_waits_and_is_removed_takes_its_permit_along(stage: Any) -> None:
    told: list[tuple[str, float]] = []
    stage.bus.subscribe(
        "amoc.controller.users",
        lambda event: told.append((event.metadata["type"], event.measurements["count"])),
    )
    await stage.do(Deaf, 2, user_rate=60.0)  # the second is due after a second
    await anyio.sleep(0.5)
    assert await stage.cluster.remove_one(2, force=False)
    await anyio.sleep(0.1)
    assert stage.run.throttles["user_rate"].statistics().waiting == 0
    await anyio.sleep(10)
    await stage.stop()

    table = stage.record.table("throttles")
    assert (sum(table["due"]), sum(table["granted"])) == (1, 1)
    assert told == [("add", 2), ("remove", 1)]
