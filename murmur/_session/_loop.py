"""The thread in which users live, with a loop of its own.

A cell that computes for a second stalls a loop it shares with the users for a second,
and one in another thread for 20 ms.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError, Future
from contextlib import AbstractContextManager
from contextvars import Context, copy_context
from importlib.util import find_spec
from time import monotonic, sleep
from typing import Any, TypeVar

import anyio
import anyio.abc
from anyio.from_thread import BlockingPortal, start_blocking_portal

from murmur._backend import Wakeup, guard_loop, native, thread_here, thread_is_alive
from murmur.errors import SessionClosedError, UnresponsiveError, WrongThreadError

__all__ = ["BEAT", "TAKEN_AWAY", "LoopThread"]

T = TypeVar("T")

BEAT = 0.2
"""Seconds after which a wait looks up: ipykernel can interrupt nothing that sleeps on."""

TAKEN_AWAY = "its loop was taken away: code of this process stopped it, or cancelled every task"
"""What is known when the thread has ended although nobody closed it."""

LAST_TURNS = 5.0
"""Seconds that the loop has to end once it is told to."""


class LoopThread:
    """One event loop in one thread, started by the first call that needs it.

    Calls are handed over by the loop's thread-safe queue, which never blocks: a loop that
    is stuck costs its caller patience and nothing more.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._holder: AbstractContextManager[BlockingPortal] | None = None
        self._portal: BlockingPortal | None = None
        self._posted: deque[tuple[Context, Future[Any], Callable[..., Awaitable[Any]], Any]] = (
            deque()
        )
        self._arrival: Wakeup | None = None
        self._run_here: Callable[..., None] = _nobody_home
        self._was_closed = False
        self._thread: int | None = None

    @property
    def is_closed(self) -> bool:
        """Whether it takes no more calls: closed, ended, or of the process this was forked from."""
        return self._was_closed or self._pid != os.getpid() or self.is_dead

    @property
    def is_dead(self) -> bool:
        """Whether the thread was started and has ended."""
        return self._thread is not None and not thread_is_alive(self._thread)

    @property
    def was_taken_away(self) -> bool:
        """Whether the thread has ended although nobody closed it."""
        return self.is_dead and not self._was_closed and self._pid == os.getpid()

    @property
    def is_here(self) -> bool:
        """Whether the caller is on the loop's thread."""
        return self._thread == thread_here()

    def ask(
        self,
        verb: str,
        fn: Callable[..., Awaitable[T]],
        *args: object,
        patience: float = 15.0,
        check: Callable[[str], None] = lambda _: None,
    ) -> T:
        """Call ``fn(*args)`` on the loop and return what it returns.

        Raises
        ------
        UnresponsiveError
            If nothing came back within `patience` seconds, or `check` says that nothing
            will.  The call is taken back, if it has not begun.
        WrongThreadError
            If the caller is on the loop itself.
        SessionClosedError
            If the loop is closed, or ends meanwhile.
        """
        future = self.post(verb, fn, *args)
        deadline = monotonic() + patience
        try:
            while not future.done():
                left = min(BEAT, deadline - monotonic())
                if left <= 0:
                    raise UnresponsiveError(verb, patience)
                _await(future, left)
                if not future.done():
                    check(verb)
                    self._check_alive()
            return future.result()
        except CancelledError:
            self._check_alive()
            raise SessionClosedError from None
        finally:
            future.cancel()

    def post(self, verb: str, fn: Callable[..., Awaitable[T]], *args: object) -> Future[T]:
        """Hand ``fn(*args)`` to the loop and return the future at once."""
        self._open(verb)
        future: Future[T] = Future()
        self._run_here(self._begin, copy_context(), future, fn, args)
        return future

    def start(self, verb: str, fn: Callable[..., Awaitable[Any]]) -> Any:  # noqa: ANN401
        """Start a task that lives on; return what it says it started with."""
        _, started = self._open(verb).start_task(fn)
        return started

    def close(self) -> None:
        """Cancel what is left on the loop and join the thread, if it ends in time.

        A thread that does not end is left behind; it is a daemon, so the process can end.
        What it holds is kept, for letting go of the portal would wait for the loop again.
        """
        if self.is_closed or self._portal is None:
            self._was_closed = True
            return
        self._was_closed = True
        self._run_here(self._begin, copy_context(), Future(), self._portal.stop, (True,))
        deadline = monotonic() + LAST_TURNS
        while thread_is_alive(self._thread) and monotonic() < deadline:
            sleep(BEAT / 20)
        if not thread_is_alive(self._thread) and self._holder is not None:
            self._holder.__exit__(None, None, None)

    def _open(self, verb: str) -> BlockingPortal:
        if self._pid != os.getpid():
            raise SessionClosedError("it belongs to the process that this one was forked from")
        if self._was_closed:
            raise SessionClosedError
        if self._portal is None:
            options = {"use_uvloop": True} if _has_uvloop() else {}
            self._holder = start_blocking_portal("asyncio", options, name="murmur-loop")
            self._portal = self._holder.__enter__()
            self._portal.start_task(self._serve)
        if self.is_here:
            raise WrongThreadError(verb)
        self._check_alive()
        return self._portal

    async def _serve(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        """Own the calls that are posted."""
        guard_loop()
        seam = native()
        self._run_here, self._thread = seam.run_here, seam.thread
        async with anyio.create_task_group() as tasks:
            task_status.started()
            while True:
                self._arrival = seam.wakeup()
                while self._posted:
                    # In the caller's context: what a cell starts prints into that cell.
                    context, future, fn, args = self._posted.popleft()
                    if future.set_running_or_notify_cancel():
                        context.run(tasks.start_soon, _answer, future, fn, args)
                await seam.wait(self._arrival)

    def _begin(self, *call: Any) -> None:  # noqa: ANN401 - see `_posted`
        """Take a call from another thread; runs on the loop, and not in a task."""
        self._posted.append(call)
        if self._arrival is not None:
            self._arrival.wake()

    def _check_alive(self) -> None:
        if self.is_dead:
            raise SessionClosedError(TAKEN_AWAY)


async def _answer(
    future: Future[Any], fn: Callable[..., Awaitable[Any]], args: tuple[object, ...]
) -> None:
    """Call and put the outcome into the future; nothing that is raised ends the loop."""
    try:
        future.set_result(await fn(*args))
    except Exception as error:  # noqa: BLE001 - whoever waits gets it
        future.set_exception(error)
    except BaseException:
        future.set_exception(SessionClosedError("it was closed meanwhile"))
        raise


def _await(future: Future[Any], seconds: float) -> None:
    """Wait for a future; what it holds is for its owner to look at."""
    try:
        future.exception(seconds)
    except TimeoutError:
        return


def _nobody_home(*_: object) -> None:
    raise SessionClosedError


def _has_uvloop() -> bool:
    return sys.platform != "win32" and find_spec("uvloop") is not None
