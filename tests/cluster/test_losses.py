"""Nodes and steering kernels that fall silent, in virtual time."""

from __future__ import annotations

import math
from typing import Any

import anyio
import numpy as np
import pytest

import murmur
from murmur._wire import encode
from murmur.cluster import Agent
from murmur.errors import NodeLostError
from murmur.results import Results
from murmur.runtime import longest_end


class Busy(murmur.Scenario):
    """Users act twice a second."""

    async def start(self, user: murmur.User) -> None:
        while True:
            with user.timer("act"):
                await user.sleep(0.5)


class Stuck(Agent):
    """A node whose user blocks the loop: it takes in nothing, and its pulse goes on."""

    @property
    def stuck_for(self) -> float:
        return 60.0

    def heard(self, kind: str, body: bytes) -> None:
        pass


async def test_silence_is_suspect_and_then_a_loss(pair: Any) -> None:
    await pair.do(Busy, 10)
    await anyio.sleep(2)
    pair.links["a"].is_cut = pair.is_down = True
    await anyio.sleep(2.6)
    assert pair.cluster.roster.nodes["a"].is_suspect
    assert "nothing was heard" in str((await pair.cluster.status()).nodes)
    await anyio.sleep(3.2)

    assert set(pair.cluster.roster.nodes) == {"b", "local"}
    users = await pair.users()
    assert [users[i] for i in range(1, 6)] == [("a", "lost")] * 5
    assert [users[i] for i in range(6, 11)] == [("b", "")] * 5
    status = await pair.cluster.status()
    assert (status.departed, status.nodes[0].users["running"]) == (5, 5)
    errors = pair.record.table("errors")
    row = [errors[column][0] for column in ("source", "name", "kind", "count", "users")]
    assert row == ["node", "a", "NodeLostError", 1, 5]
    assert [state[:2] for state in pair.states()[-1:]] == [("nodedown", "a")]


async def test_while_all_are_heard_nobody_is_looked_for(pair: Any) -> None:
    """In ten seconds: each of twenty pulses of two nodes is timed, and ten looks, twice."""
    times, now = [], pair.link.now
    pair.link.now = lambda: times.append(now()) or times[-1]
    await anyio.sleep(10)

    assert 38 <= len(times) <= 42 + 22


async def test_a_pulse_goes_along_with_what_is_sent_anyway(pair: Any) -> None:
    """Who says something every 0.35 s has a pulse go along each time, and sends none alone."""
    link, sent = pair.links["a"], []
    put = link._outbox.put
    link._outbox.put = lambda message: (sent.append(message and message[0]), put(message))
    await anyio.sleep(1)
    sent.clear()
    for _ in range(20):
        await anyio.sleep(0.35)
        link.send("wish", b"")

    assert sent[-30:] == ["wish", "pulse"] * 15


async def test_a_node_without_an_answer_ends_its_load_and_keeps_its_data(pair: Any) -> None:
    await pair.do(Busy, 4)
    await anyio.sleep(2)
    agent = pair.agents["a"]
    pair.links["a"].is_cut = pair.is_down = True
    await anyio.sleep(6.0)
    assert not agent.local._run.users.population.running
    with anyio.fail_after(5):
        await agent.over.wait()

    assert (agent.is_lost, "no sign of life" in agent.reason) == (True, True)
    table = agent.undelivered.table("users")
    assert sorted(table["user_id"].tolist()) == [1, 2]
    assert set(table["outcome"].decode()) == {"left"}
    assert agent.undelivered.actions_total > 0


async def test_users_that_wait_to_be_admitted_are_lost_too(pair: Any) -> None:
    await pair.do(Busy, 100, user_rate=60.0)
    await anyio.sleep(3)
    pair.links["a"].is_cut = True
    await anyio.sleep(7)
    users = await pair.users()

    assert sum(1 for node, outcome in users.values() if outcome == "lost") == 50
    assert len(users) == 100


async def test_what_a_lost_node_still_sends_is_ignored(pair: Any) -> None:
    await pair.do(Busy, 4)
    node = pair.cluster.roster.nodes["a"]
    pair.cluster.roster.excuse(node)
    pair.members.left(node.peer, "cut")
    before = pair.record.actions_total
    for kind in ("chunk", "state", "idle", "reply", "message"):
        pair.members.heard(node.peer, kind, encode(["x", None]))
    await anyio.sleep(0.1)

    assert pair.record.actions_total == before
    with pytest.raises(NodeLostError):
        await node.add(100, 101)


