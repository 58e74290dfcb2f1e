"""A search for capacity over nodes is one as on one, also when a node dies on the way."""

from __future__ import annotations

import signal
import threading

import anyio

import murmur
from murmur.results import Capacity
from murmur.results.capacity import Search, Step


class Till(murmur.Scenario):
    """Users of a node queue at its till, which takes 20 ms for each."""

    async def init(self) -> None:
        self.till = anyio.Lock()

    async def start(self, user: murmur.User) -> None:
        while True:
            with user.timer("order"):
                async with self.till:
                    await anyio.sleep(0.02)


def searched(session: murmur.Session, **options: object) -> Capacity:
    """Of N users at a till each waits for N services: 0.02 N, on one node as on two."""
    asked = {"check": "p50(order) < 0.19s", "hold": 1.0, "warm_up": 0.5, "within": 1.0}
    return session.find_capacity(Till, confirm=1, **{**asked, **options})


def test_two_nodes_carry_twice_as_much_as_one(session, nodes):
    """A busy machine makes services longer, never shorter: what it cannot change is held always."""
    nodes.start("n1", "n2")

    capacity = searched(session, low=8, high=64)

    for step in capacity.taken:
        assert step.throughput <= 1.1 * 2 * 50, step  # two tills of 50 a second
        if step.answer == "no answer":
            assert step.blame in {"generator", "other programs"}, step
        elif step.answer == "holds":  # everybody was there, and half of them at each till
            assert step.load < 24, step
            assert step.p50 >= 0.8 * 0.02 * step.load / 2, step
        else:
            assert step.value >= 0.19, step
    by_node = session.run.results.users["node"].value_counts()
    assert sorted(by_node.index) == ["n1", "n2"]
    assert by_node.max() - by_node.min() <= 1
    assert session.run.results.nodes["actions"].sum() == len(session.run.results.actions)


def test_a_node_that_dies_costs_a_step_and_not_the_search(session, nodes, caplog):
    """Its step is no answer, or is begun again if the node died just then; n2 does the rest."""
    dies, _ = nodes.start("n1", "n2")
    told: list[Step] = []

    def tell(step: Step, search: Search) -> None:
        told.append(step)
        if len(told) == 1:
            threading.Timer(0.6, dies.signal, (signal.SIGKILL,)).start()

    capacity = searched(session, low=4, high=12, on_step=tell)

    assert capacity.ended != "given up", capacity.remarks
    assert len(told) > 2
    assert told[1].answer == "no answer" or "is begun again" in caplog.text
    assert told[-1].load >= told[0].load
    assert set(session.run.results.users["node"]) == {"n2"}


def test_a_search_whose_last_node_died_keeps_what_was_found(session, nodes):
    (dies,) = nodes.start("n1")

    def tell(step: Step, search: Search) -> None:
        dies.signal(signal.SIGKILL)

    capacity = searched(session, low=2, on_step=tell)

    assert capacity.ended == "given up"
    assert len(capacity.taken) in {1, 2}  # the death may be heard of only in the next step
    assert any("node" in remark for remark in capacity.remarks)
