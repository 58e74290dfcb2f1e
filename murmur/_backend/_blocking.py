"""Async calls made in a thread: blocked on there, or refused, and never left unawaited.

A thread is not the loop.  A call that a plain ``def start`` may make is carried out on the
loop, in the context of the thread, while the thread waits (`block`).  Every other async
function refuses to be called where no loop runs (`on_loop`), because what it returned would be a
coroutine that nobody awaits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextvars import copy_context
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from murmur.errors import Leaving, WrongThreadError

from ._native import Native, Task, trio_runs_here

LOOK = 10.0
"""Seconds between two looks at whether the loop that is to answer is still there.

Seldom, because all threads whose look falls due while the GIL is held wait for it at once.
"""

P = ParamSpec("P")
T = TypeVar("T")


class Caller(Protocol):
    """Whoever waits in a thread and may have to go meanwhile: a user."""

    pending: Pending | None


class Pending:
    """A call on its way: `close` ends it, and the wait of its thread, by `Leaving`."""

    def __init__(self, native: Native) -> None:
        self.result: Future[Any] = Future()
        self._native = native
        self._task: Task | None = None

    def begin(self, call: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Start the call; on the loop."""
        if not self.result.done():
            self._task = self._native.spawn(self._answer(call()))

    def close(self) -> None:
        """Let the thread go, and cancel what it waited for; on the loop."""
        if not self.result.done():
            self.result.set_exception(Leaving())
            if self._task is not None:
                self._task.cancel()

    def wait(self) -> Any:  # noqa: ANN401 - whatever the call returns
        """Return what the call comes to; in the thread, which waits for it."""
        while True:
            try:
                return self.result.result(LOOK)
            except TimeoutError:
                if self.result.done():
                    raise  # it is what the call raised
                if not self._native.is_alive():
                    raise Leaving from None

    async def _answer(self, body: Coroutine[Any, Any, Any]) -> None:
        try:
            value = await body
        except BaseException as error:  # noqa: BLE001 - the thread's to judge
            if not self.result.done():
                gone = isinstance(error, self._native.cancelled)
                self.result.set_exception(Leaving() if gone else error)
        else:
            if not self.result.done():
                self.result.set_result(value)


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
