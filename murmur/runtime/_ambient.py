"""Functions for code of a run that has no user, or no run, at hand."""

from __future__ import annotations

from typing import Any

from ._context import current_run
from ._coordinator import Coordinator
from ._throttle import Throttle
from ._timer import Timer

__all__ = ["coordinator", "count", "gauge", "record", "send", "throttle", "timer"]


async def throttle(name: str, **config: Any) -> Throttle:  # noqa: ANN401 - see Throttles.open
    """Start the throttle `name` in this run, or return it if it is there.

    Parameters
    ----------
    name : str
        Unique within the run.
    **config
        ``rate=`` permits per ``interval=`` seconds (60 by default), or
        ``interarrival=`` seconds between permits, or ``limit=`` permits at a time, or
        ``shape=`` a rate that follows time.  Nothing returns the one that exists.

    Raises
    ------
    ThrottleConflictError
        If it exists with another configuration.
    UnknownThrottleError
        If nothing is configured and it does not exist.
    """
    return await current_run("throttle").throttles.open(name, **config)


async def coordinator(name: Any, plan: Any = None, timeout: float = 30.0) -> Coordinator:  # noqa: ANN401
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
    return await current_run("coordinator").coordinators.open(name, plan, timeout=timeout)


def send(user_id: int, message: object) -> None:
    """Put `message` into the mailbox of a user of this run.

    A message to a user that is not there is counted (`mailbox.undeliverable`).
    """
    current_run("send").send(user_id, message)


def timer(name: str) -> Timer:
    """Return a context manager that records its block as an action of no user."""
    run = current_run("timer")
    return Timer(run.recorder, name, 0, run.native.now, run.native.cancelled)


def record(name: str, seconds: float, ok: bool = True) -> None:
    """Record an action of no user that took `seconds` and ends now."""
    current_run("record").record(name, seconds, ok=ok)


def count(name: str, n: int = 1) -> None:
    """Add `n` to the counter `name`."""
    current_run("count").recorder.count(name, n)


def gauge(name: str, value: float) -> None:
    """Set the gauge `name` to `value`."""
    current_run("gauge").recorder.gauge(name, value)
