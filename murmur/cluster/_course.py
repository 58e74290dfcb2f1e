"""How a run goes on and ends, and what belongs to it alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from murmur.errors import InvalidCountError, InvalidDurationError

if TYPE_CHECKING:
    from murmur.runtime import RunState
    from murmur.telemetry import RunRecord

    from ._node import NodeStatus

__all__ = ["ClusterStatus", "Course", "Current", "check_count"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Course:
    """How a run goes on and ends.

    Attributes
    ----------
    users : int
        Users to begin with.
    duration : float
        Seconds after which the run stops; ``math.inf`` for never.
    end_when_idle : bool
        Whether the run stops when its last user is gone.
    on_accepted : callable
        Called when the run is accepted, before `init` runs.
    on_over : callable
        Called with the last status when the run is finished, failed or reset.

    Raises
    ------
    InvalidCountError
        If `users` is negative or not a whole number.
    InvalidDurationError
        If `duration` is not a positive number.
    """

    users: int = 0
    duration: float = math.inf
    end_when_idle: bool = False
    on_accepted: Callable[[], None] = lambda: None
    on_over: Callable[[ClusterStatus], None] = lambda _: None

    def __post_init__(self) -> None:
        """Refuse what makes no sense before anything runs."""
        check_count("start", self.users)
        given: object = self.duration
        if not isinstance(given, (int, float)) or isinstance(given, bool) or not given > 0:
            raise InvalidDurationError(given)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterStatus:
    """State of the run over the cluster, and what each node tells.

    Attributes
    ----------
    state : RunState
        Over all nodes.
    highest_id : int
        The highest user id given out.
    elapsed : float
        Seconds since the run started, until it ended.
    nodes : tuple of NodeStatus
        One for each node.
    """

    state: RunState
    highest_id: int
    elapsed: float
    nodes: tuple[NodeStatus, ...]


class Current:
    """What belongs to one run alone."""

    def __init__(self, record: RunRecord, course: Course) -> None:
        self.record = record
        self.course = course
        self.ends = anyio.CancelScope()
        self.idle = anyio.Event()
        self.over = anyio.Event()
        self.started_at = anyio.current_time()
        self.ended_at = math.nan

    @property
    def elapsed(self) -> float:
        """Seconds since the run started, until it ended."""
        until = anyio.current_time() if math.isnan(self.ended_at) else self.ended_at
        return until - self.started_at

    def note_idle(self) -> None:
        """Say that a node has no user left."""
        self.idle.set()


def check_count(verb: str, count: object) -> None:
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise InvalidCountError(verb, count)
