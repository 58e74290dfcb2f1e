"""Nodes that die, refuse or still prepare while a run ends, and the run after it."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest

import murmur
from murmur.errors import NodesFailedError, NodeTimeoutError, RunStateError


class Stay(murmur.Scenario):
    """Users stay until they are asked to leave."""

    async def start(self, user: murmur.User) -> None:
        await user.sleep(1_000)


class Slow(Stay):
    """Five seconds pass before users can come."""

    async def init(self) -> None:
        await anyio.sleep(5.0)


async def test_a_node_that_dies_while_the_run_is_stopped_is_no_error_of_the_stop(pair: Any) -> None:
    await pair.do(Stay, 10)
    await anyio.sleep(2)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pair.stop)
        await anyio.lowlevel.checkpoint()
        pair.kill("a")

    outcomes = sorted(outcome for _, outcome in (await pair.users()).values())
    assert outcomes == ["left"] * 5 + ["lost"] * 5


async def test_users_that_a_node_refused_too_late_have_a_row_each(pair: Any) -> None:
    await pair.do(Stay, 4)

    async def refuse(*_: object, **__: object) -> None:
        await anyio.sleep(30)
        raise murmur.MurmurError("no room")

    pair.agents["a"]._verbs["add"] = refuse
    with pytest.raises(NodesFailedError, match="a"):
        await pair.cluster.add(4)
    await anyio.sleep(40)
    await pair.stop()

    users = await pair.users()
    assert sorted(users) == list(range(1, 9))
    ends = {(node, outcome) for node, outcome in users.values()}
    assert ends == {("a", "left"), ("b", "left"), ("a", "dropped")}


@pytest.mark.parametrize("verb", ["stop", "reset"])
async def test_a_node_that_still_prepares_is_free_for_the_next_run(network: Any, verb: str) -> None:
    await network.join("a")
    await network.do(Slow, 4)
    await network.join("b")
    await anyio.sleep(1)
    await (network.stop() if verb == "stop" else network.cluster.reset())
    await network.do(Stay, 4)

    assert await network.homes() == {"a": [1, 2], "b": [3, 4]}


async def test_a_node_that_joins_during_a_reset_is_free_for_the_next_run(network: Any) -> None:
    await network.join("a")
    await network.do(Stay, 4)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(network.join, "b")
        await anyio.lowlevel.checkpoint()
        await network.cluster.reset()
    await network.do(Stay, 4)

    assert await network.homes() == {"a": [1, 2], "b": [3, 4]}


async def test_a_start_that_a_reset_overtook_leaves_the_next_one_alone(pair: Any) -> None:
    """It waits for a node that does not answer, and ends in the midst of the next start."""

    async def never(*_: object) -> None:
        await anyio.sleep_forever()

    begin = pair.agents["b"]._verbs["start"]
    pair.agents["b"]._verbs["start"] = never
    ends: list[float] = []

    async def overtaken() -> None:
        with pytest.raises((NodeTimeoutError, NodesFailedError)):
            await pair.do(Stay, 4, callback_timeout=1.0)
        ends.append(anyio.current_time())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(overtaken)
        await anyio.sleep(3)  # and it waits for three more
        await pair.cluster.reset()
        pair.agents["b"]._verbs["start"] = begin
        tasks.start_soon(pair.do, Slow, 4)
        await anyio.sleep(4)
        assert ends
        assert pair.cluster.fate.startswith("the run is starting")
        with pytest.raises(RunStateError, match="starting"):
            await pair.cluster.add(1)
        with pytest.raises(RunStateError, match="starting"):
            await pair.do(Stay, 4)
        await anyio.sleep(3)
        assert pair.cluster.fate.startswith("the run goes on")


async def test_a_reset_while_the_answer_of_init_is_on_its_way_starts_nothing(pair: Any) -> None:
    reset = pair.cluster.reset
    begin = pair.agents["b"]._verbs["start"]

    async def begin_and_be_reset(*facts: Any) -> None:
        await begin(*facts)
        pair.tasks.start_soon(reset)

    pair.agents["b"]._verbs["start"] = begin_and_be_reset
    with pytest.raises((RunStateError, NodesFailedError), match="reset"):
        await pair.do(Stay)
    await anyio.sleep(1)
    assert (await pair.cluster.status()).state == "idle"


class SlowFarewell(Stay):
    """The run takes half a minute to end once its users are gone."""

    async def terminate(self) -> None:
        await anyio.sleep(30)


async def test_users_that_left_before_their_node_died_in_terminate_have_left(pair: Any) -> None:
    await pair.do(SlowFarewell, 10)
    await anyio.sleep(2.5)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pair.stop)
        await anyio.sleep(5)
        pair.kill("a")

    assert [outcome for _, outcome in (await pair.users()).values()] == ["left"] * 10
