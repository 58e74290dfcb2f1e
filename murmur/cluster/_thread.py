"""A thread with a loop of its own for one end of a link.

Users may block the loop they live on, and with it whatever shares it.  A link that had to
wait for them could not say that its node is alive.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from functools import partial
from typing import Any

import anyio
import anyio.to_thread

from murmur._backend import LoopThread


class LinkThread:
    """Runs one coroutine function in a thread, until it returns or is told to end."""

    def __init__(
        self,
        # returns what it runs in: as its caller does, so that in a kernel what it says is below
        # the cell that started it; with an empty one it is below the cell that ran last
        context: Callable[[], Context] = copy_context,
    ) -> None:
        self._context = context
        # Plain asyncio: uvloop's clock has a grain of a millisecond, too coarse for offsets.
        self._thread = LoopThread("murmur-link")

    async def start(self, serve: Callable[..., Awaitable[Any]], *args: object) -> Any:  # noqa: ANN401
        """Start ``serve(*args, task_status=...)`` there; return what it starts with."""
        start = partial(self._context().run, self._thread.start, "link", serve, *args)
        try:
            return await anyio.to_thread.run_sync(start)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.end()
            raise

    async def end(self) -> None:
        """Cancel what runs there and join the thread."""
        await anyio.to_thread.run_sync(self._thread.close)
