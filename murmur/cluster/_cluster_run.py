"""One run over its nodes: late ones come in, others fail or are lost, and it ends everywhere.

What a person may ask of it is in `_cluster`.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

import anyio

from murmur._backend import native
from murmur._wire import decode
from murmur.errors import (
    CallbackError,
    NodeLostError,
    NodeTimeoutError,
    RunStateError,
    few,
    number_of,
)
from murmur.runtime import RUN_BROKE, USER_RATE, Listener, RunState, longest_end

from ._answers import ask_each
from ._chronicle import Chronicle
from ._course import ClusterStatus
from ._homes import Homes
from ._local import LocalNode
from ._node import STUCK, NodeStatus
from ._overview import overview_of
from ._roster import listed, named
from ._vigil import Vigil

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from murmur.recording import RunRecord
    from murmur.runtime import RunSpec
    from murmur.telemetry import Bus, Chunk
    from murmur.throttles import ThrottleStatistics

    from ._answers import Answers
    from ._course import Course
    from ._homes import Ids
    from ._node import Node
    from ._overview import NodeOverview
    from ._roster import Roster
    from ._shared import Shared

END_PATIENCE = 10.0
"""Seconds that a node has to end its part of a run, besides its users' grace.

One whose loop answers has the time of `terminate` on top; one that is stuck has not.
"""

NEXT_RUN = "takes part from the next run, because this one began before the session was open"
"""Why a node that came late has no users: one machine's throttles are none of many."""

COMING = "prepares to take part"
"""Why a node that came late has no users yet."""

UNTOLD = "nobody told how it ended"
"""Reason of users that a run that is over knows no end of."""

GLANCE = 0.05
"""Seconds between two looks at whether a node is ready, or a change of settings is through."""

_logger = logging.getLogger(__name__)


