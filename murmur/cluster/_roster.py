"""Roster of a session: its nodes, and those of them that take part in its run.

Nodes come and go while a run is on; here is what follows from that for the run, its record
and its users.  What a person may ask of the run is in `_cluster`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

import anyio

from murmur._backend import native
from murmur.errors import NodeLostError, few
from murmur.runtime import EXPELLED, RUN_BROKE, Listener, RunState, longest_end
from murmur.telemetry import bus as process_bus

from ._answers import ask_each
from ._chronicle import Chronicle
from ._course import ClusterStatus, Current
from ._facts import NodeFacts
from ._local import LocalNode
from ._node import STUCK

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from murmur.recording import RunRecord
    from murmur.telemetry import Bus, Chunk
    from murmur.throttles import ThrottleStatistics

    from ._node import Node, NodeStatus

__all__ = ["END_PATIENCE", "Roster", "Supply"]

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
"""Seconds between two looks at whether a change of settings reached the nodes."""

_logger = logging.getLogger(__name__)


class Supply(Protocol):
    """Whatever starts nodes, and knows which of them it wants; asked on the session's loop."""

    def note_join(self, node: str) -> None:
        """Take note that a node of this name is there."""

    def has_given_up(self, node: str) -> bool:
        """Return whether a person asked for less, so that this one is to go."""


