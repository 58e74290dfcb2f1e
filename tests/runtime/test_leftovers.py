"""What users leave behind is told by name, and records nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest

import murmur

pytestmark = pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)


@pytest.fixture(autouse=True)
async def guarded(anyio_backend: Any) -> None:
    from murmur._backend import guard_loop

    guard_loop()


class Client:
    """A client that was not closed."""

    def __init__(self, user: murmur.User) -> None:
        self.user = user
        self.task = asyncio.create_task(self.read_for_ever())

    async def read_for_ever(self) -> None:
        while True:
            await asyncio.sleep(1)
            self.user.count("read")
            self.user.record("arrival", 0.5)
            murmur.count("read as well")
            with self.user.timer("timed"):
                pass


class Leaves(murmur.Scenario):
    async def start(self, user: murmur.User) -> None:
        user.random.client = Client(user)  # type: ignore[attr-defined]
        KEPT.append(user.random.client)  # type: ignore[attr-defined]
        await user.sleep(2.5)


class Tidy(Leaves):
    leftovers = "cancel"


KEPT: list[Client] = []


async def test_tasks_of_users_that_are_gone_are_told_by_name(stage: Any) -> None:
    await stage.do(Leaves, 3)
    await anyio.sleep(6)
    (problem,) = (await stage.status()).nodes[0].problems
    await stage.stop()
    for client in KEPT:
        client.task.cancel()
    KEPT.clear()

    assert "3 tasks of Client.read_for_ever" in problem
    events = stage.record.table("events")
    told = [m for n, m in zip(events["name"], events["metadata"], strict=True) if "leftovers" in n]
    assert told == [{"task": "Client.read_for_ever"}]


async def test_they_record_nothing_for_users_that_are_gone(stage: Any) -> None:
    await stage.do(Leaves, 1)
    await anyio.sleep(10)
    await stage.stop()
    for client in KEPT:
        client.task.cancel()
    KEPT.clear()

    counters = stage.counters()
    assert counters["read"] == counters["read as well"] == 2  # at 1 and 2 s; it left at 2.5
    assert counters["users.records_when_gone"] > 8
    assert len(stage.record.table("actions")["name"]) == 4


async def test_they_are_cancelled_where_the_scenario_says_so(stage: Any) -> None:
    await stage.do(Tidy, 2)
    await anyio.sleep(5)
    problems = (await stage.status()).nodes[0].problems
    await stage.stop()

    assert problems == ()
    assert all(client.task.cancelled() for client in KEPT)
    KEPT.clear()


async def test_tasks_that_end_with_their_user_are_no_leftovers(stage: Any) -> None:
    class Groups(murmur.Scenario):
        async def start(self, user: murmur.User) -> None:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(3):
                    tasks.create_task(asyncio.sleep(1))

    await stage.do(Groups, 5)
    await anyio.sleep(5)
    problems = (await stage.status()).nodes[0].problems
    await stage.stop()

    assert problems == ()
