"""The thread in which users live, with a loop of its own.

A cell that computes for a second stalls a loop it shares with the users for a second,
and one in another thread for 20 ms.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from importlib.util import find_spec
from time import monotonic
from typing import Any, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from murmur.errors import SessionClosedError, UnresponsiveError, WrongThreadError
from murmur.runtime import thread_here

__all__ = ["BEAT", "LoopThread"]

T = TypeVar("T")

BEAT = 0.2
"""Seconds after which a wait looks up: ipykernel can interrupt nothing that sleeps on."""


class LoopThread:
    """One event loop in one thread, started by the first call that needs it."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._holder: AbstractContextManager[BlockingPortal] | None = None
        self._portal: BlockingPortal | None = None
        self._was_closed = False
        self.thread: int | None = None

    @property
    def is_closed(self) -> bool:
        """Whether it takes no more calls: closed, or of the process this was forked from."""
        return self._was_closed or self._pid != os.getpid()

    @property
    def is_running(self) -> bool:
        """Whether the thread was started and not closed."""
        return self._portal is not None

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
            will.
        WrongThreadError
            If the caller is on the loop itself.
        """
        check(verb)  # posting, too, would wait for a loop that is stuck
        future = self.post(verb, fn, *args)
        deadline = monotonic() + patience
        while True:
            try:
                return future.result(min(BEAT, max(0.0, deadline - monotonic())))
            except TimeoutError:
                if future.done():
                    raise
                if monotonic() >= deadline:
                    raise UnresponsiveError(verb, patience) from None
                check(verb)

    def post(self, verb: str, fn: Callable[..., Awaitable[T]], *args: object) -> Future[T]:
        """Call ``fn(*args)`` on the loop and return the future at once."""
        return self._open(verb).start_task_soon(fn, *args)

    def start(self, verb: str, fn: Callable[..., Awaitable[Any]]) -> Any:  # noqa: ANN401
        """Start a task that lives on; return what it says it started with."""
        _, started = self._open(verb).start_task(fn)
        return started

    def give_up(self) -> None:
        """Take no more calls and leave the thread behind: its loop does not answer.

        The thread is a daemon, so the process can end.  What it holds is kept: letting go
        of the portal would wait for the loop again.
        """
        self._was_closed = True

    def close(self) -> None:
        """Cancel what is left on the loop and join the thread."""
        if self._was_closed:
            return
        holder, self._holder = self._holder, None
        portal, self._portal = self._portal, None
        self._was_closed = True
        if holder is None or portal is None or self._pid != os.getpid():
            return
        portal.start_task_soon(portal.stop, True)
        holder.__exit__(None, None, None)

    def _open(self, verb: str) -> BlockingPortal:
        if self._pid != os.getpid():
            raise SessionClosedError("it belongs to the process that this one was forked from")
        if self._was_closed:
            raise SessionClosedError
        if self._portal is None:
            options = {"use_uvloop": True} if _has_uvloop() else {}
            self._holder = start_blocking_portal("asyncio", options, name="murmur-loop")
            self._portal = self._holder.__enter__()
            self.thread = self._portal.call(thread_here)
        if self.thread == thread_here():
            raise WrongThreadError(verb)
        return self._portal


def _has_uvloop() -> bool:
    return sys.platform != "win32" and find_spec("uvloop") is not None
