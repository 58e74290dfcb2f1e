"""A permit's due time goes to the next timer of the task that waited, and to nobody else's."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest

import murmur


def response_times(stage: Any) -> dict[str, list[float]]:
    """Return the response times of every action, by name, in order."""
    table = stage.record.table("actions")
    found: dict[str, list[float]] = {}
    names = stage.labels(table["name"])
    for name, seconds in zip(names, table["response_time"].tolist(), strict=True):
        found.setdefault(name, []).append(round(seconds, 6))
    return found


class Paced(murmur.Scenario):
    async def init(self) -> None:
        self.pace = await murmur.throttle("pace", rate=1000, interval=1)


async def run(stage: Any, scenario: type[murmur.Scenario], users: int = 1) -> dict[str, Any]:
    await stage.do(scenario, users)
    await anyio.sleep(30)
    await stage.stop()
    return response_times(stage)


async def test_a_task_of_the_user_does_not_take_its_permit(stage: Any) -> None:
    class Reader(Paced):
        async def start(self, user: murmur.User) -> None:
            await self.pace.wait()

            async def read() -> None:
                await anyio.sleep(2)
                user.record("arrival", 0.001)
                with user.timer("parse"):
                    await anyio.sleep(0.5)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read)
            with user.timer("login"):
                await anyio.sleep(1)

    found = await run(stage, Reader)

    assert found["arrival"] == [0.001]
    assert found["parse"] == [0.5]
    assert found["login"] == [pytest.approx(3.5, abs=0.01)]  # the reader's time counts


async def test_a_permit_is_taken_once_and_lapses_with_the_next_wait(stage: Any) -> None:
    class Twice(Paced):
        async def start(self, user: murmur.User) -> None:
            await self.pace.wait()
            await anyio.sleep(1)
            await self.pace.wait()
            with user.timer("first"):
                pass
            await anyio.sleep(1)
            with user.timer("second"):
                pass

    found = await run(stage, Twice)

    assert found == {"first": [0.0], "second": [0.0]}


async def test_a_wait_that_is_given_up_leaves_no_permit_behind(stage: Any) -> None:
    class GivesUp(murmur.Scenario):
        async def init(self) -> None:
            self.pace = await murmur.throttle("pace", rate=1, interval=5)

        async def start(self, user: murmur.User) -> None:
            await self.pace.wait()
            with anyio.move_on_after(1):
                await self.pace.wait()
            with user.timer("after"):
                pass

    assert await run(stage, GivesUp) == {"after": [0.0]}


async def test_a_job_s_timer_has_the_job_s_permit(stage: Any) -> None:
    class Jobs(murmur.Scenario):
        async def init(self) -> None:
            self.pace = await murmur.throttle("pace", rate=1, interval=1)

        async def start(self, user: murmur.User) -> None:
            async def work() -> None:
                await anyio.sleep(0.25)
                with user.timer("job"):
                    await anyio.sleep(0.25)

            await self.pace.run(work)
            with user.timer("own"):
                pass

    found = await run(stage, Jobs)

    assert found["job"] == [pytest.approx(0.5, abs=0.01)]
    assert found["own"] == [0.0]


async def test_a_message_of_a_throttle_carries_when_it_was_due(stage: Any) -> None:
    class Letters(murmur.Scenario):
        async def init(self) -> None:
            self.pace = await murmur.throttle("pace", rate=1, interval=1)

        async def start(self, user: murmur.User) -> None:
            self.pace.send(user, "paced")
            await anyio.sleep(2)
            assert await user.receive() == "paced"
            with user.timer("paced"):
                await anyio.sleep(1)
            await self.pace.wait()
            user.send("plain")
            assert await user.receive() == "plain"  # changes nothing
            await anyio.sleep(1)
            with user.timer("own permit"):
                pass

    found = await run(stage, Letters)

    assert found["paced"] == [pytest.approx(3.0, abs=0.02)]
    assert found["own permit"] == [pytest.approx(1.0, abs=0.02)]


async def test_a_frozen_server_shows_behind_mailboxes_as_theory_says(stage: Any) -> None:
    """10/s for 20 s over ten workers, the server frozen for 2 s: one in ten waits up to 2 s."""

    class Queue(murmur.Scenario):
        async def init(self) -> None:
            self.pace = await murmur.throttle("pace", rate=10, interval=1)
            self.thaws_at = 0.0

        async def start(self, user: murmur.User) -> None:
            if user.id == 11:
                await user.sleep(1)  # until the workers are there
                for number in range(200):
                    self.pace.send(self.workers[number % 10], number)
                await user.sleep(5)
                self.thaws_at = anyio.current_time() + 2
                return
            self.workers = getattr(self, "workers", [])
            self.workers.append(user)
            while True:
                await user.receive()
                with user.timer("served"):
                    await anyio.sleep(max(0.0, self.thaws_at - anyio.current_time()))
                    await anyio.sleep(0.01)

    await stage.do(Queue, 11)
    await anyio.sleep(25)
    await stage.stop()

    served = sorted(response_times(stage)["served"])
    assert len(served) == 200
    # 20 permits fall due within the freeze, 2.0, 1.9, ... 0.1 s before its end.
    assert served[-1] == pytest.approx(2.0, abs=0.12)
    assert sum(seconds > 0.05 for seconds in served) == pytest.approx(20, abs=1)


async def test_a_due_time_of_one_s_own_counts(stage: Any) -> None:
    class Own(Paced):
        async def start(self, user: murmur.User) -> None:
            asked_at = anyio.current_time()
            await anyio.sleep(2)
            with user.timer("queued", due_at=asked_at):
                await anyio.sleep(1)
            with user.timer("early", due_at=anyio.current_time() + 5):
                await anyio.sleep(1)
            user.record("told", 0.5, due_at=anyio.current_time() - 4)
            await self.pace.wait()
            await anyio.sleep(1)
            user.record("untold", 0.5)

    found = await run(stage, Own)

    assert found == {"queued": [3.0], "early": [1.0], "told": [4.0], "untold": [0.5]}


@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
async def test_a_wait_for_of_murmur_keeps_the_permit(stage: Any) -> None:
    """`asyncio.wait_for` of Python 3.11 waits in a task of its own, which has the permit."""

    class Bounded(Paced):
        async def start(self, user: murmur.User) -> None:
            await user.wait_for(self.pace.wait(), timeout=5)
            await asyncio.sleep(1)
            with user.timer("ours"):
                pass
            async with asyncio.timeout(5):
                await self.pace.wait()
            await asyncio.sleep(1)
            with user.timer("asyncio.timeout"):
                pass

    found = await run(stage, Bounded)

    assert found["ours"] == found["asyncio.timeout"] == [pytest.approx(1.0, abs=0.01)]
