"""A steering kernel and its nodes on one loop, in virtual time, over links in memory."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import anyio
import anyio.abc
import pytest

from murmur.cluster import Agent, Cluster, ClusterStatus, Course, LocalNode, Roster, new_run_id
from murmur.cluster._lives import Lives
from murmur.cluster._opening import receive
from murmur.recording import RunRecord
from murmur.runtime import RunSpec
from murmur.scenario import Scenario, resolve
from murmur.telemetry import Bus, Event

from .links_in_memory import MemoryNodeLink, MemorySteeringLink


class Line:
    """Carries a link in a task."""

    def __init__(self, tasks: anyio.abc.TaskGroup) -> None:
        self._tasks = tasks

    async def start(self, serve: Any, *args: object) -> Any:
        return await self._tasks.start(serve, *args)

    async def end(self) -> None:
        pass


class Network:
    """A session's cluster with nodes, and what became of their users."""

    def __init__(self, tasks: anyio.abc.TaskGroup) -> None:
        self.tasks = tasks
        self.bus = Bus()
        self.events: list[Event] = []
        self.bus.subscribe("amoc.cluster.*", self.events.append)
        roster = Roster(LocalNode("local", bus=self.bus, tasks=tasks))
        self.cluster = Cluster(tasks, roster, bus=self.bus)
        self.link = MemorySteeringLink()
        self.links: dict[str, MemoryNodeLink] = {}
        self.agents: dict[str, Agent] = {}
        self.lives: dict[str, Lives] = {}
        self.ends: list[ClusterStatus] = []  # the last status of each run
        self.is_down = False  # whether whoever connects now is cut off

    async def open(self) -> None:
        nothing = SimpleNamespace(looks={}, orders={}, records={})  # for guests, who are no nodes
        start = Line(self.tasks).start
        self.members = await receive(self.cluster, self.link, start, nothing)

    async def join(self, name: str) -> Agent:
        """Let a node in; it knows the time when this returns."""

        def connect() -> tuple[MemoryNodeLink, Line]:
            link = MemoryNodeLink(self.link)
            link.is_cut = self.is_down
            self.links[lives.agent.local.name if hasattr(lives, "agent") else name] = link
            return link, Line(self.tasks)

        lives = Lives(connect, name=name, address="memory")
        agent: Agent = await self.tasks.start(lives.live)
        self.links[agent.local.name] = self.links.pop(name)
        self.agents[agent.local.name], self.lives[agent.local.name] = agent, lives
        await anyio.sleep(0.25)
        return agent

    async def do(
        self,
        scenario: type[Scenario],
        users: int = 0,
        *,
        nodes: list[str] | None = None,
        callback_timeout: float = 60.0,
        end_when_idle: bool = False,
        duration: float = math.inf,
        **settings: Any,
    ) -> None:
        spec = RunSpec(
            run_id=new_run_id(),
            scenario=scenario,
            settings=resolve(scenario, {"user_rate": math.inf, **settings}, environment={}),
            seed=1,
            started_at=anyio.current_time(),
            wall_started_at=0.0,
            callback_timeout=callback_timeout,
        )
        self.record = RunRecord(spec.run_id, spec.started_at, 0.0, seed=1)
        course = Course(
            users=users, end_when_idle=end_when_idle, duration=duration, on_over=self._note_end
        )
        await self.cluster.start(spec, self.record, course, nodes)
        await anyio.sleep(0.001)

    async def _note_end(self, status: ClusterStatus) -> None:
        self.ends.append(status)

    async def stop(self) -> None:
        await self.cluster.stop()
        await self.cluster.wait_over()

    def kill(self, name: str) -> None:
        """Let a node die: its connection is reset, and nothing else is said."""
        peer = next(peer for peer, node in self.members.nodes.items() if node.name == name)
        self.links[name].is_cut = True
        self.link.parted(peer, "connection reset")

    async def counts(self) -> dict[str, dict[str, int]]:
        """Return users by state, by node."""
        return {node.node: dict(node.users) for node in (await self.cluster.status()).nodes}

    async def users(self) -> dict[int, tuple[str, str]]:
        """Return node and outcome of each user, by id; "" if it is here."""
        await self.cluster.flush()
        table = self.record.table("users")
        nodes, outcomes = table["node"].decode(), table["outcome"].decode()  # type: ignore[union-attr]
        ids = table["user_id"].tolist()  # type: ignore[union-attr]
        assert len(ids) == len(set(ids))
        return {i: (n, o or "") for i, n, o in zip(ids, nodes, outcomes, strict=True)}

    async def homes(self) -> dict[str, list[int]]:
        """Return the ids of the users of each node that are here now."""
        homes: dict[str, list[int]] = {}
        for user_id, (node, outcome) in (await self.users()).items():
            if not outcome:
                homes.setdefault(node, []).append(user_id)
        return homes

    def counters(self) -> dict[str, float]:
        table = self.record.table("counters")
        totals: dict[str, float] = {}
        for name, value in zip(table["name"].decode(), table["value"].tolist(), strict=True):  # type: ignore[union-attr]
            totals[str(name)] = totals.get(str(name), 0) + value
        return totals

    def states(self) -> list[tuple[str, str, str]]:
        """Return name, nodes and state of the events of the cluster."""
        return [
            (
                e.name.removeprefix("amoc.cluster."),
                ",".join(e.metadata["nodes"]),
                str(e.metadata["state"]),
            )  # type: ignore[arg-type]
            for e in self.events
        ]


@pytest.fixture(scope="session")
def network_type() -> type[Network]:
    """Return the class, for tests that make and step the loop themselves."""
    return Network


@pytest.fixture
async def network() -> AsyncIterator[Network]:
    """Return an open session without nodes."""
    async with anyio.create_task_group() as tasks:
        made = Network(tasks)
        await made.open()
        yield made
        await made.cluster.reset()
        tasks.cancel_scope.cancel()


@pytest.fixture
async def pair(network: Network) -> Network:
    """Return an open session with nodes a and b."""
    await network.join("a")
    await network.join("b")
    return network
