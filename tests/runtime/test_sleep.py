"""Sleeps of users: how long, side by side, cut short, forgotten, and what they leave behind."""

from __future__ import annotations

import asyncio
import gc
import inspect
import math
from typing import Any

import anyio
import pytest

import murmur
from murmur._backend import guard_loop

on_asyncio = pytest.mark.parametrize(
    "anyio_backend", [pytest.param("asyncio", id="asyncio")], indirect=True
)


async def test_tasks_of_one_user_sleep_side_by_side(stage: Any) -> None:
    woke: list[tuple[str, float]] = []

    class Several(murmur.Scenario):
        """Two tasks sleep beside the user itself, again and again."""

        async def start(self, user: murmur.User) -> None:
            async def doze(name: str, seconds: float) -> None:
                for _ in range(2):
                    await user.sleep(seconds)
                    woke.append((name, round(user.now(), 1)))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(doze, "a", 1.0)
                tasks.start_soon(doze, "b", 1.5)
                tasks.start_soon(user.sleep, 0.2)
                await user.sleep(12.5)
                woke.append(("user", round(user.now(), 1)))

    await stage.do(Several, 1)
    await anyio.sleep(20)

    assert woke == [("a", 1.0), ("b", 1.5), ("a", 2.0), ("b", 3.0), ("user", 12.5)]


async def test_a_sleep_counts_from_when_it_is_awaited(stage: Any) -> None:
    woke = []

    class Late(murmur.Scenario):
        """Makes a sleep, and awaits it two seconds later."""

        async def start(self, user: murmur.User) -> None:
            later = user.sleep(1)
            await anyio.sleep(2)
            await later
            woke.append(round(user.now(), 1))

    await stage.do(Late, 1)
    await anyio.sleep(5)

    assert woke == [3.0]


@pytest.mark.parametrize("seconds", [0, -1, 0.5, 3600, math.inf])
async def test_a_user_that_leaves_sleeps_no_longer(stage: Any, seconds: float) -> None:
    left = []

    class Sleepy(murmur.Scenario):
        """Sleeps for ever in pieces."""

        async def start(self, user: murmur.User) -> None:
            try:
                while True:
                    await user.sleep(seconds)
                    await anyio.sleep(0.01)
            except murmur.Leaving:
                left.append(user.now())
                raise

    await stage.do(Sleepy, 3)
    await anyio.sleep(1)
    await stage.stop()

    assert set(stage.users().values()) == {"left"}
    assert all(at < 1.1 for at in left)


async def test_a_sleep_cut_short_does_not_end_the_next(stage: Any) -> None:
    woke = []

    class Hasty(murmur.Scenario):
        """Gives a sleep of five seconds up, and sleeps for eight."""

        async def start(self, user: murmur.User) -> None:
            with anyio.move_on_after(1):
                await user.sleep(5)
            woke.append(round(user.now(), 1))
            await user.sleep(8)
            woke.append(round(user.now(), 1))

    await stage.do(Hasty, 1)
    await anyio.sleep(15)

    assert woke == [1.0, 9.0]


async def test_a_user_asked_before_it_awaits_its_sleep_leaves(stage: Any) -> None:
    class Slow(murmur.Scenario):
        """Is asked to leave between making a sleep and awaiting it."""

        async def start(self, user: murmur.User) -> None:
            later = user.sleep(100)
            await anyio.sleep(2)
            await later

    await stage.do(Slow, 1)
    await anyio.sleep(1)
    stage.run.remove(1, force=False)
    await anyio.sleep(2)

    assert set(stage.users().values()) == {"left"}


@on_asyncio
async def test_asyncio_takes_a_sleep_as_a_coroutine(stage: Any) -> None:
    seen: list[object] = []

    class Curious(murmur.Scenario):
        """Hands sleeps to asyncio in its several ways."""

        async def start(self, user: murmur.User) -> None:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(user.sleep(5), 1)
            await asyncio.gather(user.sleep(1), user.sleep(2), user.sleep(3))
            task = asyncio.create_task(user.sleep(1))
            await task
            seen.append(round(user.now(), 1))
            sleep = user.sleep(1)
            seen.append(inspect.iscoroutine(sleep))
            await sleep
            with pytest.raises(RuntimeError, match="once"):
                await sleep

    await stage.do(Curious, 1)
    await anyio.sleep(10)

    assert set(stage.users().values()) == {"finished"}
    assert seen == [5.0, True]


