"""Nodes that go are told: whose wish it was, which users went along, what the plan lacks."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import anyio
import pytest

import murmur
from murmur.errors import NodesFailedError
from murmur.results import Results


class Stay(murmur.Scenario):
    """Users stay until they are asked to leave."""

    async def start(self, user: murmur.User) -> None:
        await user.sleep(1_000)


def reasons(pair: Any) -> dict[int, str]:
    """Return the reason of each user's end, by id; "" without one."""
    table = pair.record.table("users")
    texts = [text or "" for text in table["reason"].decode()]
    return dict(zip(table["user_id"].tolist(), texts, strict=True))


@pytest.mark.parametrize("duration", [15.0, 1e9])
async def test_a_run_whose_nodes_all_leave_before_its_end_is_invalid(
    pair: Any, duration: float
) -> None:
    await pair.do(Stay, 20, duration=duration, end_when_idle=True)
    await anyio.sleep(5.4)
    for agent in pair.agents.values():
        await agent.leave()
    await pair.cluster.wait_over()
    verdict = Results(pair.record).verdict

    assert set(reasons(pair).values()) == {"node left"}
    assert verdict.state == "invalid"
    assert verdict.reasons[0].startswith(
        "20 of 20 users were lost, or went with a node that nobody asked to go: a left at 5."
    )
    assert "of the plan was not carried out, and nobody asked for that" in verdict.reasons[1]


async def test_a_few_users_that_left_with_their_node_make_a_run_suspect(pair: Any) -> None:
    await pair.do(Stay, duration=60.0)
    await pair.cluster.add(18, nodes=["a"])
    await pair.cluster.add(2, nodes=["b"])
    await anyio.sleep(55.0)
    await pair.agents["b"].leave()
    await pair.cluster.wait_over()
    verdict = Results(pair.record).verdict

    assert verdict.state == "suspect"
    assert verdict.reasons[0].startswith("2 of 20 users were lost, or went with a node")
    assert [user for user, reason in reasons(pair).items() if reason == "node left"] == [19, 20]


async def test_a_user_that_somebody_removed_does_not_go_because_of_its_node(pair: Any) -> None:
    await pair.do(Stay, 4, duration=60.0)
    await anyio.sleep(5.0)
    await pair.cluster.remove(2, force=False)
    await anyio.sleep(1.0)
    await pair.agents["a"].leave()
    await pair.stop()

    assert sorted(map(str, reasons(pair).values())) == ["", "", "", "node left"]


async def test_users_that_were_never_admitted_go_with_their_node_too(pair: Any) -> None:
    await pair.do(Stay, 20, user_rate=60, duration=60.0)
    await anyio.sleep(5.0)
    await pair.agents["a"].leave()
    await pair.stop()

    gone = [user for user, reason in reasons(pair).items() if reason == "node left"]
    assert len(gone) == 10


class Lingers(Stay):
    """Users take three seconds to go."""

    async def start(self, user: murmur.User) -> None:
        await user.leaving.wait()
        await anyio.sleep(3)


async def test_a_node_that_comes_while_its_namesake_leaves_has_another_name(pair: Any) -> None:
    await pair.do(Lingers, 4, grace=5.0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pair.agents["a"].leave)
        await anyio.sleep(1)
        await pair.join("a")
        await pair.cluster.add(2)
    await anyio.sleep(0.1)
    status = await pair.cluster.status()

    assert {node.node: node.users["running"] for node in status.nodes} == {"b": 3, "a-2": 1}
    assert (status.departed, status.highest_id) == (2, 6)  # users 1 and 2, who went with a
    await pair.stop()
    assert (await pair.counts())["a-2"]["gone"] == 1


async def test_a_run_that_lost_all_its_users_is_invalid(pair: Any) -> None:
    await pair.do(Stay, 20, duration=60.0)
    await anyio.sleep(5.0)
    for peer in list(pair.members.nodes):
        pair.members.left(peer, "cut")
    await pair.stop()
    verdict = Results(pair.record).verdict

    assert verdict.state == "invalid"
    assert verdict.reasons[0].startswith("20 of 20 users were lost")
    assert "a was lost at 5.0 s, b was lost at 5.0 s" in verdict.reasons[0]
    assert "1,100 of 1,200 user-seconds" in verdict.reasons[1]  # though no node told who came


