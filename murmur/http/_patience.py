"""Limit on the wait of a request: its deadline, and not much longer than its user stays.

A request under way is not broken off when its user is asked to leave, or the server would
have answered for nothing.  It has a part of the user's grace to come to an end; the rest is
for saying goodbye.
"""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, NoReturn

from murmur.errors import HttpTimeoutError, InvalidRequestError, Leaving

if TYPE_CHECKING:
    from murmur._backend import Native, Wakeup
    from murmur.runtime import NodeRun, User

    from ._wire import Alarm

__all__ = ["RANG", "Patience", "checked_timeout"]

RANG = object()
"""What an alarm wakes with."""

SHARE_OF_GRACE = 0.75
"""Part of the grace that a request under way may use up."""


def checked_timeout(seconds: object, name: str = "timeout", *, may_be_zero: bool = False) -> float:
    """Return a time-out that was given, if it is one.

    Raises
    ------
    InvalidRequestError
        If it is no number, or nobody could wait so long: -1 or NaN.
    """
    if isinstance(seconds, Real) and not isinstance(seconds, bool):
        limit = float(seconds)
        if limit > 0 or (may_be_zero and limit == 0):
            return limit
    wanted = "0 or more" if may_be_zero else "more than 0"
    raise InvalidRequestError(f"{name}={seconds!r}: give {wanted} seconds, as a number")


class Patience:
    """The time that one request has.

    Parameters
    ----------
    native : Native
        The seam to the running backend.
    run : NodeRun or None
        The run it belongs to.
    user : User or None
        Who waits.
    timeout : float
        Seconds it has from now on.

    Attributes
    ----------
    deadline : float
        When it is over, on the clock of `native`.
    """

    __slots__ = ("_is_cut_short", "_is_leaving", "deadline", "native", "run", "timeout", "user")

    def __init__(
        self, native: Native, run: NodeRun | None, user: User | None, timeout: float
    ) -> None:
        self.native: Native = native
        self.run: NodeRun | None = run
        self.user: User | None = user
        self.timeout: float = timeout
        self.deadline: float = native.now() + timeout
        self._is_leaving = False
        self._is_cut_short = False

    def hurry(self) -> None:
        """Bring the deadline forward if the user was asked to leave, once."""
        user = self.user
        if user is None or self._is_leaving or not user.is_leaving:
            return
        self._is_leaving = True
        left = self.native.now() + SHARE_OF_GRACE * user.run.grace
        # If its own comes first all the same, the answer was late for everybody.
        self._is_cut_short = left < self.deadline
        self.deadline = min(self.deadline, left)

    async def wait(self, wakeup: Wakeup, alarm: Alarm | None = None) -> bool:
        """Wait for `wakeup`, which the call to leave wakes as well; False at the deadline.

        With an `alarm`, that one watches the deadline.
        """
        user, parked = self.user, None
        if user is not None:
            if user.is_leaving:
                self.hurry()
            else:
                parked = user.listen(wakeup)
        try:
            if alarm is None:
                return await self.native.wait_until(wakeup, self.deadline)
            alarm.set(self.deadline, wakeup)
            return await self.native.wait(wakeup) is not RANG
        finally:
            if alarm is not None:
                alarm.clear()
            if parked is not None:
                parked.remove(wakeup)

    def give_up(self, missing: str, timeout: float | None = None) -> NoReturn:
        """Raise the error of one who waited in vain for what `missing` says."""
        if self._is_cut_short:
            raise Leaving
        raise HttpTimeoutError(missing, self.timeout if timeout is None else timeout)
