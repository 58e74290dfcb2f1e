"""Runs a scenario on one node: users, throttles, coordinators and their measurements.

Nothing here knows of other nodes, of frames or of a front end.
"""

from collections.abc import Callable
from typing import Any

from murmur._moved import old_names

from ._ambient import coordinator, count, gauge, record, send, throttle, timer
from ._context import current_run, current_user, running_here
from ._deliveries import ARRIVED, CLOCK_ERROR, DUPLICATES, EXPECTED, SENT, UNCERTAIN
from ._live_settings import USER_RATE, tell_refusals
from ._population import Population, Presence
from ._process import SWITCH_INTERVAL, busy_thread, tuned_process
from ._run import NodeRun, check_throttle_verb
from ._spec import Listener, RunSpec
from ._state import (
    ABANDONED,
    EXPELLED,
    NODE_LEFT,
    NODE_RELEASED,
    RUN_BROKE,
    THREAD_RUNS,
    LeavingEvent,
    Outcome,
    RunState,
    outcome_of,
    went_with_their_node,
)
from ._targets import check_target, checked_patterns, is_allowed
from ._timer import Timer
from ._timetable import Occurrence, Timetable
from ._user import MAILBOX_SIZE, User
from ._users import longest_end

__all__ = [
    "ABANDONED",
    "ARRIVED",
    "CLOCK_ERROR",
    "DUPLICATES",
    "EXPECTED",
    "EXPELLED",
    "MAILBOX_SIZE",
    "NODE_LEFT",
    "NODE_RELEASED",
    "RUN_BROKE",
    "SENT",
    "SWITCH_INTERVAL",
    "THREAD_RUNS",
    "UNCERTAIN",
    "USER_RATE",
    "LeavingEvent",
    "Listener",
    "NodeRun",
    "Occurrence",
    "Outcome",
    "Population",
    "Presence",
    "RunSpec",
    "RunState",
    "Timer",
    "Timetable",
    "User",
    "busy_thread",
    "check_target",
    "check_throttle_verb",
    "checked_patterns",
    "coordinator",
    "count",
    "current_run",
    "current_user",
    "gauge",
    "is_allowed",
    "longest_end",
    "outcome_of",
    "record",
    "running_here",
    "send",
    "tell_refusals",
    "throttle",
    "timer",
    "tuned_process",
    "went_with_their_node",
]

__getattr__: Callable[[str], Any] = old_names(
    __name__,
    {
        "JsonConnection": "murmur",
        "connect_json": "murmur",
        "Coordinator": "murmur",
        "CoordinatorEvent": "murmur",
        "CoordinatorStatistics": "murmur",
        "Member": "murmur",
        "Job": "murmur",
        "Permit": "murmur",
        "Ramp": "murmur",
        "Throttle": "murmur",
        "ThrottleStatistics": "murmur",
        "preview": "murmur",
        "Native": "murmur._backend",
        "native": "murmur._backend",
        "Wakeup": "murmur._backend",
        "guard_loop": "murmur._backend",
        "thread_here": "murmur._backend",
        "thread_is_alive": "murmur._backend",
        "thread_lock": "murmur._backend",
    },
)