async def test_a_node_that_was_expelled_is_a_wish_and_a_row_of_the_changes(pair: Any) -> None:
    await pair.do(Stay, 20, duration=60.0)
    await anyio.sleep(5.0)
    pair.members.expel("a")
    await pair.cluster.wait_over()
    results = Results(pair.record)

    assert results.verdict.state == "valid"
    assert "10 users went with a node that was expelled." in results.verdict.reasons
    change = results.changes.iloc[0]
    assert (change["what"], change["old"], change["new"]) == ("node a", "here", "expelled")
    assert results.errors.empty


async def test_who_took_no_part_is_no_node_of_the_run(pair: Any) -> None:
    await pair.do(Stay, 2, nodes=["a"])
    await pair.cluster.call_throttle("user_rate", "change_rate", {"rate": 60.0})
    pair.members.left(next(p for p, n in pair.members.nodes.items() if n.name == "b"), "cut")
    await pair.stop()
    results = Results(pair.record)

    assert results.changes["node"].tolist()[0] == "local"
    assert "node b is lost: cut" in results.errors["error"][0]
    assert results.nodes["node"].tolist() == ["a"]


async def test_a_run_that_a_person_stopped_is_valid_and_says_so(pair: Any) -> None:
    await pair.do(Stay, 20, duration=60.0)
    await anyio.sleep(12.0)
    await pair.stop()
    verdict = Results(pair.record).verdict

    assert verdict.state == "valid"
    assert verdict.reasons[0] == "It was stopped at 12.0 s, before its planned 60.0 s."


async def test_a_clock_that_is_not_known_yet_is_not_told_as_a_number(pair: Any) -> None:
    await pair.do(Stay, 2, duration=60.0)
    for peer in pair.members.nodes:
        pair.members.pulse(peer, 0.0, math.inf, 0.0)
    known = Results(pair.record).nodes["clock_error"]
    await anyio.sleep(2.0)
    await pair.stop()

    assert not known.isin([math.inf]).any()
    assert Results(pair.record).nodes["clock_error"].notna().all()  # by later pulses


async def test_a_lost_node_has_been_silent_and_the_others_not(pair: Any) -> None:
    await pair.do(Stay, 20, duration=30.0)
    await anyio.sleep(10.5)
    pair.links["a"].is_cut = pair.is_down = True
    await pair.cluster.wait_over()
    health = Results(pair.record).health

    silent = health[health["reason"] == "no sign of life"]
    assert set(silent["node"]) == {"a"}
    assert silent["window_at"].min() == 10.0


class LingersLong(Stay):
    """Users take fifteen seconds to go."""

    async def start(self, user: murmur.User) -> None:
        await user.leaving.wait()
        await anyio.sleep(15)


@pytest.mark.parametrize("is_asked", [True, False])
@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("dies", "connection reset, while it was leaving"),
        ("falls silent", "no sign of life for 5.2 s, while it was leaving"),
        ("is expelled", "it was expelled"),
    ],
)
async def test_a_node_that_is_lost_on_its_way_out_is_lost_for_the_true_reason(
    pair: Any, is_asked: bool, end: str, reason: str
) -> None:
    await pair.do(LingersLong, 4, grace=20.0)
    await anyio.sleep(1.0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(pair.agents["a"].leave, is_asked=is_asked))
        await anyio.sleep(1.0)
        if end == "dies":
            pair.kill("a")
        elif end == "falls silent":
            pair.links["a"].is_cut = True
        else:
            pair.members.expel("a")
        await anyio.sleep(7.0)
        assert sorted(reasons(pair).values()) == [reason] * 2
    node_of_errors = pair.record.table("errors")["name"]
    assert list(node_of_errors) == ([] if end == "is expelled" else ["a"])
    await pair.stop()
    nodes = Results(pair.record).nodes.set_index("node")
    assert nodes["outcome"].to_dict() == {"a": "lost", "b": "here"}


class Prepares(Stay):
    """It takes a while to prepare."""

    async def init(self) -> None:
        await anyio.sleep(3.0)


async def test_a_node_that_leaves_while_it_prepares_says_that_it_left(pair: Any) -> None:
    """And not that somebody had reset the run."""

    async def leave() -> None:
        await anyio.sleep(1.0)
        await pair.agents["b"].leave()

    failures: dict[str, Exception] = {}
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(leave)
        try:
            await pair.do(Prepares, 4)
        except NodesFailedError as error:
            failures |= error.failures

    assert set(failures) == {"b"}
    # Its answer and its farewell are on their way at the same time.
    assert str(failures["b"]) in (
        "node b is lost: it is leaving",
        "node b is lost: this node left",
    )
