"""Steers one run over all nodes; one machine is a cluster of one.

Every verb goes to its nodes at the same time and comes back as one answer.  Ids are
given out here, so they are unique and without gaps over the cluster.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import anyio

from murmur.errors import (
    InvalidRangeError,
    MurmurError,
    NodesFailedError,
    RunStateError,
    UnknownNodeError,
)
from murmur.runtime import Listener, RunSpec, RunState

from ._course import ClusterStatus, Course, Current, check_count
from ._split import id_ranges, split_addition, split_removal

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from murmur.telemetry import RunRecord

    from ._node import Node, NodeStatus

__all__ = ["Cluster", "new_run_id"]

T = TypeVar("T")

LAST_ID = 2**32 - 1
"""The highest id a user can have: records keep it in 32 bits."""

_logger = logging.getLogger(__name__)


def new_run_id() -> str:
    """Return a short id that no other run has."""
    return secrets.token_hex(4)


class Cluster:
    """The nodes of a session and the run on them.

    Parameters
    ----------
    tasks : anyio.abc.TaskGroup
        Owns what watches for the end of a run.  Nothing of a run may end this group.
    """

    def __init__(self, tasks: TaskGroup) -> None:
        self.nodes: dict[str, Node] = {}
        self.highest_id = 0
        self._tasks = tasks
        self._state = RunState.IDLE
        self._is_between = False  # starting or resetting: no other verb fits
        self._current: Current | None = None
        self._turn = 0

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
        if self._is_between or not self._state.is_over:
            state = "starting or being reset" if self._is_between else self._state.value
            raise RunStateError("start a run", state, "stop it first, or reset()")
        current = Current(record, course)
        self._current, self._is_between = current, True
        self._state, self.highest_id = RunState.IDLE, 0
        course.on_accepted()
        listener = Listener(
            chunk=record.add,
            idle=current.note_idle,
            state=lambda state: self._note_state(current, state),
        )
        try:
            await self._on_each(chosen, "start", lambda node: node.start(spec, listener))
        except BaseException:
            await self._finish(current, RunState.FAILED)
            raise
        finally:
            self._is_between = False
        self._state = RunState.RUNNING
        self._tasks.start_soon(self._watch, current)
        if course.users:
            await self.add(course.users, nodes, live=False)

    async def add(
        self, count: int, nodes: Sequence[str] | None = None, *, live: bool = True
    ) -> range:
        """Announce `count` users, spread over the nodes; return their ids."""
        self._require_running("add users")
        check_count("add", count)
        return await self._add(self.highest_id + 1, count, self._chosen(nodes), live=live)

    async def add_range(self, first: int, last: int) -> range:
        """Announce users `first` to `last`; ids below are left out for good."""
        self._require_running("add users")
        check_count("add", first)
        check_count("add", last)
        if not self.highest_id < first <= last:
            raise InvalidRangeError(first, last, self.highest_id)
        return await self._add(first, last - first + 1, self._chosen(None), live=True)

    async def remove(self, count: int, *, force: bool, nodes: Sequence[str] | None = None) -> int:
        """Ask `count` users to leave, or as many as there are; return how many were asked."""
        self._require_running("remove users")
        check_count("remove", count)
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
        current = self._require_running("stop")
        self._state = RunState.TERMINATING
        current.ends.cancel()
        await self._on_each(self.nodes.values(), "stop", lambda node: node.stop())
        self._tasks.start_soon(self._see_off, current)

    async def reset(self) -> None:
        """End whatever runs, at once, and be idle."""
        current, self._is_between = self._current, True
        try:
            if current is not None:
                current.ends.cancel()
            last = await self._on_each(self.nodes.values(), "reset", lambda node: node.abort())
            if current is not None:
                await self._finish(current, RunState.IDLE, tuple(last.values()))
            self._state, self.highest_id, self._current = RunState.IDLE, 0, None
        finally:
            self._is_between = False

    async def wait_over(self) -> None:
        """Block until the run is finished, failed or reset."""
        if self._current is not None:
            await self._current.over.wait()

    async def status(self) -> ClusterStatus:
        """Return the state of the run and of each node."""
        answers = await self._on_each(self.nodes.values(), "status", lambda node: node.status())
        return self._status(tuple(answers.values()))

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
        current = self._current
        if current is None or self._state.is_over:
            return
        answers = await self._on_each(self.nodes.values(), "flush", lambda node: node.flush())
        for name, here in answers.items():
            current.record.set_present(
                name, here.user_ids, here.admitted_at, here.started_at, here.waiting
            )

    async def _add(self, first: int, count: int, chosen: Sequence[Node], *, live: bool) -> range:
        if first + count - 1 > LAST_ID:
            raise InvalidRangeError(first, first + count - 1, self.highest_id)
        shares = split_addition(count, sorted(node.name for node in chosen), turn=self._turn)
        self._turn += 1
        ranges = id_ranges(shares, first - 1)
        self.highest_id = first + count - 1
        await self._on_each(
            [node for node in chosen if node.name in ranges],
            "add",
            lambda node: node.add(*ranges[node.name], live=live),
        )
        return range(first, first + count)

    async def _watch(self, current: Current) -> None:
        """Stop the run when its course says so."""
        with current.ends:
            with anyio.move_on_after(current.course.duration):
                await self._wait_idle(current)
            self._tasks.start_soon(self._end_by_itself, current)

    async def _wait_idle(self, current: Current) -> None:
        """Block until no node has a user, if that is how the run ends."""
        if not current.course.end_when_idle:
            await anyio.sleep_forever()
        while True:
            await current.idle.wait()
            current.idle = anyio.Event()
            status = await self.status()
            if all(sum(node.users.values()) == node.users["gone"] for node in status.nodes):
                return

    async def _end_by_itself(self, current: Current) -> None:
        """Stop the run unless somebody else did."""
        if self._current is current and self._state is RunState.RUNNING:
            try:
                await self.stop()
            except MurmurError:
                _logger.exception("the run did not stop in order")

    async def _see_off(self, current: Current) -> None:
        """Wait for the end on every node, then say so."""
        try:
            await self._on_each(self.nodes.values(), "stop", lambda node: node.wait_ended())
        except MurmurError:
            _logger.exception("a node did not end in order")
        if self._current is current and self._state is RunState.TERMINATING:
            await self._finish(current, RunState.FINISHED)

    async def _finish(
        self, current: Current, state: RunState, nodes: tuple[NodeStatus, ...] = ()
    ) -> None:
        """Note that the run is over, and tell who waits, with its last status."""
        if current.over.is_set():
            return
        if not nodes:
            with anyio.CancelScope(shield=True):
                nodes = (await self.status()).nodes
        if state is RunState.FINISHED and any(node.state is RunState.FAILED for node in nodes):
            state = RunState.FAILED
        for name in self.nodes:
            current.record.set_present(name, (), (), (), ())
        self._state = state
        current.ended_at = anyio.current_time()
        current.over.set()
        current.course.on_over(self._status(nodes))

    def _note_state(self, current: Current, state: RunState) -> None:
        """Fail with a node that failed after its `init`."""
        if state is RunState.FAILED and self._state is RunState.RUNNING:
            current.ends.cancel()
            self._tasks.start_soon(self._finish, current, RunState.FAILED)

    def _status(self, nodes: tuple[NodeStatus, ...]) -> ClusterStatus:
        return ClusterStatus(
            state=self._state,
            highest_id=self.highest_id,
            elapsed=self._current.elapsed if self._current is not None else 0.0,
            nodes=nodes,
        )

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
        names = [names] if isinstance(names, str) else names
        unknown = [name for name in names if name not in self.nodes]
        if unknown or not names:
            raise UnknownNodeError(unknown or ["(an empty list)"], self.nodes)
        return [self.nodes[name] for name in names]

    def _require_running(self, verb: str) -> Current:
        if self._current is None or self._is_between or self._state is not RunState.RUNNING:
            state = "starting or being reset" if self._is_between else self._state.value
            remedy = "start a run with do first" if self._state.is_over else ""
            raise RunStateError(verb, state, "" if self._is_between else remedy)
        return self._current
