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


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """What a node needs to know to take part in a run."""

    run_id: str  # unique for every run
    scenario: type[Scenario]
    settings: Resolved
    seed: int
    # started_at, wall_started_at: the moment from which all times of the run count: on the node's
    # monotonic clock, and in UNIX seconds UTC
    started_at: float
    wall_started_at: float
    clock_error: float = 0.0  # seconds by which `started_at` may be wrong
    callback_timeout: float = 60.0  # seconds that `init` and `terminate` may take each
    # whether the node may tune the garbage collector while the run is on
    tune_collector: bool = True
    # hosts that murmur's own clients may connect to; any if None
    allow: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Listener:
    """Whom a run on a node tells what."""

    chunk: Callable[[Chunk], None]  # gets what was measured, about once a second
    idle: Callable[[], None]  # called each time the last user is gone
    state: Callable[[RunState], None]  # gets each new state
    # gets the id of a user that is not here, a message for it, and when an answer was due
    # (seconds since the run started, or None); from any thread.  Returns whether it is on its way
    # there.
    message: Callable[[int, object, float | None], bool] = lambda _user_id, _message, _due: False
    # gets a message about a coordinator that is one over all nodes; None if this node is all
    meeting: Callable[[list[object]], None] | None = None
    # where throttles are opened that are one over all nodes; None if this node is all
    leases: Leases | None = None
