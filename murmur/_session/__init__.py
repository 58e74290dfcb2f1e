"""The synchronous handle by which notebooks, magics and scripts steer runs.

What needs the extra ``murmur-load[cluster]`` is imported when it is first asked for.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from murmur._moved import late_names

from ._default import is_default, session
from ._judge import Judge
from ._observation import Observation
from ._pulse import PULSE, write_pulse
from ._replay import archived_scenario, replay
from ._request_log import RequestLog
from ._run import Run
from ._search_progress import SearchProgress
from ._session import Session
from ._start import notebook_names
from ._status import IDLE, Status
from ._troubles import FAILURES_LOG
from ._views import ThrottleView

if TYPE_CHECKING:
    from ._attached import AttachedRun, AttachedSession, attach

__all__ = [
    "FAILURES_LOG",
    "IDLE",
    "PULSE",
    "AttachedRun",
    "AttachedSession",
    "Judge",
    "Observation",
    "RequestLog",
    "Run",
    "SearchProgress",
    "Session",
    "Status",
    "ThrottleView",
    "archived_scenario",
    "attach",
    "is_default",
    "notebook_names",
    "replay",
    "session",
    "write_pulse",
]

__getattr__: Callable[[str], Any] = late_names(
    __name__, dict.fromkeys(("AttachedRun", "AttachedSession", "attach"), "_attached")
)