async def test_a_run_goes_on_without_nodes_until_one_joins(pair: Any) -> None:
    await pair.do(Busy, 4)
    for name in ("a", "b"):
        pair.members.expel(name)
    assert (await pair.cluster.status()).departed == 4
    for call in (pair.cluster.add(1), pair.cluster.update({"grace": 1.0})):
        with pytest.raises(murmur.MurmurError, match="let a node join"):
            await call
    await pair.join("c")
    await pair.cluster.add(3)

    assert await pair.homes() == {"c": [5, 6, 7]}


async def test_a_run_whose_nodes_are_gone_still_stops(pair: Any) -> None:
    await pair.do(Busy, 4)
    for name in ("a", "b"):
        pair.members.expel(name)
    with anyio.fail_after(5):
        await pair.stop()

    assert {outcome for _, outcome in (await pair.users()).values()} == {"lost"}


async def test_a_name_is_free_again_for_who_comes_back(pair: Any) -> None:
    assert (await pair.join("a")).local.name == "a-2"
    pair.members.expel("a")
    assert (await pair.join("a")).local.name == "a"
    assert (await pair.join("all")).local.name == "all-2"
    assert (await pair.join("  ../etc: ")).local.name == "..-etc"


async def test_a_node_that_leaves_in_order_loses_nobody(pair: Any) -> None:
    await pair.do(Busy, 4)
    await anyio.sleep(2)
    await pair.agents["a"].leave()
    await anyio.sleep(0.1)
    users = await pair.users()

    assert [users[i] for i in (1, 2)] == [("a", "left")] * 2
    assert ("connect_nodes", "a", "left: this node left") in pair.states()


async def test_a_reset_forgets_nobody(pair: Any) -> None:
    await pair.do(Busy, 4, user_rate=math.inf)
    await anyio.sleep(2)
    await pair.cluster.reset()
    users = await pair.users()

    assert sorted(users) == [1, 2, 3, 4]
    assert {outcome for _, outcome in users.values()} <= {"killed", "left", "dropped"}
    assert all(outcome for _, outcome in users.values())


async def test_a_run_ends_without_a_node_that_is_stuck(pair: Any) -> None:
    await pair.do(Busy, 4, grace=2.0)
    await anyio.sleep(2)
    pair.agents["a"].__class__ = Stuck
    await anyio.sleep(2)
    before = anyio.current_time()
    with pytest.raises(murmur.MurmurError, match="a"):
        await pair.cluster.stop()
    await pair.cluster.wait_over()

    # 5 s for its answer to `stop`, then the grace and 10 s for its end.
    assert anyio.current_time() - before == pytest.approx(5 + 2 + 10, abs=0.5)
    users = await pair.users()
    assert [users[i] for i in (1, 2)] == [("a", "lost")] * 2
    assert [users[i] for i in (3, 4)] == [("b", "left")] * 2
    assert "a" in pair.cluster.roster.nodes  # it is stuck, and not gone


async def test_what_a_node_says_after_it_was_given_up_is_ignored(pair: Any) -> None:
    await pair.do(Busy, 4, grace=2.0)
    pair.agents["a"].__class__ = Stuck
    with pytest.raises(murmur.MurmurError):
        await pair.stop()
    await pair.cluster.wait_over()
    pair.agents["a"].__class__ = Agent
    await pair.agents["a"].local.abort()
    await anyio.sleep(1)

    assert sorted(await pair.users()) == [1, 2, 3, 4]  # each has one outcome


async def test_a_node_has_the_time_of_terminate_to_end(pair: Any) -> None:
    class Slow(Busy):
        async def terminate(self) -> None:
            await anyio.sleep(40)

    await pair.do(Slow, 4, grace=2.0)
    await pair.stop()

    assert {outcome for _, outcome in (await pair.users()).values()} == {"left"}


