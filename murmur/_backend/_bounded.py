"""Runs a user's own code so that it can neither hang nor end the run.

Callbacks, validators, shapes, handlers, jobs of throttles and actions of coordinators
belong to the user, and may raise anything: `SystemExit`, a cancellation, an error that
cannot say what it is.  All of it is data here.  What is called goes through `heard`; what
has to be awaited through `hear_out`, in a task of its own: one that ignores its
cancellation is left behind after `LAST_WORDS`.  docs/explanation/reliability.md lists the
places, and tests/session/test_places.py walks them.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

import anyio

from murmur._guard import Answer, tame

from ._native import Native

LAST_WORDS = 1.0
"""Seconds that cancelled code has to clean up."""

_logger = logging.getLogger(__name__)


class OverdueError(Exception):
    """The callback did not return in time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"did not return within {seconds:g} s")


async def hear_out(
    awaitable: Awaitable[Any], native: Native, seconds: float = math.inf, *, what: str = ""
) -> Answer:
    """Await `awaitable` in a task of its own, and return what it came to.

    A caller that is cancelled cancels the task, gives it `LAST_WORDS` to end and leaves it
    behind if it does not; then `what` says what it was.

    Raises `OverdueError` if it did not end within `seconds`; then it was cancelled likewise.
    """
    hearing = _Hearing(awaitable, native, what)
    try:
        await hearing.wait(seconds)
    except native.cancelled:
        await hearing.close()
        raise
    if hearing.answer is None:
        await hearing.close()
        raise OverdueError(seconds)
    return hearing.answer


class _Hearing:
    """A task that awaits what may not end."""

    def __init__(self, awaitable: Awaitable[Any], native: Native, what: str) -> None:
        self.answer: Answer | None = None
        self._what = what or getattr(awaitable, "__qualname__", type(awaitable).__qualname__)
        self._native = native
        self._done = native.wakeup()
        self._task = native.spawn(self._await(awaitable))

    async def _await(self, awaitable: Awaitable[Any]) -> None:
        try:
            self.answer = Answer(await awaitable)
        except BaseException as error:  # noqa: BLE001 - the caller's to judge
            self.answer = Answer(None, error)
        with suppress(RuntimeError):  # the loop may be closed, and nobody left to wake
            self._done.wake()

    async def wait(self, seconds: float) -> None:
        """Block until there is an answer, or until `seconds` have passed."""
        await self._native.wait_until(self._done, self._native.now() + seconds)

    async def close(self) -> None:
        """Cancel the task and see it end; abandon it if it does not.

        asyncio would never run a task that is cancelled before its first step; this one
        has made it, because whoever calls this has waited.
        """
        if self.answer is not None:
            return
        self._done = self._native.wakeup()  # the first one is over
        self._task.cancel()
        try:
            with anyio.CancelScope(shield=True):
                await self.wait(LAST_WORDS)
        finally:  # also if the caller is cancelled past the shield
            if self.answer is None:
                _logger.warning("%s ignores its cancellation and is left behind", self._what)
                self._native.abandon(self._task)


async def call_within(
    seconds: float, native: Native, call: Callable[[], Coroutine[Any, Any, Any]]
) -> Any:  # noqa: ANN401 - whatever the callback returns
    """Return what `call` returns; give up on it after `seconds`.

    Raises `OverdueError` if the callback did not return in time; `EscapedError` if it raised a
    `BaseException` that is no `Exception`.
    """
    value, error = await hear_out(call(), native, seconds)
    if error is None:
        return value
    raise tame(error)
