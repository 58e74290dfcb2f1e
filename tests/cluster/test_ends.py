"""Nodes that die, refuse or still prepare while a run ends, and the run after it."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest

import murmur
from murmur.errors import NodesFailedError


class Stay(murmur.Scenario):
    """Users stay until they are asked to leave."""

    async def start(self, user: murmur.User) -> None:
        await user.sleep(1_000)


class Slow(Stay):
    """Five seconds pass before users can come."""

    async def init(self) -> None:
        await anyio.sleep(5.0)


def kill(network: Any, name: str) -> None:
    """Let a node die: its connection is reset, and nothing else is said."""
    peer = next(peer for peer, node in network.members.nodes.items() if node.name == name)
    network.links[name].is_cut = True
    network.link.parted(peer, "connection reset")


async def test_a_node_that_dies_while_the_run_is_stopped_is_no_error_of_the_stop(pair: Any) -> None:
    await pair.do(Stay, 10)
    await anyio.sleep(2)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pair.stop)
        await anyio.lowlevel.checkpoint()
        kill(pair, "a")

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
