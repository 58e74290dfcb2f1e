"""Measures one action: when it was due, when it started, when it ended, how it went."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Self

from murmur.errors import InvalidMeasurementError, Leaving
from murmur.throttles import permit_due

from ._state import RunState

if TYPE_CHECKING:
    from types import TracebackType

    from ._run import NodeRun
    from ._user import User

__all__ = ["CUT_SHORT", "Timer", "record_duration"]

CUT_SHORT = "actions.cut_short"
"""Counter of actions that a leaving or killed user did not bring to an end."""

CANCELLED = "cancelled, by a timeout or by its own code"
"""Error of an action that something in the scenario cancelled."""


class Timer:
    """Record what happens inside the ``with`` block as one action.

    An exception marks the action failed and propagates; so does a timeout around the
    block.  After a throttle's `wait` the action was due when the permit was, otherwise
    when it starts.  What a user leaves unfinished because it is asked to leave, or
    killed, is no action: it is counted as ``actions.cut_short``.  An action that `end` had
    ended was finished, whatever cuts off the rest of the block.
    """

    __slots__ = ("_due_at", "_ended_at", "_error", "_name", "_run", "_started_at", "_user")

    def __init__(self, run: NodeRun, name: str, user: User | None) -> None:
        self._run = run
        self._name = name
        self._user = user
        self._ended_at: float | None = None
        self._error: BaseException | str | None = None

    def end(self) -> None:
        """Stop the clock now: what follows in the block, such as checks, is not measured."""
        self._ended_at = self._run.native.now()

    def fail(self, reason: BaseException | str) -> None:
        """Mark the action failed although nothing is raised.

        Parameters
        ----------
        reason : str or BaseException
            A short text, the same for each failure of this kind: it is counted by it.
        """
        self._error = reason

    def __enter__(self) -> Self:
        """Start the clock."""
        due_at = _take_due(self._run, self._user)
        self._started_at = self._run.native.now()
        self._due_at = self._started_at if due_at is None else due_at
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the clock and record the action."""
        ended_at = self._run.native.now() if self._ended_at is None else self._ended_at
        failure: BaseException | str | None = error or self._error
        if error is not None and isinstance(error, (Leaving, self._run.native.cancelled)):
            if self._ended_at is not None:
                failure = self._error  # it was over before, and how it went is known
            elif isinstance(error, Leaving) or self._is_ended_from_outside():
                self._run.recorder.count(CUT_SHORT)
                return
            else:
                failure = CANCELLED
        user_id = self._user.id if self._user is not None else 0
        self._run.recorder.action(
            self._name, user_id, self._due_at, self._started_at, ended_at, failure
        )

    def _is_ended_from_outside(self) -> bool:
        """Whether a cancellation is the end of the user or the run, not a timeout."""
        if self._user is not None:
            return self._user.is_killed
        return self._run.state is not RunState.RUNNING


def record_duration(
    run: NodeRun, name: str, user: User | None, seconds: float, *, ok: bool
) -> None:
    """Record an action that was measured elsewhere and ends now.

    Raises
    ------
    InvalidMeasurementError
        If `seconds` is negative or not finite.
    """
    if not 0 <= seconds < math.inf:
        raise InvalidMeasurementError(name, seconds, "give seconds, finite and not negative")
    ended_at = run.native.now()
    started_at = ended_at - seconds
    due_at = _take_due(run, user)
    due_at = started_at if due_at is None else min(due_at, started_at)
    user_id = user.id if user is not None else 0
    run.recorder.action(name, user_id, due_at, started_at, ended_at, None if ok else "not ok")


def _take_due(run: NodeRun, user: User | None) -> float | None:
    """Return when the permit fell due that this action is for, if there is one.

    A worker thread waits for permits in the loop's context and not in its own, so there
    the user remembers.
    """
    due = permit_due.get()
    if due is None and user is not None and not run.native.is_here():
        due = user.last_due
    return due.take() if due is not None else None
