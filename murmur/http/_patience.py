"""Limit on the wait of a request: its deadline, and not much longer than its user stays.

A request under way is not broken off when its user is asked to leave, or the server would
have answered for nothing.  It has a part of the user's grace to come to an end; the rest is
for saying goodbye.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import TYPE_CHECKING, NoReturn

from murmur.errors import HttpTimeoutError, InvalidRequestError, Leaving

from ._exchange import Reply

if TYPE_CHECKING:
    from murmur._backend import Native, Wakeup
    from murmur.runtime import NodeRun, User

    from ._exchange import Opened
    from ._wire import Alarm

RANG = object()
"""What an alarm wakes with."""

SHARE_OF_GRACE = 0.75
"""Part of the grace that a request under way may use up."""


def checked_timeout(seconds: object, name: str = "timeout", *, may_be_zero: bool = False) -> float:
    """Return a time-out that was given, if it is one.

    Raises `InvalidRequestError` if it is no number, or nobody could wait so long: -1 or NaN.
    """
    if type(seconds) is float and seconds > 0:  # as most are: to ask `Real` takes a while
        return seconds
    if isinstance(seconds, Real) and not isinstance(seconds, bool):
        limit = float(seconds)
        if limit > 0 or (may_be_zero and limit == 0):
            return limit
    wanted = "0 or more" if may_be_zero else "more than 0"
    raise InvalidRequestError(f"{name}={seconds!r}: give {wanted} seconds, as a number")


class Patience:
    """The time that one request has."""

    __slots__ = (
        "_is_cut_short",
        "_is_leaving",
        "_is_queueing",
        "_on_turn",
        "broken",
        "deadline",
        "is_connecting",
        "native",
        "reply",
        "run",
        "stage_at",
        "timeout",
        "turn_at",
        "user",
    )

    def __init__(
        self,
        native: Native,
        run: NodeRun | None,
        user: User | None,
        timeout: float,  # seconds it has
        # called when the request has a connection that it had to queue for
        on_turn: Callable[[], None] | None = None,
        *,
        began_at: float | None = None,  # since when it has them; now, if not given
    ) -> None:
        self.native: Native = native
        self.run: NodeRun | None = run
        self.user: User | None = user
        self.timeout: float = timeout
        # when it is over, on the clock of `native`
        self.deadline: float = (native.now() if began_at is None else began_at) + timeout
        self._is_leaving = False
        self._is_cut_short = False
        self._is_queueing = False
        self._on_turn = on_turn
        self.turn_at: float = 0.0  # when its turn came, if it had to queue; else 0
        self.is_connecting: bool = False  # whether a connection is being opened, or could not be
        self.reply: Reply | None = None  # what the newest try waits for
        self.broken: tuple[Reply, ...] = ()  # what came of tries that broke, nobody else counts
        self.stage_at: float = 0.0  # when that began, or had ended; 0 if there was one already

    @property
    def is_queueing(self) -> bool:
        """Whether it waits for a connection, of which all are taken."""
        return self._is_queueing and not self.turn_at

    def queue(self) -> None:
        """Note that all connections are taken."""
        self._is_queueing = True

    def take_turn(self) -> None:
        """Note that there is a connection, or that none will come.

        Once: what a redirect or another try waits for is part of what was begun.
        """
        on_turn, self._on_turn = self._on_turn, None
        if on_turn is not None and self._is_queueing:
            self.turn_at = self.native.now()
            on_turn()

    def note_broken(self, opened: Opened | None) -> None:
        """Note that a try broke, and the connection if it was `opened` for it."""
        reply, self.reply = self.reply or Reply(), None
        reply.opened = opened
        self.broken += (reply,)

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

        If it is an `alarm`, that one watches the deadline.
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
            return await alarm.wait(self.deadline) is not RANG
        finally:
            if parked is not None:
                parked.remove(wakeup)

    def give_up(self, missing: str, timeout: float | None = None) -> NoReturn:
        """Raise the error of one who waited in vain for what `missing` says."""
        if self._is_cut_short:
            raise Leaving
        raise HttpTimeoutError(missing, self.timeout if timeout is None else timeout)
