"""Foreign waits: awaitables of any library, ended once their user is asked to leave."""

from __future__ import annotations

import inspect
import math
from collections.abc import AsyncIterable, AsyncIterator, Awaitable
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from murmur._backend import loop_runs_here
from murmur._given import needed, wait_given
from murmur.errors import Leaving, WaitTimeoutError, WrongThreadError

if TYPE_CHECKING:
    from ._user import User

T = TypeVar("T")

RECALL = 0.2
"""Part of the grace after which what goes on although it was cancelled is cancelled again."""

SHORTEST_RECALL = 0.05
"""Seconds; the same where there is no grace."""


async def wait_for(user: User, awaitable: Awaitable[T], timeout: float | None) -> T:
    """Return what `awaitable` comes to, unless the user is asked to leave or time is up.

    It is awaited in the user's own task, and cancelled as `asyncio.timeout` would.  A client
    may clean up for `RECALL` of the grace; what goes on longer has mostly swallowed that it was
    cancelled, and is cancelled again.
    """
    native = user.run.native
    needed(
        inspect.isawaitable(awaitable),
        "awaitable",
        awaitable,
        "give what can be awaited, such as a coroutine",
    )
    try:
        wait = math.inf if timeout is None else wait_given("timeout", timeout)
    except ValueError:
        _discard(awaitable)
        raise
    if user.is_leaving and not _has_result(awaitable):
        _discard(awaitable)
        await native.checkpoint()
        raise Leaving
    recalled_after = max(user.run.grace * RECALL, SHORTEST_RECALL)
    interruption = native.interruption(native.now() + wait, recalled_after)
    parked = user.listen(interruption)
    try:
        with interruption:
            return await awaitable
    except Exception as error:
        if interruption.was_woken:  # it came of the clean-up
            raise Leaving from error
        raise
    finally:
        parked.remove(interruption)
    if interruption.was_late:
        raise WaitTimeoutError(f"nothing of what user {user.id} waits for", wait)
    raise Leaving


def _has_result(awaitable: Awaitable[Any]) -> bool:
    """Return whether it is a future whose result is there already."""
    done = getattr(awaitable, "done", None)
    return callable(done) and bool(done())


def _discard(awaitable: Awaitable[Any]) -> None:
    """Close a coroutine that will not be awaited, or Python would warn of it."""
    close = getattr(awaitable, "close", None)
    if hasattr(awaitable, "cr_frame") and callable(close):
        close()


class Iterating(Generic[T]):
    """Items of a source, until its user is asked to leave; made by `User.iterate`.

    An iterator and not a generator: one that is left early needs no closing.
    """

    __slots__ = ("_items", "_user")

    def __init__(self, user: User, source: AsyncIterable[T]) -> None:
        if not loop_runs_here():
            raise WrongThreadError(
                "user.iterate",
                "it is for `async for` in an `async def`; in a plain `def`, write "
                "`while True: item = user.wait_for(source.__anext__())`",
            )
        needed(
            hasattr(source, "__aiter__"), "source", source, "give what `async for` takes items from"
        )
        self._user = user
        self._items: AsyncIterator[T] = source.__aiter__()

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> T:
        """Return the next item; raise `Leaving` once the user is asked to leave."""
        if self._user.is_leaving:
            await self._user.run.native.checkpoint()
            raise Leaving
        return await wait_for(self._user, self._items.__anext__(), None)
