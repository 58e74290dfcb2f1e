"""A thread with an event loop of its own, which is called from other threads.

A cell that computes for a second stalls a loop it shares with the users for a second,
and one in another thread for 20 ms.
"""

from __future__ import annotations

import logging
import math
import os
import sys
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from contextvars import Context, copy_context
from importlib.util import find_spec
from time import monotonic
from typing import Any, Self, TypeVar

import anyio
import anyio.abc

from murmur.errors import SessionClosedError, UnresponsiveError, WrongThreadError

from ._guard import ended, guard_loop, is_cancelled_from_outside
from ._native import AsyncioNative, Wakeup

T = TypeVar("T")

BEAT = 0.2
"""Seconds after which a wait looks up: ipykernel can interrupt nothing that sleeps on."""

TAKEN_AWAY = "its loop was taken away: code of this process stopped it, or cancelled every task"
"""What is known when the thread has ended although nobody closed it."""

USERS_LOOP = {"use_uvloop": sys.platform != "win32" and find_spec("uvloop") is not None}
"""How a loop runs that users live on, as an option of `LoopThread`: the quickest there is."""

LAST_TURNS = 5.0
"""Seconds that the loop has to end once it is told to."""

_logger = logging.getLogger("murmur")


class LoopThread:
    """One event loop in one thread, started by the first call that needs it.

    Calls are handed over by the loop's thread-safe queue, which never blocks: a loop that
    is stuck costs its caller patience and nothing more.  As a context it is closed at the end.

    anyio's portal in a thread is not enough: a Ctrl-C while it opens makes it wait for a loop
    that nobody ends.
    """

    def __init__(
        self,
        name: str,
        # how asyncio is to run, as `anyio.run` takes it; by itself it is plain asyncio
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._name = name
        self._options = dict(options or {})
        self._pid = os.getpid()
        self._opened: Future[None] | None = None
        self._posted: deque[tuple[Context, Future[Any], Callable[..., Awaitable[Any]], Any]] = (
            deque()
        )
        self._arrival: Wakeup | None = None
        self._tasks: anyio.abc.TaskGroup | None = None
        self._run_here: Callable[..., None] = _nobody_home
        self._was_closed = False
        self._thread: threading.Thread | None = None

    @property
    def is_closed(self) -> bool:
        """Whether it takes no more calls: closed, ended, or of the process this was forked from."""
        return self._was_closed or self._pid != os.getpid() or self.is_dead

    @property
    def is_dead(self) -> bool:
        """Whether the thread was started and has ended."""
        return self._thread is not None and not self._thread.is_alive()

    @property
    def was_taken_away(self) -> bool:
        """Whether the thread has ended although nobody closed it."""
        return self.is_dead and not self._was_closed and self._pid == os.getpid()

    @property
    def is_here(self) -> bool:
        """Whether the caller is on the loop's thread."""
        return self._thread is threading.current_thread()

    def ask(
        self,
        verb: str,
        fn: Callable[..., Awaitable[T]],
        *args: object,
        patience: float = 15.0,
        check: Callable[[str], None] = lambda _: None,
    ) -> T:
        """Call ``fn(*args)`` on the loop and return what it returns.

        Raises `UnresponsiveError` if nothing came back within `patience` seconds, or `check` says
        that nothing will.  The call is taken back, if it has not begun.  Raises `WrongThreadError`
        if the caller is on the loop itself.  Raises `SessionClosedError` if the loop is closed, or
        ends meanwhile.
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

    def start(
        self,
        verb: str,
        fn: Callable[..., Awaitable[Any]],
        *args: object,
        patience: float = math.inf,
    ) -> Any:  # noqa: ANN401 - as `anyio.abc.TaskGroup.start`
        """Start ``fn(*args, task_status=...)``, which lives on; return what it starts with."""
        return self.ask(verb, self._start, fn, *args, patience=patience)

    def close(self) -> None:
        """Cancel what is left on the loop and join the thread, if it ends in time.

        A thread that does not end is left behind; it is a daemon, so the process can end.
        """
        was_closed, self._was_closed = self.is_closed, True
        if was_closed or self._opened is None:
            return
        deadline = monotonic() + LAST_TURNS
        _await(self._opened, LAST_TURNS)  # after a Ctrl-C it may be opening still
        if self._thread is None:
            return
        with suppress(RuntimeError):  # the loop has ended by itself
            self._run_here(self._begin, copy_context(), Future(), self._leave, ())
        while self._thread.is_alive() and monotonic() < deadline:
            self._thread.join(BEAT)

    def __enter__(self) -> Self:
        """Return it; the first call starts it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _open(self, verb: str) -> None:
        """Check that calls are taken; the first call starts the thread and waits for its loop."""
        if self._pid != os.getpid():
            raise SessionClosedError("it belongs to the process that this one was forked from")
        if self._was_closed:
            raise SessionClosedError
        opened = self._opened or self._start_thread()
        while not opened.done():
            _await(opened, BEAT)
        opened.result()
        if self.is_here:
            raise WrongThreadError(verb)
        self._check_alive()

    def _start_thread(self) -> Future[None]:
        """Start the thread; return what is done once its loop takes calls.

        Ctrl-C may come at any moment of it.
        """
        opened: Future[None] = Future()
        self._opened = opened
        try:
            threading.Thread(
                target=self._live, args=(opened,), name=self._name, daemon=True
            ).start()
        except BaseException:
            if opened.cancel():  # it had not begun, and ends as soon as it does
                self._opened = None
            raise
        return opened

    def _live(self, opened: Future[None]) -> None:
        """Run the loop; this is all that the thread does."""
        if not opened.set_running_or_notify_cancel():
            return
        try:
            anyio.run(self._serve, opened, backend_options=self._options)
        except BaseException as error:  # noqa: BLE001 - as `call_soon(sys.exit)` raises
            if not opened.done():
                opened.set_exception(error)
            elif not self._was_closed:
                _logger.error("the loop of thread %s has ended: %r", self._name, error)

    async def _serve(self, opened: Future[None]) -> None:
        """Own the calls that are posted."""
        guard_loop()
        seam = AsyncioNative()
        self._run_here, self._thread = seam.run_here, threading.current_thread()
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            opened.set_result(None)
            while True:
                self._arrival = seam.wakeup()
                while self._posted:
                    # In the caller's context: what a cell starts prints into that cell.
                    context, future, fn, args = self._posted.popleft()
                    context.run(_say_asyncio)
                    if future.set_running_or_notify_cancel():
                        context.run(tasks.start_soon, _answer, future, fn, args)
                await seam.wait(self._arrival)

    async def _start(
        self,
        fn: Callable[..., Awaitable[Any]],
        *args: object,
    ) -> Any:  # noqa: ANN401 - see `start`
        assert self._tasks is not None
        return await self._tasks.start(fn, *args)  # type: ignore[arg-type] # starts only with a task

    async def _leave(self) -> None:
        assert self._tasks is not None
        self._tasks.cancel_scope.cancel()

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
    except BaseException as error:
        if is_cancelled_from_outside(error):
            future.set_exception(SessionClosedError("it was closed meanwhile"))
            raise
        future.set_exception(error if isinstance(error, Exception) else ended(error))


def _await(future: Future[Any], seconds: float) -> None:
    """Wait for a future; what it holds is for its owner to look at."""
    try:
        future.exception(seconds)
    except TimeoutError:
        return


def _nobody_home(*_: object) -> None:
    raise SessionClosedError


def _say_asyncio() -> None:
    """Let anyio find asyncio in a context that comes from a thread that runs trio."""
    # There in part while another thread imports it; then no context says anything yet.
    if known := getattr(sys.modules.get("sniffio"), "current_async_library_cvar", None):
        known.set("asyncio")
