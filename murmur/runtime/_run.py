"""One run of a scenario on one node: from `init` to `terminate`.

`NodeRun.serve` is one task that owns all others of the run.  It calls `init`, admits and
watches users until somebody calls `stop`, sees every user to its end and calls
`terminate`.  Each step has a deadline, so that the run ends whatever the scenario does.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextvars import copy_context
from functools import partial
from itertools import chain
from random import Random
from typing import TYPE_CHECKING, Any

import anyio

from murmur._backend import Native, native
from murmur._guard import error_text, heard, tame, trace_of
from murmur.coordinators import Coordinators
from murmur.coordinators.shared import DistantUser
from murmur.errors import (
    CallbackError,
    MurmurError,
    RunStateError,
    ThrottleError,
    number_of,
)
from murmur.scenario import (
    PublicNames,
    Scenario,
    Secrets,
    build,
)
from murmur.telemetry import Bus, Emitter, Recorder
from murmur.throttles import Throttles

from ._calls import Calls, Threads
from ._context import running_here
from ._leftovers import LINGER, Leftovers
from ._live_settings import USER_RATE, LiveSettings
from ._population import Presence
from ._process import tuned_process
from ._spec import Listener, RunSpec
from ._state import RUN_BROKE, TRANSITIONS, RunState
from ._user import User
from ._users import Users
from .health._sampler import Sampler
from .health._watchdog import Watchdog

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

_logger = logging.getLogger(__name__)

LAST_LOOK = 0.25
"""Seconds that tasks of users have at the end of a run before they count as left behind."""

LAST_ACTIONS = 10.0
"""Seconds that coordinators have for their last actions."""


class NodeRun:
    """A run on this node.

    Raises `CallbackError` if the scenario's ``__init__`` raised.
    """

    state: RunState = RunState.IDLE
    # why the run failed, or what went wrong in `terminate`
    error: MurmurError | None = None
    # runs that are over here, and whose users may still go on
    earlier: Sequence[NodeRun] = ()
    _stop_reason = ""
    _is_broken = False

    def __init__(self, spec: RunSpec, *, node: str, bus: Bus, listener: Listener) -> None:
        self.spec = spec
        self.node = node
        self.seed: int = spec.seed
        self.scenario_name: str = spec.scenario.__name__
        self.problems: list[str] = []  # what a person should know about, besides
        # events of timetables that users follow here, and whether they came due for one
        self.came_due: dict[str, bool] = {}
        # seconds by which the moment it started may be wrong on this node's clock
        self.clock_error: float = spec.clock_error
        self.initialised: anyio.Event = anyio.Event()
        self.ended: anyio.Event = anyio.Event()
        self.native: Native = native()
        self.secrets: Secrets = Secrets(spec.scenario, spec.settings.values)
        self.recorder: Recorder = _recorder(spec, node, self.native, self.secrets)
        self.emitter: Emitter = _emitter(self, bus)
        self._listener = listener
        self._stop_asked = anyio.Event()
        self._tasks = anyio.create_task_group()  # entered by `serve`, which owns all of them
        self.threads: Threads = Threads()
        self.throttles: Throttles = _throttles(self, self._tasks, listener)
        parts = (self._tasks, self.native, self.emitter)
        self.coordinators: Coordinators = Coordinators(
            *parts,
            Random(f"{self.seed}/coordinators/{node}"),
            post=listener.meeting,
            find_user=self._find_user,
            is_waiting=self._is_waiting,
            names=PublicNames(self.secrets),
        )
        self.scenario: Scenario = self._build()
        self._calls = Calls(self)
        self._settings = LiveSettings(self, self._calls)
        self._sampler = Sampler(self)
        self.watchdog: Watchdog = Watchdog(self, self._sampler.probe)
        cancels = self.scenario.leftovers == "cancel"
        self.leftovers: Leftovers = Leftovers(is_cancelling=cancels, now=self.native.now)
        self.users: Users = Users(
            self, calls=self._calls, tasks=self._tasks, on_idle=self._note_idle
        )

    @property
    def grace(self) -> float:
        """Seconds between asking a user and cancelling it."""
        return float(self.scenario.grace)

    def scenario_of(self, user: User) -> Scenario:
        """Return the instance of the scenario that a user follows."""
        return self._calls.roles[user.place].scenario

    def run_time(self) -> float:
        """Return seconds since the run started, on the clock that all nodes share."""
        return self.native.now() - self.recorder.started_at

    def follow(self, started_at: float, clock_error: float) -> None:
        """Count the run's times from `started_at`, as this node's clock is known by now."""
        self.recorder.started_at, self.clock_error = started_at, clock_error
        self.throttles.follow(started_at)

    def all_problems(self) -> tuple[str, ...]:
        """Return what a person should know about: what users left behind, or wait for, as well."""
        parts = (self.leftovers.sentences(), self.coordinators.problems())
        return (*self.problems, *self._of_earlier(), *chain(*parts))

    @property
    def _left_over(self) -> int:
        """How many users of earlier runs go on here."""
        return sum(run.users.unstoppable for run in self.earlier)

    def _of_earlier(self) -> Iterator[str]:
        """Yield what there is to say of users whose run is over while their code goes on."""
        if number := self._left_over:
            go_on, were = ("goes on", "it was") if number == 1 else ("go on", "they were")
            yield f"{number_of(number, 'user')} of earlier runs {go_on} here: {were} abandoned"

    async def serve(self) -> None:
        """Do the whole run; returns when it is over, whatever the scenario does."""
        running_here.set(self)
        with tuned_process(collector=self.spec.tune_collector):
            try:
                async with self._tasks as tasks:
                    await self._start(tasks)
                    if self.state is RunState.RUNNING:
                        await self._stop_asked.wait()
                        await self._wind_down()
                    tasks.cancel_scope.cancel()
                if self.state is RunState.TERMINATING:
                    await self._terminate()
            except Exception as error:  # noqa: BLE001 - murmur's own defect: it is told, and kept
                self._break(error)
            finally:
                await self._conclude()

    def add(self, first: int, last: int, *, live: bool = True) -> None:
        """Announce users `first` to `last`; `live` if a person adds them to a run."""
        self.require_running("add users")
        before = self.users.population.wanted
        self.users.add(first, last)
        if live:
            self.record_change("users", before, self.users.population.wanted)

    def remove(self, count: int, *, force: bool) -> int:
        """Ask up to `count` users to leave; return how many were asked."""
        self.require_running("remove users")
        before = self.users.population.wanted
        asked = self.users.remove(count, force=force)
        self.record_change("users", before, self.users.population.wanted)
        return asked

    def remove_one(self, user_id: int, *, force: bool) -> bool:
        """Ask one user to leave; return whether it was here to be asked."""
        self.require_running("remove users")
        before = self.users.population.wanted
        asked = self.users.remove_one(user_id, force=force)
        if asked:
            self.record_change("users", before, self.users.population.wanted)
        return asked

    async def update(self, given: Mapping[str, object]) -> dict[str, tuple[object, object]]:
        """Change live settings; return what changed, as (old, new).

        Raises `ConfigError` if anything is wrong with any of them; then nothing changed;
        `RampInProgressError` if ``user_rate`` is among them while it ramps; then nothing changed;
        `CallbackError` if an observer or `changed` failed; the values stay changed.
        """
        self.require_running("update settings")
        running_here.set(self)  # observers and `changed` are code of the run
        return await self._settings.update(given)

    def stop(self, reason: str = "") -> None:
        """Begin to end the run; `ended` is set when it is over.

        `reason` is written beside the outcome of its users, if it is not the caller's wish.
        """
        self.require_running("stop")
        self._stop_reason = reason
        self._enter(RunState.TERMINATING)
        self._stop_asked.set()

    def send(self, user_id: int, message: object, *, due_at: float | None = None) -> None:
        """Put `message` into the mailbox of a user, of this node or another; from any thread.

        A message to nobody is counted (`mailbox.undeliverable` in the counters).
        """
        user = self.users.population.find(user_id)
        if user is not None:
            user.send(message, due_at=due_at)
            return
        due = None if due_at is None else due_at - self.recorder.started_at
        if not self._listener.message(user_id, message, due):
            self.recorder.count("mailbox.undeliverable")

    def deliver(self, user_id: int, message: object, due: float | None = None) -> None:
        """Put a message that another node sent into a mailbox of this one.

        `due` is when an answer was due, in seconds since the run started.
        """
        user = self.users.population.find(user_id)
        if user is None:
            self.recorder.count("mailbox.undeliverable")
        else:
            user.send(message, due_at=None if due is None else due + self.recorder.started_at)

    def _find_user(self, user_id: int, *, is_here: bool = True) -> User | DistantUser:
        """Return a user of this node, or what stands for one of another, or that is gone."""
        found = self.users.population.find(user_id)
        return found or DistantUser(user_id, self.send, is_here=is_here)

    def _is_waiting(self, user_id: int) -> bool:
        """Return whether a user of this node waits for a message."""
        user = self.users.population.find(user_id)
        return user is not None and bool(user._receivers)  # noqa: SLF001 - no word of a scenario

    def mailbox_overflowed(self, user: User) -> None:
        """Count a message that a full mailbox lost."""
        self.recorder.count("mailbox.overflow")
        if self.emitter.listening("amoc.mailbox.overflow"):
            self.emitter.emit("amoc.mailbox.overflow", {"count": 1}, {"user_id": user.id})

    async def call_throttle(self, name: str, verb: str, arguments: Mapping[str, Any]) -> None:
        """Call a method of a throttle for a person, or open one, and record the change."""
        if verb == "open":
            known = set(self.throttles)
            opened = await self.throttles.open(name, **arguments)
            if opened.name not in known:
                self.record_change(f"throttle {opened.name}", "", opened.statistics().pace)
            return
        throttle = self.throttles[name]
        check_throttle_verb(name, verb, arguments)
        old = throttle.statistics().pace
        await getattr(throttle, verb)(**arguments)
        new = throttle.statistics().pace
        new = f"resumed, {new}" if verb == "resume" else new
        self.record_change(f"throttle {name}", old, new)

    def presence(self) -> Presence:
        """Return the users that are here now."""
        population = self.users.population
        here = list(population)
        return Presence(
            node=self.node,
            user_ids=[user.id for user in here],
            admitted_at=[user.admitted_at for user in here],
            started_at=[user.started_at for user in here],
            waiting=population.waiting_ranges,
        )

    def flush(self) -> None:
        """Send up what was measured since the last time."""
        self._listener.chunk(self.recorder.seal())

    def require_running(self, verb: str) -> None:
        """Raise RunStateError unless users may come and go."""
        if self.state is not RunState.RUNNING:
            raise RunStateError(verb, self.state.value)

    def require_open(self, verb: str) -> None:
        """Raise RunStateError if the run is ending: nothing can be started any more."""
        if self.state not in (RunState.IDLE, RunState.RUNNING):
            raise RunStateError(verb, self.state.value)

    def _build(self) -> Scenario:
        """Make the scenario; its ``__init__`` is a user's code too, and code of this run.

        Raises `CallbackError` if it raised; then there is no run.
        """

        def make() -> Scenario:
            running_here.set(self)
            return build(self.spec.scenario, self.spec.settings)

        scenario, error = heard(copy_context().run, make)
        if error is not None:
            text, trace = map(self.secrets.conceal, (error_text(error), trace_of(error)))
            raise CallbackError("__init__", self.node, text, trace) from tame(error)
        made: Scenario = scenario
        return made

    async def _start(self, tasks: TaskGroup) -> None:
        tasks.start_soon(self.watchdog.watch)
        self._settings.tell()
        arrivals = await self.throttles.open(USER_RATE, rate=self.scenario.user_rate, interval=60.0)
        self.users.admit(arrivals)
        self._settings.follow(arrivals)
        try:
            await self._calls.init()
        except MurmurError as error:
            self.error = error
            self._enter(RunState.FAILED)
        else:
            tasks.start_soon(self._sampler.probe.watch)
            tasks.start_soon(self._sampler.sample_forever)
            tasks.start_soon(self._look_for_leftovers)
            self._enter(RunState.RUNNING)
            self._tell_of_earlier()
        self.initialised.set()

    async def _wind_down(self) -> None:
        self.throttles.end_plan()
        self.coordinators.tell_of_waits()
        await self.users.wind_down(self.grace, self._stop_reason)
        with anyio.move_on_after(LAST_ACTIONS):
            await self.coordinators.stop_all()
        await self.throttles.stop_all()
        self._sampler.sample(self.native.now())
        self.flush()  # `terminate` may take long, and this node may not see its end

    async def _conclude(self) -> None:
        """Clear away, and let go who waits for the end."""
        try:
            await self._clear_away()
        except Exception as error:  # noqa: BLE001 - as in `serve`
            self._break(error)
        finally:
            if self._is_broken:
                self._listener.state(RunState.FAILED)
            self.initialised.set()
            self.ended.set()

    async def _clear_away(self) -> None:
        """Leave no user behind, also when the run itself was cancelled."""
        with anyio.CancelScope(shield=True):
            await self.users.wind_down(0.0, self._stop_reason)
            until = self.native.now() + LAST_LOOK
            while not self.leftovers.is_empty and self.native.now() < until:  # noqa: ASYNC110 - they tell nobody
                await anyio.sleep(LAST_LOOK / 5)
        self._tell_of_leftovers(linger=0.0)
        self.flush()

    def _break(self, error: Exception) -> None:
        """Count the run as failed by an error of murmur's own; its users are seen off next."""
        while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        heard(partial(_logger.error, exc_info=error), "the run on node %s broke", self.node)
        self.recorder.failure("node", self.node, error, self.users.population.present)
        text = f"{RUN_BROKE}: {self.secrets.conceal(error_text(error))}"
        self.problems.append(text)
        self.error = self.error or MurmurError(f"{text} (on node {self.node})")
        self._stop_reason, self._is_broken = RUN_BROKE, True
        self.state = RunState.FAILED

    def _note_idle(self) -> None:
        """Say that the last user is gone, unless the run itself sees all of them off."""
        if self.state is not RunState.FAILED:
            self._listener.idle()

    def _tell_of_earlier(self) -> None:
        """Let the results know that others are here, who may load what is measured."""
        if number := self._left_over:
            self.emitter.emit("amoc.user.unstoppable", {"count": number}, {})

    async def _look_for_leftovers(self) -> None:
        while True:
            await anyio.sleep(LINGER)
            self._tell_of_leftovers(LINGER)

    def _tell_of_leftovers(self, linger: float) -> None:
        for name, tasks, transports in self.leftovers.look(linger):
            self.emitter.emit(
                "amoc.user.leftovers", {"count": tasks, "transports": transports}, {"task": name}
            )

    async def _terminate(self) -> None:
        """End in order; an error in `terminate` is told and does not stop the end."""
        try:
            await self._calls.terminate()
        except MurmurError as error:
            self.error = error
            self.problems.append(str(error))
        self._enter(RunState.FINISHED)

    def record_change(self, what: str, old: object, new: object) -> None:
        """Record what a person changed."""
        self.recorder.change(self.native.now(), "session", what, old, new)

    def _enter(self, state: RunState) -> None:
        assert state in TRANSITIONS[self.state], (self.state, state)
        old, self.state = self.state, state
        self.emitter.emit("amoc.run.state", {"count": 1}, {"from": old.value, "to": state.value})
        self._listener.state(state)


