"""A cluster of one node on virtual time, as a session would own it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from murmur.cluster import Cluster, ClusterStatus, Course, LocalNode, Roster, new_run_id
from murmur.recording import RunRecord
from murmur.runtime import NodeRun, RunSpec
from murmur.scenario import Scenario, masked, resolve
from murmur.telemetry import Bus


class Stage:
    """Starts runs on one node and tells what became of their users."""

    def __init__(self, tasks: anyio.abc.TaskGroup) -> None:
        self.bus = Bus()
        self.node = LocalNode("local", bus=self.bus, tasks=tasks)
        self.cluster = Cluster(tasks, Roster(self.node))

    async def do(
        self,
        scenario: type[Scenario],
        users: int = 0,
        *,
        seed: int = 1,
        callback_timeout: float = 60.0,
        duration: float = float("inf"),
        end_when_idle: bool = False,
        archived_within: float = 0.0,  # virtual seconds that somebody takes to write its archive
        **settings: Any,
    ) -> None:
        settings = {"user_rate": float("inf"), **settings}
        spec = RunSpec(
            run_id=new_run_id(),
            scenario=scenario,
            settings=resolve(scenario, settings, environment={}),
            seed=seed,
            started_at=anyio.current_time(),
            wall_started_at=0.0,
            callback_timeout=callback_timeout,
        )
        self.record = RunRecord(
            run_id=spec.run_id,
            started_at=spec.started_at,
            wall_started_at=0.0,
            settings=masked(scenario, spec.settings.values),
            seed=seed,
        )
        course = Course(
            users=users,
            duration=duration,
            end_when_idle=end_when_idle,
            on_over=lambda _: anyio.sleep(archived_within),
        )
        await self.cluster.start(spec, self.record, course)
        await anyio.sleep(0.001)

    @property
    def run(self) -> NodeRun:
        assert self.node._run is not None
        return self.node._run

    async def status(self) -> ClusterStatus:
        return await self.cluster.status()

    async def counts(self) -> dict[str, int]:
        return dict((await self.status()).nodes[0].users)

    async def running(self) -> int:
        return (await self.counts())["running"]

    async def stop(self) -> None:
        await self.cluster.stop()
        await self.cluster.wait_over()

    def users(self) -> dict[int, str]:
        """Return the outcome of each user that is gone, by id."""
        table = self.record.table("users")
        return dict(zip(table["user_id"].tolist(), self.labels(table["outcome"]), strict=True))

    def reasons(self) -> dict[int, str]:
        table = self.record.table("users")
        return dict(zip(table["user_id"].tolist(), self.labels(table["reason"]), strict=True))

    def counters(self) -> dict[str, float]:
        table = self.record.table("counters")
        names, values = self.labels(table["name"]), table["value"].tolist()
        totals: dict[str, float] = {}
        for name, value in zip(names, values, strict=True):
            totals[name] = totals.get(name, 0) + value
        return totals

    @staticmethod
    def labels(column: Any) -> list[str]:
        """Return the labels of a coded column as a plain list."""
        if hasattr(column, "labels"):
            return [column.labels[code] if code >= 0 else "" for code in column.codes.tolist()]
        return list(column)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with anyio.create_task_group() as tasks:
        made = Stage(tasks)
        yield made
        await made.cluster.reset()
        tasks.cancel_scope.cancel()
