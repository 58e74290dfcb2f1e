"""The one seam under anyio: users, wake-ups and clocks, native to the running backend.

anyio starts everything else.  Users are different because there are so many of them: an
anyio task with a cancel scope of its own costs 47 to 55 us and 5 kB, a native asyncio
task 8 us and 1.2 kB, and anyio's primitives work inside either.  The same holds for
blocking: a waiter on a future costs 3 us, on an `anyio.Event` 9 us.

So this module, and no other, knows asyncio and trio.  It offers four things, alike on
both backends: a clock, a one-shot `Wakeup` that carries a value, a cheap checkpoint, and
tasks that can be cancelled from outside.  Structured concurrency does not end here: a
task has one owner (the run), which is told when it ends and which waits for it.

On uvloop ``loop.time()`` has a grain of a millisecond and stands still within one turn
of the loop, so `now` reads the system's monotonic clock, which has the same zero.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Protocol, Self

from ._sleeper import Sleeper, Wheel

SPARED = 8
"""Turns of the loop for which a task that has a result may go on before it is interrupted."""

RECALLED_AFTER = 0.5
"""Seconds after which code that goes on although it was called back is called back again."""


class Wakeup(Protocol):
    """Something one task waits for, once; whoever wakes it may hand over a value."""

    def wake(self, value: object = None) -> bool:
        """Wake the waiter; False if it was woken or cancelled before."""

    @property
    def is_over(self) -> bool:
        """Whether it was woken, or its waiter was cancelled."""


class Task(Protocol):
    """A user's task, as its owner sees it."""

    def cancel(self) -> object:
        """Ask the task to end by its backend's cancellation exception."""


class Interruption(Protocol):
    """A block of the running task, ``with`` which foreign code can be called back from a wait.

    The code in it is cancelled as by its backend, and the cancellation ends with the block.  A
    result that is on its way to the task is not lost: the code goes on with it.  On asyncio
    code can swallow a cancellation, also unknowingly: `asyncio.wait_for` did so before Python
    3.12.  So it is cancelled again, time after time, until the block ends.
    """

    was_woken: bool  # whether the block ended because of `wake`
    was_late: bool  # whether it ended because of its deadline

    def __enter__(self) -> Self:
        """Begin the block."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """End the block, and the cancellation that this caused."""

    def wake(self, value: object = None) -> bool:
        """End the block: a `Wakeup` of one that does not wait on a wake-up."""

    @property
    def is_over(self) -> bool:
        """Whether it ended, or is about to."""


class Native(ABC):
    """What murmur needs of the running backend."""

    # monotonic seconds with the zero of `anyio.current_time`, in full resolution
    now: Callable[[], float]
    cancelled: type[BaseException]  # the exception by which this backend cancels
    thread: int  # identifier of the loop's thread
    is_real_time: bool  # whether the clock is the system's, and not a virtual one

    @abstractmethod
    def wakeup(self) -> Wakeup:
        """Return a new wake-up for one waiter."""

    @abstractmethod
    def wait(self, wakeup: Wakeup) -> Awaitable[Any]:
        """Block until `wakeup` is woken; return the value it was woken with.

        If the waiter is cancelled after it was woken and before it ran, the exception
        propagates and `wakeup.is_over` is true: the caller can give back what it got.
        """

    @abstractmethod
    async def wait_until(self, wakeup: Wakeup, deadline: float) -> bool:
        """Block until woken (True) or until `now()` reaches `deadline` (False)."""

    def sleeper(self) -> Sleeper | None:
        """Return what one task after the other can sleep by, cheaper; None where there is none."""
        return None

    @abstractmethod
    async def checkpoint(self) -> None:
        """Let other tasks run, at the lowest price."""

    def is_here(self) -> bool:
        """Return whether the caller is on the loop's thread."""
        return threading.get_ident() == self.thread

    @abstractmethod
    def task_here(self) -> object:
        """Return the task of this loop that is running; None in any other thread."""

    @abstractmethod
    def is_alive(self) -> bool:
        """Return whether the loop can still be given work; from any thread."""

    @abstractmethod
    def interruption(
        self, deadline: float = math.inf, recalled_after: float = RECALLED_AFTER
    ) -> Interruption:
        """Return a block that can be ended from outside, and ends at `deadline`.

        Its code has `recalled_after` seconds to clean up before it is cancelled again.
        """

    @abstractmethod
    def run_here(self, fn: Callable[..., object], *args: object) -> None:
        """Call `fn` on the loop: at once if this is its thread, else soon."""

    @abstractmethod
    def abandon(self, task: Task) -> None:
        """Stop waiting for a task that ignores cancellation, where the backend can."""

    @abstractmethod
    def spawn(self, body: Coroutine[Any, Any, None], *, is_kept: bool = False) -> Task:
        """Start `body`, which must not raise, and return a handle that can cancel it.

        If `is_kept`, the caller keeps the handle until the body has ended, which is cheaper:
        asyncio itself does not keep a task that waits.
        """


