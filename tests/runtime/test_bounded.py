from __future__ import annotations

import math

import anyio
import pytest

from murmur.runtime._bounded import EscapedError, OverdueError, call_within
from murmur.runtime._native import native


async def test_what_is_returned_comes_back() -> None:
    async def call() -> int:
        await anyio.sleep(1)
        return 3

    assert await call_within(5, native(), call) == 3


async def test_what_is_raised_is_raised() -> None:
    async def call() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await call_within(5, native(), call)


@pytest.mark.parametrize("error", [SystemExit(2), KeyboardInterrupt()])
async def test_what_would_end_the_loop_is_wrapped(error: BaseException) -> None:
    async def call() -> None:
        raise error

    with pytest.raises(EscapedError, match=type(error).__name__):
        await call_within(5, native(), call)


async def test_what_takes_too_long_is_cancelled() -> None:
    ends = []

    async def call() -> None:
        try:
            await anyio.sleep(math.inf)
        finally:
            ends.append(anyio.current_time())

    began = anyio.current_time()
    with pytest.raises(OverdueError, match="within 5 s"):
        await call_within(5, native(), call)

    assert ends == [pytest.approx(began + 5)]


async def test_who_waits_may_be_cancelled_and_the_call_is_too() -> None:
    ends = []

    async def call() -> None:
        try:
            await anyio.sleep(math.inf)
        finally:
            ends.append("cancelled")

    with anyio.move_on_after(1):
        await call_within(math.inf, native(), call)
    await anyio.sleep(0.1)

    assert ends == ["cancelled"]
