"""The run that code belongs to, which it can ask for without being handed it.

A task inherits the context it is started from, so tasks, threads and callbacks of a run
all find it.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, cast

from murmur.errors import WrongThreadError
from murmur.throttles import user_here

if TYPE_CHECKING:
    from ._run import NodeRun
    from ._user import User

_OF_USERS = frozenset({"count", "gauge", "record", "timer"})
"""Functions that a user has as methods, which work in any thread."""

_OF_SESSIONS = frozenset({"send", "throttle"})
"""Functions that a session has as methods, for a cell of a notebook."""

running_here: ContextVar[NodeRun] = ContextVar("murmur_run")
"""The run whose code this is."""


def current_run(
    function: str,  # the public function that asks, for the message
) -> NodeRun:
    """Return the run around the calling code.

    Raises `WrongThreadError` if no run called this code.
    """
    try:
        return running_here.get()
    except LookupError:
        instead = f"call user.{function}" if function in _OF_USERS else "have the loop do it"
        in_cell = f"in a notebook, call session.{function}; " if function in _OF_SESSIONS else ""
        raise WrongThreadError(
            f"murmur.{function}",
            "it works in code that a run calls (init, start, terminate, changed, or a task or "
            f"worker thread started there); {in_cell}in a thread or callback of a client "
            f"library, {instead}",
        ) from None


def current_user() -> User | None:
    """Return the user whose code this is; None outside of users."""
    return cast("User | None", user_here.get())
