"""Due times on their way from a permit to the action that it was granted to."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol

from murmur._backend import Wakeup

__all__ = ["Due", "Waiter", "permit_due", "user_here"]


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


class Waiter(Protocol):
    """Whoever waits for a permit and may be asked to leave meanwhile: a user."""

    last_due: Due | None

    @property
    def is_leaving(self) -> bool:
        """Whether it was asked to leave."""

    def listen(self, wakeup: Wakeup) -> list[Wakeup]:
        """Have `wakeup` woken when it is asked to leave."""


user_here: ContextVar[Waiter | None] = ContextVar("murmur_user", default=None)
"""The user whose code this is; None outside of users."""

permit_due: ContextVar[Due | None] = ContextVar("murmur_permit_due", default=None)
"""When the last permit of this task fell due; the next timer takes it."""
