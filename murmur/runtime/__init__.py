"""Runs a scenario on one node: users, throttles, coordinators and their measurements.

Nothing here knows of other nodes, of frames or of a front end.
"""

from collections.abc import Callable
from typing import Any

from murmur._moved import old_names

from ._ambient import coordinator as coordinator
from ._ambient import count as count
from ._ambient import gauge as gauge
from ._ambient import record as record
from ._ambient import send as send
from ._ambient import throttle as throttle
from ._ambient import timer as timer
from ._context import current_run as current_run
from ._context import current_user as current_user
from ._context import running_here as running_here
from ._deliveries import ARRIVED as ARRIVED
from ._deliveries import CLOCK_ERROR as CLOCK_ERROR
from ._deliveries import DUPLICATES as DUPLICATES
from ._deliveries import EXPECTED as EXPECTED
from ._deliveries import SENT as SENT
from ._deliveries import UNCERTAIN as UNCERTAIN
from ._population import Population as Population
from ._population import Presence as Presence
from ._process import SWITCH_INTERVAL as SWITCH_INTERVAL
from ._process import busy_thread as busy_thread
from ._process import tuned_process as tuned_process
from ._run import USER_RATE as USER_RATE
from ._run import NodeRun as NodeRun
from ._run import check_throttle_verb as check_throttle_verb
from ._run import tell_refusals as tell_refusals
from ._spec import Listener as Listener
from ._spec import RunSpec as RunSpec
from ._state import EXPELLED as EXPELLED
from ._state import NODE_LEFT as NODE_LEFT
from ._state import NODE_RELEASED as NODE_RELEASED
from ._state import RUN_BROKE as RUN_BROKE
from ._state import LeavingEvent as LeavingEvent
from ._state import Outcome as Outcome
from ._state import RunState as RunState
from ._state import outcome_of as outcome_of
from ._targets import check_target as check_target
from ._targets import checked_patterns as checked_patterns
from ._targets import is_allowed as is_allowed
from ._timer import Timer as Timer
from ._timetable import Occurrence as Occurrence
from ._timetable import Timetable as Timetable
from ._user import MAILBOX_SIZE as MAILBOX_SIZE
from ._user import User as User
from ._users import longest_end as longest_end

__all__ = [
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
