"""Coordinators over the users of all nodes."""

from __future__ import annotations

import math
from typing import Any

import anyio
import pytest
import traitlets

import murmur
from murmur.errors import CoordinatorError, InvalidArgumentError, NodesFailedError, RunStateError
from murmur.results import Results


class Pairs(murmur.Scenario):
    """Users meet in pairs, wherever they are."""

    async def init(self) -> None:
        self.pairs = await murmur.coordinator(
            "pairs", [(2, self.introduce), ("all", self.note)], timeout=5.0, scope="cluster"
        )

    def introduce(self, event: Any, a: Any, b: Any) -> None:
        murmur.count(f"{event.kind} {event.count}")
        if a is not None and b is not None:
            a.user.send(("meet", b.user.id))
            b.user.send(("meet", a.user.id))

    def note(self, event: Any, users: list[Any]) -> None:
        murmur.count(f"all {event.kind} {event.count} {len(users)}")

    async def start(self, user: murmur.User) -> None:
        await self.pairs.add(user, {"id": user.id})
        _, other = await user.receive()  # type: ignore[misc]
        user.count(f"{min(user.id, other)}-{max(user.id, other)}")
        await user.sleep(math.inf)


async def test_users_of_different_nodes_meet(pair: Any) -> None:
    await pair.do(Pairs, user_rate=math.inf)
    await pair.cluster.add(1, ["a"])
    await pair.cluster.add(1, ["b"])
    await anyio.sleep(0.1)
    await pair.cluster.add(2, ["b"])
    await anyio.sleep(1)
    await pair.cluster.flush()

    assert pair.counters() == {"coordinate 2": 2, "1-2": 2, "3-4": 2}


async def test_the_timeout_counts_the_users_of_all_nodes(pair: Any) -> None:
    await pair.do(Pairs, 3)
    await anyio.sleep(6)
    await pair.cluster.flush()

    counters = pair.counters()
    assert counters["timeout 1"] == 1
    assert counters["all timeout 3 3"] == 1


async def test_a_user_that_is_gone_leaves_the_batch(pair: Any) -> None:
    await pair.do(Pairs)
    await pair.cluster.add(1, ["a"])
    await anyio.sleep(0.1)
    await pair.cluster.remove(1, force=False)
    await anyio.sleep(0.1)
    await pair.cluster.add(1, ["b"])
    await anyio.sleep(0.1)
    await pair.cluster.flush()

    assert "coordinate 2" not in pair.counters()


async def test_stop_acts_on_who_is_left_once(pair: Any) -> None:
    class Stays(Pairs):
        async def start(self, user: murmur.User) -> None:
            await self.pairs.add(user)
            await anyio.sleep(0.5)

    await pair.do(Stays, 3)
    await pair.cluster.call_coordinator("pairs", "reset")
    await pair.cluster.add(3)
    await anyio.sleep(0.1)
    await pair.stop()

    counters = pair.counters()
    assert (counters["reset 1"], counters["all reset 3 3"]) == (1, 1)
    assert sum(n for name, n in counters.items() if name.startswith("all stop")) == 1


async def test_users_of_all_nodes_wait_for_each_other(pair: Any) -> None:
    class Meets(murmur.Scenario):
        async def init(self) -> None:
            self.meeting = await murmur.coordinator("meeting", [], scope="cluster")

        async def start(self, user: murmur.User) -> None:
            group = await self.meeting.gather(user, 4, user.id * 10)
            user.count(f"{[member.data for member in group]}")

    await pair.do(Meets, 4)
    await anyio.sleep(0.1)
    await pair.cluster.flush()

    ((_, number),) = pair.counters().items()
    assert number == 4


async def test_another_node_acts_when_the_keeper_is_lost(pair: Any) -> None:
    await pair.do(Pairs)
    pair.is_down = pair.links["a"].is_cut = True  # nor does it come back
    await anyio.sleep(7)
    assert list(await pair.counts()) == ["b"]
    await pair.cluster.add(2)
    await anyio.sleep(0.1)
    await pair.cluster.flush()

    assert pair.counters()["coordinate 2"] == 1


