"""The synchronous handle by which notebooks, magics and scripts steer runs."""

from ._default import is_default as is_default
from ._default import session as session
from ._judge import Judge as Judge
from ._observation import Observation as Observation
from ._replay import replay as replay
from ._run import Run as Run
from ._session import Session as Session
from ._start import notebook_names as notebook_names
from ._status import IDLE as IDLE
from ._status import Status as Status
from ._troubles import FAILURES_LOG as FAILURES_LOG

__all__ = [
    "FAILURES_LOG",
    "IDLE",
    "Judge",
    "Observation",
    "Run",
    "Session",
    "Status",
    "is_default",
    "notebook_names",
    "replay",
    "session",
]
