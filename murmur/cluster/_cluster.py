"""Steers one run over all nodes; one machine is a cluster of one.

Every verb goes to its nodes at the same time and comes back as one answer.  Ids are
given out here, so they are unique and without gaps over the cluster.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import anyio

from murmur.errors import (
    InvalidCountError,
    InvalidDurationError,
    InvalidRangeError,
    NodesFailedError,
    RunStateError,
    UnknownNodeError,
)
from murmur.runtime import Listener, RunSpec, RunState

from ._split import id_ranges, split_addition, split_removal

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from murmur.telemetry import RunRecord

    from ._node import Node, NodeStatus

__all__ = ["Cluster", "ClusterStatus", "Course", "new_run_id"]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Course:
    """How a run goes on and ends.

    Attributes
    ----------
    users : int
        Users to begin with.
    duration : float
        Seconds after which the run stops; ``math.inf`` for never.
    end_when_idle : bool
        Whether the run stops when its last user is gone.
    on_over : callable
        Called when the run is finished, failed or reset.

    Raises
    ------
    InvalidCountError
        If `users` is negative or not a whole number.
    InvalidDurationError
        If `duration` is not a positive number.
    """

    users: int = 0
    duration: float = math.inf
    end_when_idle: bool = False
    on_over: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        """Refuse what makes no sense before anything runs."""
        _check_count("start", self.users)
        if not self.duration > 0:
            raise InvalidDurationError(self.duration)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterStatus:
    """State of the run over the cluster, and what each node tells.

    Attributes
    ----------
    state : RunState
        Over all nodes.
    highest_id : int
        The highest user id given out.
    elapsed : float
        Seconds since the run started, until it ended.
    nodes : tuple of NodeStatus
        One for each node.
    """

    state: RunState
    highest_id: int
    elapsed: float
    nodes: tuple[NodeStatus, ...]


def new_run_id() -> str:
    """Return a short id that no other run has."""
    return secrets.token_hex(4)


class Cluster:
    """The nodes of a session and the run on them.

    Parameters
    ----------
    tasks : anyio.abc.TaskGroup
        Owns what watches for the end of a run.
    """

    def __init__(self, tasks: TaskGroup) -> None:
        self.nodes: dict[str, Node] = {}
        self.highest_id = 0
        self._tasks = tasks
        self._record: RunRecord | None = None
        self._course = Course()
        self._state = RunState.IDLE
        self._is_starting = False
        self._started_at = math.nan
        self._ended_at = math.nan
        self._over = anyio.Event()
        self._idle = anyio.Event()
        self._turn = 0
        self._ends: anyio.CancelScope = anyio.CancelScope()

    async def start(
        self, spec: RunSpec, record: RunRecord, course: Course, nodes: Sequence[str] | None = None
    ) -> None:
        """Begin a run on all nodes or the named ones; `init` succeeded when this returns.

        Raises
        ------
        RunStateError
            If a run is on.
        ScenarioError
            If `init` failed; the run is failed then.
        """
        chosen = self._chosen(nodes)
        if self._is_starting or not self._state.is_over:
            state = "starting" if self._is_starting else self._state.value
            raise RunStateError("start a run", state, "stop it first, or reset()")
        self._is_starting = True
        self._record = record
        self._course = course
        self._over = anyio.Event()
        self._idle = anyio.Event()
        self.highest_id = 0
        self._started_at, self._ended_at = anyio.current_time(), math.nan
        listener = Listener(chunk=record.add, idle=self._note_idle, state=self._note_state)
        try:
            await self._on_each(chosen, "start", lambda node: node.start(spec, listener))
        except BaseException:
            self._enter(RunState.FAILED)
            raise
        finally:
            self._is_starting = False
        self._enter(RunState.RUNNING)
        self._tasks.start_soon(self._watch, course)
        if course.users:
            await self.add(course.users, nodes, live=False)

    async def add(
        self, count: int, nodes: Sequence[str] | None = None, *, live: bool = True
    ) -> range:
        """Announce `count` users, spread over the nodes; return their ids."""
        self._require_running("add users")
        _check_count("add", count)
        chosen = self._chosen(nodes)
        shares = split_addition(count, sorted(node.name for node in chosen), turn=self._turn)
        self._turn += 1
        first = self.highest_id + 1
        ranges = id_ranges(shares, self.highest_id)
        self.highest_id += count
        await self._on_each(
            [node for node in chosen if node.name in ranges],
            "add",
            lambda node: node.add(*ranges[node.name], live=live),
        )
        return range(first, first + count)

    async def add_range(self, first: int, last: int) -> range:
        """Announce users `first` to `last`; ids below are left out for good."""
        self._require_running("add users")
        if not self.highest_id < first <= last:
            raise InvalidRangeError(first, last, self.highest_id)
        self.highest_id = first - 1
        return await self.add(last - first + 1)

    async def remove(self, count: int, *, force: bool, nodes: Sequence[str] | None = None) -> int:
        """Ask `count` users to leave, or as many as there are; return how many were asked."""
        self._require_running("remove users")
        _check_count("remove", count)
        chosen = self._chosen(nodes)
        statuses = await self._on_each(chosen, "status", lambda node: node.status())
        present = {
            name: status.users["waiting"] + status.users["running"]
            for name, status in statuses.items()
        }
        shares = split_removal(count, present)
        asked = await self._on_each(
            [node for node in chosen if node.name in shares],
            "remove",
            lambda node: node.remove(shares[node.name], force=force),
        )
        return sum(asked.values())

    async def update(
        self, given: Mapping[str, object], nodes: Sequence[str] | None = None
    ) -> dict[str, tuple[object, object]]:
        """Change live settings on the nodes; return what changed, as (old, new)."""
        self._require_running("update settings")
        answers = await self._on_each(
            self._chosen(nodes), "update", lambda node: node.update(given)
        )
        changed: dict[str, tuple[object, object]] = {}
        for answer in answers.values():
            changed |= answer
        return changed

    async def stop(self) -> None:
        """Begin to end the run everywhere; `wait_over` waits for the end."""
        self._require_running("stop")
        self._enter(RunState.TERMINATING)
        self._ends.cancel()
        await self._on_each(self.nodes.values(), "stop", lambda node: node.stop())
        self._tasks.start_soon(self._see_off)

    async def reset(self) -> None:
        """End whatever runs, at once, and be idle."""
        self._ends.cancel()
        await self._on_each(self.nodes.values(), "reset", lambda node: node.abort())
        self.highest_id = 0
        self._enter(RunState.IDLE)

    async def wait_over(self) -> None:
        """Block until the run is finished, failed or reset."""
        await self._over.wait()

    async def status(self) -> ClusterStatus:
        """Return the state of the run and of each node."""
        answers = await self._on_each(self.nodes.values(), "status", lambda node: node.status())
        return ClusterStatus(
            state=self._state,
            highest_id=self.highest_id,
            elapsed=self._elapsed(),
            nodes=tuple(answers.values()),
        )

    async def call_throttle(self, name: str, verb: str, arguments: Mapping[str, Any]) -> None:
        """Call a method of a throttle of the run."""
        self._require_running(f"{verb} a throttle")
        await self._on_each(
            self.nodes.values(), verb, lambda node: node.call_throttle(name, verb, arguments)
        )

    async def call_coordinator(self, name: Hashable, verb: str) -> None:
        """Call a method of a coordinator of the run."""
        self._require_running(f"{verb} a coordinator")
        await self._on_each(
            self.nodes.values(), verb, lambda node: node.call_coordinator(name, verb)
        )

    async def flush(self) -> None:
        """Bring the record of the run up to date, with the users that are here now."""
        record = self._record
        if record is None or self._state not in (RunState.RUNNING, RunState.TERMINATING):
            return
        answers = await self._on_each(self.nodes.values(), "flush", lambda node: node.flush())
        for name, presence in answers.items():
            record.set_present(
                name,
                presence.user_ids,
                presence.admitted_at,
                presence.started_at,
                presence.waiting,
            )

    async def _watch(self, course: Course) -> None:
        """Stop the run when its course says so."""
        with anyio.CancelScope() as self._ends:
            with anyio.move_on_after(course.duration):
                await self._wait_idle(forever=not course.end_when_idle)
            self._tasks.start_soon(self.stop)

    async def _wait_idle(self, *, forever: bool) -> None:
        """Block until no node has a user; `forever` does not look."""
        while forever:
            await anyio.sleep_forever()
        while True:
            await self._idle.wait()
            self._idle = anyio.Event()
            status = await self.status()
            if all(sum(node.users.values()) == node.users["gone"] for node in status.nodes):
                return

    def _note_idle(self) -> None:
        self._idle.set()

    def _note_state(self, state: RunState) -> None:
        """Fail with a node that failed after its `init`."""
        if state is RunState.FAILED and self._state is RunState.RUNNING:
            self._ends.cancel()
            self._enter(RunState.FAILED)

    async def _see_off(self) -> None:
        """Wait for the end on every node, then say so."""
        await self._on_each(self.nodes.values(), "stop", lambda node: node.wait_ended())
        if self._state is RunState.TERMINATING:
            if self._record is not None:
                for name in self.nodes:
                    self._record.set_present(name, (), (), (), ())
            self._enter(RunState.FINISHED)

    async def _on_each(
        self, nodes: Iterable[Node], verb: str, call: Callable[[Node], Awaitable[T]]
    ) -> dict[str, T]:
        """Call all nodes at the same time; return their answers by name.

        One node's error is raised as it is, several as one `NodesFailedError`.
        """
        answers: dict[str, T] = {}
        failures: dict[str, Exception] = {}

        async def ask(node: Node) -> None:
            try:
                answers[node.name] = await call(node)
            except Exception as error:  # noqa: BLE001 - raised below, with the others
                failures[node.name] = error

        async with anyio.create_task_group() as calls:
            for node in nodes:
                calls.start_soon(ask, node)
        if len(failures) == 1:
            raise next(iter(failures.values()))
        if failures:
            raise NodesFailedError(verb, failures)
        return answers

    def _chosen(self, names: Sequence[str] | None) -> list[Node]:
        if names is None:
            return list(self.nodes.values())
        unknown = [name for name in names if name not in self.nodes]
        if unknown or not names:
            raise UnknownNodeError(unknown or ["(an empty list)"], self.nodes)
        return [self.nodes[name] for name in names]

    def _require_running(self, verb: str) -> None:
        if self._state is not RunState.RUNNING:
            raise RunStateError(verb, self._state.value, "start a run with do first")

    def _enter(self, state: RunState) -> None:
        self._state = state
        if state.is_over:
            if math.isnan(self._ended_at):
                self._ended_at = anyio.current_time()
            self._over.set()
            self._course.on_over()

    def _elapsed(self) -> float:
        if math.isnan(self._started_at) or self._state is RunState.IDLE:
            return 0.0
        until = anyio.current_time() if math.isnan(self._ended_at) else self._ended_at
        return until - self._started_at


def _check_count(verb: str, count: object) -> None:
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise InvalidCountError(verb, count)
