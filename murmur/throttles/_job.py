"""Job that `Throttle.run` returns: a call that a throttle starts when its permit comes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from typing import Any

from murmur._backend import Native, Wakeup, hear_out

from ._due import take_over_due


class Job:
    """A call that waits for a permit, runs, and has a result.

    Await it for the result; an exception of the call is raised there.  It need not be awaited.

    Parameters
    ----------
    fn : callable
        What to call; an async function is awaited.
    args : tuple
        Its arguments.
    native : Native
        The running backend.

    Examples
    --------
    >>> import anyio, murmur
    >>> from murmur.testing import rehearse
    >>> class Paced(murmur.Scenario):
    ...     '''One user that starts a call for every permit, and waits for its answer.'''
    ...     async def start(self, user):
    ...         requests = await murmur.throttle("requests", rate=10, interval=1)
    ...         jobs = [requests.run(self.square, number) for number in range(4)]
    ...         murmur.count("sum", sum([await job for job in jobs]))
    ...     async def square(self, number):
    ...         await anyio.sleep(60)
    ...         return number * number
    >>> float(rehearse(Paced, 1).counters["total"].max())
    14.0
    """

    __slots__ = ("_args", "_fn", "_native", "_result", "_waiting", "error", "is_done")

    def __init__(self, fn: Callable[..., object], args: tuple[object, ...], native: Native) -> None:
        self._fn = fn
        self._args = args
        self._native = native
        self._waiting: list[Wakeup] = []
        self._result: object = None
        self.is_done: bool = False
        self.error: BaseException | None = None

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._wait().__await__()

    def __repr__(self) -> str:
        state = "running or waiting" if not self.is_done else "failed" if self.error else "done"
        return f"<Job {getattr(self._fn, '__qualname__', 'call')} {state}>"

    async def perform(self) -> None:
        """Make the call and keep its result or its exception; let a cancellation through."""
        try:
            result = self._fn(*self._args)
        except BaseException as error:  # noqa: BLE001 - not even SystemExit may end the run
            self.finish(error=error)
            return
        if not inspect.isawaitable(result):
            self.finish(result)
            return
        try:
            what = getattr(result, "__qualname__", type(result).__qualname__)
            body = take_over_due(result, self._native)
            answer = await hear_out(body, self._native, what=what)
        except BaseException as error:
            self.finish(error=error)
            raise
        self.finish(answer.value, answer.error)

    def finish(self, result: object = None, error: BaseException | None = None) -> None:
        """End the job with a `result` or an `error`, and wake those who await it."""
        self._result, self.error, self.is_done = result, error, True
        for wakeup in self._waiting:
            wakeup.wake()
        self._waiting.clear()

    async def _wait(self) -> object:
        if self.is_done:
            await self._native.checkpoint()
        else:
            wakeup = self._native.wakeup()
            self._waiting.append(wakeup)
            await self._native.wait(wakeup)
        if self.error is not None:
            raise self.error
        return self._result