async def test_a_reset_gives_up_a_node_that_is_stuck(pair: Any) -> None:
    await pair.do(Busy, 4)
    pair.agents["a"].__class__ = Stuck
    await anyio.sleep(2)
    await pair.cluster.reset()
    users = await pair.users()

    assert [users[i] for i in (1, 2)] == [("a", "lost")] * 2
    assert {users[i][1] for i in (3, 4)} <= {"left", "killed"}


async def test_a_node_knows_that_it_is_deserted_even_while_it_is_stuck(pair: Any) -> None:
    await pair.do(Busy, 4)
    agent = pair.agents["a"]
    assert not agent.is_deserted
    assert agent.end_within == longest_end(agent.local._run.grace) + 60.0
    agent._is_parting = True  # its loop gets to do nothing about it
    pair.links["a"].is_cut = True
    await anyio.sleep(6)

    assert agent.is_deserted
    agent._is_parting = False


class Prepares(Busy):
    """It takes 5 s to prepare, and node d cannot do it."""

    async def init(self) -> None:
        from murmur.runtime import current_run

        await anyio.sleep(5)
        if current_run("init").node == "d":
            raise ValueError("not here")


def nodes_of(record: Any) -> dict[str, str]:
    """Return the outcome of each node by name."""
    table = record.table("nodes")
    return dict(zip(table["node"], table["outcome"], strict=True))


async def test_a_late_node_that_dies_or_fails_in_init_is_not_here(pair: Any) -> None:
    await pair.do(Prepares, 4)
    await pair.join("c")
    await pair.join("d")
    agent = await pair.join("e")
    pair.members.expel("c")
    await anyio.sleep(6)

    assert nodes_of(pair.record) == {
        "a": "here",
        "b": "here",
        "c": "lost",
        "d": "failed",
        "e": "here",
    }
    assert not pair.agents["d"].local.is_running
    assert agent.local.is_running


async def test_a_node_that_still_prepares_when_the_run_ends_has_not_failed(pair: Any) -> None:
    await pair.do(Prepares, 4)
    await pair.join("c")
    await pair.stop()
    await anyio.sleep(6)

    assert not pair.record.table("errors")["source"]
    assert not pair.agents["c"].local.is_running


async def test_a_node_that_leaves_while_it_prepares_is_gone_at_once_and_has_not_failed(
    pair: Any,
) -> None:
    await pair.do(Prepares, 4)
    agent = await pair.join("c")
    with anyio.fail_after(0.5):
        await agent.leave()
    await anyio.sleep(6)

    assert nodes_of(pair.record) == {"a": "here", "b": "here", "c": "left"}
    assert not pair.record.table("errors")["source"]


async def test_a_late_node_that_fails_in_init_beside_one_that_runs_ends_nothing(pair: Any) -> None:
    pair.members.expel("b")
    await anyio.sleep(1)
    await pair.do(Prepares, 4, user_rate=float("inf"))
    await pair.join("d")  # which cannot do it
    await anyio.sleep(7)

    status = await pair.cluster.status()
    assert (status.state, [node.node for node in status.nodes]) == ("running", ["a"])
    assert status.nodes[0].users["running"] == 4
    errors = pair.record.table("errors")
    assert ("node", "d") in set(zip(errors["source"], errors["name"], strict=True))
    await pair.stop()


@pytest.mark.parametrize("seconds", [2.5, 4.5])
async def test_a_short_cut_costs_nobody(pair: Any, seconds: float) -> None:
    await pair.do(Busy, 10)
    await anyio.sleep(2)
    pair.links["a"].is_cut = True
    await anyio.sleep(seconds)
    pair.links["a"].is_cut = False
    await anyio.sleep(5)

    assert await pair.homes() == {"a": [1, 2, 3, 4, 5], "b": [6, 7, 8, 9, 10]}
    assert not pair.cluster.roster.nodes["a"].is_suspect