async def test_one_name_has_one_plan(pair: Any) -> None:
    class Differs(murmur.Scenario):
        async def init(self) -> None:
            from murmur.runtime import current_run

            timeout = 1.0 if current_run("init").node == "a" else 2.0
            await murmur.coordinator("pairs", (2, lambda event: None), timeout, scope="cluster")

        async def start(self, user: murmur.User) -> None: ...

    with pytest.raises(NodesFailedError) as caught:
        await pair.do(Differs)
    (error,) = caught.value.failures.values()
    assert CoordinatorError.__name__ in str(error)


async def test_what_cannot_travel_is_refused_where_it_is_given(pair: Any) -> None:
    class Brings(Pairs):
        async def start(self, user: murmur.User) -> None:
            await self.pairs.add(user, object())

    await pair.do(Brings, 2)
    await anyio.sleep(0.1)

    assert {outcome for _, outcome in (await pair.users()).values()} == {"failed"}
    assert InvalidArgumentError.__name__ in str(pair.record.table("users")["reason"].labels)  # type: ignore[union-attr]


async def test_users_that_finished_keep_their_place_and_lost_ones_do_not(pair: Any) -> None:
    class Passing(murmur.Scenario):
        async def init(self) -> None:
            self.groups = await murmur.coordinator(
                "groups", [(4, self.act), ("all", self.act)], math.inf, scope="cluster"
            )

        def act(self, event: murmur.CoordinatorEvent, members: list[Any]) -> None:
            here = sorted(member.id for member in members if member.is_here)
            murmur.count(f"{event.kind} {sorted(m.id for m in members)} {here}")

        async def start(self, user: murmur.User) -> None:
            await anyio.sleep(user.id)
            await self.groups.add(user)
            if user.id > 2:
                await user.sleep(60)

    await pair.do(Passing, 4, user_rate=math.inf)
    await anyio.sleep(6)
    pair.cluster.part(pair.cluster.roster.nodes["b"], "cut off", is_lost=True)  # with users 3 and 4
    await pair.cluster.call_coordinator("groups", "reset")
    await pair.cluster.flush()

    assert pair.counters() == {"coordinate [1, 2, 3, 4] [3, 4]": 1, "reset [] []": 1,
                               "reset [1, 2] []": 1}  # fmt: skip


class Meets(murmur.Scenario):
    """Five have to gather, and a batch has to have six."""

    async def init(self) -> None:
        self.meeting = await murmur.coordinator(
            "meeting", (6, lambda event: None), timeout=math.inf, scope="cluster"
        )

    async def start(self, user: murmur.User) -> None:
        await self.meeting.add(user)
        await self.meeting.gather(user, 5)


async def test_users_of_all_nodes_that_wait_in_vain_are_told(pair: Any) -> None:
    await pair.do(Meets)
    await pair.cluster.add(2, ["a"])
    await pair.cluster.add(1, ["b"])
    await anyio.sleep(15)

    status = await pair.cluster.status()
    assert set(status.problems) == {
        "user 1 and 2 others have waited in gather of the coordinator 'meeting' for 15 s: "
        "3 of 5 came",
        "user 1 and 2 others have been in a batch of the coordinator 'meeting' for 15 s: "
        "3 of 6 came",
    }
    assert [node.problems for node in status.nodes] == [(), ()]
    await pair.stop()
    assert (await pair.cluster.status()).problems == ()
    reasons = Results(pair.record).verdict.reasons
    assert (
        "3 users waited in gather of the coordinator 'meeting' up to the end, user 1 for 15 s: "
        "3 of 5 came."
    ) in reasons
    assert (
        "The coordinator 'meeting' never had a complete batch of 6: 3 users were in one at the "
        "end, user 1 for 15 s."
    ) in reasons


class Rooms(murmur.Scenario):
    """Users are in batches of three, and wait to be told of theirs, or sleep."""

    sleeps = traitlets.Bool(False, help="whether users do not wait")

    async def init(self) -> None:
        self.rooms = await murmur.coordinator(
            "rooms", (3, self.open), timeout=math.inf, scope="cluster"
        )

    def open(self, event: Any, users: list[Any]) -> None:
        for user, _ in users:
            user.send("open")

    async def start(self, user: murmur.User) -> None:
        await self.rooms.add(user)
        await (user.sleep(math.inf) if self.sleeps else user.receive())


