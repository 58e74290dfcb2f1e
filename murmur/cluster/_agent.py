"""The node's side of the cluster: does what the steering kernel asks, and tells what happens.

Lives on the loop of the run.  It has one local node, which knows nothing of any cluster.
When the steering kernel is gone the agent ends the run in order, by itself: a load that
nobody can stop must not go on.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

from murmur._backend import native
from murmur._wire import decode, describe_fault, encode
from murmur.coordinators.shared import pack_meeting, read_meeting
from murmur.errors import JoinError, MurmurError, NodeLostError, RunStateError
from murmur.recording import RunRecord
from murmur.runtime import NODE_LEFT, NODE_RELEASED, Listener, Presence, RunSpec, RunState
from murmur.scenario import localize
from murmur.throttles.shared import NodeLeases

from ._facts import NodeFacts
from ._link import MAX_MESSAGE, RELEASED
from ._local import LocalNode
from ._parts import PARTS
from ._travel import unpack, unpack_code

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from murmur.telemetry import Bus, Chunk

    from ._clock import ClockOffset
    from ._link import NodeLink
    from ._node import NodeStatus
    from ._past import Past

WELCOME = 10.0
"""Seconds that the steering kernel has to let a node in."""

WISH = 1.0
"""Seconds that the session has to say whether somebody wants this node to leave."""

LAST_WORDS = 12.0
"""Seconds that a node which leaves in order has until all it measured is out.

