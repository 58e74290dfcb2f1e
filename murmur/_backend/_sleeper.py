"""Sleeper of asyncio: one object by which a task sleeps again and again, and a wheel of them.

CPython counts the objects that were made since its last collection less those that were
freed.  Users that sleep free as many as they make, so the count stays near zero while all
that is under way grows old uncollected, and the next "young" collection walks all of it: six
objects in each sleep of 100,000 users cost half a core and pauses of 140 ms.  A `Sleeper`
makes none: it is what the task awaits and what the wheel wakes, and it keeps the method by
which its task is woken.  docs/explanation/performance.md has the figures.
"""

from __future__ import annotations

import asyncio
import math
import warnings
from collections.abc import Callable
from contextvars import Context
from types import CoroutineType
from typing import Any, Self

from murmur._given import wait_given

LONG = 10.0
"""Seconds; longer sleeps, and waits, take a timer of their own, which can be taken back.

One who is woken early stays in its slot of the wheel until the time of that slot comes."""

BATCH = 256
"""Sleepers of a slot that are woken before other tasks get a turn."""

LONGEST = 1e9
"""Seconds, some thirty years; what is longer is looked at before it is slept."""

_FREE, _ASKED, _OWN_TIMER, _WOKEN = 0, -1, -2, -3  # or the slot of the wheel, which is above


class Wheel:
    """Wakes all who sleep until the same millisecond by one timer of the loop."""

    __slots__ = ("_is_coarse", "_roused", "_slots", "loop", "now")

    def __init__(self, loop: asyncio.AbstractEventLoop, now: Callable[[], float]) -> None:
        self.loop: asyncio.AbstractEventLoop = loop
        self.now: Callable[[], float] = now
        self._is_coarse = not isinstance(loop, asyncio.BaseEventLoop)
        self._slots: dict[int, list[Sleeper]] = {}
        self._roused: list[Sleeper] = []

    def put(self, sleeper: Sleeper, seconds: float) -> int:
        """Have `sleeper` woken, never early and up to a millisecond late; return its slot."""
        now = self.now()
        slot = math.ceil((now + seconds) * 1000)
        sleepers = self._slots.get(slot)
        if sleepers is None:
            sleepers = self._slots[slot] = []
            self.loop.call_later(self._until(slot, now), self._turn, slot)
        sleepers.append(sleeper)
        return slot

    def call_later(
        self, seconds: float, wake: Callable[[int], None], state: int
    ) -> asyncio.TimerHandle:
        """Call ``wake(state)`` after so many seconds, never before."""
        if self._is_coarse:
            now = self.now()
            seconds = self._until(math.ceil((now + seconds) * 1000), now)
        return self.loop.call_later(seconds, wake, state)

    def _until(self, slot: int, now: float) -> float:
        """Return the seconds after which a timer rings in the millisecond `slot`, not before it.

        uvloop's clock has whole milliseconds, rounded down when a timer starts and when it is
        looked at, and rounds the seconds of a timer to the nearest: asked for the difference it
        rings up to 1.5 ms before its time.
        """
        if not self._is_coarse:
            return slot / 1000 - now
        return (slot - math.floor(now * 1000)) / 1000

    def rouse(self, sleeper: Sleeper) -> None:
        """Have `sleeper` woken in the next turn of the loop, with all others of this turn."""
        if not self._roused:
            self.loop.call_soon(self._rouse)
        self._roused.append(sleeper)

    def _rouse(self) -> None:
        sleepers, self._roused = self._roused, []
        sleepers.reverse()
        self._wake(_WOKEN, sleepers)

    def _turn(self, slot: int) -> None:
        sleepers = self._slots.pop(slot)
        sleepers.reverse()
        self._wake(slot, sleepers)

    def _wake(self, slot: int, sleepers: list[Sleeper]) -> None:
        """Wake some, the last first, and soon the others; also if one raises out of its task."""
        try:
            for _ in range(min(BATCH, len(sleepers))):
                sleepers.pop().ring(slot)
        finally:
            if sleepers:
                self.loop.call_soon(self._wake, slot, sleepers)