@pytest.mark.parametrize("sleeps", [False, True])
async def test_users_of_all_nodes_that_wait_for_a_batch_after_complete_ones_are_told(
    pair: Any, sleeps: bool
) -> None:
    await pair.do(Rooms, sleeps=sleeps)
    await pair.cluster.add(3, ["a"])
    await anyio.sleep(1)
    await pair.cluster.add(1, ["a"])
    await pair.cluster.add(1, ["b"])
    await anyio.sleep(9)
    assert (await pair.cluster.status()).problems == ()  # they may be of use to one who comes yet
    await anyio.sleep(6)

    told = (
        "user 4 and 1 other have been in a batch of the coordinator 'rooms' for 15 s: 2 of 3 came"
    )
    assert (await pair.cluster.status()).problems == (told,) * (not sleeps)
    await pair.stop()
    reason = (
        "2 users waited for a batch of the coordinator 'rooms' up to the end, user 4 for 15 s: "
        "2 of 3 came."
    )
    assert (reason in Results(pair.record).verdict.reasons) is not sleeps


async def test_a_batch_that_its_lost_node_emptied_is_no_problem(pair: Any) -> None:
    await pair.do(Rooms)
    await pair.cluster.add(3, ["a"])
    await pair.cluster.add(1, ["b"])
    await anyio.sleep(15)
    assert len((await pair.cluster.status()).problems) == 1

    pair.links["b"].is_cut = True
    await anyio.sleep(10)
    assert (await pair.cluster.status()).problems == ()


class Gate(murmur.Scenario):
    """Users come in threes; an odd one is in a batch of two first, and gives up after a second."""

    async def init(self) -> None:
        self.gate = await murmur.coordinator(
            "gate", (2, self.note), timeout=math.inf, scope="cluster"
        )

    def note(self, event: Any, users: list[Any]) -> None:
        murmur.count(f"batch {sorted(member.id for member in users)}")

    async def start(self, user: murmur.User) -> None:
        if user.id % 2:
            await self.gate.add(user)
            with anyio.move_on_after(1.0):
                await self.gather(user)
        await self.gather(user)
        await user.sleep(math.inf)

    async def gather(self, user: murmur.User) -> None:
        group = await self.gate.gather(user, 3)
        user.count(f"{user.id} of {sorted(member.id for member in group)}")


async def counted(pair: Any) -> dict[str, float]:
    await anyio.sleep(0.5)
    await pair.cluster.flush()
    counters: dict[str, float] = pair.counters()
    return counters


async def test_who_gathers_is_lost_with_its_node(pair: Any) -> None:
    await pair.do(Gate)
    await pair.cluster.add_range(2, 2)
    await pair.cluster.add_range(4, 4)  # each on another node
    await anyio.sleep(0.1)
    assert await pair.homes() == {"b": [2], "a": [4]}
    pair.kill("b")
    await pair.cluster.add_range(6, 6)
    assert await counted(pair) == {}  # they are two

    await pair.cluster.add_range(8, 8)
    assert await counted(pair) == {f"{user} of [4, 6, 8]": 1 for user in (4, 6, 8)}


async def test_who_gives_up_gathering_stays_in_its_batch_and_may_gather_anew(pair: Any) -> None:
    await pair.do(Gate, 1)
    await anyio.sleep(1.5)
    await pair.cluster.add_range(3, 3)
    await anyio.sleep(1.5)
    assert await counted(pair) == {"batch [1, 3]": 1}
    await pair.cluster.add_range(4, 4)

    assert await counted(pair) == {"batch [1, 3]": 1} | {
        f"{user} of [1, 3, 4]": 1 for user in (1, 3, 4)
    }


async def test_a_group_that_a_user_left_before_it_heard_that_it_is_complete(network: Any) -> None:
    """Its next call is another group, and nobody meets somebody who does not come."""
    network.link.delay = 0.05
    await network.join("a")
    await network.do(Gate)
    await network.cluster.add_range(1, 1)
    await network.cluster.add_range(2, 2)
    await anyio.sleep(0.75)  # and users that come now are told of their group after 1.1 s
    await network.cluster.add_range(4, 4)
    await anyio.sleep(2.0)
    for user_id in (6, 8):
        await network.cluster.add_range(user_id, user_id)
    counters = await counted(network)

    groups = {1: [1, 6, 8], 2: [1, 2, 4], 4: [1, 2, 4], 6: [1, 6, 8], 8: [1, 6, 8]}
    assert counters == {f"{user} of {group}": 1 for user, group in groups.items()}


