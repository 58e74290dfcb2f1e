"""Steers one run over all nodes; one machine is a cluster of one.

Every verb goes to its nodes at the same time and comes back as one answer.  What follows for
the run when nodes come and go is in `_cluster_run`.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import anyio

from murmur._backend import native
from murmur.errors import (
    ClusterError,
    InvalidRangeError,
    MurmurError,
    NodeLostError,
    RunStateError,
)
from murmur.recording import STEERING
from murmur.runtime import EXPELLED, RunState, check_throttle_verb
from murmur.telemetry import Emitter
from murmur.telemetry import bus as process_bus

from ._answers import Answers, ask_each
from ._chronicle import emit_of_node
from ._cluster_run import ClusterRun
from ._course import ClusterStatus, Course, check_count
from ._homes import LAST_ID, split_removal
from ._overview import NodeOverview, overview_of
from ._roster import named

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from murmur.recording import RunRecord
    from murmur.runtime import RunSpec
    from murmur.telemetry import Bus

    from ._node import Node
    from ._roster import Roster

T = TypeVar("T")

_logger = logging.getLogger(__name__)


def new_run_id() -> str:
    """Return a short id that no other run has."""
    return secrets.token_hex(4)


class Cluster:
    """The nodes of a session and its run, each verb for all nodes that take part."""

    answers: Answers[Any] | None = None  # what each node said to the last verb
    _run: ClusterRun | None = None  # the one that is on, or was last; None after a reset
    _starting: ClusterRun | None = None  # the one that was begun last, until `start` returns
    _resets = 0  # how many are under way

    def __init__(
        self,
        # owns what watches for the end of a run.  Nothing of a run may end this group.
        tasks: TaskGroup,
        roster: Roster,
        *,
        bus: Bus = process_bus,
    ) -> None:
        self.roster = roster
        self._tasks = tasks
        self._bus = bus
        self._emitter = Emitter(bus, run_id="", node=STEERING, now=native().now, wall_now=time.time)

    def spawn(self, fn: Callable[..., Coroutine[Any, Any, Any]], *args: object) -> None:
        """Start a task that ends with the session; it must not raise."""
        self._tasks.start_soon(fn, *args)

    @property
    def under_way(self) -> ClusterRun | None:
        """The run that is on, from its start up to its end."""
        run = self._run
        return None if run is None or run.over.is_set() else run

    @property
    def _is_between(self) -> bool:
        """Whether it starts or resets, so that no other verb fits.

        A start that a reset overtook may still wait for a node, and is nobody's business.
        """
        is_starting = self._starting is not None and self._starting is self._run
        return is_starting or self._resets > 0

    @property
    def _state(self) -> RunState:
        return RunState.IDLE if self._run is None else self._run.state

    async def start(
        self, spec: RunSpec, record: RunRecord, course: Course, nodes: Sequence[str] | None = None
    ) -> None:
        """Begin a run on all nodes or the named ones; `init` succeeded when this returns.

        Raises `RunStateError` if a run is on; `ScenarioError` or `NodesFailedError` if `init`
        failed, or the first users could not be announced; the run is failed then, on every node.
        """
        await self._await_the_last()
        chosen = named(nodes, self.roster.staff)
        if self._is_between or not self._state.is_over:
            state = "starting or being reset" if self._is_between else self._state.value
            raise RunStateError("start a run", state, "stop it first, or reset()")
        if nodes is None and self.roster.is_deserted:
            raise ClusterError(
                "no node is there, and the session is open for nodes; do(..., nodes=1) waits for "
                "one, and Session(run_here=True) runs users in this process"
            )
        self._run = run = ClusterRun(
            spec,
            record,
            course,
            chosen,
            are_named=nodes is not None,
            roster=self.roster,
            bus=self._bus,
            tasks=self._tasks,
        )
        self._starting = run
        course.on_accepted()
        try:
            await self._ask(chosen, "start", run.start_on)
            if self._run is not run or self._resets:
                raise RunStateError("start a run", "reset", "that came while init ran")
            run.note_begun()
            if course.users:
                await self._add(run, 1, course.users, nodes, live=False)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await run.fail(self._failures if self._run is run else {})
            raise
        finally:
            if self._starting is run:
                self._starting = None
        self._tasks.start_soon(self._stop_when_due, run)

    async def _await_the_last(self) -> None:
        """Wait while the archive of a run that is over is written, and nodes are freed of it."""
        if self._run is not None and self._run.over.is_set():
            await self._run.told.wait()
        if self._state.is_over:
            for arrival in list(self.roster.arrivals):
                await arrival.wait()

    async def _stop_when_due(self, run: ClusterRun) -> None:
        """Stop a run when its course says so, unless it ends before."""
        cause = await run.wait_due()
        if cause and run.state is RunState.RUNNING and not self._is_between:
            try:
                await self.stop(cause)
            except MurmurError as error:
                _logger.warning("the run does not stop in order: %s", error)

    async def stop(self, cause: str = "stop") -> None:
        """Begin to end the run everywhere; `wait_over` waits for the end.

        `cause` is as of `RunRecord.note_end`.
        """
        run = self._require_running("stop")
        run.terminate(cause)
        try:
            await self._ask(run.active.values(), "stop", _stop)
        finally:
            self._tasks.start_soon(run.see_off)

    async def reset(self) -> None:
        """End whatever runs, at once, and be idle."""
        run = self._run
        self._resets += 1
        try:
            if run is not None:
                run.note_end("reset")
            # Those on their way out as well, whose users are on until they are gone.
            nodes = self.roster.nodes | (run.nodes if run is not None else {})
            last = await ask_each(nodes.values(), "reset", lambda node: node.abort())
            if run is not None:
                await run.break_off(last)
            self._run = None
        finally:
            self._resets -= 1

    async def wait_over(self) -> None:
        """Block until the run is finished, failed or reset."""
        if self._run is not None:
            await self._run.told.wait()

    def abandon(self, record: RunRecord, reason: str, at: float) -> None:
        """Give users of a run that cannot end in order the outcome ``lost``.

        It is called from any thread and waits for nobody, as the loop is stuck or has ended.
        """
        run = self.under_way
        if run is not None and run.record is record:
            for name in list(run.nodes):
                run.chronicle.lose(name, run.homes.on(name), reason, at)

    @property
    def fate(self) -> str:
        """What becomes of the run, in words; may be read from any thread, also of a stuck loop."""
        if self._is_between:
            return "the run is starting, or being reset, and goes on; reset() ends it"
        if self._state is RunState.RUNNING:
            return "the run goes on; stop() ends it"
        if self._state is RunState.TERMINATING:
            return "the run is ending"
        return "no run is on"

    async def status(self) -> ClusterStatus:
        """Return the state of the run and of each node."""
        if self._run is not None:
            return await self._run.status()
        nodes = self.roster.staff.values()
        said = (await ask_each(nodes, "status", lambda node: node.status())).values
        idle = RunState.IDLE
        return ClusterStatus(state=idle, highest_id=0, elapsed=0.0, nodes=tuple(said.values()))

    async def overview(self) -> dict[str, NodeOverview]:
        """Return what there is to know about each node that users go to.

        A node that does not take part in the run is idle, even if it just prepares to.
        """
        part = self._run.nodes if self._run is not None else {}
        nodes = self.roster.staff | part
        said = (await ask_each(nodes.values(), "status", lambda node: node.status())).values
        run = self._run
        if run is None:
            return {name: overview_of(nodes[name], said[name]) for name in sorted(said)}
        return {
            name: run.overview(nodes[name], said[name] if name in part else run.apart(name))
            for name in sorted(said)
        }

    async def flush(self) -> None:
        """Bring the record of the run up to date, with the users that are here now.

        A node that does not answer in time is left out: what it sent before is there.
        """
        run = self._run
        if run is None or run.state.is_over:
            return
        answers = await ask_each(run.nodes.values(), "flush", lambda node: node.flush())
        run.record.reach(native().now())
        for name, here in answers.values.items():
            run.record.set_present(
                name, here.user_ids, here.admitted_at, here.started_at, here.waiting
            )
        for error in answers.failures.values():
            if not isinstance(error, ClusterError):
                raise error

    async def add(
        self, count: int, nodes: Sequence[str] | None = None, *, live: bool = True
    ) -> range:
        """Announce `count` users, spread over the nodes; return their ids."""
        run = self._require_running("add users")
        highest = run.homes.highest_id
        check_count("add", count, room=LAST_ID - highest)
        return await self._add(run, highest + 1, count, nodes, live=live)

    async def add_range(self, first: int, last: int) -> range:
        """Announce users `first` to `last`; ids below are left out for good."""
        run = self._require_running("add users")
        highest = run.homes.highest_id
        check_count("add", first)
        check_count("add", last)
        if not highest < first <= last <= LAST_ID:
            raise InvalidRangeError(first, last, highest, LAST_ID)
        return await self._add(run, first, last - first + 1, None, live=True)

    async def _add(
        self, run: ClusterRun, first: int, count: int, names: Sequence[str] | None, *, live: bool
    ) -> range:
        if names is not None:
            await run.await_late(names)
        chosen = run.choose("add users", names)
        if names is None:
            chosen = [node for node in chosen if node.name in self.roster.staff] or chosen
        if not chosen:
            raise RunStateError("add users", "on without nodes", "let a node join")
        ranges = run.homes.settle(first, count, [node.name for node in chosen])
        try:
            await self._ask(
                [node for node in chosen if node.name in ranges],
                "add",
                lambda node: node.add(*ranges[node.name], live=live),
            )
        finally:
            run.note_refusals(ranges, self._failures)
        return range(first, first + count)

    async def remove(self, count: int, *, force: bool, nodes: Sequence[str] | None = None) -> int:
        """Ask `count` users to leave, or as many as there are; return how many were asked."""
        run = self._require_running("remove users")
        check_count("remove", count)
        chosen = run.choose("remove users", nodes)
        statuses = (await ask_each(chosen, "status", lambda node: node.status())).checked()
        shares = split_removal(
            count,
            {
                name: said.users["waiting"] + said.users["running"]
                for name, said in statuses.items()
            },
            {name: said.undoomed for name, said in statuses.items()} if force else {},
        )
        asked = await self._ask(
            [node for node in chosen if node.name in shares],
            "remove",
            lambda node: node.remove(shares[node.name], force=force),
        )
        return sum(asked.values())

    async def remove_one(self, user_id: int, force: bool) -> bool:
        """Ask one user to leave; return whether it was here to be asked."""
        node = self._require_running("remove users").home_of(user_id)
        if node is None:
            return False
        answers = await self._ask(
            [node], "remove", lambda node: node.remove_one(user_id, force=force)
        )
        return any(answers.values())

    async def send(self, user_id: int, message: object) -> bool:
        """Send a message to the node of a user; return whether there is one."""
        return self._require_running("send").route(user_id, message)

    async def update(
        self, given: Mapping[str, object], nodes: Sequence[str] | None = None
    ) -> dict[str, tuple[object, object]]:
        """Change live settings on the nodes; return what changed, as (old, new).

        A node that joins later begins with the new values, unless only some were named.
        """
        run = self._require_running("update settings")
        chosen = run.choose("update settings", nodes)
        if not chosen:
            raise RunStateError("update settings", "on without nodes", "let a node join")
        changed: dict[str, tuple[object, object]] = {}
        with run.changing_settings():
            try:
                await self._ask(chosen, "update", lambda node: node.update(given))
            finally:
                for answer in (self.answers.values if self.answers else {}).values():
                    changed |= answer
                if nodes is None:
                    run.note_settings(changed)
        return changed

    async def call_throttle(self, name: str, verb: str, arguments: Mapping[str, Any]) -> None:
        """Call a method of a throttle of the run, where its rate lives.

        Over nodes that is here, and nodes follow when their loops run; else it is the node.
        """
        run = self._require_running(f"{verb} a throttle")
        if verb == "open":  # as the scenario's own `init` does it, on every node
            everybody = run.active.values()
            await self._ask(everybody, verb, lambda node: node.call_throttle(name, verb, arguments))
            return
        check_throttle_verb(name, verb, arguments)
        if run.shared is not None:
            old, new = run.shared.throttles.call(name, verb, arguments)
            new = f"resumed, {new}" if verb == "resume" else new
            run.chronicle.change(self.roster.local, f"throttle {name}", old, new)
            return
        nodes = sorted(run.active.values(), key=lambda node: node.silence)
        await self._ask(nodes[:1], verb, lambda node: node.call_throttle(name, verb, arguments))

    async def throttle_names(self) -> tuple[str, ...]:
        """Return the names of the run's throttles; over nodes none of them is asked."""
        if self._run is not None and (steered := self._run.steered_throttles()):
            return tuple(steered)
        status = await self.status()
        return tuple(sorted({name for node in status.nodes for name in node.throttles}))

    async def call_coordinator(self, name: Hashable, verb: str) -> None:
        """Call a method of a coordinator of the run."""
        nodes = self._require_running(f"{verb} a coordinator").active.values()
        if not nodes:
            raise RunStateError(f"{verb} a coordinator", "on without nodes", "let a node join")
        await self._ask(nodes, verb, lambda node: node.call_coordinator(name, verb))

    def join(self, node: Node) -> None:
        """Take a node into the session; it takes part in a run that is on once `init` is done."""
        self.roster.join(node)
        self._tell("amoc.cluster.connect_nodes", node, "joined")
        if (run := self.under_way) is not None:
            run.welcome(node)

    def explain(self, reason: str) -> str:
        """Return why a node is lost, where this kernel itself had to do with it."""
        run = self.under_way
        return reason if run is None or run.vigil is None else run.vigil.explain(reason)

    def part(self, node: Node, reason: str, *, is_lost: bool, is_silent: bool = False) -> None:
        """Take note that a node is gone; users that it still had are lost."""
        self.roster.strike(node)
        name = "amoc.cluster.nodedown" if is_lost else "amoc.cluster.connect_nodes"
        self._tell(name, node, f"{'lost' if is_lost else 'left'}: {reason}")
        run, lost = self.under_way, 0
        if self._run is not None:
            outcome = "lost" if is_lost else "left"
            lost = self._run.drop_out(node, reason, outcome, is_silent=is_silent)
        if run is not None and is_lost and reason != EXPELLED:  # which somebody asked for
            run.chronicle.failure(node.name, NodeLostError(node.name, reason), users=lost)

    def note_wish(self, node: str, fate: str) -> None:
        """Take note that a person sends a node away: nobody is to wonder where it is.

        It is "expelled", or "released" as by scaling a deployment down.
        """
        run = self.under_way
        if run is not None and node in run.nodes:
            run.chronicle.change(node, f"node {node}", "here", fate)

    def _tell(self, name: str, node: Node, state: str) -> None:
        """Say what became of a node, and write it into the record of a run that is on."""
        if (run := self.under_way) is not None:
            run.chronicle.event(name, node.name, state)
        else:
            emit_of_node(self._emitter, name, node.name, state)

    async def _ask(
        self, nodes: Iterable[Node], verb: str, call: Callable[[Node], Awaitable[T]]
    ) -> dict[str, T]:
        """Call all nodes at the same time; return their answers by name, or raise."""
        self.answers = None  # not those to an earlier verb, should this one be cancelled
        nodes = list(nodes)
        asked = {node.name for node in nodes}
        skipped = [name for name in self.roster.staff if name not in asked]
        self.answers = answers = await ask_each(nodes, verb, call, skipped=skipped)
        return answers.checked()

    @property
    def _failures(self) -> Mapping[str, Exception]:
        """What nodes raised in the last verb."""
        return self.answers.failures if self.answers is not None else {}

    def _require_running(self, verb: str) -> ClusterRun:
        if self._run is None or self._is_between or self._state is not RunState.RUNNING:
            state = "starting or being reset" if self._is_between else self._state.value
            remedy = "start a run with do first" if self._state.is_over else ""
            raise RunStateError(verb, state, "" if self._is_between else remedy)
        return self._run


async def _stop(node: Node) -> str | None:
    """Stop a node; one that is lost meanwhile has stopped, and its users are lost."""
    try:
        await node.stop()
    except NodeLostError as error:
        return error.reason
    return None
