"""Virtual time for both backends: no test of murmur, or of a scenario, has to sleep.

trio brings its own clock (`trio.testing.MockClock`).  asyncio has none, so `VirtualLoop`
is an event loop whose clock jumps to the next timer whenever nothing else is ready.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Mapping
from typing import Any

MOST_TURNS = 500_000
"""Turns of the loop without time passing after which something is taken to spin.

A turn lets everybody run who can, so this is no limit on users; it takes some 10 s.
"""

STEP_TURNS = 100
"""Further turns for each second that passes then."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on virtual time.

    Time stands still while anything can run, and jumps to the next timer when nothing
    can.  Sockets and threads work, but real time does not pass for them: a wait for a
    thread ends virtual timers first, as with trio's clock.

    Attributes
    ----------
    on_standstill : callable or None
        Called when the loop has turned `MOST_TURNS` times without time passing, as if
        something waited zero seconds again and again.  From then on a second passes each
        time, so that whatever ends things by a deadline can do so.

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
        self.on_standstill: Callable[[], None] | None = None
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Return virtual seconds since the loop was made."""
        return self._virtual_time

    def jump(self, seconds: float) -> None:
        """Move the clock forward by `seconds`, as a loop that was blocked would find it."""
        self._virtual_time += seconds


class _JumpingSelector(selectors.DefaultSelector):
    """Reports what is ready now; if nothing is, lets the loop's clock jump instead."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            self._turns = 0
            return super().select(None)
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if not ready and timeout > 0:
            self._turns = 0
            self._loop.jump(timeout)
        elif self._loop.on_standstill is not None:
            self._count_turn(self._loop.on_standstill)
        return ready

    def _count_turn(self, on_standstill: Callable[[], None]) -> None:
        self._turns += 1
        if self._turns >= MOST_TURNS:
            self._turns -= STEP_TURNS  # those after the first come sooner
            on_standstill()
            self._loop.jump(1.0)


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
