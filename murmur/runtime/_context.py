"""What code inside a run can ask without being handed it: the run, the user, the permit.

A task inherits the context it is started from, so tasks, threads and callbacks of a run
all find it.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from murmur.errors import OutsideRunError

if TYPE_CHECKING:
    from ._run import NodeRun
    from ._user import User

__all__ = ["Due", "current_run", "permit_due", "running_here", "user_here"]

running_here: ContextVar[NodeRun] = ContextVar("murmur_run")
"""The run whose code this is."""

user_here: ContextVar[User | None] = ContextVar("murmur_user", default=None)
"""The user whose code this is; None outside of users."""

permit_due: ContextVar[Due | None] = ContextVar("murmur_permit_due", default=None)
"""When the last permit of this task fell due; the next timer takes it."""


class Due:
    """When a permit fell due, for the one action that it was granted to.

    Tasks that are started after it was granted inherit it; whichever acts first takes it.
    """

    __slots__ = ("at",)

    def __init__(self, at: float) -> None:
        self.at: float | None = at

    def take(self) -> float | None:
        """Return when it was, once; None after that."""
        at, self.at = self.at, None
        return at


def current_run(function: str) -> NodeRun:
    """Return the run around the calling code.

    Parameters
    ----------
    function : str
        The public function that asks, for the message.

    Raises
    ------
    OutsideRunError
        If no run called this code.
    """
    try:
        return running_here.get()
    except LookupError:
        raise OutsideRunError(function) from None
