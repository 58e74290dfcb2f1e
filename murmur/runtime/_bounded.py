"""Calls a scenario's callback so that it cannot hang, or end, the run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ._native import Native

__all__ = ["EscapedError", "OverdueError", "call_within"]

LAST_WORDS = 1.0
"""Seconds a cancelled callback has to clean up."""


class OverdueError(Exception):
    """The callback did not return in time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"did not return within {seconds:g} s")


class EscapedError(Exception):
    """The callback raised what would end the loop: SystemExit, KeyboardInterrupt, ..."""

    def __init__(self, original: BaseException) -> None:
        super().__init__(f"{type(original).__name__}: {original}")


async def call_within(seconds: float, native: Native, call: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401
    """Return what `call` returns; give up on it after `seconds`.

    The callback runs in a task of its own: one that ignores cancellation is left behind.

    Raises
    ------
    OverdueError
        If the callback did not return in time.
    EscapedError
        If it raised a `BaseException` that is no `Exception`.
    """
    done = native.wakeup()
    outcome: list[tuple[Any, BaseException | None]] = []

    async def body() -> None:
        try:
            outcome.append((await call(), None))
        except BaseException as error:  # noqa: BLE001 - raised by the caller below
            outcome.append((None, error))
        done.wake()

    task = native.spawn(body())
    try:
        in_time = await native.wait_until(done, native.now() + seconds)
    except native.cancelled:
        task.cancel()
        raise
    if not in_time:
        done = native.wakeup()
        task.cancel()
        if not await native.wait_until(done, native.now() + LAST_WORDS):
            native.abandon(task)
        raise OverdueError(seconds)
    value, error = outcome[0]
    if error is None:
        return value
    raise error if isinstance(error, Exception) else EscapedError(error)
