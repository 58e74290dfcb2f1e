"""Nodes that die, refuse or still prepare while a run ends, and the run after it."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
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


class Lingers(Stay):
    """Users take five seconds to go."""

    async def start(self, user: murmur.User) -> None:
        await user.leaving.wait()
        await anyio.sleep(5)


async def test_a_reset_during_a_farewell_ends_that_too(pair: Any) -> None:
    await pair.do(Lingers, 4, grace=10.0)
    await anyio.sleep(1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pair.agents["a"].leave)
        await anyio.sleep(1)
        await pair.cluster.reset()
    table = pair.record.table("users")

    assert table["node"].decode() == ["a", "a", "b", "b"]
    assert table["outcome"].decode() == ["killed"] * 4
    await pair.do(Stay, 2)  # on the node that is left
    assert await pair.homes() == {"b": [1, 2]}


def counted(status: Any) -> dict[str, int]:
    """Return users by state, over all nodes and those that are gone."""
    users = Counter(gone=status.departed)
    for node in status.nodes:
        users.update(node.users)
    return {state: number for state, number in users.items() if number}


async def test_users_that_were_refused_are_gone_in_the_status_too(pair: Any) -> None:
    """One node says no, the other nothing at all."""
    await pair.do(Stay, 4)

    async def refuse(*_: object, **__: object) -> None:
        raise murmur.MurmurError("no room")

    async def never(*_: object, **__: object) -> None:
        await anyio.sleep_forever()

    pair.agents["a"]._verbs["add"] = refuse
    pair.agents["b"]._verbs["add"] = never
    with pytest.raises(NodesFailedError):
        await pair.cluster.add(6)
    assert counted(await pair.cluster.status())["gone"] == 3
    await pair.stop()

    assert counted(pair.ends[0]) == {"gone": 10}
    outcomes = sorted(outcome for _, outcome in (await pair.users()).values())
    assert outcomes == ["dropped"] * 6 + ["left"] * 4


async def test_users_of_a_node_that_goes_during_a_look_are_counted_once(pair: Any) -> None:
    await pair.do(Stay, 10)
    say = pair.agents["b"]._verbs["status"]

    async def say_late() -> Any:
        await anyio.sleep(0.5)
        return await say()

    pair.agents["b"]._verbs["status"] = say_late
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pair.agents["a"].leave)
        status = await pair.cluster.status()

    assert counted(status) == {"gone": 5, "running": 5}


async def test_a_refusal_of_a_node_that_is_lost_and_back_by_then_costs_nothing_more(
    pair: Any,
) -> None:
    """The other node is slow to answer, and so nobody heard of the refusal yet."""
    await pair.do(Stay, 4, user_rate=60)
    add = pair.agents["b"]._verbs["add"]

    async def add_late(*args: Any, **given: Any) -> None:
        await anyio.sleep(4)
        await add(*args, **given)

    async def never(*_: object, **__: object) -> None:
        await anyio.sleep_forever()

    pair.agents["b"]._verbs["add"] = add_late
    pair.agents["a"]._verbs["add"] = never

    async def die_and_come_back() -> None:
        await anyio.sleep(1)
        pair.kill("a")
        await pair.join("a")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(die_and_come_back)
        with pytest.raises(NodesFailedError, match="a: is lost"):
            await pair.cluster.add(4)
    assert set(await pair.counts()) == {"a", "b"}
    await pair.stop()

    users = await pair.users()
    assert len(users) == 8
    assert {outcome for node, outcome in users.values() if node == "a"} == {"lost"}
    assert counted(pair.ends[0]) == {"gone": 8}


class Stubborn(murmur.Scenario):
    """Users outlive their run, and go on to write to everybody."""

    async def start(self, user: murmur.User) -> None:
        for _ in range(60):
            with suppress(BaseException):
                await anyio.sleep(0.5)
            for other in range(1, 5):
                murmur.send(other, "from long ago")


class Listening(murmur.Scenario):
    """Users count what they get."""

    async def start(self, user: murmur.User) -> None:
        while True:
            user.count(str(await user.receive()))


@pytest.mark.parametrize("names", [[], ["a", "b"]])
async def test_users_who_outlive_their_run_write_to_nobody_in_the_next(
    network: Any, names: list[str]
) -> None:
    for name in names:
        await network.join(name)
    if not names:
        network.cluster.roster.is_open = False
    await network.do(Stubborn, 4, grace=0.1)
    await anyio.sleep(1)
    await network.stop()
    assert {outcome for _, outcome in (await network.users()).values()} == {"killed"}
    await network.do(Listening, 4)
    await anyio.sleep(10)

    assert network.counters() == {}
    await network.stop()
    assert network.counters() == {"mailbox.silent": 4}  # who waited, and got nothing