@on_asyncio
async def test_what_a_user_raises_out_of_the_loop_ends_no_other_sleep(stage: Any) -> None:
    guard_loop()

    class Quits(murmur.Scenario):
        """User 1 exits in a task of its own just when all others wake."""

        async def start(self, user: murmur.User) -> None:
            async def exit_() -> None:
                await user.sleep(1)
                raise SystemExit(3)

            if user.id == 1:
                self.task = asyncio.create_task(exit_())
            await user.sleep(1)
            await user.sleep(1)

    await stage.do(Quits, 5)
    await anyio.sleep(5)

    assert set(stage.users().values()) == {"finished"}


async def test_a_forgotten_await_is_told(stage: Any) -> None:
    class Forgetful(murmur.Scenario):
        """Calls `sleep`, and does not await it."""

        async def start(self, user: murmur.User) -> None:
            user.sleep(1)  # type: ignore[unused-coroutine]

    async def perform() -> None:
        await stage.do(Forgetful, 1)
        await anyio.sleep(1)
        gc.collect()

    with pytest.warns(RuntimeWarning, match="never awaited"):
        await perform()


@on_asyncio
async def test_a_sleep_leaves_no_container_behind(stage: Any) -> None:
    class Ticking(murmur.Scenario):
        """Wakes once a second."""

        async def start(self, user: murmur.User) -> None:
            while True:
                await user.sleep(1)

    await stage.do(Ticking, 1_000)
    await anyio.sleep(0.5)
    gc.collect()
    gc.disable()
    try:
        await anyio.sleep(1)  # each wakes once and sleeps again
        young = len(gc.get_objects(generation=0))
    finally:
        gc.enable()

    assert young < 300  # what every sleep left would be here a thousand times


@on_asyncio
async def test_a_wait_for_a_message_leaves_little_behind(stage: Any) -> None:
    users = []

    class Hearing(murmur.Scenario):
        """Hears something once a second."""

        async def start(self, user: murmur.User) -> None:
            users.append(user)
            while True:
                await user.receive()

    await stage.do(Hearing, 1_000)
    await anyio.sleep(0.5)
    for user in users:
        user.send("first")  # makes its mailbox
    await anyio.sleep(0.5)
    gc.collect()
    gc.disable()
    try:
        for user in users:
            user.send("news")
        await anyio.sleep(1)
        young = len(gc.get_objects(generation=0))
    finally:
        gc.enable()

    assert young < 2_300  # two coroutines each; a future and what belongs to it were six more


async def test_a_message_wakes_who_waits_for_one_and_not_who_sleeps(stage: Any) -> None:
    heard: list[tuple[str, object, float]] = []
    users = []

    class Both(murmur.Scenario):
        """The user sleeps, and listens afterwards; a task beside it listens meanwhile."""

        async def start(self, user: murmur.User) -> None:
            users.append(user)

            async def listen(name: str, timeout: float | None = None) -> None:
                heard.append((name, await user.receive(timeout), round(user.now(), 1)))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(listen, "beside")
                await anyio.sleep(0.1)
                await user.sleep(1.9)
                heard.append(("slept", None, round(user.now(), 1)))
            await listen("user", 5)

    await stage.do(Both, 1)
    for moment in (1, 3):
        await anyio.sleep(moment - users[0].now())
        users[0].send(moment)
    await anyio.sleep(5)

    assert heard == [("beside", 1, 1.0), ("slept", None, 2.0), ("user", 3, 3.0)]


async def test_who_waits_for_a_message_in_vain_is_told_in_time(stage: Any) -> None:
    told = []

    class Deaf(murmur.Scenario):
        """Waits for what never comes: briefly, long, and between two sleeps."""

        async def start(self, user: murmur.User) -> None:
            for seconds in (0, 0.5, 30):
                await user.sleep(1)
                with pytest.raises(murmur.errors.WaitTimeoutError):
                    await user.receive(timeout=seconds)
                told.append(round(user.now(), 1))

    await stage.do(Deaf, 1)
    await anyio.sleep(60)

    assert told == [1.0, 2.5, 33.5]
