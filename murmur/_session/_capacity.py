"""Search for the load that a system carries: one run after another, each at one load."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from murmur.errors import InvalidCheckError, MurmurError
from murmur.results import Capacity, Check, parse_check
from murmur.results.capacity import Search, Step, step_of

if TYPE_CHECKING:
    from murmur.scenario import Scenario

    from ._run import Run
    from ._session import Session

__all__ = ["SearchPlan", "plan_of", "searched"]

USERS, ARRIVALS = "users", "user_rate"
"""What sets the load, unless it is the name of a throttle."""

FEW = 80.0
"""Actions beyond a percentile, below which that of a sample is mostly too small."""


@dataclass(frozen=True, kw_only=True)
class SearchPlan:
    """What is searched for, and how.

    Attributes
    ----------
    scenario : type of Scenario or str
        What users do.
    check : Check
        What has to hold.
    by : str
        "users", "user_rate", or the name of a throttle.
    users : int
        Users of every step, where a throttle sets the load.
    hold, warm_up : float
        Seconds of each step that are judged, and before them.
    settings : dict
        Of the scenario.
    on_step : callable, optional
        Told of every step, and of the search so far.
    """

    scenario: type[Scenario] | str
    check: Check
    by: str
    users: int
    hold: float
    warm_up: float
    settings: dict[str, Any] = field(default_factory=dict)
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

    Raises
    ------
    InvalidCheckError
        If the check cannot be read, or says itself which seconds count.
    ValueError
        If a number makes no sense.
    """
    parsed = parse_check(check)
    if parsed.start or not math.isinf(parsed.end) or parsed.windows:
        raise InvalidCheckError(check, 0, "a search says itself which seconds count")
    plan = SearchPlan(check=parsed, **rest)
    if not (plan.hold > 0 and plan.warm_up >= 0 and math.isfinite(plan.seconds)):
        raise ValueError(f"hold={plan.hold}, warm_up={plan.warm_up}: give seconds, above 0")
    if plan.by not in (USERS, ARRIVALS) and plan.users < 1:
        raise ValueError(f"by={plan.by!r} is a throttle: say how many users wait for it, users=")
    return plan


def searched(session: Session, plan: SearchPlan, search: Search) -> Capacity:
    """Run steps until the search is over; an interrupt keeps what was found.

    Raises
    ------
    MurmurError
        If a run cannot be started.
    """
    steps: list[Step] = []
    ended = ""
    try:
        while (load := search.next_load()) is not None:
            step = _step(session, plan, load)
            steps.append(step)
            search.take(load, step.answer)
            if plan.on_step is not None:
                plan.on_step(step, search)
    except KeyboardInterrupt:
        ended = "interrupted"
        with suppress(MurmurError):
            session.stop()
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
        remarks=_remarks(plan.check, steps),
    )


def _step(session: Session, plan: SearchPlan, load: float) -> Step:
    run = _started(session, plan, load)
    try:
        if plan.throttle not in (None, ARRIVALS):
            session.throttles[str(plan.throttle)].change_rate(rate=load)
        run.wait(timeout=plan.seconds + 60.0)
    finally:
        if not run.status().state.is_over:
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


def _remarks(check: Check, steps: list[Step]) -> tuple[str, ...]:
    """Return what to know of the steps: whether they hold enough actions for a percentile."""
    quantile = check.statistic.quantile
    if quantile is None or not steps:
        return ()
    fewest = min((step.throughput * step.seconds for step in steps if step.throughput), default=0)
    if fewest * (1 - quantile) >= FEW:
        return ()
    needed = math.ceil(FEW / (1 - quantile))
    return (
        f"a step held as few as {fewest:,.0f} actions: that percentile of so few is more often "
        f"too low than too high, and so the limit too high; hold steps until {needed:,} are done",
    )
