"""Virtual time for both backends: no test of murmur, or of a scenario, has to sleep.

trio brings its own clock (`trio.testing.MockClock`).  asyncio has none, so `VirtualLoop`
is an event loop whose clock jumps to the next timer whenever nothing else is ready.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["VirtualLoop", "virtual_backend"]


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on virtual time.

    Time stands still while anything can run, and jumps to the next timer when nothing
    can.  Sockets and threads work, but real time does not pass for them: a wait for a
    thread ends virtual timers first, as with trio's clock.

    Examples
    --------
    >>> import anyio, time
    >>> from murmur.testing import VirtualLoop
    >>> began = time.monotonic()
    >>> anyio.run(anyio.sleep, 3600, backend_options={"loop_factory": VirtualLoop})
    >>> time.monotonic() - began < 60
    True
    """

    def __init__(self) -> None:
        self._virtual_time = 0.0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Return virtual seconds since the loop was made."""
        return self._virtual_time

    def jump(self, seconds: float) -> None:
        """Move the clock forward, as a loop that was blocked would find it."""
        self._virtual_time += seconds


class _JumpingSelector(selectors.DefaultSelector):
    """Reports what is ready now; if nothing is, lets the loop's clock jump instead."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select(None)
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if not ready and timeout > 0:
            self._loop.jump(timeout)
        return ready


def virtual_backend(name: str) -> tuple[str, Mapping[str, Any]]:
    """Return anyio's backend `name` with options that put it on virtual time.

    Parameters
    ----------
    name : {"asyncio", "trio"}
        The backend.

    Returns
    -------
    tuple of (str, dict)
        What an ``anyio_backend`` fixture returns.

    Examples
    --------
    >>> import anyio, pytest
    >>> from murmur.testing import virtual_backend
    >>> @pytest.fixture(params=["asyncio", "trio"])
    ... def anyio_backend(request):
    ...     return virtual_backend(request.param)
    """
    if name == "trio":
        from trio.testing import MockClock

        return name, {"clock": MockClock(autojump_threshold=0)}
    return name, {"loop_factory": VirtualLoop}