class _AsyncioWakeup:
    __slots__ = ("future",)

    def __init__(self, future: asyncio.Future[Any]) -> None:
        self.future = future

    def wake(self, value: object = None) -> bool:
        if self.future.done():
            return False
        self.future.set_result(value)
        return True

    @property
    def is_over(self) -> bool:
        return self.future.done()


class AsyncioNative(Native):
    """asyncio, with or without uvloop."""

    cancelled = asyncio.CancelledError

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        overrides_time = isinstance(self._loop, asyncio.BaseEventLoop) and (
            type(self._loop).time is not asyncio.BaseEventLoop.time
        )
        self.now = self._loop.time if overrides_time else time.monotonic
        self.is_real_time = not overrides_time
        self.thread = threading.get_ident()
        self._wheel = Wheel(self._loop, self.now)
        self._tasks: set[asyncio.Task[None]] = set()

    def wakeup(self) -> _AsyncioWakeup:
        """Return a new wake-up around a future."""
        return _AsyncioWakeup(self._loop.create_future())

    def wait(self, wakeup: Wakeup) -> Awaitable[Any]:
        """Return the future itself: a coroutine around it would be one more object to collect."""
        assert isinstance(wakeup, _AsyncioWakeup)
        return wakeup.future

    async def wait_until(self, wakeup: Wakeup, deadline: float) -> bool:
        """Await the future with one timer, which is taken back when woken early."""
        assert isinstance(wakeup, _AsyncioWakeup)
        future = wakeup.future
        delay = deadline - self.now()
        if delay <= 0 and not future.done():
            await asyncio.sleep(0)
            return future.done()
        if delay == math.inf:
            await future
            return True
        timer = self._loop.call_later(delay, _time_out, future)
        try:
            return await future is not _TIMED_OUT
        finally:
            timer.cancel()

    def sleeper(self) -> Sleeper:
        """Return a new sleeper for the wheel."""
        return Sleeper(self._wheel)

    async def checkpoint(self) -> None:
        """Yield to the loop once."""
        await asyncio.sleep(0)

    def task_here(self) -> object:
        """Return asyncio's current task."""
        return asyncio.current_task(self._loop) if self.is_here() else None

    def is_alive(self) -> bool:
        """Return whether the loop is not closed."""
        return not self._loop.is_closed()

    def interruption(
        self, deadline: float = math.inf, recalled_after: float = RECALLED_AFTER
    ) -> Interruption:
        """Return a block that is ended as `asyncio.timeout` ends one, but again if need be."""
        return _AsyncioInterruption(self._loop, deadline - self.now(), recalled_after)

    def run_here(self, fn: Callable[..., object], *args: object) -> None:
        """Call directly, or through the loop's thread-safe queue."""
        if self.is_here():
            fn(*args)
        else:
            self._loop.call_soon_threadsafe(fn, *args)

    def spawn(
        self, body: Coroutine[Any, Any, None], *, is_kept: bool = False
    ) -> asyncio.Task[None]:
        """Start a plain asyncio task; the set keeps it from being collected."""
        task = asyncio.Task(body, loop=self._loop)  # past the factory of `_guard`
        if not is_kept:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return task

    def abandon(self, task: Task) -> None:
        """Take the task from asyncio's books, or closing the loop would wait for it."""
        import ctypes

        assert isinstance(task, asyncio.Task)
        asyncio._unregister_task(task)  # noqa: SLF001 - documented: "task lifetime support"
        # Collecting it, at the latest when the interpreter ends, would throw GeneratorExit
        # into code that may catch that as well and go round for ever.  So it never is.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(task))


