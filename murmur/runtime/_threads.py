"""Runs plain functions of a scenario in worker threads, as many as it has users."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.to_thread

if TYPE_CHECKING:
    from ._user import User

__all__ = ["Threads"]

T = TypeVar("T")


class Threads:
    """Worker threads of one run; knows which users still sit in one.

    A thread cannot be cancelled.  A user that is killed lets go of its thread, which
    runs on until the scenario's function returns; that is reported with the user.
    """

    def __init__(self) -> None:
        self._limiter = anyio.CapacityLimiter(math.inf)
        self._busy: set[int] = set()

    def is_busy(self, user: User) -> bool:
        """Whether the function of `user` has not returned yet."""
        return user.id in self._busy

    async def run(self, fn: Callable[[], T]) -> T:
        """Return what `fn` returns, called in a thread."""
        return await anyio.to_thread.run_sync(fn, abandon_on_cancel=True, limiter=self._limiter)

    async def run_user(self, user: User, fn: Callable[[], T]) -> T:
        """Do the same for a user, and remember that its thread is busy."""
        self._busy.add(user.id)

        def call() -> T:
            try:
                return fn()
            finally:
                self._busy.discard(user.id)

        return await self.run(call)