async def test_a_long_cut_costs_users_and_no_node(pair: Any) -> None:
    await pair.do(Busy, 10)
    await anyio.sleep(2.2)
    pair.links["a"].is_cut = pair.is_down = True
    await anyio.sleep(30)
    pair.is_down = False
    await anyio.sleep(12)  # until the attempt that is on has ended, and another one came through

    assert set(pair.cluster.roster.nodes) == {"a", "b", "local"}
    await pair.cluster.add(2, nodes=["a"])
    await anyio.sleep(0.1)
    users = await pair.users()  # each has one row
    assert [users[i] for i in range(1, 6)] == [("a", "lost")] * 5
    assert await pair.homes() == {"a": [11, 12], "b": [6, 7, 8, 9, 10]}
    assert (await pair.cluster.status()).departed == 5
    assert nodes_of(pair.record) == {"a": "here", "b": "here"}
    table = pair.record.table("actions")
    ended = (table["started_at"] + table["service_time"])[np.asarray(table["node"].decode()) == "a"]
    assert ended[ended < 40].max() > 5.0  # what it measured while it was cut off
    assert len(ended[ended < 40]) <= 5 * 2 * 8.0  # and nothing twice


async def test_a_run_that_named_its_nodes_takes_them_back_and_no_others(network: Any) -> None:
    await network.join("a")
    await network.do(Busy, 4, nodes=["a"])
    await network.join("b")
    await anyio.sleep(2)
    network.links["a"].is_cut = True
    await anyio.sleep(15)
    await network.cluster.add(2, nodes=["a"])
    await anyio.sleep(0.1)

    assert await network.homes() == {"a": [5, 6]}
    assert set(await network.counts()) == {"a"}


async def test_a_node_owes_the_time_for_which_it_was_lost(pair: Any) -> None:
    await pair.do(Busy, 10)
    await anyio.sleep(2.2)
    pair.links["a"].is_cut = pair.is_down = True
    await anyio.sleep(10)
    pair.is_down = False
    await anyio.sleep(18)
    await pair.stop()
    results = Results(pair.record)
    node = results.nodes.set_index("node").loc["a"]
    silent = results.health.query("reason == 'no sign of life'")

    assert node["outcome"] == "here"
    assert node["joined_at"] < 0 <= node["running_at"] < 0.1
    assert math.isnan(node["left_at"])
    assert set(silent["node"]) == {"a"}
    assert silent["window_at"].tolist() == list(range(8, 17))  # its load ended at 7.7 s


async def test_a_node_is_not_awaited_for_ever(pair: Any) -> None:
    await pair.do(Busy, 10)
    await anyio.sleep(2)
    pair.links["a"].is_cut = pair.is_down = True
    await anyio.sleep(85)

    assert pair.agents["a"].is_lost
    pair.is_down = False
    await anyio.sleep(30)
    assert set(pair.cluster.roster.nodes) == {"b", "local"}


async def test_a_node_that_was_expelled_does_not_come_back(pair: Any) -> None:
    pair.links["a"].is_cut = True  # it does not hear that it was sent away
    await anyio.sleep(1)
    pair.members.expel("a")
    await anyio.sleep(15)

    assert pair.agents["a"].is_lost
    assert set(pair.cluster.roster.nodes) == {"b", "local"}


async def test_silence_is_as_long_as_the_session_says(network: Any) -> None:
    network.cluster.roster.silence = 20.0
    await network.join("a")
    await network.do(Busy, 4)
    await anyio.sleep(2)
    network.links["a"].is_cut = True
    await anyio.sleep(19)
    assert network.cluster.roster.nodes["a"].is_suspect
    network.links["a"].is_cut = False
    await anyio.sleep(2)

    assert await network.homes() == {"a": [1, 2, 3, 4]}


async def test_a_stranded_node_that_is_told_to_leave_does_not_come_back(pair: Any) -> None:
    await pair.do(Busy, 4)
    pair.links["a"].is_cut = pair.is_down = True
    await anyio.sleep(12)
    await pair.lives["a"].leave()
    pair.is_down = False
    await anyio.sleep(30)

    assert set(pair.cluster.roster.nodes) == {"b", "local"}


async def test_a_run_whose_only_node_is_lost_while_it_starts_fails_with_a_sentence(
    network: Any,
) -> None:
    await network.join("a")
    network.links["a"].is_cut = True
    with pytest.raises(NodeLostError, match="node a is lost"):
        await network.do(Busy, 3)

    assert (await network.cluster.status()).state == "failed"


