"""The verbs of a run over nodes that are reached by messages."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import anyio
import pytest
from traitlets import Float, Int

import murmur
from murmur.cluster import Agent, LocalNode
from murmur.errors import (
    CallbackError,
    InvalidArgumentError,
    InvalidRangeError,
    NodesFailedError,
    NodeTimeoutError,
    RunStateError,
    UnknownNameError,
    UnknownSettingError,
)


class Idle(murmur.Scenario):
    """Users stay until asked."""

    pace = Float(1.0, help="something live").tag(live=True)
    size = Int(1, help="something fixed")

    async def start(self, user: murmur.User) -> None:
        await user.sleep(math.inf)


class Picky(Idle):
    """Node b cannot do it."""

    async def init(self) -> None:
        from murmur.runtime import current_run

        if current_run("init").node == "b":
            raise ValueError("not here")

    async def changed(self, name: str, old: object, new: object) -> None:
        from murmur.runtime import current_run

        if current_run("changed").node == "b":
            raise ValueError("not here either")


async def test_ids_are_unique_and_dense_over_the_nodes(pair: Any) -> None:
    """INT-4, INT-6, INT-7: both nodes run the scenario, the steering kernel runs no user."""
    await pair.do(Idle, 10)

    assert await pair.homes() == {"a": [1, 2, 3, 4, 5], "b": [6, 7, 8, 9, 10]}
    assert await pair.cluster.add(1) == range(11, 12)
    assert await pair.cluster.add(1) == range(12, 13)
    assert {len(ids) for ids in (await pair.homes()).values()} == {6}
    assert pair.cluster.roster.nodes["local"].is_running is False


async def test_a_ramp_over_nodes_is_written_with_its_goal_and_its_length(pair: Any) -> None:
    await pair.do(Idle, 2, user_rate=60.0)
    ramp = {"from_rate": 60, "to_rate": 600, "duration": 30}
    await pair.cluster.call_throttle("user_rate", "ramp", ramp)
    again = {**ramp, "from_rate": 300, "to_rate": 30, "cancel_ramp": True}
    await pair.cluster.call_throttle("user_rate", "ramp", again)

    changes = pair.record.table("changes")
    up, down = "ramp 60 to 600/60 s over 30 s", "ramp 300 to 30/60 s over 30 s"
    assert list(zip(changes["old"], changes["new"], strict=True)) == [("60/60 s", up), (up, down)]
    assert (await pair.cluster.status()).throttles["user_rate"].ramp == down


async def test_a_late_node_takes_part_from_the_next_add(pair: Any) -> None:
    """INT-5, INT-8: it has the settings as they are now."""
    await pair.do(Idle, 10, size=7)
    await pair.cluster.update({"pace": 0.5})
    await pair.cluster.call_throttle("user_rate", "change_rate", {"rate": 6000.0})
    agent = await pair.join("c")

    scenario = agent.local._run.scenario
    assert (scenario.size, scenario.pace, scenario.user_rate) == (7, 0.5, 6000.0)
    await pair.cluster.update({"user_rate": 60_000.0})
    assert (await pair.join("d")).local._run.scenario.user_rate == 60_000.0
    assert (await pair.counts())["c"]["running"] == 0
    await pair.cluster.add(20)
    await anyio.sleep(1)
    homes = await pair.homes()
    assert sorted(homes) == ["a", "b", "c", "d"]
    assert sorted(i for ids in homes.values() for i in ids) == list(range(1, 31))
    assert ("connect_nodes", "c", "running") in pair.states()


class Prepares(Idle):
    """Its `init` and its `changed` take a second."""

    async def init(self) -> None:
        await anyio.sleep(1)

    async def changed(self, name: str, old: object, new: object) -> None:
        await anyio.sleep(1)


async def test_a_late_node_learns_what_changes_while_it_prepares(pair: Any) -> None:
    """Also what changes while it is told of the change before."""
    await pair.do(Prepares, 4)
    agent = await pair.join("c")
    assert agent.local._run.state == "idle"
    await pair.cluster.update({"pace": 0.5})
    await pair.cluster.update({"pace": 0.25})
    await anyio.sleep(3)

    assert agent.local._run.scenario.pace == 0.25
    assert (await pair.counts())["c"]["running"] == 0
    assert pair.states()[-1] == ("connect_nodes", "c", "running")


async def test_a_node_that_enters_during_a_change_learns_of_it(pair: Any) -> None:
    await pair.do(Prepares, 4)
    agent = await pair.join("c")  # and 0.75 s of its `init` are left
    await anyio.sleep(0.5)
    await pair.cluster.update({"pace": 0.5})  # takes 1 s
    await anyio.sleep(2)

    assert agent.local._run.scenario.pace == 0.5
    assert pair.states()[-1] == ("connect_nodes", "c", "running")


async def test_a_node_that_joins_while_the_others_prepare_takes_part_too(pair: Any) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pair.do, Prepares, 4)
        await anyio.sleep(0.1)
        await pair.join("c")
    (problem,) = (await pair.cluster.overview())["c"].problems
    assert problem == "prepares to take part"
    await anyio.sleep(1.5)
    assert (await pair.counts())["c"]["running"] == 0
    await pair.cluster.add(6)
    assert {n: len(ids) for n, ids in (await pair.homes()).items()} == {"a": 4, "b": 4, "c": 2}


async def test_a_node_that_takes_no_part_says_why(network: Any) -> None:
    await network.join("a")
    await network.do(Picky, 2)
    await network.join("b")  # where `init` fails
    (problem,) = (await network.cluster.overview())["b"].problems
    assert problem == "takes no part in this run: init failed on node b: ValueError: not here"
    with pytest.raises(RunStateError, match="cannot add users on b: the run is on without it"):
        await network.cluster.add(1, nodes=["b"])
    await network.stop()
    assert (await network.cluster.overview())["b"].problems == ()

    await network.do(Idle, 2, nodes=["a"])
    (problem,) = (await network.cluster.overview())["b"].problems
    assert problem == "takes no part in this run, which was started for other nodes"
    for call in (
        network.cluster.add(1, nodes=["b"]),
        network.cluster.remove(1, force=False, nodes=["a", "b"]),
        network.cluster.update({"pace": 2.0}, nodes=["b"]),
    ):
        with pytest.raises(RunStateError, match=r"on b: .* started for other nodes"):
            await call
    assert await network.homes() == {"a": [1, 2]}


async def test_a_node_whose_loop_stands_still_says_for_how_long(pair: Any) -> None:
    class Stuck(Agent):
        stuck_for = 42.0

        def heard(self, kind: str, body: bytes) -> None:
            pass

    await pair.do(Idle, 4)
    pair.agents["a"].__class__ = Stuck
    await anyio.sleep(1)
    known = await pair.cluster.overview()

    assert known["a"].problems == ("it does not answer, its loop has stood still for 42.0 s",)
    assert (known["a"].state, known["a"].users["waiting"]) == ("running", 2)  # as last heard
    assert (known["b"].state, known["b"].users["running"]) == ("running", 2)


async def test_removal_reaches_nodes_by_what_they_have(pair: Any) -> None:
    """INT-9, INT-10: and where one lacks users the others make up for it, unlike amoc."""
    await pair.do(Idle, 10)
    await pair.join("c")
    await pair.cluster.add(3)
    assert await pair.cluster.remove(10, force=True) == 10
    await anyio.sleep(0.1)
    assert sum(map(len, (await pair.homes()).values())) == 3
    assert await pair.cluster.remove(13, force=False) == 3
    await anyio.sleep(0.1)

    assert await pair.homes() == {}


async def test_ids_go_on_after_the_highest_ever_used(pair: Any) -> None:
    """INT-11."""
    await pair.do(Idle, 4)
    await pair.cluster.remove(4, force=False)

    assert await pair.cluster.add(4) == range(5, 9)
    assert {n: len(ids) for n, ids in (await pair.homes()).items()} == {"a": 2, "b": 2}


async def test_stop_ends_the_run_on_every_node(pair: Any) -> None:
    """INT-12; and another run may follow."""
    await pair.do(Idle, 6)
    await pair.stop()
    users = await pair.users()

    assert {outcome for _, outcome in users.values()} == {"left"}
    assert (await pair.cluster.status()).state == "finished"
    assert {node.state for node in (await pair.cluster.status()).nodes} == {"finished"}
    await pair.do(Idle, 2)
    assert await pair.homes() == {"a": [1], "b": [2]}


async def test_named_nodes_alone_are_asked(pair: Any) -> None:
    await pair.do(Idle, 4)

    await pair.cluster.add(3, ["b"])
    assert {n: len(ids) for n, ids in (await pair.homes()).items()} == {"a": 2, "b": 5}
    assert pair.cluster.answers.rows() == [("a", "skipped", ""), ("b", "ok", "")]
    assert await pair.cluster.remove(9, force=False, nodes=["a"]) == 2
    with pytest.raises(UnknownNameError, match="'c'"):
        await pair.cluster.add(1, ["c"])


async def test_a_node_that_is_named_twice_is_asked_once(pair: Any) -> None:
    await pair.do(Idle, 4)

    assert await pair.cluster.add(3, ["b", "b"]) == range(5, 8)
    assert await pair.homes() == {"a": [1, 2], "b": [3, 4, 5, 6, 7]}
    assert await pair.cluster.remove(2, force=True, nodes=["b", "b"]) == 2
    await anyio.sleep(0.1)
    assert {n: len(ids) for n, ids in (await pair.homes()).items()} == {"a": 2, "b": 3}


@pytest.mark.parametrize("names", [["c"], []])
async def test_an_update_of_nobody_is_refused_whatever_was_asked_before(
    pair: Any, names: list[str]
) -> None:
    await pair.do(Idle, 2)
    await pair.cluster.add(2)

    with pytest.raises(UnknownNameError):
        await pair.cluster.update({"pace": 2.0}, names)


async def test_a_run_on_named_nodes_is_theirs_alone(pair: Any) -> None:
    await pair.do(Idle, 2, nodes=["b"])
    await pair.join("c")

    assert list(await pair.counts()) == ["b"]
    with pytest.raises(RunStateError, match="started for other nodes"):
        await pair.cluster.add(1, ["a"])
    await pair.stop()
    assert set((await pair.users()).values()) == {("b", "left")}


async def test_an_error_that_all_share_is_raised_as_it_is(pair: Any) -> None:
    await pair.do(Idle)

    with pytest.raises(UnknownSettingError) as caught:
        await pair.cluster.update({"pacee": 1})
    assert caught.value.names == ("pacee",)
    assert "did you mean 'pace'" in str(caught.value)


async def test_init_that_fails_on_one_node_fails_the_run_on_all(pair: Any) -> None:
    with pytest.raises(NodesFailedError) as caught:
        await pair.do(Picky, 5)

    error = caught.value.failures["b"]
    assert isinstance(error, CallbackError)
    assert (error.callback, error.node) == ("init", "b")
    assert "not here" in error.traceback_text
    assert caught.value.succeeded == ("a",)
    assert (await pair.cluster.status()).state == "failed"
    assert not any(agent.local.is_running for agent in pair.agents.values())
    await pair.do(Idle, 2)  # nobody is stuck
    assert await pair.homes() == {"a": [1], "b": [2]}


async def test_partial_success_is_visible(pair: Any) -> None:
    await pair.do(Picky, nodes=["a"])
    await pair.stop()

    class Late(Picky):
        async def init(self) -> None:
            pass

    await pair.do(Late, 2)
    with pytest.raises(NodesFailedError) as caught:
        await pair.cluster.update({"pace": 2.0})
    assert caught.value.succeeded == ("a",)
    assert "not here either" in str(caught.value)
    assert [row[:2] for row in pair.cluster.answers.rows()] == [("a", "ok"), ("b", "error")]
    assert "<td>error</td>" in pair.cluster.answers._repr_html_()


async def test_a_node_that_does_not_answer_costs_its_deadline_and_no_more(pair: Any) -> None:
    await pair.do(Idle, 2)
    pair.links["b"].is_cut = True
    before = anyio.current_time()

    with pytest.raises(NodesFailedError) as caught:
        await pair.cluster.add(2)
    assert 4 < anyio.current_time() - before < 6
    assert isinstance(caught.value.failures["b"], NodeTimeoutError | ConnectionError)
    assert caught.value.succeeded == ("a",)


async def test_a_run_whose_first_users_reach_nobody_fails_as_a_whole(pair: Any) -> None:
    class Deaf(LocalNode):
        async def add(self, first: int, last: int, *, live: bool = True) -> None:
            raise NodeTimeoutError(self.name, "add", 5.0)

    pair.cluster.roster.nodes["c"] = Deaf("c", bus=pair.bus, tasks=pair.tasks)
    with pytest.raises(NodesFailedError, match="'add' within 5 s"):
        await pair.do(Idle, 6)

    assert (await pair.cluster.status()).state == "failed"
    with anyio.fail_after(1):
        await pair.cluster.wait_over()
    assert not any(agent.local.is_running for agent in pair.agents.values())
    assert not await pair.homes()
    await pair.do(Idle, 2, nodes=["a"])
    assert await pair.homes() == {"a": [1, 2]}


async def test_more_users_than_there_are_ids_start_nothing(pair: Any) -> None:
    with pytest.raises(
        InvalidArgumentError, match="start 4294967296 users: there are ids for 42949"
    ):
        await pair.do(Idle, 2**32)
    assert (await pair.cluster.status()).state == "idle"

    await pair.do(Idle, 2)
    with pytest.raises(InvalidArgumentError, match="there are ids for 4294967293 more"):
        await pair.cluster.add(2**32)
    with pytest.raises(InvalidRangeError, match="no id can be above 4294967295"):
        await pair.cluster.add_range(2**32 - 2, 2**32)
    assert await pair.cluster.add(1) == range(3, 4)


async def test_nothing_starts_on_a_node_that_joins_after_stop(pair: Any) -> None:
    await pair.do(Idle, 2)
    await pair.stop()
    agent = await pair.join("c")

    assert not agent.local.is_running
    assert (await pair.cluster.status()).state == "finished"


async def test_a_run_needs_a_do(pair: Any) -> None:
    with pytest.raises(RunStateError):
        await pair.cluster.add(1)


async def test_the_run_ends_when_the_last_user_of_all_nodes_is_gone(pair: Any) -> None:
    class Brief(murmur.Scenario):
        async def start(self, user: murmur.User) -> None:
            await user.sleep(user.id)

    await pair.do(Brief, 4, end_when_idle=True)
    with anyio.fail_after(10):
        await pair.cluster.wait_over()

    assert {outcome for _, outcome in (await pair.users()).values()} == {"finished"}


async def test_users_write_to_each_other_over_nodes(pair: Any) -> None:
    """INT-1: who knows the steering kernel alone reaches everybody."""

    class Chain(murmur.Scenario):
        """Each user passes on what it got to the next."""

        async def start(self, user: murmur.User) -> None:
            if user.id == 1:
                murmur.send(2, ("ping", {"hops": [1]}))
                return
            word, facts = await user.receive()  # type: ignore[misc]
            user.count(f"{word} {facts['hops']}")
            murmur.send(user.id + 1, (word, {"hops": [*facts["hops"], user.id]}))

    await pair.do(Chain, 4)
    await anyio.sleep(0.1)
    await pair.stop()

    assert pair.counters() == {
        "ping [1]": 1,
        "ping [1, 2]": 1,
        "ping [1, 2, 3]": 1,
        "mailbox.undeliverable": 1,
    }


async def test_what_cannot_travel_is_refused_where_it_is_sent(pair: Any) -> None:
    class Sends(murmur.Scenario):
        async def start(self, user: murmur.User) -> None:
            if user.id == 1:
                murmur.send(2, object())

    await pair.do(Sends, 2)
    await anyio.sleep(0.1)
    table = await pair.users()

    assert [outcome for _, outcome in table.values()] == ["failed", "finished"]


async def test_an_error_of_one_node_in_many_names_that_one(network: Any) -> None:
    for number in range(1, 13):  # each has a thread that looks on
        network.cluster.roster.nodes[f"n{number}"] = LocalNode(
            f"n{number}", bus=network.bus, tasks=network.tasks
        )

    class Particular(Idle):
        fails_on: ClassVar[tuple[str, ...]] = ("n7",)

        async def init(self) -> None:
            from murmur.runtime import current_run

            if current_run("init").node in self.fails_on:
                raise ValueError("not here")

    with pytest.raises(NodesFailedError) as caught:
        await network.do(Particular, 12)
    assert str(caught.value) == (
        "start failed on 1 of 12 nodes:\n"
        "  - n7: init failed: ValueError: not here\n"
        "  - 11 ok: n1, n2, n3 and 8 more"
    )
    Particular.fails_on = tuple(network.cluster.roster.nodes)
    with pytest.raises(NodesFailedError) as caught:
        await network.do(Particular, 12)
    assert str(caught.value) == (
        "start failed on 12 of 12 nodes:\n"
        "  - n1, n2, n3 and 9 more: init failed: ValueError: not here"
    )


async def test_permits_of_users_are_due_no_longer_than_users_wait(pair: Any) -> None:
    """Ten a second, until the last of 40 is there; that no more wait is told some time later."""
    await pair.do(Idle, 40, user_rate=600.0)
    await anyio.sleep(8.0)
    await pair.stop()
    rows = pair.record.table("throttles")
    sums = {key: sum(filter(None, rows[key])) for key in ("due", "granted", "withheld", "unasked")}

    assert sums == {"due": 40, "granted": 40, "withheld": 0, "unasked": 0}