A link gives up before that; see `LINGER` of `_tls`.
"""

FOLLOW = 1.0
"""Seconds between two looks at the clock."""

_logger = logging.getLogger(__name__)


class Agent:
    """One node of a session."""

    _refusal = ""
    _is_refused = False
    _is_parting = False
    _aborts = 0

    def __init__(
        self, link: NodeLink, clock: ClockOffset, past: Past, *, bus: Bus, tasks: TaskGroup
    ) -> None:
        # set when the node is none any more, and its run has ended
        self.over: anyio.Event = anyio.Event()
        self.reason: str = ""
        # whether the steering kernel was lost, rather than left in order
        self.is_lost: bool = False
        # what was measured and could not be sent any more
        self.undelivered: RunRecord | None = None
        # whether nobody steers this node any more; true even while its own loop is stuck
        self.is_deserted = False
        # seconds without a word after which the steering kernel counts as lost
        self.silence: float = WELCOME
        self.rejoin: float = 0.0  # seconds for which this node tries to come back then
        self.local: LocalNode = LocalNode("node", bus=bus, tasks=tasks)
        self._link = link
        self._clock = clock
        self._past = past
        self._tasks = tasks
        self._welcomed = anyio.Event()
        self._closed = anyio.Event()
        self._spec: RunSpec | None = None
        self._leases: tuple[str, NodeLeases | None] = ("", None)
        self._wish: bool | None = None
        self._verbs: dict[str, Callable[..., Awaitable[Any]]] = {
            "start": self._start,
            "add": self.local.add,
            "remove": self.local.remove,
            "remove_one": self.local.remove_one,
            "update": self.local.update,
            "stop": self.local.stop,
            "abort": self._abort,
            "status": self.local.status,
            "call_throttle": self.local.call_throttle,
            "call_coordinator": self.local.call_coordinator,
            "flush": self._flush,
        }

    @property
    def stuck_for(self) -> float:
        """Seconds for which a user has been blocking the loop; may be read while it does."""
        return self.local.stuck_for

    @property
    def end_within(self) -> float:
        """Seconds that the run here may take to end; may be read while the loop is stuck."""
        return self.local.end_within

    async def enter(self, name: str, address: str) -> str:
        """Ask to be let in; return the name that was given.

        Raises `JoinError` if the steering kernel refuses, or does not answer.
        """
        facts = NodeFacts.here(self._past.name or name, self._past.life)
        self._link.send("hello", encode(asdict(facts)))
        with anyio.move_on_after(WELCOME):
            await self._welcomed.wait()
        if not self._welcomed.is_set():
            raise JoinError(address, f"it did not let this node in within {WELCOME:g} s")
        if self._refusal:
            raise JoinError(address, self._refusal, is_final=self._is_refused)
        self._past.name = self.local.name
        for number, run_id, chunk in self._past.unconfirmed():
            self._report("belated", run_id, chunk, number)
        self._tasks.start_soon(self._follow)
        return self.local.name

    async def wait_over(self) -> None:
        """Block until this is a node no more, and all that it had to say is out."""
        await self.over.wait()
        if not self.is_lost:  # else nobody listens, and it is told on coming back
            with anyio.move_on_after(LAST_WORDS):
                await self._closed.wait()

    async def leave(self, *, is_asked: bool | None = False) -> None:
        """End the run here in order, send what it measured, and close the connection.

        `is_asked` if whoever steers wants this, as by scaling a deployment down; None to ask.
        """
        if is_asked is None:
            is_asked = await self._is_wished_away()
        if is_asked:
            await self._part(RELEASED, is_lost=False, users_reason=NODE_RELEASED)
        else:
            await self._part("this node left", is_lost=False, users_reason=NODE_LEFT)

    def heard(self, kind: str, body: bytes) -> None:
        """See `NodeDesk`."""
        match kind:
            case "call":
                self._spawn(self._answer, body)
            case "welcome":
                self.local.name, self.silence, self.rejoin = decode(body)
                self._welcomed.set()
            case "refused":
                self._refusal, self._is_refused = str(decode(body)), True
                self._welcomed.set()
            case "wish":
                self._wish = bool(decode(body))
            case "taken":
                self._past.confirm(int(decode(body)))
            case "farewell":
                self._spawn(self._dismissed, str(decode(body)))
            case _:
                self._hear_of_run(kind, body)

    def _hear_of_run(self, kind: str, body: bytes) -> None:
        """Take what others have to say in the run that is on here."""
        run_id, leases = self._leases
        if kind == "message":
            user_id, message, due = decode(body)
            self.local.deliver(user_id, message, due)
        elif kind == "lease" and leases is not None and body.startswith(run_id.encode("ascii")):
            leases.heard(kind, body[len(run_id) :])
        elif kind == "meeting" and (meeting := read_meeting(body, run_id)) is not None:
            self.local.meeting_heard(meeting)

    def deserted(self, reason: str, *, is_closed: bool) -> None:
        """See `NodeDesk`."""
        if is_closed:
            self._closed.set()
        if not self._welcomed.is_set():
            self._refusal = reason
            self._welcomed.set()
            return
        if is_closed:
            self._link.close()
        if not self._is_parting:
            self._spawn(self._desert, reason)

    def _spawn(self, fn: Callable[..., Coroutine[Any, Any, None]], *args: object) -> None:
        """Start a task for what was heard, unless it came too late."""
        if not self.over.is_set() and not self._tasks.cancel_scope.cancel_called:
            self._tasks.start_soon(fn, *args)

    async def _is_wished_away(self) -> bool:
        """Ask whether somebody wants this node to leave; without an answer nobody does."""
        self._link.send("wish", b"")
        with anyio.move_on_after(WISH):
            while self._wish is None:  # noqa: ASYNC110 - a moment at the end of a node
                await anyio.sleep(WISH / 100)
        return bool(self._wish)

    async def _dismissed(self, reason: str) -> None:
        await self._part(reason, is_lost=False)

    async def _desert(self, reason: str) -> None:
        again = f"; this node tries for {self.rejoin:g} s to come back" if self.rejoin else ""
        _logger.warning("the steering kernel is lost (%s); the load ends%s", reason, again)
        self.local.emit(
            "amoc.cluster.master_node_down",
            {"count": 1},
            {"nodes": ["steering"], "state": "lost"},
        )
        await self._part(reason, is_lost=True, users_reason="steering kernel lost")

    async def _part(self, reason: str, *, is_lost: bool, users_reason: str = "") -> None:
        if self._is_parting:
            await self.over.wait()
            return
        self._is_parting = True
        self.reason, self.is_lost = reason, is_lost
        if is_lost and self._spec is not None and self.local.is_running:
            self.undelivered = _record_of(self._spec)
            for _, run_id, chunk in self._past.unconfirmed():
                if run_id == self._spec.run_id:
                    self.undelivered.add(chunk)
        self._link.send("deserted" if is_lost else "leaving", encode(reason))
        try:
            await self._end_run(users_reason)
        finally:
            self._link.send("parted", encode(reason))
            self._link.close()
            self.over.set()

    async def _end_run(self, reason: str) -> None:
        if not self.local.is_running:
            return
        if self.local.is_preparing:  # it has no users, and nobody answers its `init` any more
            await self.local.abort()
            return
        try:
            await self.local.stop(reason)
        except MurmurError:  # it is ending already
            _logger.debug("the run was ending", exc_info=True)
        await self.local.wait_ended()

    async def _answer(self, body: bytes) -> None:
        """Do what a call asks for; whatever comes of it is the answer."""
        number, verb = int.from_bytes(body[:8], "big"), body[9 : 9 + body[8]].decode("ascii")
        try:
            arguments, keywords = unpack(body[9 + body[8] :])
            value = await self._verbs[verb](*arguments, **keywords)
            answer = encode([number, True, value], PARTS, what=f"the answer to {verb}")
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it goes to whoever asked
            answer = encode([number, False, describe_fault(error)])
        self._link.send("reply", answer)

    async def _start(self, facts: dict[str, Any]) -> None:
        leaving = NodeLostError(self.local.name, "it is leaving")
        if self._is_parting:
            raise leaving
        try:
            await self._begin(facts)
        except RunStateError:
            if self._is_parting:  # which is why it gave up
                raise leaving from None
            raise

    async def _begin(self, facts: dict[str, Any]) -> None:
        aborts = self._aborts
        while not self._clock.is_known:  # noqa: ASYNC110 - it learns in another thread
            await anyio.sleep(FOLLOW / 50)
        if self._aborts > aborts:  # the run ended before it began here
            raise RunStateError("start a run", "given up", "start the next one")
        offset = self._clock.offset
        scenario = unpack_code(facts.pop("scenario"))
        settings = localize(scenario, facts.pop("settings"))
        started_at = facts.pop("started_at")
        self._spec = spec = RunSpec(
            scenario=scenario,
            settings=settings,
            started_at=started_at + offset,
            **facts | {"clock_error": self._clock.error},
        )
        self._steering_started_at = started_at
        leases = NodeLeases(lambda _, body: self._send_lease(spec.run_id, body), self._clock)
        self._leases = spec.run_id, leases
        listener = Listener(
            chunk=lambda chunk: self._send_chunk(spec.run_id, chunk),
            idle=lambda: self._report("idle", spec.run_id, None),
            state=lambda state: self._note_state(spec.run_id, state),
            message=partial(self._send_message, spec.run_id),
            meeting=lambda message: self._send_meeting(spec.run_id, message),
            leases=leases,
        )
        over = anyio.Event()
        self._tasks.start_soon(_serve_until, over, leases)
        try:
            await self.local.start(spec, listener)
        except BaseException:
            over.set()
            raise
        self._tasks.start_soon(self._see_off, spec.run_id, over, spec.tune_collector)

    async def _see_off(self, run_id: str, over: anyio.Event, is_collecting: bool) -> None:
        """Tell when the run is over, after everything that it measured."""
        await self.local.wait_ended()
        over.set()
        self._report("ended", run_id, None)
        if is_collecting and native().is_real_time:
            # Without a run a node allocates too little for Python to collect by itself what users
            # left in cycles, and connections of their libraries would stay open.
            gc.collect()

    def _send_meeting(self, run_id: str, message: list[object]) -> None:
        self._link.send("meeting", pack_meeting(run_id, message))

    def _send_lease(self, run_id: str, body: bytes) -> None:
        self._link.send("lease", run_id.encode("ascii") + body)

    async def _abort(self) -> NodeStatus:
        self._aborts += 1
        last = await self.local.abort()
        self._spec = None
        return last

    async def _flush(self) -> Presence:
        here = await self.local.flush()
        offset = self._clock.offset
        return replace(
            here,
            admitted_at=[at - offset for at in here.admitted_at],
            started_at=[at - offset for at in here.started_at],
        )

    async def _follow(self) -> None:
        """Count the run's times by the steering clock, as it is known by now."""
        while not self.over.is_set():
            await anyio.sleep(FOLLOW)
            if self._spec is not None and self._clock.is_known:
                self.local.follow(self._steering_started_at + self._clock.offset, self._clock.error)

    def _send_chunk(self, run_id: str, chunk: Chunk) -> None:
        if self._spec is not None:
            if chunk.actions.nbytes > MAX_MESSAGE / 2:  # a node that was stuck for very long
                _logger.warning(
                    "%d actions are too many to send, and have no rows", len(chunk.actions)
                )
                chunk = replace(chunk, actions=chunk.actions[:0])
            self._report("chunk", run_id, chunk, self._past.keep(run_id, chunk))
        if self.undelivered is not None:
            self.undelivered.add(chunk)

    def _note_state(self, run_id: str, state: RunState) -> None:
        self._report("state", run_id, state.value)

    def _send_message(self, run_id: str, user_id: int, message: object, due: float | None) -> bool:
        """Send a message to the user of another node; from any thread, also of a run before."""
        if self.is_lost:
            return False
        self._link.send("message", encode([run_id, user_id, message, due]))
        return True

    def _report(self, kind: str, run_id: str, value: object, number: int = 0) -> None:
        self._link.send(kind, encode([run_id, value, number], PARTS, what="a report"))


async def _serve_until(over: anyio.Event, leases: NodeLeases) -> None:
    async with anyio.create_task_group() as serving:
        serving.start_soon(leases.serve)
        await over.wait()
        serving.cancel_scope.cancel()


def _record_of(spec: RunSpec) -> RunRecord:
    return RunRecord(
        spec.run_id,
        started_at=spec.started_at,
        wall_started_at=spec.wall_started_at,
        seed=spec.seed,
    )
