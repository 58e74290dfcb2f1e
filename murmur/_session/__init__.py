"""The synchronous handle by which notebooks, magics and scripts steer runs.

What needs the extra ``murmur-load[cluster]`` is imported when it is first asked for.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from murmur._moved import late_names

from ._default import is_default as is_default
from ._default import session as session
from ._judge import Judge as Judge
from ._observation import Observation as Observation
from ._pulse import PULSE as PULSE
from ._pulse import write_pulse as write_pulse
from ._replay import archived_scenario as archived_scenario
from ._replay import replay as replay
from ._request_log import RequestLog as RequestLog
from ._run import Run as Run
from ._search_progress import SearchProgress as SearchProgress
from ._session import Session as Session
from ._start import notebook_names as notebook_names
from ._status import IDLE as IDLE
from ._status import Status as Status
from ._troubles import FAILURES_LOG as FAILURES_LOG
from ._views import ThrottleView as ThrottleView

if TYPE_CHECKING:
    from ._attached import AttachedRun as AttachedRun
    from ._attached import AttachedSession as AttachedSession
    from ._attached import attach as attach

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
