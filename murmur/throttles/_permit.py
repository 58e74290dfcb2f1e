"""A permit of a throttle, the place of one who waits for it, and what a throttle tells."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import Context
from dataclasses import dataclass
from typing import NamedTuple

from murmur._backend import Wakeup
from murmur._table import html_table

from ._gate import Gate
from ._job import Job


class Permit(NamedTuple):
    """Leave to act once.

    A tuple and not a dataclass: it is made for every paced action, and costs half.

    Attributes
    ----------
    due_at : float
        When the permit fell due, in seconds of `anyio.current_time`: its place on the
        grid of the rate, and not before it was requested.
    granted_at : float
        When its holder went on.
    """

    due_at: float
    granted_at: float


@dataclass(frozen=True, slots=True)
class ThrottleStatistics:
    """What a throttle is doing.

    Attributes
    ----------
    name : str
        Its name.
    rate, interval : float
        Permits per interval, at this moment; seconds.  Of a limit, the limit and 0.
    limit : float or None
        How many permits may be out at a time; None if it counts permits per time.
    waiting : int
        How many wait for a permit.
    requested, granted : int
        Permits since the throttle was started.
    out : int
        Permits that will be given back: of ``async with`` and, under a limit, of `run`.
    paused, ramping, stopped : bool
        Whether it is.
    ramp : str
        The ramp that is under way, whole: from which rate to which, and how long that takes.
        Empty if there is none, and on a node whose throttle is one of many nodes.
    """

    name: str
    rate: float
    interval: float
    limit: float | None
    waiting: int
    requested: int
    granted: int
    out: int
    paused: bool
    ramping: bool
    stopped: bool
    ramp: str = ""

    @property
    def pace(self) -> str:
        """What it lets through, in few words."""
        if self.stopped:
            return "stopped"
        if self.paused:
            return "paused"
        if self.limit is not None:
            return f"{self.limit:g} at a time"
        pace = f"{self.rate:g}/{self.interval:g} s"
        return self.ramp or (f"{pace}, ramping" if self.ramping else pace)

    def _repr_html_(self) -> str:
        """Return a table of one row for a notebook."""
        return throttle_table([self])


def throttle_table(throttles: Iterable[ThrottleStatistics]) -> str:
    """Return a row for each throttle as HTML."""
    titles = ("throttle", "pace", "waiting", "requested", "granted", "out")
    rows = (
        [one.name, one.pace]
        + [f"{number:,}" for number in (one.waiting, one.requested, one.granted, one.out)]
        for one in throttles
    )
    return html_table(titles, rows)


class PlaceInLine:
    """A place in the line."""

    __slots__ = ("context", "due_at", "gate", "holds", "job", "requested_at", "wakeup")

    def __init__(self, requested_at: float, *, holds: bool) -> None:
        self.requested_at: float = requested_at
        # whether the permit is given back after use; of a job, decided when it is granted
        self.holds: bool = holds
        self.wakeup: Wakeup | None = None  # what the task that asked is blocked on
        self.job: Job | None = None  # job, context: what to start instead, and in which context
        self.context: Context | None = None
        self.due_at: float | None = None  # when the permit fell due; None until it is granted
        self.gate: Gate | None = None  # where it was taken from
