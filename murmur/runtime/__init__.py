"""Runs a scenario on one node: users, throttles, coordinators and their measurements.

Nothing here knows of other nodes, of frames or of a front end.
"""

from ._ambient import coordinator as coordinator
from ._ambient import count as count
from ._ambient import gauge as gauge
from ._ambient import record as record
from ._ambient import send as send
from ._ambient import throttle as throttle
from ._ambient import timer as timer
from ._connection import JsonConnection as JsonConnection
from ._connection import connect_json as connect_json
from ._context import current_run as current_run
from ._coordinator import Coordinator as Coordinator
from ._coordinator import CoordinatorStatistics as CoordinatorStatistics
from ._job import Job as Job
from ._native import Native as Native
from ._native import Wakeup as Wakeup
from ._native import guard_loop as guard_loop
from ._native import native as native
from ._native import thread_here as thread_here
from ._native import thread_is_alive as thread_is_alive
from ._native import thread_lock as thread_lock
from ._permit import Permit as Permit
from ._permit import ThrottleStatistics as ThrottleStatistics
from ._plan import CoordinatorEvent as CoordinatorEvent
from ._plan import Member as Member
from ._presence import Presence as Presence
from ._ramp import Ramp as Ramp
from ._run import USER_RATE as USER_RATE
from ._run import NodeRun as NodeRun
from ._shape import preview as preview
from ._spec import Listener as Listener
from ._spec import RunSpec as RunSpec
from ._state import Outcome as Outcome
from ._state import RunState as RunState
from ._targets import checked_patterns as checked_patterns
from ._throttle import Throttle as Throttle
from ._timer import Timer as Timer
from ._timetable import Occurrence as Occurrence
from ._timetable import Timetable as Timetable
from ._user import LeavingEvent as LeavingEvent
from ._user import User as User

__all__ = [
    "USER_RATE",
    "Coordinator",
    "CoordinatorEvent",
    "CoordinatorStatistics",
    "Job",
    "JsonConnection",
    "LeavingEvent",
    "Listener",
    "Member",
    "Native",
    "NodeRun",
    "Occurrence",
    "Outcome",
    "Permit",
    "Presence",
    "Ramp",
    "RunSpec",
    "RunState",
    "Throttle",
    "ThrottleStatistics",
    "Timer",
    "Timetable",
    "User",
    "Wakeup",
    "checked_patterns",
    "connect_json",
    "coordinator",
    "count",
    "current_run",
    "gauge",
    "guard_loop",
    "native",
    "preview",
    "record",
    "send",
    "thread_here",
    "thread_is_alive",
    "thread_lock",
    "throttle",
    "timer",
]
