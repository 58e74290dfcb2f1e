"""The one handle from outside: starts, steers and ends runs, from any thread.

Every method posts to the loop in which the users live and waits for its answer.  No
state is kept here that the cluster has.
"""

from __future__ import annotations

import atexit
import logging
import math
import secrets
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import anyio
import anyio.abc

from murmur.cluster import Cluster, ClusterStatus, Course, LocalNode, new_run_id
from murmur.errors import (
    MurmurError,
    RunStateError,
    UnresponsiveError,
    WrongThreadError,
)
from murmur.runtime import RunSpec, RunState, thread_lock
from murmur.scenario import Scenario, find, resolve
from murmur.telemetry import Relay, bus

from ._loop import LoopThread
from ._run import Run
from ._start import checked_seed, masked_pairs, notebook_names, record_of
from ._status import IDLE, Status, status_of
from ._views import Coordinators, Throttles

if TYPE_CHECKING:
    from collections.abc import Awaitable

__all__ = ["Session"]

T = TypeVar("T")

LOCAL = "local"
"""Name of the node in this process."""

FAREWELL = 5.0
"""Seconds that closing waits for a run to end in order, besides its grace."""

_logger = logging.getLogger(__name__)


class Session:
    """Runs scenarios in a thread of its own while the notebook stays usable.

    A session runs one scenario at a time; several sessions may run side by side.  Its
    methods can be called from any thread and from a widget's callback.  Leaving it as a
    context manager stops what runs and joins the thread.

    Parameters
    ----------
    callback_timeout : float, default 60.0
        Seconds that `init` and `terminate` may take each.
    parse_environment : callable, optional
        ``parse_environment(text)`` returns the value of an ``AMOC_*`` variable; by
        default the setting's own trait reads it.
    tune_collector : bool, default True
        Whether a run may make full garbage collections rare while it is on; without
        that, 100,000 users are seconds late.

    Attributes
    ----------
    relay : murmur.telemetry.Relay
        Where exporters hear of what the session's runs measure.

    Examples
    --------
    >>> import murmur
    >>> class Hello(murmur.Scenario):
    ...     '''Users say hello and go.'''
    ...     async def start(self, user):
    ...         user.count("hello")
    >>> with murmur.Session() as session:
    ...     run = session.do(Hello, 3, user_rate=float("inf"), end_when_idle=True)
    ...     run.wait(timeout=30).users["gone"]
    3
    """

    def __init__(
        self,
        *,
        callback_timeout: float = 60.0,
        parse_environment: Callable[[str], object] | None = None,
        tune_collector: bool = True,
    ) -> None:
        self._callback_timeout = callback_timeout
        self._parse_environment = parse_environment
        self._tune_collector = tune_collector
        self._loop = LoopThread()
        self._opening = thread_lock()
        self._cluster: Cluster | None = None
        self._local: LocalNode | None = None
        self._run: Run | None = None
        self._scenario: type[Scenario] | None = None
        self.relay = Relay()

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called, or the process was forked since."""
        return self._loop.is_closed

    @property
    def run(self) -> Run | None:
        """The latest run; None before the first."""
        return self._run

    @property
    def scenario(self) -> type[Scenario] | None:
        """The class that the latest run runs; None before the first."""
        return self._scenario

    @property
    def throttles(self) -> Throttles:
        """Throttles of the run by name, to change while it is on."""
        return Throttles(self)

    @property
    def coordinators(self) -> Coordinators:
        """Coordinators of the run by name."""
        return Coordinators(self._coordinator_statistics, self)

    def do(
        self,
        scenario: type[Scenario] | str,
        users: int = 0,
        *,
        seed: int | None = None,
        duration: float | None = None,
        end_when_idle: bool = False,
        nodes: Sequence[str] | None = None,
        **settings: object,
    ) -> Run:
        """Start a run and return it once `init` succeeded everywhere.

        Parameters
        ----------
        scenario : type of Scenario or str
            A class, or where to find one: a name in the notebook,
            ``"package.module:Class"`` or ``"path/to/file.py[:Class]"``.
        users : int, default 0
            Users to begin with; ids count from 1.
        seed : int, optional
            What all random numbers of the run derive from; drawn if not given.
        duration : float, optional
            Seconds after which the run stops by itself.
        end_when_idle : bool, default False
            Whether the run stops by itself when its last user is gone; with no users to
            begin with, once some were added and are gone.
        nodes : sequence of str, optional
            Nodes to take part; all of them if not given.
        **settings
            Values of the scenario's settings.

        Raises
        ------
        ConfigError
            If anything is wrong with any setting; every problem is reported at once and
            nothing is started.
        ScenarioError
            If the scenario is not found or not usable, or its `init` failed.
        RunStateError
            If a run is on.
        """
        chosen = find(scenario, notebook_names())
        resolved = resolve(chosen, settings, parse=self._parse_environment)
        spec = RunSpec(
            run_id=new_run_id(),
            scenario=chosen,
            settings=resolved,
            seed=secrets.randbits(32) if seed is None else checked_seed(seed),
            started_at=time.monotonic(),
            wall_started_at=time.time(),
            callback_timeout=self._callback_timeout,
            tune_collector=self._tune_collector,
        )
        record = record_of(spec)
        record.relay = self.relay
        run = Run(self, record, scenario=chosen, settings=record.settings)
        course = Course(
            users=users,
            duration=math.inf if duration is None else duration,
            end_when_idle=end_when_idle,
            on_accepted=lambda: self._hold(run, chosen),
            on_over=run._end,
        )
        for warning in resolved.warnings:
            _logger.warning("%s", warning)
        self._ask("do", self._the_cluster("do").start, spec, record, course, nodes)
        return run

    def add(self, n: int, nodes: Sequence[str] | None = None) -> range:
        """Add `n` users; return their ids.

        Raises
        ------
        InvalidCountError
            If `n` is negative or not a whole number.
        RunStateError
            If no run is on.
        """
        return self._ask("add", self._the_cluster("add").add, n, nodes)

    def add_users(self, first: int, last: int) -> range:
        """Add users with the ids `first` to `last`, which must be above all in use.

        Raises
        ------
        InvalidRangeError
            If they are not, or the range is backwards.
        """
        return self._ask("add_users", self._the_cluster("add_users").add_range, first, last)

    def remove(self, n: int, force: bool = False, nodes: Sequence[str] | None = None) -> int:
        """Ask `n` users to leave that were not asked before; return how many were asked.

        Parameters
        ----------
        n : int
            Waiting users are dropped first, then those up for longest are asked.
        force : bool, default False
            Whether to cancel those that are still there after the scenario's `grace`.
        nodes : sequence of str, optional
            Nodes to take them from; all of them if not given.
        """
        cluster = self._the_cluster("remove")

        async def remove() -> int:
            return await cluster.remove(n, force=force, nodes=nodes)

        return self._ask("remove", remove)

    def update(
        self, *, nodes: Sequence[str] | None = None, **settings: object
    ) -> Mapping[str, tuple[object, object]]:
        """Change live settings; return what changed, as (old, new).

        Raises
        ------
        ConfigError
            If anything is wrong with any of them; nothing changed then.
        CallbackError
            If the scenario's observer or `changed` failed; the values stay changed.
        """
        cluster = self._the_cluster("update")
        patience = self._callback_timeout + FAREWELL
        changed = self._ask("update", cluster.update, settings, nodes, patience=patience)
        return masked_pairs(self._scenario, changed)

    def status(self) -> Status:
        """Return what the session is doing."""
        if self._cluster is None or self._loop.is_closed:
            return IDLE
        return self._read(self._ask("status", self._cluster.status))

    def stop(self) -> None:
        """Begin to end the run and return at once; `Run.wait` waits for the end.

        Admission is closed first, everybody is asked to leave and cancelled after the
        grace, `terminate` is called once on each node.
        """
        self._ask("stop", self._the_cluster("stop").stop)

    def reset(self) -> None:
        """Force the session back to idle, whatever it does; `terminate` is not called."""
        if self._cluster is not None:
            self._ask("reset", self._cluster.reset, patience=2 * FAREWELL)

    def close(self) -> None:
        """Stop what runs, in order if it can be, and join the thread."""
        if self._loop.is_here:
            raise WrongThreadError("close")
        atexit.unregister(self.close)
        try:
            if self._cluster is not None and not self._loop.is_closed:
                self._wind_up(self._cluster)
        except MurmurError as error:
            _logger.warning("closing without the run's own end: %s", error)
        finally:
            self._loop.close()
            if self._run is not None:
                self._run._end()

    def __enter__(self) -> Self:
        """Return the session."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the session."""
        self.close()

    def __repr__(self) -> str:
        """Return what it holds; asks nobody."""
        return f"<murmur.Session: {self._run!r}>" if self._run else "<murmur.Session: no run yet>"

    async def _host(self, *, task_status: anyio.abc.TaskStatus[Cluster]) -> None:
        """Own everything on the loop until the session closes."""
        async with anyio.create_task_group() as tasks:
            cluster = Cluster(tasks)
            self._local = LocalNode(LOCAL, bus=bus, tasks=tasks)
            cluster.nodes[LOCAL] = self._local
            task_status.started(cluster)
            await anyio.sleep_forever()

    def _wind_up(self, cluster: Cluster) -> None:
        """End the run in order, then whatever is left of it."""
        status = self._ask("close", cluster.status)
        if status.state is RunState.RUNNING:
            with suppress(RunStateError):  # it may be ending by itself
                self._ask("close", cluster.stop)
        if not status.state.is_over:
            grace = max(node.grace for node in status.nodes)
            with suppress(UnresponsiveError):
                self._ask("close", cluster.wait_over, patience=grace + FAREWELL)
        self._ask("close", cluster.reset)

    def _hold(self, run: Run, scenario: type[Scenario]) -> None:
        """Make `run` the latest; called on the loop once it is accepted."""
        self._run, self._scenario = run, scenario

    def _the_cluster(self, verb: str) -> Cluster:
        with self._opening:
            if self._cluster is None:
                self._cluster = self._loop.start(verb, self._host)
                atexit.register(self.close)
            return self._cluster

    def _ask(
        self,
        verb: str,
        fn: Callable[..., Awaitable[T]],
        *args: object,
        patience: float | None = None,
    ) -> T:
        if patience is None:
            patience = self._callback_timeout + FAREWELL if verb == "do" else 3 * FAREWELL
        return self._loop.ask(verb, fn, *args, patience=patience, check=self._check_loop)

    def _check_loop(self, verb: str) -> None:
        """Raise if the loop is known to be stuck, rather than wait for it."""
        local = self._local
        if local is None:
            return
        in_init = verb == "do" and not local.is_held_by_user
        limit = self._callback_timeout if in_init else FAREWELL
        if local.silence > limit:
            raise UnresponsiveError(verb, local.silence, local.problems)

    def _read(self, answer: ClusterStatus) -> Status:
        run = self._run if answer.state is not RunState.IDLE else None
        return status_of(
            answer, scenario=run.scenario if run else None, run_id=run.id if run else None
        )

    def _flush(self) -> None:
        if self._cluster is not None:
            self._ask("flush", self._cluster.flush)

    def _call_throttle(self, name: str, verb: str, arguments: Mapping[str, object]) -> None:
        self._ask(verb, self._the_cluster(verb).call_throttle, name, verb, arguments)

    def _call_coordinator(self, name: Hashable, verb: str) -> None:
        self._ask(verb, self._the_cluster(verb).call_coordinator, name, verb)

    def _coordinator_statistics(self) -> Mapping[Any, Any]:
        if self._cluster is None:
            return {}
        merged: dict[Any, Any] = {}
        for node in self._ask("status", self._cluster.status).nodes:
            merged |= node.coordinators
        return merged
