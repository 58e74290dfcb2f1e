"""Specification of a run on a node: what it is made from, and whom it tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from murmur.scenario import Resolved, Scenario
from murmur.telemetry import Chunk

from ._state import RunState

if TYPE_CHECKING:
    from murmur.throttles.shared import Leases

__all__ = ["Listener", "RunSpec"]


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """What a node needs to know to take part in a run.

    Attributes
    ----------
    run_id : str
        Unique for every run.
    scenario : type of Scenario
        The class; each node makes one instance.
    settings : Resolved
        Values that were verified before.
    seed : int
        From which all random numbers of the run derive.
    started_at, wall_started_at : float
        The moment from which all times of the run count: on the node's monotonic clock,
        and in UNIX seconds UTC.
    clock_error : float
        Seconds by which `started_at` may be wrong.
    callback_timeout : float
        Seconds that `init` and `terminate` may take each.
    tune_collector : bool
        Whether the node may tune the garbage collector while the run is on.
    allow : tuple of str or None
        Hosts that murmur's own clients may connect to; any if None.
    """

    run_id: str
    scenario: type[Scenario]
    settings: Resolved
    seed: int
    started_at: float
    wall_started_at: float
    clock_error: float = 0.0
    callback_timeout: float = 60.0
    tune_collector: bool = True
    allow: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Listener:
    """Whom a run on a node tells what.

    Attributes
    ----------
    chunk : callable
        Gets what was measured, about once a second.
    idle : callable
        Called each time the last user is gone.
    state : callable
        Gets each new state.
    message : callable
        Gets the id of a user that is not here, a message for it, and when an answer was due
        (seconds since the run started, or None); from any thread.  Returns whether it is on
        its way there.
    meeting : callable or None
        Gets a message about a coordinator that is one over all nodes; None if this node is
        all.
    leases : Leases or None
        Where throttles are opened that are one over all nodes; None if this node is all.
    """

    chunk: Callable[[Chunk], None]
    idle: Callable[[], None]
    state: Callable[[RunState], None]
    message: Callable[[int, object, float | None], bool] = lambda _user_id, _message, _due: False
    meeting: Callable[[list[object]], None] | None = None
    leases: Leases | None = None
