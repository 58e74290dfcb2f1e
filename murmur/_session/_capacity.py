"""Search for the load that a system carries: one run after another, each at one load."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from statistics import median
from time import monotonic
from typing import TYPE_CHECKING, Any

from murmur._given import amount_given, integer_given, needed
from murmur._guard import heard
from murmur.errors import (
    ClusterError,
    InvalidArgumentError,
    InvalidCheckError,
    MurmurError,
    RunStateError,
    WaitTimeoutError,
)
from murmur.results import Capacity, Check, parse_check
from murmur.results.capacity import Search, Step, step_of, unit_of

from ._search_progress import CellOutput, SearchProgress, cell_output

if TYPE_CHECKING:
    from murmur.scenario import Scenario

    from ._run import Run
    from ._session import Session
    from ._views import ThrottleView

_logger = logging.getLogger(__name__)

USERS, ARRIVALS = "users", "user_rate"
"""What sets the load, unless it is the name of a throttle."""

FEW = 2.0
"""Independent actions beyond a percentile, with which an interval is a tenth wide."""

MOST_STEPS = 100
"""Steps that may have to hold, and to fail."""

GLANCE = 1.0
"""Seconds between two looks at a step that is on."""

OVERTIME = 60.0
"""Seconds that a step may take longer than it was to, until it is given up."""

NEAREST = 3
"""Steps that are looked at for that: those nearest to the limit."""


@dataclass(frozen=True, kw_only=True)
class SearchPlan:
    """What is searched for, and how."""

    scenario: type[Scenario] | str
    check: Check
    by: str  # "users", "user_rate", or the name of a throttle
    users: int  # users of every step, where a throttle sets the load
    hold: float  # hold, warm_up: seconds of each step that are judged, and before them
    warm_up: float
    settings: dict[str, Any] = field(default_factory=dict)
    # told of every step, and of the search so far
    on_step: Callable[[Step, Search], None] | None = None

    @property
    def seconds(self) -> float:
        """Length of a step."""
        return self.warm_up + self.hold

    @property
    def throttle(self) -> str | None:
        """The throttle whose late permits make a step no answer."""
        return None if self.by == USERS else self.by


def plan_of(check: str, **rest: Any) -> SearchPlan:  # noqa: ANN401 - the fields of a plan
    """Return a plan; what makes no sense is refused before anything runs.

    Raises `InvalidCheckError` if the check cannot be read, or says itself which seconds count;
    `InvalidArgumentError` if a number makes no sense.
    """
    needed(isinstance(check, str), "check", check, "give a text, such as 'p99(login) < 200ms'")
    parsed = parse_check(check)
    if parsed.start or not math.isinf(parsed.end) or parsed.windows:
        raise InvalidCheckError(check, 0, "a search says itself which seconds count")
    for name in ("hold", "warm_up"):
        rest[name] = amount_given(name, rest[name])
    rest["users"] = integer_given("users", rest["users"], "give a number of users", least=0)
    needed(isinstance(rest["by"], str), "by", rest["by"], f"give {USERS!r}, {ARRIVALS!r} or a name")
    on_step = rest.get("on_step")
    fits = on_step is None or callable(on_step)
    needed(fits, "on_step", on_step, "give a function of a step and a search")
    plan = SearchPlan(check=parsed, **rest)
    if not (plan.hold > 0 and plan.warm_up >= 0 and math.isfinite(plan.seconds)):
        given = f"hold={plan.hold}, warm_up={plan.warm_up}"
        raise InvalidArgumentError(given, "give seconds, above 0")
    if plan.by not in (USERS, ARRIVALS) and plan.users < 1:
        given = f"by={plan.by!r} is a throttle"
        raise InvalidArgumentError(given, "say how many users wait for it, users=")
    return plan


def search_for(by: str, low: float, high: float | None, *, within: float, confirm: int) -> Search:
    """Return a search that has not begun; users are whole."""
    remedy = "give 0 < low < high"
    share = "give the width of the interval as a share of its lower end, such as 0.1"
    within = amount_given("within", within, share)
    needed(0 < within < math.inf, "within", within, share)
    steps = f"give how many steps, from 1 to {MOST_STEPS}"
    confirm = integer_given("confirm", confirm, steps, least=1)
    needed(confirm <= MOST_STEPS, "confirm", confirm, steps)
    low = amount_given("low", low, remedy)
    high = None if high is None else amount_given("high", high, remedy)
    return Search(low, high, within=within, confirm=confirm, whole=by == USERS)


def searched(session: Session, plan: SearchPlan, search: Search) -> Capacity:
    """Run steps until the search is over; an interrupt keeps what was found.

    Raises `MurmurError` if a run cannot be started.
    """
    steps: list[Step] = []
    ended, why = "", ""
    output = cell_output()
    try:
        for step in _steps(session, plan, search, output):
            steps.append(step)
            plan = _told(plan, step, search)
    except KeyboardInterrupt:
        ended = "interrupted"
        if session.run is not None:  # the interrupt may have met the start of a step
            with suppress(MurmurError):
                session.run.stop()
                session.run.wait(timeout=60.0)
    except MurmurError as error:
        if not steps:
            raise
        ended, why = "given up", str(error)
    finally:
        session.search = None
    found = _capacity(plan, search, steps, ended, why)
    _show_end(session, found, search, plan, output)
    return found


def _told(plan: SearchPlan, step: Step, search: Search) -> SearchPlan:
    """Tell who wants to know of a step; one that raises is told no more.

    A Ctrl-C comes through, because it may be a person's.
    """
    if plan.on_step is None:
        return plan
    _, error = heard(plan.on_step, step, search)
    if isinstance(error, KeyboardInterrupt):
        raise error
    if error is None:
        return plan
    _logger.error("on_step raised, and is not called again", exc_info=error)
    return replace(plan, on_step=None)


def _steps(
    session: Session, plan: SearchPlan, search: Search, output: CellOutput | None
) -> Iterator[Step]:
    """Yield each step that was run, after the search has taken its answer.

    A step that a node kept from beginning, as it died just then, is begun once more: the
    others may do.
    """
    is_refused, unit = False, unit_of(plan.by, [])
    while (load := search.next_load()) is not None:
        session.search = SearchProgress.of(
            search, load, check=plan.check.text, unit=unit, seconds=plan.seconds
        )
        try:
            step = _step(session, plan, load, output)
        except ClusterError as error:
            if is_refused or not search.asked:
                raise
            is_refused = True
            _logger.warning("the step at %g is begun again: %s", load, error)
            continue
        is_refused, unit = False, unit_of(plan.by, [step])
        search.take(load, step.answer, step.evidence)
        yield step


def _capacity(
    plan: SearchPlan, search: Search, steps: list[Step], ended: str, why: str
) -> Capacity:
    low, high = search.interval()
    return Capacity(
        check=plan.check.text,
        by=plan.by,
        low=low,
        high=high,
        best=search.best,
        confidence=search.confidence,
        ended=ended or search.ended,
        taken=tuple(steps),
        remarks=(*([why] if why else ()), *_remarks(steps, search.best)),
    )


def _show_end(
    session: Session, found: Capacity, search: Search, plan: SearchPlan, output: CellOutput | None
) -> None:
    """Leave what was found in the panel and in the cell."""
    if not found.taken:
        return
    last = found.taken[-1].load
    progress = SearchProgress.of(
        search, last, check=plan.check.text, unit=found.unit, seconds=plan.seconds
    )
    session.search = replace(progress, outcome=found.sentence, run_id=session.status().run_id)
    if output is not None:
        output.show(session.search, 0.0)


def _wait(session: Session, run: Run, patience: float, output: CellOutput | None) -> None:
    """Wait for the end of a step, and show how far it is meanwhile."""
    ends = monotonic() + patience
    while not run.is_over:
        if monotonic() >= ends:
            raise WaitTimeoutError(f"run {run.id} of the search did not end", patience)
        if output is not None and session.search is not None:
            output.show(session.search, run.status().elapsed)
        with suppress(WaitTimeoutError):
            run.wait(timeout=GLANCE)


def _step(session: Session, plan: SearchPlan, load: float, output: CellOutput | None) -> Step:
    run = _started(session, plan, load)
    try:
        if plan.throttle not in (None, ARRIVALS):
            _set_pace(session.throttles[str(plan.throttle)], load)
        _wait(session, run, plan.seconds + OVERTIME, output)
    finally:
        if not run.status().state.is_over:
            with suppress(RunStateError):  # it is ending by itself
                session.stop()
            run.wait(timeout=60.0)
    return step_of(
        run.results,
        plan.check,
        load,
        start=plan.warm_up,
        end=plan.seconds,
        throttle=plan.throttle,
    )


def _set_pace(throttle: ThrottleView, load: float) -> None:
    """Let a throttle grant so much; a limit has no pace, and must not become one unasked."""
    if throttle.statistics().limit is not None:
        raise InvalidArgumentError(
            f"by={throttle.name!r} limits how many act at a time, and has no rate to search for",
            f"give by={USERS!r}, or the name of a throttle with a rate",
        )
    throttle.change_rate(rate=load)


def _started(session: Session, plan: SearchPlan, load: float) -> Run:
    settings = dict(plan.settings)
    users = plan.users
    if plan.by == USERS:
        users = round(load)
        # All of them come within the first half of the warm-up, unless somebody says otherwise.
        settings.setdefault(ARRIVALS, 60.0 * users / max(plan.warm_up / 2, 0.1))
    elif plan.by == ARRIVALS:
        users = math.ceil(load / 60.0 * plan.seconds) + 1
        settings[ARRIVALS] = load
    return session.do(plan.scenario, users, duration=plan.seconds, **settings)


def _remarks(steps: list[Step], best: float) -> tuple[str, ...]:
    """Return what to know of the steps: whether they hold enough actions for a percentile."""
    known = [step for step in steps if step.answer != "no answer" and step.throughput]
    nearest = sorted(known, key=lambda step: abs(math.log(step.load / best)))[:NEAREST]
    if not nearest:
        return ()
    evidence = median(step.evidence for step in nearest)
    if evidence >= FEW or not evidence:
        return ()
    actions = median(step.throughput * step.seconds for step in nearest)
    enough = math.ceil(FEW / evidence * actions / 100) * 100
    return (
        f"near the limit a step held {actions:,.0f} actions, and slow ones came in bursts: those "
        f"beyond the percentile tell no more than {evidence:.2g} single ones would, which is why "
        f"the interval is wide; with about {enough:,} actions a step it is a tenth of the limit",
    )