async def test_a_user_waits_in_gather_once_at_a_time(pair: Any) -> None:
    class Twice(Gate):
        async def start(self, user: murmur.User) -> None:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.gather, user)
                await anyio.sleep(0.1)
                await self.gather(user)

    await pair.do(Twice, 1)
    await anyio.sleep(0.2)
    await pair.cluster.flush()

    assert "waits in gather already" in str(pair.record.table("errors")["message"])


async def test_waits_are_told_at_the_end_of_the_run_and_not_when_a_node_leaves(pair: Any) -> None:
    await pair.do(Meets)
    await pair.cluster.add(1, ["a"])
    await pair.cluster.add(2, ["b"])
    await anyio.sleep(5)
    await pair.agents["a"].leave()
    await anyio.sleep(10)
    await pair.stop()

    told = [reason for reason in Results(pair.record).verdict.reasons if "gather" in reason]
    assert told == [
        "2 users waited in gather of the coordinator 'meeting' up to the end, user 2 for 15 s: "
        "2 of 5 came."
    ]


async def test_other_nodes_act_once_the_first_one_leaves(pair: Any) -> None:
    class Lingers(Pairs):
        """Users take three seconds to go."""

        async def start(self, user: murmur.User) -> None:
            await self.pairs.add(user)
            await user.leaving.wait()
            await anyio.sleep(3)

    await pair.do(Lingers, grace=5.0)
    await pair.cluster.add(1, ["a"])
    began = anyio.current_time()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pair.agents["a"].leave)
        await anyio.sleep(1)
        await pair.cluster.add(3, ["b"])
        await anyio.sleep(0.1)
        await pair.cluster.call_coordinator("pairs", "reset")
    assert anyio.current_time() - began < 5  # nobody waits for what others do
    await pair.cluster.flush()

    acted = {"coordinate 2": 2, "reset 0": 1, "all reset 4 4": 1}
    assert pair.counters() == acted | {"mailbox.unread": 1}  # by the user that was about to go


async def test_a_node_that_left_and_came_back_has_not_left(pair: Any) -> None:
    await pair.do(Pairs)
    await pair.agents["a"].leave()
    await anyio.sleep(0.1)
    await pair.join("a")
    await anyio.sleep(0.1)
    await pair.agents["b"].leave()
    await pair.cluster.add(2, ["a"])
    await anyio.sleep(0.1)
    await pair.cluster.flush()

    assert pair.counters()["coordinate 2"] == 1


async def test_a_node_that_comes_while_the_last_one_leaves_finds_a_coordinator(pair: Any) -> None:
    class Acts(Pairs):
        """The last action takes three seconds."""

        async def note(self, event: Any, users: list[Any]) -> None:
            await anyio.sleep(3)
            super().note(event, users)

    await pair.agents["b"].leave()
    await anyio.sleep(0.1)
    await pair.do(Acts)
    await pair.cluster.add(1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pair.agents["a"].leave)
        await anyio.sleep(1)
        await pair.join("c")
    await anyio.sleep(1)
    await pair.cluster.add(2)
    await anyio.sleep(0.1)
    await pair.cluster.flush()

    counters = pair.counters()
    assert (counters["all stop 0 0"], counters["coordinate 2"]) == (1, 1)


async def test_nobody_waits_for_a_node_that_only_prepares(pair: Any) -> None:
    class Prepares(Pairs):
        async def init(self) -> None:
            from murmur.runtime import current_run

            await super().init()
            if current_run("init").node == "c":
                await anyio.sleep(60)

    await pair.do(Prepares, 2)
    await pair.join("c")
    began = anyio.current_time()
    await pair.stop()

    assert anyio.current_time() - began < 1
    assert pair.counters()["all stop 0 0"] == 1  # as all had been asked to go


async def test_a_coordinator_of_a_run_without_nodes_is_not_reset_in_silence(pair: Any) -> None:
    await pair.do(Pairs)
    for name in ("a", "b"):
        pair.members.expel(name)
    with pytest.raises(RunStateError, match="let a node join"):
        await pair.cluster.call_coordinator("pairs", "reset")
