"""A thread that waits for the loop is left nothing to collect."""

from __future__ import annotations

import gc
import weakref

import anyio.to_thread

from murmur._backend import block, native


class NoSuchOrderError(Exception):
    """What a call on the loop raises; only a class of one's own can be referred to weakly."""


async def test_an_error_that_a_thread_waited_for_is_in_no_cycle() -> None:
    seam, errors = native(), []

    async def fail() -> None:
        raise NoSuchOrderError

    def wait() -> None:
        try:
            block(seam, fail, name="wait", caller=None)
        except NoSuchOrderError as error:
            errors.append(weakref.ref(error))

    gc.disable()
    try:
        await anyio.to_thread.run_sync(wait)
        assert errors[0]() is None
    finally:
        gc.enable()
