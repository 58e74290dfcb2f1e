"""A thread with a loop of its own for one end of a link.

Users may block the loop they live on, and with it whatever shares it.  A link that had to
wait for them could not say that its node is alive.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any

import anyio.to_thread
from anyio.from_thread import BlockingPortal, start_blocking_portal

__all__ = ["LinkThread"]


class LinkThread:
    """Runs one coroutine function in a thread, until it returns or is told to end."""

    def __init__(self) -> None:
        self._holder: AbstractContextManager[BlockingPortal] | None = None
        self._portal: BlockingPortal | None = None

    async def start(self, serve: Callable[..., Awaitable[Any]], *args: object) -> Any:  # noqa: ANN401
        """Start ``serve(*args, task_status=...)`` there; return what it starts with."""
        return await anyio.to_thread.run_sync(self._start, serve, args)

    async def end(self) -> None:
        """Cancel what runs there and join the thread."""
        await anyio.to_thread.run_sync(self._end)

    def _start(self, serve: Callable[..., Awaitable[Any]], args: tuple[object, ...]) -> Any:  # noqa: ANN401
        # Plain asyncio: uvloop's clock has a grain of a millisecond, too coarse for offsets.
        self._holder = start_blocking_portal("asyncio", name="murmur-link")
        self._portal = self._holder.__enter__()
        try:
            _, started = self._portal.start_task(serve, *args)
        except BaseException:
            self._end()
            raise
        return started

    def _end(self) -> None:
        holder, portal = self._holder, self._portal
        self._holder = self._portal = None
        if holder is not None and portal is not None:
            portal.call(portal.stop, True)
            holder.__exit__(None, None, None)
