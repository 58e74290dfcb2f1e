"""Calls the scenario's own functions: each as a span of events, each within its time."""

from __future__ import annotations

import math
import traceback
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import anyio.to_thread

from murmur._backend import OverdueError, call_within
from murmur.errors import CallbackError, CallbackTimeoutError, MurmurError
from murmur.scenario import Callback, callbacks
from murmur.telemetry import text_of, trace_of
from murmur.throttles import Seat

if TYPE_CHECKING:
    from ._run import NodeRun
    from ._user import User

__all__ = ["Calls", "Threads"]

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
            Seat.take_place()
            try:
                return fn()
            finally:
                self._busy.discard(user.id)

        return await self.run(call)


class Calls:
    """The callbacks of a run's scenario, in whatever form the class declares them."""

    def __init__(self, run: NodeRun) -> None:
        self._run = run
        self._callbacks = callbacks(type(run.scenario))
        self._state: Any = None

    async def init(self) -> None:
        """Call `init` and keep what it returns.

        Raises
        ------
        CallbackError, CallbackTimeoutError
            If it raised, or did not return in time.
        """
        if self._callbacks.init is not None:
            self._state = await self._span("init", self._callbacks.init, ())

    async def terminate(self) -> None:
        """Call `terminate`; raises as `init` does."""
        if self._callbacks.terminate is not None:
            await self._span("terminate", self._callbacks.terminate, (self._state,))

    async def changed(self, name: str, old: object, new: object) -> Exception | None:
        """Call `changed` for one setting; return what it raised."""
        if self._callbacks.changed is None:
            return None
        try:
            await self._within(self._callbacks.changed, (name, old, new))
        except Exception as error:  # noqa: BLE001 - goes to whoever changed the setting
            return error
        return None

    def user_body(self) -> Callable[[User], Awaitable[object]]:
        """Return what one user does: a coroutine, or a function in a thread."""
        start = self._callbacks.start
        bound = start.bind(self._run.scenario)
        if start.is_async:
            return lambda user: bound(user, self._state)
        threads = self._run.threads
        return lambda user: threads.run_user(user, lambda: bound(user, self._state))

    def observer_error(self, failures: Sequence[tuple[str, BaseException]]) -> CallbackError:
        """Return one error for observers that failed after settings changed."""
        summary = "; ".join(f"{name}: {type(e).__name__}: {e}" for name, e in failures)
        text = "".join("".join(traceback.format_exception(e)) for _, e in failures)
        failure = CallbackError("changed", self._run.node, summary, text)
        failure.__cause__ = failures[0][1]
        return failure

    async def _span(self, name: str, callback: Callback, arguments: tuple[object, ...]) -> Any:  # noqa: ANN401
        run = self._run
        metadata: dict[str, object] = {"scenario": run.scenario_name}
        began = run.native.now()
        run.emitter.emit(f"amoc.scenario.{name}.start", {"count": 1}, metadata)
        try:
            value = await self._within(callback, arguments)
        except Exception as error:
            failure = self._failure(name, error)
            metadata |= {
                "kind": type(error).__name__,
                "reason": text_of(error),
                "traceback": trace_of(error),
            }
            self._end_span(f"amoc.scenario.{name}.exception", began, metadata)
            raise failure from error
        self._end_span(f"amoc.scenario.{name}.stop", began, metadata)
        return value

    def _end_span(self, event: str, began: float, metadata: dict[str, object]) -> None:
        self._run.emitter.emit(event, {"duration": self._run.native.now() - began}, metadata)

    def _failure(self, name: str, error: Exception) -> MurmurError:
        run = self._run
        if isinstance(error, OverdueError):
            return CallbackTimeoutError(name, run.node, run.spec.callback_timeout)
        text = "".join(traceback.format_exception(error))
        return CallbackError(name, run.node, f"{type(error).__name__}: {error}", text)

    async def _within(self, callback: Callback, arguments: tuple[object, ...]) -> Any:  # noqa: ANN401
        run = self._run
        bound = callback.bind(run.scenario)

        async def call() -> Any:  # noqa: ANN401 - whatever the callback returns
            if callback.is_async:
                return await bound(*arguments)
            return await run.threads.run(lambda: bound(*arguments))

        return await call_within(run.spec.callback_timeout, run.native, call)
