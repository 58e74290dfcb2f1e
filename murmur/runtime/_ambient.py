"""Functions for code of a run that has no user, or no run, at hand."""

from __future__ import annotations

from collections.abc import Hashable

from ._config import Arrivals
from ._context import current_run
from ._coordinator import Coordinator
from ._plan import PlanLike
from ._shape import Shape
from ._throttle import Throttle
from ._timer import Timer, record_duration

__all__ = ["coordinator", "count", "gauge", "record", "send", "throttle", "timer"]


async def throttle(  # noqa: PLR0913 - one keyword for each way to say it
    name: str,
    rate: float | None = None,
    *,
    interval: float | None = None,
    interarrival: float | None = None,
    limit: float | None = None,
    shape: Shape | None = None,
    arrivals: Arrivals = "even",
    seed: int | None = None,
) -> Throttle:
    """Start the throttle `name` in this run, or return it if it is there.

    Without any configuration it is returned, or `UnknownThrottleError` raised.

    Parameters
    ----------
    name : str
        Unique within the run.
    rate : float, optional
        Permits per `interval`; 0 holds everyone, ``math.inf`` nobody.
    interval : float, default 60.0
        Seconds that `rate` is counted over.
    interarrival : float, optional
        Seconds between two permits, instead of a rate.
    limit : int, optional
        Permits that may be out at a time, instead of a rate; take them with
        ``async with``.
    shape : callable or pandas.Series, optional
        A rate that follows time: of the seconds since the throttle started.
    arrivals : {"even", "poisson"}, default "even"
        How permits are spread.
    seed : int, optional
        What Poisson arrivals are drawn from; the run's seed and the name if not given.

    Raises
    ------
    ThrottleConflictError
        If it exists with another configuration.
    UnknownThrottleError
        If nothing is configured and it does not exist.
    InvalidRateError
        If the configuration makes no sense.

    Examples
    --------
    A scenario's ``init`` says::

        self.logins = await murmur.throttle("logins", rate=100, interval=1)

    and its ``start``::

        await self.logins.wait()
    """
    run = current_run("throttle")
    run.require_open("start a throttle")
    return await run.throttles.open(
        name,
        rate,
        interval=interval,
        interarrival=interarrival,
        limit=limit,
        shape=shape,
        arrivals=arrivals,
        seed=seed,
    )


async def coordinator(
    name: Hashable, plan: PlanLike | None = None, timeout: float = 30.0
) -> Coordinator:
    """Start the coordinator `name` in this run, or return it if it is there.

    Parameters
    ----------
    name : hashable
        Unique within the run.
    plan : tuple or list of tuple
        ``(how_many, action)`` or ``(how_many, [action, ...])``, one or a list of them;
        how_many is a number, ``(min, max)`` or ``"all"``.
    timeout : float, default 30.0
        Seconds after the last `add` at which the actions run with whoever is there.

    Raises
    ------
    CoordinatorConflictError
        If it exists with another plan.
    InvalidPlanError
        If the plan makes no sense; all reasons at once.
    """
    run = current_run("coordinator")
    run.require_open("start a coordinator")
    return await run.coordinators.open(name, plan, timeout=timeout)


def send(user_id: int, message: object) -> None:
    """Put `message` into the mailbox of a user of this run.

    A message to a user that is not there is counted (`mailbox.undeliverable`).
    """
    current_run("send").send(user_id, message)


def timer(name: str) -> Timer:
    """Return a context manager that records its block as an action of no user."""
    return Timer(current_run("timer"), name, None)


def record(name: str, seconds: float, ok: bool = True) -> None:
    """Record an action of no user that took `seconds` and ends now."""
    record_duration(current_run("record"), name, None, seconds, ok=ok)


def count(name: str, n: int = 1) -> None:
    """Add `n` to the counter `name`."""
    current_run("count").recorder.count(name, n)


def gauge(name: str, value: float) -> None:
    """Set the gauge `name` to `value`."""
    current_run("gauge").recorder.gauge(name, value)
