"""Waits of any library end once their user is asked to leave, and lose nothing that had come."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import pytest

import murmur
from murmur.errors import WaitTimeoutError


async def test_a_foreign_wait_ends_when_the_user_is_asked_to_leave(stage: Any) -> None:
    class Blocked(murmur.Scenario):
        async def start(self, user: murmur.User) -> None:
            await user.wait_for(anyio.Event().wait())

    await stage.do(Blocked, 100)
    await stage.cluster.remove(100, force=False)
    await anyio.sleep(0.01)
    stage.run.flush()

    assert set(stage.users().values()) == {"left"}


async def test_it_returns_what_came_and_raises_what_was_raised(stage: Any) -> None:
    found: list[object] = []

    async def answer() -> int:
        await anyio.sleep(1)
        return 42

    async def fail() -> None:
        await anyio.sleep(1)
        raise ConnectionError("gone")

    class Waits(murmur.Scenario):
        async def start(self, user: murmur.User) -> None:
            found.append(await user.wait_for(answer()))
            found.append(await user.wait_for(answer(), timeout=2))
            with pytest.raises(ConnectionError):
                await user.wait_for(fail())
            with pytest.raises(TimeoutError) as caught:
                await user.wait_for(anyio.Event().wait(), timeout=3)
            found.append(caught.value)

    await stage.do(Waits, 1, end_when_idle=True)
    await anyio.sleep(20)

    assert found[:2] == [42, 42]
    assert isinstance(found[2], WaitTimeoutError)
    assert stage.users() == {1: "finished"}


async def test_a_result_that_had_come_is_not_lost(stage: Any) -> None:
    """The item and the call to leave come in the same turn of the loop."""
    got = []

    class Takes(murmur.Scenario):
        async def start(self, user: murmur.User) -> None:
            self.send, receive = anyio.create_memory_object_stream[int](1)
            with self.send, receive:
                got.append(await user.wait_for(receive.receive()))
                user.count("took")
                await user.sleep(100)

    await stage.do(Takes, 1)
    stage.run.scenario.send.send_nowait(7)
    await stage.cluster.remove(1, force=False)
    await anyio.sleep(0.5)
    stage.run.flush()

    assert got == [7]
    assert stage.users() == {1: "left"}


async def test_code_that_goes_on_after_a_result_is_ended_at_its_next_wait(stage: Any) -> None:
    got = []

    class Loops(murmur.Scenario):
        async def start(self, user: murmur.User) -> None:
            self.send, receive = anyio.create_memory_object_stream[int](1)

            async def take_for_ever() -> None:
                while True:
                    got.append(await receive.receive())

            with self.send, receive:
                await user.wait_for(take_for_ever())

    await stage.do(Loops, 1)
    stage.run.scenario.send.send_nowait(7)
    await stage.cluster.remove(1, force=False)
    await anyio.sleep(0.5)
    stage.run.flush()

    assert got == [7]
    assert stage.users() == {1: "left"}


async def test_a_client_may_clean_up_when_it_is_called_back(stage: Any) -> None:
    class Client(murmur.Scenario):
        async def start(self, user: murmur.User) -> None:
            await user.wait_for(self.subscribe(user))

        async def subscribe(self, user: murmur.User) -> None:
            try:
                await anyio.Event().wait()
            finally:
                user.count("closing")
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(1)
                user.count("closed")
                raise ConnectionError("of the clean-up")

    await stage.do(Client, 1, grace=10.0)
    await stage.cluster.remove(1, force=False)
    await anyio.sleep(2)
    stage.run.flush()

    assert stage.counters() == {"closing": 1, "closed": 1}
    assert stage.users() == {1: "left"}


async def test_a_client_that_swallows_a_cancellation_is_called_back_again(stage: Any) -> None:
    """As `asyncio.wait_for` did before Python 3.12, when its task ended in the same turn."""

    class Swallows(murmur.Scenario):
        async def start(self, user: murmur.User) -> None:
            await user.wait_for(self.read(user))

        async def read(self, user: murmur.User) -> None:
            for _ in range(2):
                with contextlib.suppress(anyio.get_cancelled_exc_class()):
                    await anyio.Event().wait()
                user.count("swallowed")
            await anyio.Event().wait()

    await stage.do(Swallows, 100, grace=10.0)
    await stage.cluster.remove(100, force=False)
    await anyio.sleep(4.5)  # a fifth of the grace for each time
    stage.run.flush()

    assert stage.counters() == {"swallowed": 200}
    assert set(stage.users().values()) == {"left"}


async def test_a_wait_whose_time_is_up_ends_although_its_client_swallows_that(stage: Any) -> None:
    late: list[float] = []

    class Swallows(murmur.Scenario):
        async def start(self, user: murmur.User) -> None:
            with pytest.raises(TimeoutError):
                await user.wait_for(self.read(), timeout=3)
            late.append(user.now())
            await anyio.sleep(1)  # no cancellation is left for what comes after
            await user.wait_for(anyio.sleep(1))

        async def read(self) -> None:
            with contextlib.suppress(anyio.get_cancelled_exc_class()):
                await anyio.Event().wait()
            await anyio.Event().wait()

    await stage.do(Swallows, 1, end_when_idle=True)
    await anyio.sleep(20)

    assert 3 <= late[0] < 3.5
    assert stage.users() == {1: "finished"}


async def test_who_was_asked_to_leave_begins_no_foreign_wait(stage: Any) -> None:
    class Late(murmur.Scenario):
        async def start(self, user: murmur.User) -> None:
            await user.leaving.wait()
            await user.wait_for(self.work(user))

        async def work(self, user: murmur.User) -> None:
            user.count("worked")

    await stage.do(Late, 1)
    await stage.stop()

    assert stage.counters() == {}
    assert stage.users() == {1: "left"}


async def test_items_come_until_the_user_is_asked_to_leave(stage: Any) -> None:
    async def ticks() -> AsyncIterator[int]:
        number = 0
        while True:
            await anyio.sleep(1)
            yield number
            number += 1

    class Listens(murmur.Scenario):
        async def start(self, user: murmur.User) -> None:
            async for _ in user.iterate(ticks()):
                user.count("heard")

    await stage.do(Listens, 1)
    await anyio.sleep(5.5)
    await stage.cluster.remove(1, force=False)
    await anyio.sleep(0.1)
    stage.run.flush()

    assert stage.counters() == {"heard": 5}
    assert stage.users() == {1: "left"}


class Connection:
    """What a client holds in a variable."""


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
@pytest.mark.parametrize(
    "wait", [lambda user: user.wait_for(anyio.Event().wait()), lambda user: user.sleep(60)]
)
async def test_what_a_users_task_held_is_freed_when_the_user_has_left(
    stage: Any, wait: Callable[[murmur.User], Awaitable[object]]
) -> None:
    held: list[weakref.ref[Connection]] = []

    class Listens(murmur.Scenario):
        async def start(self, user: murmur.User) -> None:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.listen, user)

        async def listen(self, user: murmur.User) -> None:
            connection = Connection()
            held.append(weakref.ref(connection))
            await user.sleep(0.1)
            await wait(user)

    await stage.do(Listens, 3)
    await anyio.sleep(1)
    await stage.cluster.remove(3, force=False)
    await anyio.sleep(1)

    assert set(stage.users().values()) == {"left"}
    assert [each() for each in held] == [None] * 3