class Sleeper:
    """A sleep of one task at a time, to be awaited; made once and used for all of its sleeps.

    To asyncio it is a future, and to whoever makes a task of it a coroutine.  Time counts from
    when it is awaited.  The wheel resumes the task at once, without a turn of the loop between.
    """

    __slots__ = ("_asyncio_future_blocking", "_context", "_error", "_may_be_woken", "_seconds",
                 "_state", "_timer", "_wake", "_wheel", "was_woken")  # fmt: skip

    __qualname__ = "User.sleep"  # of the task that is made of it
    __class__ = property(lambda self: CoroutineType)  # `inspect.iscoroutine` asks

    def __init__(self, wheel: Wheel) -> None:
        self._wheel = wheel
        self._state = _FREE
        self._seconds = 0.0
        self._error: BaseException | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._wake: Callable[[Sleeper], object] | None = None
        self._context: Context | None = None
        self._may_be_woken = False
        self.was_woken: bool = False

    @property
    def is_taken(self) -> bool:
        """Whether it was asked for a sleep that is not over, or was never awaited."""
        return self._state != _FREE

    @property
    def is_unawaited(self) -> bool:
        """Whether it was asked for a sleep that nobody awaits, or not yet."""
        return self._state == _ASKED

    def sleep(self, seconds: float) -> Self:
        """Return itself, to be awaited for that long."""
        try:
            asked = 1.0 * seconds
            is_usual = 0 < asked <= LONGEST
        except Exception:  # noqa: BLE001 - whatever a class that is no number raises
            is_usual = False
        self._seconds = asked if is_usual else wait_given("seconds", seconds)
        self._state = _ASKED
        self._may_be_woken = False
        return self

    def wait(self, seconds: float) -> Self:
        """Return itself, to be awaited for that long or until `wake`; `was_woken` says which."""
        self.sleep(seconds)
        self._may_be_woken, self.was_woken = True, False
        return self

    def wake(self, value: object = None) -> bool:
        """End a wait that is under way; False if none is.  So it is a `Wakeup` meanwhile."""
        if not self._may_be_woken or self.done():
            return False
        self.was_woken = True
        self._end(None)
        return True

    @property
    def is_over(self) -> bool:
        """Whether the wait ended."""
        return self.done()

    def interrupt(self, error: BaseException) -> None:
        """Let the sleep that is under way, or about to be, end by `error`."""
        if self._state == _ASKED:
            self._error = error
        elif not self.done():
            self._end(error)

    def ring(self, slot: int) -> None:
        """Resume the task, if this is still the slot that it sleeps in."""
        if self._state != slot:
            return
        self._state = _WOKEN
        self._timer = None
        # No variable may hold them: this frame lives as long as the traceback of what the task
        # raises now, which the task holds.
        if self._wake is not None and self._context is not None:
            self._context.run(self._wake, self)

    # What a task asks of what it awaits.

    def __await__(self) -> Self:
        return self

    __iter__ = __await__

    def __next__(self) -> Self:
        if self._state == _WOKEN:
            self._state = _FREE
            raise StopIteration
        if self._state != _ASKED:
            raise RuntimeError("a sleep can be awaited once; call user.sleep() again")
        self._begin()
        self._asyncio_future_blocking = True
        return self

    def add_done_callback(
        self, callback: Callable[[Sleeper], object], *, context: Context | None = None
    ) -> None:
        """Keep how the task is woken: alike each time, so that the first is kept."""
        if self._wake != callback:
            self._wake, self._context = callback, context

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._wheel.loop

    def done(self) -> bool:
        return self._state in (_FREE, _ASKED, _WOKEN)

    def result(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            self._forget()
            try:
                raise error
            finally:
                del error  # its traceback has this frame: a cycle

    def cancel(self, msg: object = None) -> bool:
        if self.done():
            return False
        self._end(asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg))
        return True

    # What a task asks of the coroutine that it runs, and anyio of a task.

    def send(self, value: object) -> Self:
        return self.__next__()

    def throw(self, kind: Any, *rest: Any) -> None:  # noqa: ANN401 - as a generator's
        self._forget()
        try:
            raise rest[0] if rest and rest[0] is not None else kind
        finally:
            del kind, rest

    def close(self) -> None:
        self._forget()

    cr_running = False
    cr_frame = cr_await = None

    @property
    def cr_suspended(self) -> bool:
        """Whether it is awaited; before that, it can still be closed unseen."""
        return self._state not in (_FREE, _ASKED)

    def __del__(self) -> None:
        if self._state == _ASKED:
            warnings.warn("user.sleep() was never awaited", RuntimeWarning, stacklevel=1)

    def _begin(self) -> None:
        wheel, seconds = self._wheel, self._seconds
        if self._error is not None or seconds == 0:
            self._state = _OWN_TIMER
            wheel.loop.call_soon(self.ring, _OWN_TIMER)
        elif seconds <= LONG and not self._may_be_woken:
            self._state = wheel.put(self, seconds)
        else:
            self._state = _OWN_TIMER
            if seconds < math.inf:
                self._timer = wheel.call_later(seconds, self.ring, _OWN_TIMER)

    def _end(self, error: BaseException | None) -> None:
        """End the sleep in the next turn of the loop, as this may be the turn of another task."""
        self._error = error
        self._state = _WOKEN
        self._drop_timer()
        self._wheel.rouse(self)

    def _forget(self) -> None:
        self._state = _FREE
        self._error = None
        # The task: one that ends by this holds the error, which holds whoever slept.
        self._wake = self._context = None
        self._drop_timer()

    def _drop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
