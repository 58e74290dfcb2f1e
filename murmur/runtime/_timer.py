"""Measures one action: when it was due, when it started, when it ended, how it went."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from murmur.errors import InvalidMeasurementError, Leaving

from ._context import permit_due

if TYPE_CHECKING:
    from types import TracebackType

    from murmur.telemetry import Recorder

__all__ = ["CUT_SHORT", "Timer", "record_duration"]

CUT_SHORT = "actions.cut_short"
"""Counter of actions that a leaving or killed user did not bring to an end."""


class Timer:
    """Record what happens inside the ``with`` block as one action.

    An exception marks the action failed and propagates.  After a throttle's `wait` in
    the same task, the action was due when the permit was; otherwise when it starts.
    """

    __slots__ = ("_cancelled", "_due_at", "_error", "_name", "_now", "_recorder", "_started_at",
                 "_user_id")  # fmt: skip

    def __init__(
        self,
        recorder: Recorder,
        name: str,
        user_id: int,
        now: Callable[[], float],
        cancelled: type[BaseException],
    ) -> None:
        self._recorder = recorder
        self._name = name
        self._user_id = user_id
        self._now = now
        self._cancelled = cancelled
        self._error: str | None = None

    def fail(self, reason: str) -> None:
        """Mark the action failed although nothing is raised.

        Parameters
        ----------
        reason : str
            A short text, the same for each failure of this kind: it is counted by it.
        """
        self._error = reason

    def __enter__(self) -> Self:
        """Start the clock."""
        due_at = permit_due.get()
        self._started_at = self._now()
        if due_at is None:
            self._due_at = self._started_at
        else:
            permit_due.set(None)
            self._due_at = due_at
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the clock and record the action."""
        ended_at = self._now()
        if error is not None and isinstance(error, (Leaving, self._cancelled)):
            self._recorder.count(CUT_SHORT)
            return
        self._recorder.action(
            self._name, self._user_id, self._due_at, self._started_at, ended_at,
            error or self._error,
        )  # fmt: skip


def record_duration(
    recorder: Recorder, name: str, user_id: int, ended_at: float, seconds: float, *, ok: bool
) -> None:
    """Record an action that was measured elsewhere and ends now.

    Raises
    ------
    InvalidMeasurementError
        If `seconds` is negative or not finite.
    """
    if not 0 <= seconds < math.inf:
        raise InvalidMeasurementError(name, seconds, "give seconds, finite and not negative")
    started_at = ended_at - seconds
    recorder.action(name, user_id, started_at, started_at, ended_at, None if ok else "not ok")
