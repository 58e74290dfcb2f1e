"""A run in virtual time: what a scenario would do, without the wait and without a target."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import anyio

from murmur._backend import LoopThread
from murmur.cluster import Cluster, Course, LocalNode, Roster, new_run_id
from murmur.errors import InvalidArgumentError, InvalidScenarioError, MurmurError
from murmur.feeder import planned
from murmur.recording import RunRecord
from murmur.runtime import RunSpec
from murmur.scenario import Mix, callbacks, masked, resolve
from murmur.telemetry import Bus

from ._clock import MOST_TURNS, VirtualLoop, virtual_backend

if TYPE_CHECKING:
    from murmur.results import Results
    from murmur.scenario import Resolved, Scenario


def rehearse(
    scenario: type[Scenario],
    users: int = 0,
    *,
    seed: int = 0,
    duration: float = 3600.0,
    end_when_idle: bool = True,
    **settings: object,
) -> Results:
    """Run `scenario` in virtual time and return its results.

    The users, throttles, coordinators and settings are those of a real run.  Time jumps
    to the next moment at which anything happens, so an hour of waiting takes no time, and
    the same seed gives the same results.  What a user does over a network has to be
    replaced, because the other side lives in real time: override the method that does it with
    one that sleeps for as long as an answer would take.

    Parameters
    ----------
    scenario : type of Scenario
        The class.
    users : int, default 0
        Users to begin with; they arrive at the scenario's `user_rate`.
    seed : int, default 0
        What all random numbers of the run derive from.
    duration : float, default 3600.0
        Virtual seconds after which the run stops; it has to be finite.
    end_when_idle : bool, default True
        Whether it stops before, when the last user is gone.
    **settings
        Values of the scenario's settings.  The environment is not read.

    Returns
    -------
    murmur.results.Results
        As of a real run; wall times count from 1970, and the frame `health` tells of a loop
        whose time is virtual: it lags only where the scenario lets it.  The summary, the report
        and the manifest's ``plan`` say that time was virtual: durations are those that the
        scenario sleeps, and nobody measured them.

    Raises
    ------
    ConfigError
        If anything is wrong with any setting.
    ScenarioError
        If the scenario is not usable, one of its callbacks is no ``async def``, its `init`
        failed, or it makes no progress: something waits 0 seconds again and again.
    InvalidArgumentError
        If `duration` is infinite: users who wait for what never comes would wait for ever.

    Examples
    --------
    >>> import murmur
    >>> from murmur.testing import rehearse
    >>> class Visit(murmur.Scenario):
    ...     '''Users stay for ten minutes.'''
    ...     async def start(self, user):
    ...         with user.timer("visit"):
    ...             await user.sleep(600)
    >>> results = rehearse(Visit, 100, user_rate=60)  # one a second
    >>> round(results.users["admitted_at"].max()), len(results.actions)
    (99, 100)
    """
    _refuse_threads(scenario)
    if duration == math.inf:
        raise InvalidArgumentError(
            "cannot rehearse for ever", "give `duration` as a number of seconds"
        )
    resolved = resolve(scenario, settings, environment={}, call=rehearse)
    course = Course(users=users, duration=duration, end_when_idle=end_when_idle)
    _, options = virtual_backend("asyncio")
    # A thread of its own, because a notebook's cell runs inside a loop.
    with LoopThread("murmur-rehearsal", options) as thread:
        spec, record = thread.ask("prepare", _prepare, scenario, resolved, seed)
        thread.ask("rehearse", _run, spec, record, course, patience=math.inf)
    from murmur.results import Results

    return Results(record, scenario=scenario)


def _refuse_threads(scenario: type[Scenario]) -> None:
    parts = [part.scenario for part in scenario.parts] if issubclass(scenario, Mix) else [scenario]
    plain = [
        f"{callback.name} is no async def: it would run in a thread, whose time is real"
        for found in map(callbacks, parts)
        for callback in (found.init, found.start, found.terminate)
        if callback is not None and not callback.is_async
    ]
    if plain:
        raise InvalidScenarioError(scenario.__name__, plain)


async def _prepare(
    scenario: type[Scenario], resolved: Resolved, seed: int
) -> tuple[RunSpec, RunRecord]:
    spec = RunSpec(
        run_id=new_run_id(),
        scenario=scenario,
        settings=resolved,
        seed=seed,
        started_at=anyio.current_time(),
        wall_started_at=0.0,
        tune_collector=False,
    )
    record = RunRecord(
        run_id=spec.run_id,
        started_at=spec.started_at,
        wall_started_at=spec.wall_started_at,
        settings=masked(scenario, resolved.values),
        seed=seed,
        plan={**planned(resolved.values), "rehearsed": True},
    )
    return spec, record


async def _run(spec: RunSpec, record: RunRecord, course: Course) -> None:
    refused: MurmurError | None = None  # raised outside the group, which would wrap it
    moving = anyio.CancelScope()
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    stood_at: list[float] = []

    def end() -> None:
        stood_at.append(loop.time())
        moving.cancel()

    loop.on_standstill = end
    async with anyio.create_task_group() as tasks:
        cluster = Cluster(tasks, Roster(LocalNode("local", bus=Bus(), tasks=tasks)))
        with moving:
            try:
                await cluster.start(spec, record, course)
            except MurmurError as error:
                refused = error
            await cluster.wait_over()
        if stood_at:
            refused = _stuck(spec, stood_at[0] - spec.started_at)
            await cluster.reset()
        loop.on_standstill = None
    if refused is not None:
        raise refused


def _stuck(spec: RunSpec, at: float) -> MurmurError:
    """Return the error of a rehearsal in which nobody lets time pass."""
    reason = (
        f"its rehearsal made no progress: no time passed after {at:.0f} s, in {MOST_TURNS:,} turns "
        "of the loop. Something waits 0 seconds again and again, or asks until an answer is "
        "there; let it sleep for as long as that would take"
    )
    return InvalidScenarioError(spec.scenario.__name__, [reason])