class ClusterRun:
    """One run over the nodes that take part in it."""

    shared: Shared | None = None  # throttles and coordinators, if there may be several nodes
    vigil: Vigil | None = None  # whether this kernel stands still, which nodes could not say

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        spec: RunSpec,
        record: RunRecord,
        course: Course,
        nodes: Sequence[Node],
        *,
        are_named: bool,  # whether the run is for these alone, and not for any that come
        roster: Roster,
        bus: Bus,
        # owns what watches for the end of the run, which must not end this group
        tasks: TaskGroup,
    ) -> None:
        self._spec = spec  # with the settings as they are now
        self.record = record
        self._course = course
        self.state: RunState = RunState.IDLE  # until `init` succeeded everywhere
        self.nodes: dict[str, Node] = {node.name: node for node in nodes}  # those that take part
        self.homes: Homes = Homes()
        self.chronicle: Chronicle = Chronicle(bus, record)
        # over, told: whether it is over, and whether `Course.on_over` is through
        self.over: anyio.Event = anyio.Event()
        self.told: anyio.Event = anyio.Event()
        self._roster = roster
        self._tasks = tasks
        self._wanted = frozenset(self.nodes) if are_named else None
        self._coming: set[str] = set()  # nodes that came late, and prepare to take part
        self._unfit: dict[str, str] = {}  # why nodes that are there take no part any more, by name
        self._broken: set[str] = set()  # those of them that had users
        self._changes = 0  # changes of settings that all nodes are just told of
        # nodes that did not answer when users were announced, who may have been refused later
        self._unheard: list[tuple[str, Ids]] = []
        self._idle = anyio.Event()  # set when a node has no user left
        self._watch = anyio.CancelScope()
        self._ended_at = math.nan
        if roster.is_open or self.nodes.keys() - {roster.local}:
            from ._shared import Shared

            self.shared = Shared(spec, self.chronicle, roster)
            self.shared.serve(tasks, self.over)

    @property
    def active(self) -> dict[str, Node]:
        """The nodes that take part and are not on their way out."""
        return {name: node for name, node in self.nodes.items() if not node.is_leaving}

    def choose(self, verb: str, names: Sequence[str] | None) -> list[Node]:
        """Return the nodes of these names that take part, or all; tell why one does not."""
        for name in [] if names is None else listed(names):
            if name in self._roster.staff.keys() - self.nodes.keys():
                absence = f"it {self.absence(name)}"
                raise RunStateError(f"{verb} on {name}", "on without it", absence)
        return named(names, self.active)

    def absence(self, name: str) -> str:
        """Return why a node of the session takes no part."""
        if name in self._coming:
            return COMING
        if name in self._unfit:
            more = " any more" * (name in self._broken)
            return f"takes no part in this run{more}: {self._unfit[name]}"
        if not self._wants(name):
            return "takes no part in this run, which was started for other nodes"
        if name == self._roster.local:
            return "runs no users, because the session is open for nodes"
        return NEXT_RUN

    def apart(self, name: str) -> NodeStatus:
        """Return the status of a node that takes no part, or no more: why not."""
        is_broken = name in self._broken
        state = RunState.FAILED if is_broken else RunState.IDLE
        is_told = is_broken or self.state is RunState.RUNNING
        problems = (self.absence(name),) if is_told else ()
        return replace(NodeStatus.idle(name), state=state, problems=problems)

    def overview(self, node: Node, status: NodeStatus) -> NodeOverview:
        """Return what there is to know about a node, with the users of its earlier parts."""
        gone = status.users["gone"] + self.homes.departed_of(node.name)
        status = replace(status, users={**status.users, "gone": gone})
        return overview_of(node, status, lost=self.chronicle.gone[node.name])

    def _wants(self, name: str) -> bool:
        return self._wanted is None or name in self._wanted

    async def status(self) -> ClusterStatus:
        """Return the state of the run and of each node that takes part."""
        answers = await ask_each(self.nodes.values(), "status", lambda node: node.status())
        return self._status(self._still_here(answers))

    def _still_here(self, said: Answers[NodeStatus]) -> tuple[NodeStatus, ...]:
        """Return what nodes said that take part yet; users of the others count as departed."""
        return tuple(status for name, status in said.values.items() if name in self.nodes)

    def _status(self, nodes: tuple[NodeStatus, ...]) -> ClusterStatus:
        until = native().now() if math.isnan(self._ended_at) else self._ended_at
        return ClusterStatus(
            state=self.state,
            highest_id=self.homes.highest_id,
            elapsed=until - self.record.started_at,
            nodes=nodes,
            problems=self._waits(),
            departed=self.homes.departed,
            throttles=self.steered_throttles(),
        )

    def steered_throttles(self) -> Mapping[str, ThrottleStatistics]:
        """Return what throttles over all nodes are set to."""
        if self.shared is None or self.state.is_over:
            return {}
        return self.shared.throttles.statistics()

    def _waits(self) -> tuple[str, ...]:
        """Return a sentence for each wait for others that seems to have no end."""
        return () if self.shared is None or self.state.is_over else self.shared.problems()

    async def start_on(self, node: Node) -> None:
        """Begin the run on a node."""
        listener = Listener(
            # The bus of this process has told of the events of a node that is here.
            chunk=self.record.add if node.facts.is_here else self._take,
            idle=self._note_idle,
            state=partial(self._note_state, node),
            message=self.route,
        )
        if self.shared is not None:
            listener = self.shared.join(node, listener)
        self.chronicle.arrival(node)
        await node.start(self._spec, listener)

    def note_begun(self) -> None:
        """Take note that `init` succeeded everywhere; nodes that joined meanwhile come late."""
        self.state = RunState.RUNNING
        self.record.note_load(native().now())
        if self.shared is not None:
            self.vigil = Vigil(partial(self.chronicle.standstill, self._roster.local))
            self._tasks.start_soon(self.vigil.watch, self.over)
        for name, node in self._roster.staff.items():
            if name not in self.nodes:
                self.welcome(node)

    async def fail(self, failures: Mapping[str, Exception]) -> None:
        """End a run that could not begin; one that was reset meanwhile has ended already."""
        for name, error in failures.items():
            # A constructor: without its scenario, a node records nothing.
            if isinstance(error, CallbackError) and error.callback == "__init__":
                origin = error.__cause__ or error
                self.chronicle.failure(name, origin, of=("scenario", "__init__"))
        if self.over.is_set():
            return
        nodes = list(self.nodes.values())
        goes_on = any(node.name not in failures for node in nodes)  # one alone, if another died
        if goes_on or len(nodes) > 1 or self.state is RunState.RUNNING:  # else `init` ended it
            await ask_each(nodes, "reset", lambda node: node.abort())
        else:
            with anyio.move_on_after(END_PATIENCE):  # until what it measured has come
                for node in nodes:  # none, if the only one was lost
                    await node.wait_ended()
        await self._finish(RunState.FAILED)

    def welcome(self, node: Node) -> None:
        """Let a node that joined the session take part, if the run is on and for such."""
        self._unfit.pop(node.name, None)  # it may have learnt
        self._broken.discard(node.name)
        if self.state is not RunState.RUNNING or not self._wants(node.name):
            return
        if self.shared is None:  # it began before the session was open
            self._tell(node, "takes part from the next run")
            _logger.warning("node %s %s; open() before do()", node.name, NEXT_RUN)
            return
        self._coming.add(node.name)
        arrival = anyio.Event()
        self._roster.arrivals.add(arrival)
        self._tasks.start_soon(self._bring_in, node, arrival)

    async def await_late(self, names: Sequence[str]) -> None:
        """Block while one of these nodes prepares to take part."""
        while not self._coming.isdisjoint(listed(names)):  # noqa: ASYNC110
            await anyio.sleep(GLANCE)  # `init` is on the way, and seldom

    async def _bring_in(self, node: Node, arrival: anyio.Event) -> None:
        """Let a node take part; free it for the next run if this one ends first.

        The next run may begin on it once `arrival` is set.
        """
        is_settled = False
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_cancel_after, self.over, tasks.cancel_scope)
                is_settled = await self._prepare(node)
                tasks.cancel_scope.cancel()
            if not is_settled:
                await ask_each([node], "reset", lambda node: node.abort())
        finally:
            self._roster.arrivals.discard(arrival)
            arrival.set()

    async def _prepare(self, node: Node) -> bool:
        """Bring a node to where the run is by now; return whether it takes part, or has failed."""
        try:
            spec = self._spec
            await self.start_on(node)
            while self._changes or self._spec is not spec:  # since it began to prepare
                spec, before = self._spec, spec
                old, new = before.settings.values, spec.settings.values
                if changes := {name: new[name] for name in new if new[name] is not old[name]}:
                    await node.update(changes)
                else:
                    await anyio.sleep(GLANCE)  # others are being told
        except Exception as error:  # noqa: BLE001 - the run goes on without it
            await self._leave_out(node, error)
            return True
        finally:
            self._coming.discard(node.name)
        if self.state is not RunState.RUNNING:
            return False
        self.nodes[node.name] = node
        self._tell(node, "running")
        return True

    async def _leave_out(self, node: Node, error: Exception) -> None:
        """Go on without a node that could not be brought in."""
        # Else the run ended, or the node left.
        if self.state is RunState.RUNNING and self._roster.holds(node):
            _logger.warning("node %s takes no part in the run: %s", node.name, error)
            self._unfit[node.name] = str(error)
            self._tell(node, f"failed: {error}")
            self.chronicle.failure(node.name, error)
        is_lost = isinstance(error, NodeLostError)
        outcome = "left" if node.is_leaving else "lost" if is_lost else "failed"
        self._note_departure(node, outcome, is_silent=False)
        await ask_each([node], "reset", lambda node: node.abort())

    def _tell(self, node: Node, state: str) -> None:
        self.chronicle.event("amoc.cluster.connect_nodes", node.name, state)

    def note_refusals(self, ranges: Mapping[str, Ids], failures: Mapping[str, Exception]) -> None:
        """Give users an outcome that a node refused; one that is only late has them yet."""
        for name, error in failures.items():
            if isinstance(error, NodeTimeoutError):
                self._unheard.append((name, ranges[name]))
            elif self.homes.withdraw(name, ranges[name]):  # else the node is lost, and they with it
                self.chronicle.drop(name, ranges[name], f"refused: {error}")

    def home_of(self, user_id: int) -> Node | None:
        """Return the node that a user was announced to, if it takes part."""
        name = self.homes.of_user(user_id)
        return None if name is None else self.nodes.get(name)

    def route(self, user_id: int, message: object, due: float | None = None) -> bool:
        """Send a message to the node where a user lives, if there is one.

        `due` is when an answer was due, in seconds since the run started.
        """
        # Users who outlive their run have nobody to write to: its nodes may be in the next one.
        node = None if self.over.is_set() else self.home_of(user_id)
        if node is not None:
            node.deliver(user_id, message, due)
        return node is not None

    @contextmanager
    def changing_settings(self) -> Iterator[None]:
        """Let nodes that come late wait while the others are told of new settings."""
        self._changes += 1
        try:
            yield
        finally:
            self._changes -= 1

    def note_settings(self, changed: Mapping[str, tuple[object, object]]) -> None:
        """Let nodes that come later begin with the settings as they are now.

        Not with the user rate: they learn it from the throttle, which is one for all.
        """
        settings = self._spec.settings
        new = {name: pair[1] for name, pair in changed.items() if name != USER_RATE}
        values = settings.values | new
        sources = settings.sources | dict.fromkeys(new, "argument")  # local ones no more
        settings = replace(settings, values=values, sources=sources)
        self._spec = replace(self._spec, settings=settings)

    def note_clock(self, node: str, offset: float, error: float) -> None:
        """Let the record know how the clock of a node that takes part is, once that is known."""
        if node in self.nodes and math.isfinite(error):
            self.record.note_node(node, clock_offset=offset, clock_error=error)

    def heard(self, node: str, kind: str, body: bytes) -> None:
        """Take in what a node says to others of the run; raises if it makes no sense."""
        if kind != "message":
            if self.shared is not None:
                self.shared.heard(node, kind, body)
            return
        run_id, user_id, message, due = decode(body)
        if run_id != self._spec.run_id:  # of a user who outlived an earlier run
            return
        if not self.route(int(user_id), message, due):
            self.chronicle.count(node, "mailbox.undeliverable")

    def take_belated(self, run_id: str, chunk: Chunk) -> None:
        """Take in what a node measured while it was cut off, if it was this run."""
        if self._spec.run_id == run_id:
            self._take(chunk)

    def _take(self, chunk: Chunk) -> None:
        self.record.add(chunk)
        self.chronicle.relay(chunk)

    def _note_state(self, node: Node, state: RunState) -> None:
        """Fail with the only node that failed after its `init`; go on without one of many."""
        if state is RunState.RUNNING:
            self.chronicle.running(node.name)
        if state is not RunState.FAILED or self.state is not RunState.RUNNING:
            return
        if self.nodes.get(node.name) is not node:
            return  # it was on its way in, and `_bring_in` goes on without it
        if len(self.nodes) > 1:
            reason = "its part of the run failed"
            self._broken.add(node.name)
            self.drop_out(node, reason, "failed")
            users = number_of(self.chronicle.gone[node.name], "user")
            self._unfit[node.name] = f"{reason}, and {users} went with it"
        else:
            self.note_end("failed")
            self._tasks.start_soon(self._finish, RunState.FAILED)

    def excuse(self, node: Node) -> None:
        """Have other nodes do what is done for all in the place of one that is about to leave."""
        if self.shared is not None:
            self.shared.excuse(node.name)

    def drop_out(
        self, node: Node, reason: str, outcome: str = "lost", *, is_silent: bool = False
    ) -> int:
        """Take note that a node takes part no more; return how many users are lost with it.

        `outcome` is as of `RunRecord.note_node`.
        """
        if self.nodes.get(node.name) is not node:
            return 0
        del self.nodes[node.name]
        node.ignore()  # its users have their outcome now, and need no second one
        lost = self.chronicle.lose(node.name, self.homes.vacate(node.name), reason)
        if lost and outcome == "left":
            outcome = "lost"
        self._note_departure(node, outcome, is_silent=is_silent)
        self.chronicle.count_gone(node.name)
        self._note_idle()
        return lost

    def _note_departure(self, node: Node, outcome: str, *, is_silent: bool) -> None:
        self.chronicle.departure(node.name, outcome)
        if self.shared is not None:
            self.shared.lose(node.name, is_silent=is_silent)

    def _note_idle(self) -> None:
        """Take note that a node has no user left."""
        self._idle.set()

    async def wait_due(self) -> str:
        """Block until the course says that the run is to stop; return why, or "" if it ends."""
        with self._watch:
            with anyio.move_on_after(self._course.duration) as whole:
                self.record.planned_end = whole.deadline - self.record.started_at
                await self._wait_idle()
            return "duration" if whole.cancelled_caught else "idle"
        return ""

    async def _wait_idle(self) -> None:
        """Block until no node has a user, if that is how the run ends."""
        if not self._course.end_when_idle:
            await anyio.sleep_forever()
        while True:
            await self._idle.wait()
            self._idle = anyio.Event()
            status = await self.status()
            if all(sum(node.users.values()) == node.users["gone"] for node in status.nodes):
                return

    def note_end(self, cause: str) -> None:
        """Let the record know that the run begins to end, and why; the first to tell is right.

        `cause` is as of `RunRecord.note_end`.
        """
        self._watch.cancel()
        self.record.note_end(native().now(), cause)

    def terminate(self, cause: str) -> None:
        """Begin to end; once the nodes were asked to, `see_off` waits for them."""
        self.state = RunState.TERMINATING
        self.note_end(cause)
        if self.shared is not None:
            self.shared.end(self.nodes)

    async def see_off(self) -> None:
        """Wait for the end on every node, for so long and no longer, then say so."""
        async with anyio.create_task_group() as waits:
            for node in list(self.nodes.values()):
                waits.start_soon(self._await_end, node)
        if self.state is RunState.TERMINATING:
            await self._finish(RunState.FINISHED)

    async def _await_end(self, node: Node) -> None:
        """Wait for the end on a node; one that does not get there loses its users."""
        if isinstance(node, LocalNode):  # while it is stuck, so is whoever would give it up
            await node.wait_ended()
            return
        grace = cast("float", self._spec.settings.values["grace"])
        with anyio.move_on_after(max(grace + END_PATIENCE, longest_end(grace) + END_PATIENCE / 2)):
            await node.wait_ended()
            return
        if node.stuck_for < STUCK:
            with anyio.move_on_after(self._spec.callback_timeout):
                await node.wait_ended()
                return
        self._give_up(node, "it did not end in time")

    def _give_up(self, node: Node, reason: str) -> None:
        """Let the run end without a node that still is one of the session."""
        if self.nodes.get(node.name) is node:
            _logger.warning("the run ends without node %s: %s", node.name, reason)
            lost = self.drop_out(node, reason)
            self.chronicle.failure(node.name, NodeLostError(node.name, reason), users=lost)

    async def break_off(self, last: Answers[NodeStatus]) -> None:
        """End as nodes answered to a reset."""
        for name in last.failures.keys() & self.nodes.keys():
            self._give_up(self.nodes[name], "it did not end at once")
        await self._finish(RunState.IDLE, self._still_here(last))

    async def _finish(self, state: RunState, nodes: tuple[NodeStatus, ...] = ()) -> None:
        """Note that the run is over, and tell who waits, with its last status."""
        if self.over.is_set():
            await self.told.wait()
            return
        self.note_end("reset" if state is RunState.IDLE else "failed")  # unless it was told
        if not nodes:
            with anyio.CancelScope(shield=True):
                nodes = (await self.status()).nodes
            if self.over.is_set():  # a reset came first
                return
        if state is RunState.FINISHED and any(node.state is RunState.FAILED for node in nodes):
            state = RunState.FAILED
        self.record.broken_off = self.record.broken_off or _where_it_broke(nodes)
        self._account_for_all()
        self.state = state
        self._ended_at = native().now()
        self.over.set()
        try:
            await self._course.on_over(self._status(nodes))
        finally:
            self.told.set()

    def _account_for_all(self) -> None:
        """Give each user an end, also those of whom nobody told one."""
        for name, ids in self._unheard:
            if name in self.nodes and self.chronicle.drop_unheard(name, ids):
                self.homes.withdraw(name, ids)
        if self.record.users.ended < self.homes.announced:
            for name in self.nodes:
                if self.chronicle.lose(name, self.homes.on(name), UNTOLD):
                    self.chronicle.count_gone(name)
        for name in self.nodes:
            self.record.set_present(name, (), (), (), ())


def _where_it_broke(nodes: Sequence[NodeStatus]) -> str:
    """Return on which nodes a defect of murmur's own ended the run, and what it was."""
    problems = [(node.node, problem) for node in nodes for problem in node.problems]
    broken = [f"on node {name} {what}" for name, what in problems if what.startswith(RUN_BROKE)]
    return few(broken, 2)


async def _cancel_after(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel()
