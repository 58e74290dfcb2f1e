"""The node in this very process: no message, no copy, the same verbs."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import anyio

from murmur._backend import native
from murmur.errors import MurmurError, RunStateError
from murmur.runtime import NodeRun, RunState, longest_end

from ._facts import NodeFacts
from ._node import STUCK, Node, NodeStatus

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from murmur.runtime import Listener, Presence, RunSpec
    from murmur.telemetry import Bus


class LocalNode(Node):
    """Runs users on the loop that it is called from."""

    def __init__(
        self,
        name: str,  # how the node is called in frames and messages
        *,
        bus: Bus,
        tasks: TaskGroup,
    ) -> None:
        self.name = name
        self.facts: NodeFacts = NodeFacts.here(name)
        self.joined_at: float = native().now()
        self._bus = bus
        self._tasks = tasks
        self._run: NodeRun | None = None
        self._earlier: list[NodeRun] = []  # that are over, with users whose code goes on
        self._scope = anyio.CancelScope()

    @property
    def problems(self) -> tuple[str, ...]:
        """What the run knows is wrong; may be read while the loop is stuck."""
        return self._run.all_problems() if self._run is not None else ()

    @property
    def stuck_for(self) -> float:
        """Seconds since the loop gave a sign of life; may be read while it is stuck."""
        run = self._run
        return run.watchdog.silence if run is not None else 0.0

    @property
    def end_within(self) -> float:
        """Seconds that the run may take to end; may be read while the loop is stuck.

        `terminate` counts only where the loop is free to call it.
        """
        run = self._run
        if run is None:
            return 0.0
        is_free = run.watchdog.silence < STUCK
        return longest_end(run.grace) + (run.spec.callback_timeout if is_free else 0.0)

    @property
    def is_held_by_user(self) -> bool:
        """Whether the loop was last seen blocked by a user's code."""
        run = self._run
        return run is not None and run.watchdog.blocker > 0

    async def start(self, spec: RunSpec, listener: Listener) -> None:
        """Serve the run in a task of the node's group."""
        if self.is_running:
            raise RunStateError("start a run", "not over yet on this node", "wait for its end")
        self._part_with_run()
        try:
            run = NodeRun(spec, node=self.name, bus=self._bus, listener=listener)
        except MurmurError:
            listener.state(RunState.FAILED)
            raise
        run.earlier = self._earlier
        self._run = run
        self._scope = anyio.CancelScope()
        self._tasks.start_soon(self._serve, run, self._scope)
        await run.initialised.wait()
        if run.error is not None:
            raise run.error
        if run.state is not RunState.RUNNING:
            raise RunStateError("start a run", "reset", "that came while init ran")

    async def add(self, first: int, last: int, *, live: bool = True) -> None:
        """See the base."""
        self._the_run("add users").add(first, last, live=live)

    async def remove(self, count: int, *, force: bool) -> int:
        """See the base."""
        return self._the_run("remove users").remove(count, force=force)

    async def remove_one(self, user_id: int, *, force: bool) -> bool:
        """See the base."""
        return self._the_run("remove users").remove_one(user_id, force=force)

    async def update(self, given: Mapping[str, object]) -> dict[str, tuple[object, object]]:
        """See the base."""
        return await self._the_run("update settings").update(given)

    async def stop(self, reason: str = "") -> None:
        """See the base; `reason` as of `NodeRun.stop`."""
        self._the_run("stop").stop(reason)

    async def wait_ended(self) -> None:
        """See the base."""
        if self._run is not None:
            await self._run.ended.wait()

    def ignore(self) -> None:
        """See the base; this one sends no messages."""

    async def abort(self) -> NodeStatus:
        """See the base."""
        self._scope.cancel()
        await self.wait_ended()
        last = await self.status()
        self._part_with_run()
        return last

    def _part_with_run(self) -> None:
        """Forget a run that is over, unless users of it cannot be stopped."""
        runs = [*self._earlier, *([] if self._run is None else [self._run])]
        self._earlier = [run for run in runs if run.users.unstoppable]
        self._run = None

    async def status(self) -> NodeStatus:
        """See the base."""
        run = self._run
        if run is None:
            return NodeStatus.idle(self.name)
        return NodeStatus(
            node=self.name,
            state=run.state,
            users=run.users.population.counts,
            abandoned=run.users.abandoned,
            undoomed=run.users.population.undoomed,
            grace=run.grace,
            problems=run.all_problems(),
            throttles={name: run.throttles[name].statistics() for name in run.throttles},
            coordinators={name: run.coordinators[name].statistics() for name in run.coordinators},
        )

    async def call_throttle(self, name: str, verb: str, arguments: Mapping[str, Any]) -> None:
        """See the base."""
        await self._the_run(f"{verb} a throttle").call_throttle(name, verb, arguments)

    async def call_coordinator(self, name: Hashable, verb: str) -> None:
        """See the base."""
        await self._the_run(f"{verb} a coordinator").coordinators.call(name, verb)

    async def flush(self) -> Presence:
        """See the base."""
        run = self._the_run("flush")
        run.flush()
        return run.presence()

    @property
    def is_running(self) -> bool:
        """Whether a run is on here, or on its way out."""
        run = self._run
        return run is not None and not run.ended.is_set()

    @property
    def is_preparing(self) -> bool:
        """Whether the `init` of a run is under way here."""
        return self._run is not None and not self._run.initialised.is_set()

    def emit(
        self, name: str, measurements: Mapping[str, float], metadata: Mapping[str, object]
    ) -> None:
        """Emit an event of this node within the run that is on; without one, nobody hears."""
        if self._run is not None:
            self._run.emitter.emit(name, measurements, metadata)

    def deliver(self, user_id: int, message: object, due: float | None = None) -> None:
        """Put a message from another node into a user's mailbox, if the user is here."""
        if self._run is not None:
            self._run.deliver(user_id, message, due)

    def meeting_heard(self, message: Sequence[Any]) -> None:
        """Take a message about a coordinator that is one over all nodes."""
        if self._run is not None:
            self._run.coordinators.heard(message)

    def follow(self, started_at: float, clock_error: float) -> None:
        """Count the run's times from `started_at`, as this node's clock is known by now."""
        if self._run is not None:
            self._run.follow(started_at, clock_error)

    async def _serve(self, run: NodeRun, scope: anyio.CancelScope) -> None:
        """Serve the run until it is over, or aborted."""
        with scope:
            await run.serve()

    def _the_run(self, verb: str) -> NodeRun:
        if self._run is None:
            raise RunStateError(verb, "idle", "start one with do")
        return self._run
