"""Host of a session: the loop on its thread, what lives there, and calls from outside.

Here is the cluster with the node of this process.  What a run is, and what a person may
ask of it, is the session's business.
"""

from __future__ import annotations

import atexit
import logging
import math
from collections.abc import Awaitable, Callable, Hashable, Mapping
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio
import anyio.abc

from murmur._backend import TAKEN_AWAY, USERS_LOOP, LoopThread, thread_lock
from murmur.cluster import Cluster, LocalNode, NodeOverview, Roster
from murmur.errors import (
    CallbackError,
    ClusterError,
    InvalidArgumentError,
    MurmurError,
    RunStateError,
    SessionClosedError,
    UnresponsiveError,
)
from murmur.runtime import RunState, longest_end
from murmur.telemetry import bus

from ._late_output import follow_cells
from ._nodes import Entrance

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from concurrent.futures import Future

    from murmur.coordinators import CoordinatorStatistics
    from murmur.recording import RunRecord

T = TypeVar("T")

FAREWELL = 5.0
"""Seconds that closing waits for a run to end in order, besides its grace."""

BREATH = 1.0
"""Seconds that a loop may be late for other reasons than an `init` that holds it."""

OPENING = 60.0
"""Seconds that the first task of the loop has to start."""

STEERING = ("do", "add", "add_users", "remove", "remove_user", "update", "stop")
"""Verbs after whose failure a person asks whether the run goes on."""

_logger = logging.getLogger(__name__)


class Call(Generic[T]):
    """A function to call on the loop, unless it is withdrawn before.

    Each side first says what it does and then looks at what the other says, so that a call
    of which `withdraw` says that nothing was done is never done.
    """

    def __init__(self, fn: Callable[..., Awaitable[T]]) -> None:
        self._fn = fn
        self._has_begun = False
        self._is_withdrawn = False

    async def begin(self, *args: object) -> T:
        """Call the function; runs on the loop."""
        self._has_begun = True
        if self._is_withdrawn:
            raise SessionClosedError("the call was withdrawn")
        return await self._fn(*args)

    def withdraw(self, cluster: Cluster | None) -> str:
        """Give up; return what becomes of the call, and of the run."""
        self._is_withdrawn = True
        run = cluster.fate if cluster is not None else "no run is on"
        if self._has_begun:
            return f"what was asked may still be done; {run}"
        return f"what was asked is not done; {run}"