@pytest.mark.parametrize("later", [0.0, 0.001, 0.5, 1.0, 1.1, 1.2])
async def test_after_a_reset_in_the_midst_of_an_end_the_session_is_idle(
    network: Any, later: float
) -> None:
    class Stubborn(murmur.Scenario):
        """Users go for nothing."""

        async def start(self, user: murmur.User) -> None:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(60.0)

    await network.join("a")
    await network.do(Stubborn, 5, grace=0.0)
    await network.cluster.stop()
    await anyio.sleep(later)
    await network.cluster.reset()
    await anyio.sleep(1.0)

    assert (await network.cluster.status()).state == "idle"


async def test_a_node_that_dies_while_a_run_starts_leaves_no_run_on_the_others(pair: Any) -> None:
    async def expel_soon() -> None:
        await anyio.sleep(2)
        pair.members.expel("b")

    pair.tasks.start_soon(expel_soon)
    with pytest.raises(murmur.MurmurError, match="b"):
        await pair.do(Prepares, 4)

    assert (await pair.cluster.status()).state == "failed"
    assert not pair.agents["a"].local.is_running
    await pair.do(Busy, 4)
    assert await pair.homes() == {"a": [1, 2, 3, 4]}


def _population(record: Any) -> dict[float, int]:
    """Return how many users there were at the beginning of each window."""
    table = record.table("population", of_all=True)
    counts = sum(table[state] for state in ("waiting", "running", "leaving"))
    return dict(zip(table["window_at"].tolist(), counts.tolist(), strict=True))


def _there(record: Any, at: float) -> int:
    """Return how many users were there at a moment, of those that are gone by now."""
    users = record.table("users")
    return int(((users["admitted_at"] <= at) & (users["ended_at"] > at)).sum())


@pytest.mark.parametrize(
    ("is_back", "others"),
    [(True, 0), (False, 4)],
    ids=["the only one comes back", "one of two, another takes its name"],
)
async def test_lost_users_leave_the_population_when_they_were_lost(
    network: Any, is_back: bool, others: int
) -> None:
    """Node a is cut off at 3.3 s and lost some 5 s later; its name is there after 12 s."""
    for name in ["a", "b"][: 2 if others else 1]:
        await network.join(name)
    await network.do(Busy, 4 + others)
    await network.cluster.flush()  # the nodes tell when users came
    await anyio.sleep(3.3)
    network.links["a"].is_cut = network.is_down = True
    await anyio.sleep(9)
    assert "a" not in network.cluster.roster.nodes
    network.is_down = False
    if not is_back:
        await network.lives["a"].leave()
        await network.join("a")
    await anyio.sleep(18)  # until the attempt that is on has ended, and another one came through
    assert "a" in network.cluster.roster.nodes
    while_on = _population(network.record)
    await network.cluster.add(3, ["a"])
    await anyio.sleep(3.0)
    await network.stop()

    table = network.record.table("users")
    assert sorted(table["user_id"].tolist()) == list(range(1, 4 + others + 3 + 1))
    lost_at = table["ended_at"][[outcome == "lost" for outcome in table["outcome"].decode()]]
    assert (len(lost_at), lost_at.max() - lost_at.min()) == (4, 0.0)
    assert 8.0 < lost_at[0] < 10.0
    population = _population(network.record)
    assert list(population) == list(range(1, len(population) + 1))
    del population[len(population)]  # the last is of the end
    for at in population:
        expected = _there(network.record, at)
        assert (at, while_on.get(at, expected)) == (at, population[at])
        # From 7.7 s on the node ended its load by itself, as it told when it was back.
        assert population[at] == expected or (is_back and 7.5 < at < lost_at[0])