def _recorder(spec: RunSpec, node: str, native: Native, secrets: Secrets) -> Recorder:
    return Recorder(
        node=node,
        started_at=spec.started_at,
        wall_started_at=spec.wall_started_at,
        now=native.now,
        conceal=secrets.conceal,
        conceal_in_name=secrets.conceal_in_name,
    )


def _emitter(run: NodeRun, bus: Bus) -> Emitter:
    return Emitter(
        bus,
        run_id=run.spec.run_id,
        node=run.node,
        now=run.native.now,
        wall_now=lambda: run.spec.wall_started_at + run.run_time(),
        keep=run.recorder.event,
        conceal=run.secrets.conceal,
        conceal_in_name=run.secrets.conceal_in_name,
    )


def _throttles(run: NodeRun, tasks: TaskGroup, listener: Listener) -> Throttles:
    return Throttles(
        tasks,
        run.native,
        run.emitter,
        seed=run.seed,
        started_at=run.spec.started_at,
        leases=listener.leases,
        names=PublicNames(run.secrets),
    )


def check_throttle_verb(name: str, verb: str, arguments: Mapping[str, Any]) -> None:
    """Raise ThrottleError if a person must not do that to a throttle of the run."""
    if name == USER_RATE and (verb == "stop" or arguments.get("limit") is not None):
        raise ThrottleError("user_rate admits the users: give it a rate, or 0 to hold them")
