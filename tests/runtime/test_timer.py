"""A timer may be stopped before its block ends, and told how it went."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

import murmur


def recorded(stage: Any) -> list[tuple[str, str, float]]:
    """Return name, error and duration of every action."""
    table = stage.record.table("actions")
    names, errors = stage.labels(table["name"]), stage.labels(table["error"])
    return list(zip(names, errors, table["service_time"].tolist(), strict=True))


async def test_what_follows_the_end_is_not_measured(stage: Any) -> None:
    class Checking(murmur.Scenario):
        """Looks at its answer for long."""

        async def start(self, user: murmur.User) -> None:
            with user.timer("ask") as timer:
                await anyio.sleep(1)
                timer.end()
                await anyio.sleep(5)
                timer.fail("wrong")

    await stage.do(Checking, 1)
    await anyio.sleep(10)
    await stage.stop()

    ((name, error, duration),) = recorded(stage)
    assert (name, error) == ("ask", "failed: wrong")
    assert duration == pytest.approx(1)


async def test_a_failure_may_be_an_exception_that_is_not_raised(stage: Any) -> None:
    class Failing(murmur.Scenario):
        """Notes an error and goes on."""

        async def start(self, user: murmur.User) -> None:
            with user.timer("ask") as timer:
                timer.fail(ConnectionError("gone"))
            user.count("went on")

    await stage.do(Failing, 1)
    await anyio.sleep(1)
    await stage.stop()

    assert [error for _, error, _ in recorded(stage)] == ["ConnectionError: gone"]
    assert stage.counters()["went on"] == 1


class Lingering(murmur.Scenario):
    """Ends its action and stays in the block."""

    async def start(self, user: murmur.User) -> None:
        with user.timer("ask") as timer:
            await anyio.sleep(1)
            timer.end()
            if user.id % 2:
                timer.fail("wrong")
            await user.sleep(100)


@pytest.mark.parametrize("end", ["leaves", "is killed"])
async def test_an_action_that_had_ended_is_kept_when_its_user(stage: Any, end: str) -> None:
    await stage.do(Lingering, 2)
    await anyio.sleep(5)
    if end == "is killed":
        await stage.cluster.remove(2, force=True)
    await stage.stop()

    rows = sorted(recorded(stage))
    assert [(name, error) for name, error, _ in rows] == [("ask", ""), ("ask", "failed: wrong")]
    assert [duration for *_, duration in rows] == pytest.approx([1, 1])
    assert "actions.cut_short" not in stage.counters()


async def test_a_timeout_after_the_end_does_not_fail_the_action(stage: Any) -> None:
    class Bounded(murmur.Scenario):
        """Looks at its answer for longer than it wants to."""

        async def start(self, user: murmur.User) -> None:
            with anyio.move_on_after(3), user.timer("ask") as timer:
                await anyio.sleep(1)
                timer.end()
                await anyio.sleep(5)

    await stage.do(Bounded, 1)
    await anyio.sleep(10)
    await stage.stop()

    assert recorded(stage) == [("ask", "", pytest.approx(1))]


class Pair(murmur.Scenario):
    """A user whose tasks read and write, and who says goodbye to a server that is silent."""

    async def start(self, user: murmur.User) -> None:
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(user.sleep, 100)
                tasks.start_soon(self.write, user)
        finally:
            with anyio.move_on_after(1), user.timer("goodbye"):
                await anyio.sleep(100)

    async def write(self, user: murmur.User) -> None:
        with user.timer("write"):
            await anyio.sleep(100)


async def test_a_task_that_ends_with_its_leaving_sibling_is_cut_short_and_not_failed(
    stage: Any,
) -> None:
    await stage.do(Pair, 1)
    await anyio.sleep(5)
    await stage.stop()

    ((name, error, duration),) = recorded(stage)
    assert (name, duration) == ("goodbye", pytest.approx(1))
    assert error.startswith("failed: cancelled")
    assert stage.counters() == {"actions.cut_short": 1}
