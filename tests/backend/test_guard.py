"""A guarded loop keeps nothing of the tasks that ended."""

from __future__ import annotations

import asyncio
import weakref

import pytest

from murmur._backend import guard_loop, name_of_task, native


class Connection:
    """What a client holds in a variable."""


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
async def test_what_a_cancelled_task_held_is_freed_at_once() -> None:
    guard_loop()
    held: list[weakref.ref[Connection]] = []

    async def listen() -> None:
        connection = Connection()
        held.append(weakref.ref(connection))
        await asyncio.Event().wait()

    task = asyncio.get_running_loop().create_task(listen())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    del task
    await asyncio.sleep(0)

    assert [each() for each in held] == [None]


@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
async def test_tasks_are_named_by_what_they_run() -> None:
    guard_loop()

    async def listen() -> None: ...

    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(listen()), asyncio.ensure_future(native().sleeper().sleep(0.01))]

    assert [name_of_task(task).rpartition(".<locals>.")[2] for task in tasks] == [
        "listen",
        "User.sleep",
    ]
    await asyncio.wait(tasks)
