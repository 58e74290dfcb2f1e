"""Events of other processes: the steering kernel hears what the record keeps, once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import anyio

from murmur.runtime import User
from murmur.scenario import Scenario
from murmur.telemetry import Event

from .conftest import Network


class Ends(Scenario):
    """Users end at once."""

    async def init(self) -> None: ...

    async def start(self, user: User) -> None: ...


def elsewhere(network: Network, *names: str) -> None:
    """Let nodes be of other processes, as they are outside tests."""
    for name in names:
        node = network.cluster.roster.nodes[name]
        node.facts = replace(node.facts, pid=0)


def kept(network: Network) -> Counter[tuple[str, str]]:
    table = network.record.table("events")
    return Counter(zip(map(str, table["name"]), map(str, table["node"]), strict=True))


async def test_what_nodes_keep_is_heard_here_once_and_within_two_seconds(pair: Network):
    elsewhere(pair, "a", "b")
    heard: list[Event] = []
    pair.bus.subscribe("amoc.*", heard.append)
    began = anyio.current_time()

    await pair.do(Ends, 4)
    await anyio.sleep(2)
    soon = Counter((event.name, event.node) for event in heard)
    assert soon["amoc.scenario.init.stop", "a"] == soon["amoc.scenario.init.stop", "b"] == 1
    assert soon["amoc.run.state", "a"] == 1
    assert all(began <= event.at <= anyio.current_time() for event in heard)

    await pair.stop()
    told = Counter((event.name, event.node) for event in heard)
    assert told["amoc.run.state", "b"] == 3
    in_run = Counter({key: n for key, n in kept(pair).items() if key[1] in "ab"})
    assert {key: told[key] for key in in_run} == dict(in_run)


async def test_events_of_a_node_in_this_process_are_not_told_again(pair: Network):
    elsewhere(pair, "b")
    heard: list[Event] = []
    pair.bus.subscribe("amoc.run.state", heard.append)

    await pair.do(Ends, 2)
    await anyio.sleep(2)

    assert [event.node for event in heard] == ["b"]  # the bus of this test is not a's


async def test_a_handler_that_fails_on_an_event_of_another_process_is_in_the_record(pair: Network):
    elsewhere(pair, "a", "b")

    def broken(event: Event) -> None:
        raise ValueError("no screen")

    subscription = pair.bus.subscribe("amoc.scenario.init.stop", broken)
    await pair.do(Ends, 4)
    await anyio.sleep(2)

    assert str(subscription.failure) == "no screen"
    assert sum(n for (name, _), n in kept(pair).items() if name == "amoc.handler.failure") == 1
