"""The synchronous handle by which notebooks, magics and scripts steer runs."""

from ._default import session as session
from ._run import Run as Run
from ._session import Session as Session
from ._status import Status as Status

__all__ = ["Run", "Session", "Status", "session"]
