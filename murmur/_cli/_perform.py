"""Performs a plan: starts the run, watches it, ends it, and says what came of it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING, Protocol, Self

from murmur._guard import error_text
from murmur._session import FAILURES_LOG, RequestLog, Session
from murmur.errors import (
    MurmurError,
    RunStateError,
    SessionClosedError,
    UnresponsiveError,
    WaitTimeoutError,
)
from murmur.runtime import USER_RATE, RunState

from ._look import Watch
from ._outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from murmur._session import Run, Session
    from murmur.results.checks import CheckResult

    from ._load import Load
    from ._look import Look
    from ._plan import Plan
    from ._signals import Interrupts

_logger = logging.getLogger(__name__)

TURN = 0.1
"""Seconds between two turns: how finely stages of users are followed."""

LOOK = 0.5
"""Seconds between two looks."""

_FAREWELLS = 1.0
"""Seconds between two removals: each is a change that the results tell of."""


class Show(AbstractContextManager["Show"], Protocol):
    """Who shows how a run goes."""

    def __enter__(self) -> Self:
        """Begin."""

    def show(self, look: Look) -> None:
        """Show a look."""

    def say(self, note: str) -> None:
        """Show a sentence."""


def perform(
    plan: Plan, interrupts: Interrupts, show_of: Callable[[Run], Show]
) -> tuple[Run, Outcome]:
    """Do what `plan` says; return the run, which is over, and what it comes to.

    Once the run is on, ``show_of(run)`` returns who shows it.

    Raises `MurmurError` if the run cannot be started.
    """
    with ExitStack() as stack:
        stack.enter_context(_no_second_telling())
        session = stack.enter_context(_session_of(plan))
        _open_to_prometheus(session, plan, stack)
        log = stack.enter_context(RequestLog(1)) if plan.is_watched else None
        plan.crew.gather(session, _say)
        interrupts.check()
        run = session.do(
            plan.scenario,
            plan.load.users,
            seed=plan.seed,
            duration=plan.load.duration,
            end_when_idle=not plan.load.steers_users,
            **plan.settings,
        )
        interrupts.hold()
        watch = Watch(run, plan.checks, plan.abort_on)
        with show_of(run) as show:
            try:
                _follow(run, watch, Steering(session, plan.load), interrupts, show, log)
                failure = _failure(run)
            except MurmurError as error:  # the run was on: what it measured is concluded
                failure = str(error)
    # The session is closed, so that even a loop that hung keeps nobody from its results.
    outcome = Outcome(
        summary=run.results.summary(),
        checks=run.results.check(*plan.checks),
        aborted_by=watch.aborted_by,
        watched=_watched(run, plan, watch),
        failure=failure,
        signal=interrupts.exit_code if interrupts.number else 0,
        is_strict=plan.is_strict,
    )
    _tell_problems(run, outcome)
    return run, outcome


def _open_to_prometheus(session: Session, plan: Plan, stack: ExitStack) -> None:
    if plan.prometheus is not None:
        from murmur.exporters import Prometheus

        stack.enter_context(Prometheus(session, plan.prometheus))


def _watched(run: Run, plan: Plan, watch: Watch) -> tuple[CheckResult, ...]:
    """Return what should have ended the run and did not, as it stands at the end."""
    ended = {each.check for each in watch.aborted_by}
    return tuple(each for each in run.results.check(*plan.abort_on) if each.check not in ended)


def _tell_problems(run: Run, outcome: Outcome) -> None:
    """Say what was wrong, and what should have ended the run and never had anything to judge."""
    for problem in run.status().problems:
        _say(f"problem: {problem}")
    for result in outcome.unjudged:
        _say(f"--abort-on {result.check} had nothing to judge: {result.reason}")


def _session_of(plan: Plan) -> Session:
    here = plan.crew.stays_here
    return Session(directory=plan.places.unfinished, run_here=here, **plan.session)


def _follow(
    run: Run,
    watch: Watch,
    steering: Steering,
    interrupts: Interrupts,
    show: Show,
    log: RequestLog | None = None,
) -> None:
    """Look, steer and wait until the run is over."""
    began = look_at = monotonic()
    is_ending = False
    say = _once(show)
    while not run.is_over:
        now = monotonic()
        if now >= look_at:
            with _looking(say):
                show.show(watch.look())
            look_at = max(look_at + LOOK, monotonic())
        if not is_ending and (interrupts.number or watch.aborted_by):
            is_ending = True
            show.say(_announcement(watch))
            with _told(say):
                run.stop()
        elif not is_ending and steering.is_needed:
            with _told(say):
                steering.tick(now - began, run.status().users)
        with suppress(WaitTimeoutError):
            run.wait(TURN)
        _tell_of_requests(log, show)
    if log is not None and (silence := log.silence()):
        show.say(silence)
    with _looking(say):
        show.show(watch.look())


def _tell_of_requests(log: RequestLog | None, show: Show) -> None:
    for line in log.take() if log is not None else ():
        show.say(line)


@contextmanager
def _told(say: Callable[[str], None]) -> Iterator[None]:
    """Say what a verb failed with and go on: the other nodes have done it.

    An error of the session is raised: it cannot be reached, so nothing more will come.
    """
    try:
        yield
    except (SessionClosedError, UnresponsiveError):
        raise
    except MurmurError as error:
        say(f"problem: {error}")


@contextmanager
def _looking(say: Callable[[str], None]) -> Iterator[None]:
    """Say what a look failed with and go on: the next is another."""
    try:
        with _told(say):
            yield
    except MurmurError:
        raise
    except Exception as error:
        _logger.debug("a look failed", exc_info=error)
        say(f"problem: the run could not be looked at ({error_text(error)}); it is tried again")


def _once(show: Show) -> Callable[[str], None]:
    """Return what says a sentence that was not said before: a verb is tried at each turn."""
    said: set[str] = set()

    def say(note: str) -> None:
        if note not in said:
            said.add(note)
            show.say(note)

    return say


def _say(note: str) -> None:
    sys.stderr.write(f"{note}\n")


def _announcement(watch: Watch) -> str:
    if watch.aborted_by:
        return f"--abort-on {watch.aborted_by[0]}: ending the run"
    return "interrupted: ending the run in order; once more to leave at once"


def _failure(run: Run) -> str:
    """Return why a run did not end in order; empty if it did."""
    status = run.status()
    if status.state is not RunState.FAILED:
        return ""
    return "; ".join(status.problems) or "the run failed"


@contextmanager
def _no_second_telling() -> Iterator[None]:
    """Keep the session from logging the failures that the live table shows."""
    log = logging.getLogger(FAILURES_LOG)
    log.addFilter(_nothing)
    try:
        yield
    finally:
        log.removeFilter(_nothing)


def _nothing(_: logging.LogRecord) -> bool:
    return False


class Steering:
    """Keeps a run on its load."""

    def __init__(
        self,
        session: Session,  # with a run on
        load: Load,
    ) -> None:
        self._session = session
        self._load = load
        self._ahead = list(load.stages)
        self._stage_ends = 0.0
        self._rate = load.rate or 0.0
        self._remove_at = 0.0

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to steer."""
        return bool(self._load.stages)

    def tick(
        self,
        seconds: float,  # since the run started
        users: Mapping[str, int],  # users by state
    ) -> None:
        """Bring the run to where it shall be so many seconds after its start."""
        with suppress(RunStateError):  # it has just ended
            if self._load.steers_users:
                present = users["waiting"] + users["running"]
                self._keep(self._load.users_at(seconds) - present, seconds)
            else:
                self._follow(seconds)

    def _keep(self, missing: int, seconds: float) -> None:
        if missing > 0:
            self._session.add(missing, planned=True)
        elif missing < 0 and seconds >= self._remove_at:
            self._session.remove(-missing)
            self._remove_at = seconds + _FAREWELLS

    def _follow(self, seconds: float) -> None:
        """Begin every stage of the rate whose time has come; the throttle does the rest."""
        while self._ahead and seconds >= self._stage_ends:
            stage = self._ahead.pop(0)
            self._stage_ends += stage.duration
            left = self._stage_ends - seconds
            arrivals = self._session.throttles[USER_RATE]
            if left <= 0 or stage.target == self._rate:
                arrivals.change_rate(60.0 * stage.target, interval=60.0, cancel_ramp=True)
            else:
                arrivals.ramp(
                    from_rate=60.0 * self._rate,
                    to_rate=60.0 * stage.target,
                    interval=60.0,
                    duration=left,
                    cancel_ramp=True,
                )
            self._rate = stage.target
