"""Measures one action: when it was due, when it started, when it ended, how it went."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Self

from murmur._given import SHOWN, amount_given, needed, truth_given
from murmur._guard import text_of
from murmur.errors import InvalidArgumentError, Leaving
from murmur.telemetry import CUT_SHORT as SPAN_CUT_SHORT
from murmur.throttles import take_due

from ._context import current_user
from ._state import RunState

if TYPE_CHECKING:
    from types import TracebackType

    from murmur.telemetry import Recorder

    from ._run import NodeRun
    from ._user import User

LONGEST = 1e9
"""Seconds, some thirty years: what is longer, or so late, is a date or milliseconds."""

CUT_SHORT = "actions.cut_short"
"""Counter of actions that a leaving or killed user did not bring to an end."""

OF_THE_GONE = "users.records_when_gone"
"""Counter of what tasks and threads that a user left behind would have recorded for it."""

CANCELLED = "cancelled, by a timeout or by its own code"
"""Error of an action that something in the scenario cancelled."""


class Timer:
    """Record what happens inside the ``with`` block as one action.

    An exception marks the action failed and propagates; so does a timeout around the
    block.  After a throttle's `wait` the action was due when the permit was, otherwise
    when it starts.  What a user leaves unfinished because it is asked to leave, or
    killed, is no action: it is counted as ``actions.cut_short``, and how long it had gone on
    since it was due is a span of its name, ``<name>.cut_short``.  An action that `end` had
    ended was finished, whatever cuts off the rest of the block.

    Attributes
    ----------
    started_at : float
        When it started, in monotonic seconds; NaN before the block is entered.
    ended_at : float or None
        When it ended, if that is known before the block is left.
    """

    def __init__(
        self, run: NodeRun, name: str, user: User | None, *, due_at: float | None = None
    ) -> None:
        self._run = run
        self._name = name
        self._user = user
        self._due_at = due_at
        self._error: BaseException | str | None = None
        self.started_at: float = math.nan
        self.ended_at: float | None = None

    @property
    def name(self) -> str:
        """What is timed."""
        return self._name

    @property
    def due_at(self) -> float:
        """When it was due, in monotonic seconds; NaN before the block is entered."""
        return math.nan if self._due_at is None else self._due_at

    @property
    def is_void(self) -> bool:
        """Whether its user is gone, so that it will record nothing."""
        return self._user is not None and self._user.is_gone

    @property
    def is_part(self) -> bool:
        """Whether it is a part of an action; it is one."""
        return False

    def begin(self) -> None:
        """Start the service time now: until here the action waited for its turn.

        It was due when the block was entered, or before, so the wait is response time.
        """
        self.started_at = self._run.native.now()

    def end(self) -> None:
        """Stop the clock now: what follows in the block, such as checks, is not measured."""
        self.ended_at = self._run.native.now()

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
        native = self._run.native
        due_at = take_due(native)
        if self._due_at is not None:
            due_at = due_given(self._due_at)
        self.started_at = now = native.now()
        self._due_at = now if due_at is None or not due_at < now else due_at
        self._run.recorder.open[self] = now
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the clock and record the action."""
        assert self._due_at is not None
        self._run.recorder.open.pop(self, None)
        ended_at = self._run.native.now() if self.ended_at is None else self.ended_at
        owner = self._user if self._user is not None else current_user()
        if owner is not None and owner.is_gone and refuse_the_gone(self._run.recorder, owner):
            return
        failure: BaseException | str | None = error or self._error
        if error is not None and isinstance(error, (Leaving, self._run.native.cancelled)):
            if self.ended_at is not None:
                failure = self._error  # it was over before, and how it went is known
            elif isinstance(error, Leaving) or self._is_ended_from_outside():
                self._cut_short(ended_at)
                return
            else:
                failure = CANCELLED
        user_id = self._user.id if self._user is not None else 0
        self._run.recorder.action(
            self._name, user_id, self._due_at, self.started_at, ended_at, failure
        )

    def _cut_short(self, at: float) -> None:
        """Count it, and for how long it had gone on: a target that hangs shows nowhere else."""
        recorder = self._run.recorder
        recorder.count(CUT_SHORT)
        recorder.span(self._name, SPAN_CUT_SHORT, self.started_at, at, due_at=self._due_at)

    def _is_ended_from_outside(self) -> bool:
        """Whether a cancellation is the end of the user or the run, not a timeout.

        Of the tasks of a user one hears that it should leave, and their group cancels the
        others: what these had begun before is cut short.  A goodbye that is cancelled began
        afterwards, and took too long.
        """
        if self._user is not None:
            return self._user.is_killed or self.started_at < self._user.leaving_since
        return self._run.state is not RunState.RUNNING


def refuse_the_gone(recorder: Recorder, user: User | None) -> bool:
    """Whether the user is gone: then its tasks and threads that are left record nothing.

    What they would have recorded is counted, as what nobody should rely on.
    """
    if user is None or not user.is_gone:
        return False
    recorder.count(OF_THE_GONE)
    return True


def due_given(due_at: float) -> float:
    """Return when something was due, if that is a moment of this machine's clock."""
    remedy = "give a moment in seconds of anyio.current_time()"
    moment = amount_given("due_at", due_at, remedy, least=-LONGEST)
    needed(moment <= LONGEST, "due_at", due_at, remedy)
    return moment


def record_duration(
    run: NodeRun,
    name: str,
    user: User | None,
    seconds: float,
    *,
    ok: bool,
    due_at: float | None = None,
) -> None:
    """Record an action that was measured elsewhere and ends now.

    It has nothing to do with permits: who paced it may say when it was due.

    Raises `InvalidArgumentError` if `seconds` is no number from 0 to 1e9, or `due_at` no moment.
    """
    ended_at = run.native.now()
    try:
        started_at = ended_at - seconds
        is_usable = 0 <= seconds <= LONGEST
    except Exception:  # noqa: BLE001 - whatever a class that is no number raises
        is_usable = False
    if not is_usable:
        raise InvalidArgumentError(
            f"cannot record {text_of(seconds, repr)[:SHOWN]} for {text_of(name, repr)[:SHOWN]}",
            "give seconds, a number from 0 to 1e9",
        )
    due_at = started_at if due_at is None else min(due_given(due_at), started_at)
    is_good = ok is True or truth_given("ok", ok)
    if refuse_the_gone(run.recorder, user):
        return
    user_id = user.id if user is not None else 0
    run.recorder.action(name, user_id, due_at, started_at, ended_at, None if is_good else "not ok")