class Roster:
    """The nodes of a session and those of its run."""

    local = "local"  # name of the one of this process
    is_listening = False  # whether others may join
    # silence, rejoin: seconds of silence after which either side counts the other as lost, and
    # for which a node tries to come back then
    silence: float = 5.0
    rejoin: float = 60.0

    def __init__(
        self,
        # owns what watches for the end of a run.  Nothing of a run may end this group.
        tasks: TaskGroup,
        *,
        bus: Bus = process_bus,
        # whether the steering kernel runs users even when there are other nodes
        run_here: bool = False,
    ) -> None:
        # the nodes by name; the one of this process may be among them
        self.nodes: dict[str, Node] = {}
        self.supplies: list[Supply] = []  # what starts nodes, where the session knows that
        self.highest_id = 0  # the highest user id given out in the run
        self._tasks = tasks
        self._bus = bus
        self._run_here = run_here
        self._state = RunState.IDLE
        self._current: Current | None = None
        self._arrivals: dict[str, anyio.Event] = {}  # of nodes that prepare for a run that is on

    def spawn(self, fn: Callable[..., Coroutine[Any, Any, Any]], *args: object) -> None:
        """Start a task that ends with the session; it must not raise."""
        self._tasks.start_soon(fn, *args)

    async def status(self) -> ClusterStatus:
        """Return the state of the run and of each node."""
        nodes = list((self._current.nodes if self._current else self._staff()).values())
        answers = await ask_each(nodes, "status", lambda node: node.status())
        return self._status(tuple(answers.values.values()))

    def join(self, node: Node) -> None:
        """Take a node into the session; it takes part in a run that is on once `init` is done."""
        self.nodes[node.name] = node
        if self._current is not None:
            self._current.unfit.pop(node.name, None)  # it may have learnt
        for supply in list(self.supplies):
            supply.note_join(node.name)
        self._chronicle.event("amoc.cluster.connect_nodes", [node.name], "joined")
        if self._current is not None and self._state is RunState.RUNNING:  # else `do` sees to it
            self._let_take_part(self._current, node)

    def _let_take_part(self, current: Current, node: Node) -> None:
        """Bring a node that came late into the run that is on, if it is to have users."""
        if not current.wants(node.name):
            return
        if current.leasing is None:  # it began before the session was open
            self._chronicle.event(
                "amoc.cluster.connect_nodes", [node.name], "takes part from the next run"
            )
            _logger.warning("node %s %s; open() before do()", node.name, NEXT_RUN)
        else:
            current.coming.add(node.name)
            self._arrivals[node.name] = arrival = anyio.Event()
            self._tasks.start_soon(self._bring_in, current, node, arrival)

    def part(self, node: Node, reason: str, *, is_lost: bool, is_silent: bool = False) -> None:
        """Take note that a node is gone; users that it still had are lost."""
        if self.nodes.get(node.name) is node:
            del self.nodes[node.name]
        state = "lost" if is_lost else "left"
        name = "amoc.cluster.nodedown" if is_lost else "amoc.cluster.connect_nodes"
        self._chronicle.event(name, [node.name], f"{state}: {reason}")
        if is_lost and reason != EXPELLED:  # which somebody asked for
            self._chronicle.failure(node.name, NodeLostError(node.name, reason))
        self.drop_out(node, reason, is_lost=is_lost, is_silent=is_silent)

    def drop_out(
        self, node: Node, reason: str, *, is_lost: bool = True, is_silent: bool = False
    ) -> None:
        """Take note that a node takes part in the run no more."""
        current = self._current
        if current is None or current.nodes.get(node.name) is not node:
            return
        del current.nodes[node.name]
        node.ignore()  # its users have their outcome now, and need no second one
        current.note_departure(node, is_lost=is_lost)
        if current.leasing is not None:
            current.leasing.lose(node.name, is_silent=is_silent)
        if current.meetings is not None:
            current.meetings.lose(node.name)
        announced = current.announced.pop(node.name, [])
        current.departed += sum(last - first + 1 for first, last in announced)
        current.chronicle.lose(node.name, announced, reason)
        current.note_idle()

    def take_belated(self, run_id: str, chunk: Chunk) -> None:
        """Take in what a node measured while it was cut off, if its run is still on."""
        current = self._current
        if current is not None and current.spec.run_id == run_id and not current.over.is_set():
            current.record.add(chunk)
            current.chronicle.relay(chunk)

    def is_given_up(self, node: str) -> bool:
        """Return whether what started a node does not want it any more."""
        return any(supply.has_given_up(node) for supply in list(self.supplies))

    def note_wish(self, node: str, fate: str) -> None:
        """Take note that a person sends a node away: nobody is to wonder where it is.

        It is "expelled", or "released" as by scaling a deployment down.
        """
        if self._current is not None and node in self._current.nodes:
            self._chronicle.change(node, f"node {node}", "here", fate)

    def route(self, user_id: int, message: object, due: float | None = None) -> bool:
        """Send a message to the node where a user of the run lives, if there is one.

        `due` is when an answer was due, in seconds since the run started.
        """
        node = self._current.home_of(user_id) if self._current is not None else None
        if node is not None:
            node.deliver(user_id, message, due)
        return node is not None

    def pass_on(self, sender: str, user_id: int, message: object, due: float | None = None) -> None:
        """Send on what a user of one node wrote to a user of another; to nobody, it is gone."""
        if not self.route(user_id, message, due) and self._current is not None:
            self._current.chronicle.count(sender, "mailbox.undeliverable")

    def excuse(self, node: Node) -> None:
        """Ask a node for nothing more: it is on its way out, and sends what it measured yet."""
        node.is_leaving = True
        if self.nodes.get(node.name) is node:
            del self.nodes[node.name]

    def lease_heard(self, node: str, body: bytes) -> None:
        """Take in what a node says about the throttles of the run."""
        if self._current is not None and self._current.leasing is not None:
            self._current.leasing.heard(node, body)

    def meeting_heard(self, node: str, body: bytes) -> None:
        """Take in what a node says about the coordinators of the run."""
        from murmur.coordinators.shared import read_meeting

        if self._current is not None and self._current.meetings is not None:
            message = read_meeting(body, self._current.spec.run_id)
            if message is not None:
                self._current.meetings.heard(node, message)

    def _meeting_of(self, node: Node, current: Current) -> Callable[[list[object]], None] | None:
        """Return where the node of this process posts messages about coordinators."""
        meetings = current.meetings
        if meetings is None or node.name != self.local:
            return None
        return lambda message: meetings.heard(node.name, message)

    def _unite(self, current: Current) -> None:
        """Make throttles and coordinators one over all nodes, if there are or may be others."""
        if set(current.nodes) <= {self.local} and not self.is_listening:
            return
        from murmur.coordinators.shared import Meetings

        from ._leasing import Leasing  # it needs the extra

        spec = current.spec
        current.meetings = Meetings(self._post_meeting, seed=spec.seed)
        self._tasks.start_soon(current.meetings.serve, current.over)
        current.leasing = Leasing(
            spec.run_id,
            seed=spec.seed,
            local=self.local,
            silence=self.silence,
            grace=cast("float", spec.settings.values["grace"]),
            post=self._post,
            started_at=spec.started_at,
            book=lambda name, row: current.chronicle.throttle(self.local, name, row),
        )
        self._tasks.start_soon(current.leasing.serve, current.over)

    def _post_meeting(self, name: str, message: list[object]) -> None:
        from murmur.coordinators.shared import pack_meeting

        node = self.nodes.get(name)
        if node is not None and self._current is not None:
            if isinstance(node, LocalNode):
                node.meeting_heard(message)
            else:
                node.post("meeting", pack_meeting(self._current.spec.run_id, message))

    def _post(self, name: str, kind: str, body: bytes) -> None:
        """Send a message to a node; one that is gone misses nothing."""
        node = self.nodes.get(name)
        if node is not None:
            node.post(kind, body)

    def note_clock(self, node: str, offset: float, error: float) -> None:
        """Let the record of the run know how a node's clock is."""
        if self._current is not None:
            self._current.note_clock(node, offset, error)

    @property
    def _chronicle(self) -> Chronicle:
        if self._current is not None and not self._current.over.is_set():
            return self._current.chronicle
        return Chronicle(self._bus, native().now)

    def _staff(self) -> dict[str, Node]:
        """Return the nodes that users go to: the others, as soon as there are others."""
        others = {name: node for name, node in self.nodes.items() if name != self.local}
        return others if others and not self._run_here else dict(self.nodes)

    def _absence(self, name: str, current: Current) -> str:
        """Return why a node of the session takes no part in its run."""
        if name in current.coming:
            return COMING
        if name in current.unfit:
            return f"takes no part in this run: {current.unfit[name]}"
        if not current.wants(name):
            return "takes no part in this run, which was started for other nodes"
        if name == self.local:
            return "runs no users, because the session is open for nodes"
        return NEXT_RUN if current.leasing is None else COMING

    def _active(self, current: Current) -> dict[str, Node]:
        """Return the nodes that take part and are not on their way out."""
        return {name: node for name, node in current.nodes.items() if name in self.nodes}

    async def _start_on(self, node: Node, current: Current) -> None:
        listener = Listener(
            chunk=self._chunks_of(node, current),
            idle=current.note_idle,
            state=lambda state: self._note_state(current, node, state),
            message=self.route,
            meeting=self._meeting_of(node, current),
            leases=current.leasing.join(node) if current.leasing is not None else None,
        )
        current.note_node(node)
        await node.start(current.spec, listener)

    def _chunks_of(self, node: Node, current: Current) -> Callable[[Chunk], None]:
        """Return what takes a node's chunks; their events are heard here, too, and once."""
        here = NodeFacts.here(node.name)
        if (node.facts.host, node.facts.pid) == (here.host, here.pid):
            return current.record.add  # the bus of this process has told of them

        def take(chunk: Chunk) -> None:
            current.record.add(chunk)
            current.chronicle.relay(chunk)

        return take

    async def _bring_in(self, current: Current, node: Node, arrival: anyio.Event) -> None:
        """Let a node take part in a run that is on; free it for the next if that one ends first.

        The next run may begin on it once `arrival` is set.
        """
        is_settled = False
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_cancel_after, current.over, tasks.cancel_scope)
                is_settled = await self._prepare(current, node)
                tasks.cancel_scope.cancel()
            if not is_settled:
                await ask_each([node], "reset", lambda node: node.abort())
        finally:
            if self._arrivals.get(node.name) is arrival:
                del self._arrivals[node.name]
            arrival.set()

    async def _prepare(self, current: Current, node: Node) -> bool:
        """Bring a node to where the run is by now; return whether it takes part, or has failed."""
        try:
            spec = current.spec
            await self._start_on(node, current)
            while current.changes or current.spec is not spec:  # since it began to prepare
                spec, before = current.spec, spec
                if changes := _changes(before.settings.values, spec.settings.values):
                    await node.update(changes)
                else:
                    await anyio.sleep(GLANCE)  # others are being told
        except Exception as error:  # noqa: BLE001 - the run goes on without it
            await self._leave_out(current, node, error)
            return True
        finally:
            current.coming.discard(node.name)
        if self._current is not current or self._state is not RunState.RUNNING:
            return False
        current.nodes[node.name] = node
        current.chronicle.event("amoc.cluster.connect_nodes", [node.name], "running")
        return True

    async def _leave_out(self, current: Current, node: Node, error: Exception) -> None:
        """Let a run go on without a node that could not be brought in."""
        is_on = self._current is current and self._state is RunState.RUNNING
        if is_on and self.nodes.get(node.name) is node:  # else the run ended, or the node left
            _logger.warning("node %s takes no part in the run: %s", node.name, error)
            current.unfit[node.name] = str(error)
            current.chronicle.event("amoc.cluster.connect_nodes", [node.name], f"failed: {error}")
            current.chronicle.failure(node.name, error)
        is_lost = isinstance(error, NodeLostError) and not node.is_leaving
        current.note_departure(node, is_lost=is_lost)
        if current.leasing is not None:
            current.leasing.lose(node.name, is_silent=False)
        if self._current is current:  # else it may be busy with the next run
            await ask_each([node], "reset", lambda node: node.abort())

    def _note_state(self, current: Current, node: Node, state: RunState) -> None:
        """Fail with the only node that failed after its `init`; go on without one of many."""
        if state is RunState.RUNNING:
            current.note_running(node)
        if state is not RunState.FAILED or self._state is not RunState.RUNNING:
            return
        if current.nodes.get(node.name) is not node:
            return  # it was on its way in, and `_bring_in` goes on without it
        if len(current.nodes) > 1:
            current.unfit[node.name] = reason = f"its part of the run is {state.value}"
            self.drop_out(node, reason)
        else:
            current.ends.cancel()
            self._tasks.start_soon(self._finish, current, RunState.FAILED)

    def abandon(self, record: RunRecord, reason: str, at: float) -> None:
        """Give users of a run that cannot end in order the outcome ``lost``.

        It is called from any thread and waits for nobody, as the loop is stuck or has ended.
        """
        current = self._current
        if current is None or current.record is not record or current.over.is_set():
            return
        for name, announced in list(current.announced.items()):
            current.chronicle.lose(name, announced, reason, at)

    async def _see_off(self, current: Current) -> None:
        """Wait for the end on every node, for so long and no longer, then say so."""
        async with anyio.create_task_group() as waits:
            for node in list(current.nodes.values()):
                waits.start_soon(self._await_end, current, node)
        if self._current is current and self._state is RunState.TERMINATING:
            await self._finish(current, RunState.FINISHED)

    async def _await_end(self, current: Current, node: Node) -> None:
        """Wait for the end on a node; one that does not get there loses its users."""
        if isinstance(node, LocalNode):  # while it is stuck, so is whoever would give it up
            await node.wait_ended()
            return
        grace = cast("float", current.spec.settings.values["grace"])
        with anyio.move_on_after(max(grace + END_PATIENCE, longest_end(grace) + END_PATIENCE / 2)):
            await node.wait_ended()
            return
        if node.stuck_for < STUCK:
            with anyio.move_on_after(current.spec.callback_timeout):
                await node.wait_ended()
                return
        self._give_up(current, node, "it did not end in time")

    def _give_up(self, current: Current, node: Node, reason: str) -> None:
        """Let the run end without a node that still is one of the session."""
        if current.nodes.get(node.name) is node:
            _logger.warning("the run ends without node %s: %s", node.name, reason)
            self.drop_out(node, reason)

    async def _finish(
        self, current: Current, state: RunState, nodes: tuple[NodeStatus, ...] = ()
    ) -> None:
        """Note that the run is over, and tell who waits, with its last status."""
        if current.over.is_set():
            await current.told.wait()
            return
        current.note_end("reset" if state is RunState.IDLE else "failed")  # unless it was told
        if not nodes:
            with anyio.CancelScope(shield=True):
                nodes = (await self.status()).nodes
            if current.over.is_set():  # a reset came first
                return
        if state is RunState.FINISHED and any(node.state is RunState.FAILED for node in nodes):
            state = RunState.FAILED
        current.record.broken_off = current.record.broken_off or _where_it_broke(nodes)
        _account_for_all(current)
        self._state = state
        current.ended_at = native().now()
        current.over.set()
        try:
            await current.course.on_over(self._status(nodes))
        finally:
            current.told.set()

    def _status(self, nodes: tuple[NodeStatus, ...]) -> ClusterStatus:
        return ClusterStatus(
            state=self._state,
            highest_id=self.highest_id,
            elapsed=self._current.elapsed if self._current is not None else 0.0,
            nodes=nodes,
            departed=self._current.departed if self._current is not None else 0,
            throttles=self._steered_throttles(),
        )

    def _steered_throttles(self) -> Mapping[str, ThrottleStatistics]:
        """Return what throttles over all nodes are set to."""
        current = self._current
        if current is None or current.leasing is None or self._state.is_over:
            return {}
        return current.leasing.statistics()


def _account_for_all(current: Current) -> None:
    """Give each user of a run that is over an end, also those of whom nobody told one."""
    for name, announced in current.unheard:
        if name in current.nodes:
            current.chronicle.drop_unheard(name, *announced)
    if current.record.users.ended < current.expected:
        for name in current.nodes:
            current.chronicle.lose(name, current.announced.get(name, []), UNTOLD)
    for name in current.nodes:
        current.record.set_present(name, (), (), (), ())


def _where_it_broke(nodes: Sequence[NodeStatus]) -> str:
    """Return on which nodes a defect of murmur's own ended the run, and what it was."""
    problems = [(node.node, problem) for node in nodes for problem in node.problems]
    broken = [f"on node {name} {what}" for name, what in problems if what.startswith(RUN_BROKE)]
    return few(broken, 2)


async def _cancel_after(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


def _changes(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, object]:
    """Return the settings that have another value by now."""
    return {name: value for name, value in after.items() if value is not before[name]}