async def test_a_defect_on_one_node_costs_its_users_and_not_the_run(
    pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sample_forever(sampler: Any) -> None:
        await anyio.sleep(5 if sampler._run.node == "a" else math.inf)
        raise ArithmeticError("seven is no prime")

    monkeypatch.setattr("murmur.runtime._run.Sampler.sample_forever", sample_forever)
    await pair.do(Busy, 4, duration=20)
    await pair.cluster.wait_over()

    results = Results(pair.record)
    assert (await pair.cluster.status()).state == "finished"
    # The lowest pandas would look for a set among the categories.
    words = results.users[["node", "outcome", "reason"]].astype("object")
    rows = words.groupby("node")[["outcome", "reason"]].agg(set)
    assert rows.loc["a", "reason"] == {"the run broke"}
    nodes = results.nodes[["node", "outcome", "users", "lost"]].astype("object")
    assert nodes.values.tolist() == [["a", "failed", 2, 2], ["b", "here", 2, 0]]
    assert rows.loc["b", "outcome"] == {"left"}
    assert results.errors.query("source == 'node'")[["name", "users"]].values.tolist() == [["a", 2]]
    assert results.verdict.state == "invalid"
    assert (
        "2 of 4 users were lost, or went with a node that nobody asked to go: a failed at"
        in str(results.verdict)
    )


async def test_the_users_of_all_nodes_that_are_there_add_up(
    pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Node a fails with two users, and b is lost with three, and is back for one more."""

    async def sample_forever(sampler: Any) -> None:
        await anyio.sleep(1 if sampler._run.node == "a" else math.inf)
        raise ArithmeticError("seven is no prime")

    monkeypatch.setattr("murmur.runtime._run.Sampler.sample_forever", sample_forever)
    await pair.do(Busy, 4)
    await anyio.sleep(3)
    await pair.cluster.add(1)
    pair.links["b"].is_cut = True
    await anyio.sleep(15)
    await pair.cluster.add(1)
    await anyio.sleep(0.1)
    known = await pair.cluster.overview()
    status = await pair.cluster.status()

    assert (known["a"].state, known["b"].state) == ("failed", "running")
    assert known["a"].problems == (
        "takes no part in this run any more: its part of the run failed, and 2 users went with it",
    )
    nobody = dict.fromkeys(("waiting", "running", "leaving", "gone"), 0)
    assert (known["a"].users, known["a"].lost) == (nobody | {"gone": 2}, 2)
    assert (known["b"].users, known["b"].lost) == (nobody | {"running": 1, "gone": 3}, 3)
    assert (status.nodes[0].users, status.departed) == (nobody | {"running": 1}, 5)
    await pair.stop()
    known = await pair.cluster.overview()
    assert (known["a"].state, known["a"].users["gone"], known["b"].users["gone"]) == (
        "failed",
        2,
        4,
    )
    lost = dict(zip(*(Results(pair.record).nodes[c] for c in ("node", "lost")), strict=True))
    assert lost == {"a": 2, "b": 3}


class Brief(murmur.Scenario):
    """Users go after three seconds."""

    async def start(self, user: murmur.User) -> None:
        await user.sleep(3.0)


async def test_users_of_whose_end_nobody_heard_are_among_the_lost_of_their_node(pair: Any) -> None:
    await pair.do(Brief, 4)
    await anyio.sleep(2.9)
    pair.links["a"].is_cut = True
    await anyio.sleep(1.5)
    pair.links["a"].is_cut = False
    await pair.stop()

    known = await pair.cluster.overview()
    outcomes = [outcome for _, outcome in (await pair.users()).values()]
    assert outcomes == ["lost"] * 2 + ["finished"] * 2
    assert [(known[name].users["gone"], known[name].lost) for name in "ab"] == [(2, 2), (2, 0)]


class Paced(murmur.Scenario):
    """Users who are always ready for the next permit of ten a second."""

    async def start(self, user: murmur.User) -> None:
        pace = await murmur.throttle("pace", rate=10, interval=1)
        while not user.leaving.is_set():
            await pace.wait()


async def test_permits_stay_in_their_window_where_the_steering_machine_slept(
    network: Any,
) -> None:
    """Its clock stands still for 2 s, so that the node's is 2 s further ahead from then on."""
    await network.join("a")
    await network.do(Paced, 3)
    await anyio.sleep(3.5)
    network.links["a"].now = lambda: anyio.current_time() + 2.0
    await anyio.sleep(5.5)
    await network.stop()

    assert network.agents["a"]._clock.offset == pytest.approx(2.0)
    throttles = Results(network.record).throttles.query("name == 'pace'")
    granted = throttles.groupby("window_at")["granted"].sum()
    assert granted.tolist()[:3] == [10, 10, 10]
    assert granted.max() == 10  # whatever the clocks say, no second has more