class Host:
    """The loop of a session and what runs on it, made by the first call that needs it."""

    trouble = ""  # why the run could not be ended in order when this was closed; empty if it could

    def __init__(
        self,
        *,
        callback_timeout: float,
        run_here: bool,  # whether users live here even when there are other nodes
        silence: float,
        rejoin: float,
    ) -> None:
        _check_seconds("silence", silence, least=0.5)
        _check_seconds("rejoin", rejoin, least=0.0)
        self.callback_timeout = callback_timeout
        self.entrance = Entrance(self)  # where nodes come in
        self._run_here = run_here
        self._silence, self._rejoin = silence, rejoin
        self._loop = LoopThread("murmur-loop", USERS_LOOP)
        self._opening = thread_lock()
        self._is_closing = False
        self._cluster: Cluster | None = None
        self._local: LocalNode | None = None

    @property
    def is_closed(self) -> bool:
        """Whether it takes no more calls."""
        return self._loop.is_closed

    @property
    def is_here(self) -> bool:
        """Whether the caller is on the loop's thread."""
        return self._loop.is_here

    @property
    def present(self) -> Cluster | None:
        """The cluster; None before the first call that needs one."""
        return self._cluster

    def cluster(self, verb: str) -> Cluster:
        """Return the cluster; the first call starts the loop."""
        with self._opening:
            if self._cluster is None:
                atexit.register(self.close)
                follow_cells()
                self._loop.start(verb, self._live, patience=OPENING)
            return self.cluster_here

    @property
    def cluster_here(self) -> Cluster:
        """The cluster, for code that runs on the loop."""
        assert self._cluster is not None
        return self._cluster

    async def overview(self) -> Mapping[str, NodeOverview]:
        """Return what there is to know about each node."""
        return await self.cluster_here.overview()

    def throttle_names(self) -> tuple[str, ...]:
        """Return the names of the run's throttles."""
        cluster = self.present
        return () if cluster is None else self.ask("throttles", cluster.throttle_names)

    def call_throttle(self, name: str, verb: str, arguments: Mapping[str, object]) -> None:
        """Call a method of a throttle of the run, or open one."""
        self.ask(verb, self.cluster(verb).call_throttle, name, verb, arguments)

    def call_coordinator(self, name: Hashable, verb: str) -> None:
        """Call a method of a coordinator of the run."""
        self.ask(verb, self.cluster(verb).call_coordinator, name, verb)

    def coordinator_statistics(self) -> Mapping[Hashable, CoordinatorStatistics]:
        """Return what the coordinators of all nodes are doing."""
        cluster = self.present
        if cluster is None:
            return {}
        merged: dict[Hashable, CoordinatorStatistics] = {}
        for node in self.ask("status", cluster.status).nodes:
            for name, here in node.coordinators.items():
                merged[name] = merged[name].plus(here) if name in merged else here
        return merged

    def ask(
        self,
        verb: str,
        fn: Callable[..., Awaitable[T]],
        *args: object,
        patience: float | None = None,
    ) -> T:
        """Call ``fn(*args)`` on the loop and return what it returns; see `LoopThread.ask`."""
        if patience is None:
            patience = self.callback_timeout + FAREWELL if verb == "do" else 3 * FAREWELL
        call = Call(fn)
        try:
            return self._loop.ask(
                verb, call.begin, *args, patience=patience, check=self._check_loop
            )
        except RunStateError:
            if self._is_closing and verb != "close":  # it met the last reset
                raise SessionClosedError from None
            raise
        except UnresponsiveError as error:
            fate = call.withdraw(self._cluster)
            problems = error.problems or (self._local.problems if self._local else ())
            raise UnresponsiveError(verb, error.seconds, problems, fate) from None
        except (ClusterError, CallbackError) as error:
            if verb in STEERING and self._cluster is not None:
                told = str(error)
                error.args = (told + ("\n" if "\n" in told else "; ") + self._cluster.fate,)
            raise

    def post(self, verb: str, fn: Callable[..., Awaitable[T]], *args: object) -> Future[T]:
        """Hand ``fn(*args)`` to the loop and return the future at once."""
        self.cluster(verb)
        return self._loop.post(verb, fn, *args)

    def close(self) -> None:
        """Stop what runs, in order if it can be, and join the thread."""
        atexit.unregister(self.close)
        self._is_closing = True
        try:
            if self._cluster is not None and not self._loop.is_closed:
                self._wind_up(self._cluster)
        except MurmurError as error:
            self.trouble = str(error)
            _logger.warning("closing without the run's own end: %s", error)
        finally:
            self.entrance.close()
            if self._loop.is_closed:  # also of a fork, whose lock nobody would release
                self._loop.close()
            else:
                self._close_loop()

    def abandon(self, record: RunRecord) -> str:
        """Write into a record that its run could not end in order; return why."""
        taken = TAKEN_AWAY if self._loop.was_taken_away else ""
        reason = self.trouble or taken or "its session ended before it did"
        if self._cluster is not None:
            self._cluster.abandon(record, f"no end in order: {reason}", monotonic())
        record.broken_off = reason
        return reason

    async def _live(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        """Own everything on the loop until the session closes."""
        if self._cluster is not None:  # the call before this one was interrupted
            task_status.started()
            return
        async with anyio.create_task_group() as tasks:
            self._local = LocalNode("local", bus=bus, tasks=tasks)
            roster = Roster(
                self._local, run_here=self._run_here, silence=self._silence, rejoin=self._rejoin
            )
            self._cluster = Cluster(tasks, roster, bus=bus)
            task_status.started()
            await anyio.sleep_forever()

    def _wind_up(self, cluster: Cluster) -> None:
        """End the run in order, then whatever is left of it."""
        status = self.ask("close", cluster.status)
        if status.state is RunState.RUNNING:
            with suppress(RunStateError):  # it may be ending by itself
                self.ask("close", cluster.stop)
        if not status.state.is_over:
            grace = max((node.grace for node in status.nodes), default=0.0)
            with suppress(UnresponsiveError):
                self.ask("close", cluster.wait_over, patience=longest_end(grace) + FAREWELL)
        self.ask("close", cluster.reset)

    def _close_loop(self) -> None:
        """Close the loop, even one that another thread is about to start."""
        with self._opening:
            self._loop.close()
            atexit.unregister(self.close)

    def _check_loop(self, verb: str) -> None:
        """Raise if the loop is known to be stuck, rather than wait for it."""
        local = self._local
        if local is None:
            return
        in_init = verb == "do" and not local.is_held_by_user
        limit = self.callback_timeout + BREATH if in_init else FAREWELL
        if local.stuck_for > limit:
            raise UnresponsiveError(verb, local.stuck_for, local.problems)


def _check_seconds(name: str, given: object, *, least: float) -> None:
    if not isinstance(given, (int, float)) or not least <= given < math.inf:
        raise InvalidArgumentError(
            f"{name}={given!r} makes no sense", f"give seconds from {least:g}"
        )
