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