_TIMED_OUT = object()


def _time_out(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_result(_TIMED_OUT)


class _AsyncioInterruption:
    """Cancels its task, and takes each cancellation back at the end of the block.

    It has the task within the block alone: a task that ends by an error holds the frame, which
    holds this.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, seconds: float, recalled_after: float
    ) -> None:
        self.was_woken = False
        self.was_late = False
        self._loop = loop
        self._task: asyncio.Task[Any] | None = None
        self._seconds = seconds
        self._recalled_after = recalled_after
        self._alarm: asyncio.TimerHandle | None = None
        self._cancellations = 0
        self._before = 0

    def __enter__(self) -> Self:
        self._task = asyncio.current_task(self._loop)
        assert self._task is not None
        self._before = self._task.cancelling()
        if self._seconds != math.inf:
            self._alarm = self._loop.call_later(max(0.0, self._seconds), self._expire)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        task, self._task = self._task, None
        assert task is not None
        if self._alarm is not None:
            self._alarm.cancel()
        if not self._cancellations:
            self.was_woken = self.was_late = False
            return False
        for _ in range(self._cancellations):
            task.uncancel()
        was_ours_alone = task.cancelling() <= self._before
        is_cancellation = kind is not None and issubclass(kind, asyncio.CancelledError)
        if kind is None:  # the code came to its own end all the same
            self.was_woken = self.was_late = False
        return is_cancellation and was_ours_alone

    @property
    def is_over(self) -> bool:
        return self.was_woken or self.was_late

    def wake(self, value: object = None) -> bool:
        if self.is_over:
            return False
        self.was_woken = True
        self._cancel(SPARED)
        return True

    def _expire(self) -> None:
        if not self.is_over:
            self.was_late = True
            self._cancel(SPARED)

    def _cancel(self, spared: int) -> None:
        """Cancel the task, unless what it waits for is there: then it may go on to the next.

        A task that is woken has no future, or one that is done; cancelled now, it would never
        see the result.
        """
        task = self._task
        if task is None:
            return
        future = getattr(task, "_fut_waiter", None)
        if spared and (future is None or future.done()):
            self._loop.call_soon(self._cancel, spared - 1)
        else:
            self._cancellations += 1
            task.cancel()
            if self._alarm is not None:
                self._alarm.cancel()
            self._alarm = self._loop.call_later(self._recalled_after, self._cancel, SPARED)


class _TrioWakeup:
    __slots__ = ("is_over", "task", "value")

    def __init__(self) -> None:
        self.is_over = False
        self.value: object = None
        self.task: Any = None

    def wake(self, value: object = None) -> bool:
        if self.is_over:
            return False
        self.is_over = True
        self.value = value
        if self.task is not None:
            import trio

            trio.lowlevel.reschedule(self.task)
            self.task = None
        return True


class _TrioTask:
    __slots__ = ("scope",)

    def __init__(self, scope: Any) -> None:  # noqa: ANN401 - trio may not be installed
        self.scope = scope

    def cancel(self) -> None:
        self.scope.cancel()


class _TrioInterruption:
    """A cancel scope of trio, which never takes a result from a task that has it."""

    def __init__(self, scope: Any) -> None:  # noqa: ANN401 - trio may not be installed
        self.was_woken = False
        self.was_late = False
        self._scope = scope

    def __enter__(self) -> Self:
        self._scope.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        swallowed = bool(self._scope.__exit__(kind, error, traceback))
        self.was_late = self._scope.cancelled_caught and not self.was_woken
        self.was_woken = self.was_woken and kind is not None
        return swallowed

    @property
    def is_over(self) -> bool:
        return bool(self._scope.cancel_called)

    def wake(self, value: object = None) -> bool:
        if self.is_over:
            return False
        self.was_woken = True
        self._scope.cancel()
        return True


class TrioNative(Native):
    """trio; imported only where trio runs already."""

    def __init__(self) -> None:
        import trio

        self._trio = trio
        self.now = trio.current_time
        self.is_real_time = type(trio.lowlevel.current_clock()).__name__ == "SystemClock"
        self.cancelled = trio.Cancelled
        self._token = trio.lowlevel.current_trio_token()
        self.thread = threading.get_ident()

    def wakeup(self) -> _TrioWakeup:
        """Return a new wake-up around trio's rescheduling."""
        return _TrioWakeup()

    async def wait(self, wakeup: Wakeup) -> Any:  # noqa: ANN401 - see the base
        """Park the task until it is rescheduled."""
        assert isinstance(wakeup, _TrioWakeup)
        if wakeup.is_over:
            await self._trio.lowlevel.checkpoint()
            return wakeup.value
        wakeup.task = self._trio.lowlevel.current_task()

        def abort(_: object) -> Any:  # noqa: ANN401 - trio's Abort
            wakeup.is_over = True
            wakeup.task = None
            return self._trio.lowlevel.Abort.SUCCEEDED

        await self._trio.lowlevel.wait_task_rescheduled(abort)
        return wakeup.value

    async def wait_until(self, wakeup: Wakeup, deadline: float) -> bool:
        """Wait under a deadline; a time-out leaves the wake-up over."""
        with self._trio.CancelScope(deadline=deadline) as scope:
            await self.wait(wakeup)
        return not scope.cancelled_caught

    def abandon(self, task: Task) -> None:
        """Do nothing: trio waits for every task, come what may."""

    async def checkpoint(self) -> None:
        """Yield to the scheduler once."""
        await self._trio.lowlevel.checkpoint()

    def task_here(self) -> object:
        """Return trio's current task."""
        return self._trio.lowlevel.current_task() if self.is_here() else None

    def is_alive(self) -> bool:
        """Return whether the thread of the loop is there."""
        return thread_is_alive(self.thread)

    def interruption(
        self, deadline: float = math.inf, recalled_after: float = RECALLED_AFTER
    ) -> Interruption:
        """Return a block around a cancel scope, which by itself ends every wait in it."""
        return _TrioInterruption(self._trio.CancelScope(deadline=deadline))

    def run_here(self, fn: Callable[..., object], *args: object) -> None:
        """Call directly, or through trio's thread-safe queue."""
        if self.is_here():
            fn(*args)
        else:
            self._token.run_sync_soon(fn, *args)

    def spawn(self, body: Coroutine[Any, Any, None], *, is_kept: bool = False) -> _TrioTask:
        """Start a system task under a scope of its own, in the caller's context."""
        scope = self._trio.CancelScope()

        async def run() -> None:
            with scope:
                await body

        self._trio.lowlevel.spawn_system_task(run, context=contextvars.copy_context())
        return _TrioTask(scope)


def native() -> Native:
    """Return the seam of the backend that runs the current task."""
    return TrioNative() if trio_runs_here() else AsyncioNative()


def trio_runs_here() -> bool:
    """Return whether the calling thread runs a loop of trio.

    While another thread imports trio, it is there in part; then no loop of it runs anywhere.
    """
    trio = sys.modules.get("trio")
    if trio is None:
        return False
    asks = getattr(getattr(trio, "lowlevel", None), "in_trio_run", None)
    return asks is not None and bool(asks())


def thread_is_alive(thread: int | None) -> bool:
    """Return whether a thread of that identifier runs."""
    return any(one.ident == thread for one in threading.enumerate())


thread_here: Callable[[], int] = threading.get_ident
"""Returns the identifier of the calling thread, as `Native.thread` has it."""


def thread_lock() -> threading.Lock:
    """Return a lock for threads; anyio's are for tasks."""
    return threading.Lock()


def turn_lock() -> threading.RLock:
    """Return a lock that the thread which has it may take again."""
    return threading.RLock()
