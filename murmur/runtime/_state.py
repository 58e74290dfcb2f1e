"""The states of a run, the ways between them, and the ways a user can end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from murmur._backend import on_loop
from murmur.errors import Leaving
from murmur.telemetry import Kinds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from murmur.telemetry import Labels

    from ._user import User

NODE_LEFT = "node left"
"""Reason of users that went because their node did, in order and unasked."""

NODE_RELEASED = "node released"
"""Reason of users that went because whoever steers gave their node back, or scaled it away."""

RUN_BROKE = "the run broke"
"""Reason of users that went because a defect of murmur's own ended their run."""

EXPELLED = "it was expelled"
"""Reason of users that were lost because a person sent their node away."""


ABANDONED = "ignores cancellation, abandoned"
"""Reason of users that were still there after they were cancelled."""

THREAD_RUNS = "its thread still runs"
"""Reason of users that were cancelled, and whose thread nothing can end."""


def went_with_their_node(
    # `outcome` and `reason` of users, as of the table of a record
    outcome: Labels,
    reason: Labels,
) -> NDArray[np.bool_]:
    """Return which users were lost, or ended in order and only because of their node."""
    return outcome.among({"lost"}) | reason.among({NODE_LEFT, NODE_RELEASED, RUN_BROKE})


class RunState(StrEnum):
    """What a run is doing; equal to its name as a string.

    Examples
    --------
    >>> RunState.RUNNING == "running", RunState.FINISHED.is_over
    (True, True)
    """

    IDLE = "idle"
    RUNNING = "running"
    TERMINATING = "terminating"
    FINISHED = "finished"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether nothing of the run is left to wait for."""
        return self in (RunState.IDLE, RunState.FINISHED, RunState.FAILED)


TRANSITIONS: Mapping[RunState, frozenset[RunState]] = {
    RunState.IDLE: frozenset({RunState.RUNNING, RunState.FAILED}),
    RunState.RUNNING: frozenset({RunState.TERMINATING, RunState.FAILED}),
    RunState.TERMINATING: frozenset({RunState.FINISHED, RunState.FAILED}),
    RunState.FINISHED: frozenset(),
    RunState.FAILED: frozenset(),
}
"""From each state, the states that may follow.  `Session.reset` leaves the table."""


class Outcome(StrEnum):
    """How a user ended; every announced user gets exactly one.

    Examples
    --------
    >>> [outcome.value for outcome in Outcome]
    ['finished', 'failed', 'left', 'killed', 'dropped', 'lost']
    """

    FINISHED = "finished"
    FAILED = "failed"
    LEFT = "left"
    KILLED = "killed"
    DROPPED = "dropped"
    LOST = "lost"


def outcome_of(
    error: BaseException | None,  # what `start` raised; None if it returned
    *,
    # was_asked, was_killed: whether the user was asked to leave, and cancelled after its grace
    was_asked: bool,
    was_killed: bool,
    cancelled: type[BaseException],  # the backend's cancellation exception
    # returns the kind of an error as a text
    describe: Callable[[BaseException], str] = lambda error: str(Kinds().of(error)),
) -> tuple[Outcome, str]:
    """Return how a user ended that left `start` with `error`, and why.

    Returns
    -------
    tuple of (Outcome, str)
        The reason is empty for a user that did as it should.
    """
    if was_killed:
        own = error is not None and not _consists_of(error, (Leaving, cancelled))
        return Outcome.KILLED, describe(error) if own and error else "still there after its grace"
    if error is None:
        return (Outcome.LEFT if was_asked else Outcome.FINISHED), ""
    if _consists_of(error, (Leaving,)):
        return Outcome.LEFT, ""
    if isinstance(error, cancelled):
        return Outcome.FAILED, "cancelled by its own code"
    return Outcome.FAILED, describe(error)


def _consists_of(error: BaseException, kinds: tuple[type[BaseException], ...]) -> bool:
    """Whether `error` is of `kinds`, or a group (of groups) of nothing else."""
    left = [error]  # and no recursion: groups may be thousands deep
    while left:
        part = left.pop()
        if isinstance(part, BaseExceptionGroup):
            left.extend(part.exceptions)
        elif not isinstance(part, kinds):
            return False
    return True


class LeavingEvent:
    """Whether a user was asked to leave, as an event to look at or to wait for."""

    __slots__ = ("_user",)

    def __init__(self, user: User) -> None:
        self._user = user

    def is_set(self) -> bool:
        """Return whether the user was asked to leave."""
        return self._user.is_leaving

    @on_loop("user.leaving.wait")
    async def wait(self) -> None:
        """Block until the user is asked to leave."""
        await self._user.wait_asked()
