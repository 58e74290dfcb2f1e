"""Async calls made in a thread: blocked on there, or refused, and never left unawaited.

A thread is not the loop.  A call that a plain ``def start`` may make is carried out on the
loop, in the context of the thread, while the thread waits (`block`).  Every other async
function refuses to be called where no loop runs (`on_loop`), because what it returned would be a
coroutine that nobody awaits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from murmur.errors import Leaving, WrongThreadError

from ._native import Native, Task, trio_runs_here
from ._threads import Door

LOOK = 10.0
"""Seconds between two looks at whether the loop that is to answer is still there; see `Door`."""

P = ParamSpec("P")
T = TypeVar("T")


class Caller(Protocol):
    """Whoever waits in a thread and may have to go meanwhile: a user."""

    pending: Pending | None


class Pending:
    """A call on its way: `close` ends it, and the wait of its thread, by `Leaving`."""

    def __init__(self, native: Native) -> None:
        self._native = native
        self._door = Door()
        self._task: Task | None = None
        self._value: Any = None
        self._error: BaseException | None = None

    def begin(self, call: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Start the call; on the loop."""
        if not self._door.is_open:
            self._task = self._native.spawn(self._answer(call()))

    def close(self) -> None:
        """Let the thread go, and cancel what it waited for; on the loop."""
        if not self._door.is_open:
            self._error = Leaving()
            self._door.open()
            if self._task is not None:
                self._task.cancel()

    def wait(self) -> Any:  # noqa: ANN401 - whatever the call returns
        """Return what the call comes to; in the thread, which waits for it."""
        while not self._door.wait(LOOK):
            if not self._door.is_open and not self._native.is_alive():
                raise Leaving
        error, self._error = self._error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # its traceback has this frame: a cycle
        return self._value

    async def _answer(self, body: Coroutine[Any, Any, Any]) -> None:
        try:
            self._value = await body
        except BaseException as error:  # noqa: BLE001 - the thread's to judge
            if not self._door.is_open:
                self._error = Leaving() if isinstance(error, self._native.cancelled) else error
        if not self._door.is_open:
            self._door.open()


def block(
    native: Native,
    call: Callable[[], Coroutine[Any, Any, T]],  # makes the coroutine; called on the loop
    *,
    name: str,  # what was called, for the message
    caller: Caller | None,
) -> T:
    """Return what the coroutine of `call` returns; the calling thread waits for it.

    Raises `WrongThreadError` if another loop runs in this thread, which must not wait; `Leaving`
    if the caller was cancelled meanwhile, or the loop is gone.
    """
    if loop_runs_here():
        raise WrongThreadError(
            name, "a loop of its own runs in this thread, which it would block: call it on murmur's"
        )
    pending = Pending(native)
    if caller is not None:
        caller.pending = pending
    try:
        native.run_here(copy_context().run, pending.begin, call)
        return cast("T", pending.wait())
    except RuntimeError:
        if native.is_alive():
            raise
        raise Leaving from None  # the loop was closed before it took the call
    finally:
        if caller is not None:
            caller.pending = None


def loop_runs_here() -> bool:
    """Return whether the calling thread runs a loop, of either backend."""
    if asyncio._get_running_loop() is not None:  # noqa: SLF001 - documented; the other one raises
        return True
    return trio_runs_here()


def on_loop(
    name: str,  # what users call it, for the message of the `WrongThreadError`
) -> Callable[[Callable[P, Coroutine[Any, Any, T]]], Callable[P, Coroutine[Any, Any, T]]]:
    """Have an async function refuse to be called where no loop runs; a decorator."""

    def decorate(word: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
        @wraps(word)
        def refuse_or_call(*args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
            if not loop_runs_here():
                raise WrongThreadError(
                    name,
                    "it is for `async def`: in a plain `def`, write "
                    f"`anyio.from_thread.run({name}, ...)`",
                )
            return word(*args, **kwargs)

        return refuse_or_call

    return decorate
