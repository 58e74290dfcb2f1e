"""The seam behaves alike on both backends."""

from __future__ import annotations

import asyncio
import gc
import time

import anyio
import pytest

from murmur._backend import guard_loop, native
from murmur.errors import ScenarioError


async def test_a_wakeup_hands_over_a_value() -> None:
    seam = native()
    wakeup = seam.wakeup()
    got = []

    async def wait() -> None:
        got.append(await seam.wait(wakeup))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await anyio.sleep(1)
        assert wakeup.wake("hello") is True
        assert wakeup.wake("again") is False

    assert got == ["hello"]


async def test_a_wakeup_may_come_before_its_waiter() -> None:
    seam = native()
    wakeup = seam.wakeup()
    wakeup.wake(7)

    assert await seam.wait(wakeup) == 7


async def test_waiting_ends_at_the_deadline() -> None:
    seam = native()
    began = seam.now()

    assert await seam.wait_until(seam.wakeup(), began + 5) is False
    assert seam.now() - began == pytest.approx(5)


async def test_a_deadline_in_the_past_still_lets_others_run() -> None:
    seam = native()
    order = []

    async def other() -> None:
        order.append("other")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(other)
        for _ in range(2):  # trio may let either go first in one turn
            await seam.wait_until(seam.wakeup(), seam.now() - 1)
        order.append("self")

    assert order == ["other", "self"]


async def test_a_timer_that_ran_out_makes_the_wakeup_useless() -> None:
    seam = native()
    wakeup = seam.wakeup()
    await seam.wait_until(wakeup, seam.now() + 1)

    assert wakeup.is_over
    assert wakeup.wake() is False


async def test_a_cancelled_waiter_makes_the_wakeup_useless() -> None:
    seam = native()
    wakeup = seam.wakeup()
    with anyio.move_on_after(1):
        await seam.wait(wakeup)

    assert wakeup.is_over


async def test_a_spawned_task_can_be_cancelled_from_outside() -> None:
    seam = native()
    ends = []

    async def body() -> None:
        try:
            await anyio.sleep(100)
        except seam.cancelled:
            ends.append("cancelled")
            raise

    task = seam.spawn(body())
    await anyio.sleep(1)
    task.cancel()
    await anyio.sleep(1)

    assert ends == ["cancelled"]


async def test_the_clock_is_the_one_of_anyio() -> None:
    assert native().now() == pytest.approx(anyio.current_time())


async def test_a_call_from_another_thread_runs_on_the_loop() -> None:
    seam = native()
    threads = []

    def call() -> None:
        threads.append(seam.thread)
        done.set()

    done = anyio.Event()
    await anyio.to_thread.run_sync(seam.run_here, call)
    with anyio.fail_after(1):
        await done.wait()

    assert len(threads) == 1


def test_under_the_guard_a_task_may_be_cancelled_before_its_first_step() -> None:
    async def never() -> None:
        raise AssertionError("it was cancelled before")

    async def main() -> bool:
        guard_loop()
        task = asyncio.ensure_future(never())
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(main())
    gc.collect()  # pytest would tell of a coroutine that was never awaited


def test_under_the_guard_a_task_ends_as_it_would_without() -> None:
    async def answer() -> int:
        await asyncio.sleep(0)
        return 42

    async def leave() -> None:
        raise SystemExit

    async def main() -> list[object]:
        guard_loop()
        return await asyncio.gather(answer(), leave(), return_exceptions=True)

    found, error = asyncio.run(main())

    assert found == 42
    assert isinstance(error, ScenarioError)


@pytest.mark.parametrize("use_uvloop", [False, True], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("waits", [False, True], ids=["sleep", "wait"])
def test_no_sleeper_wakes_before_its_time(use_uvloop: bool, waits: bool) -> None:
    """A timer of uvloop has whole milliseconds, and may ring 1.5 ms before its time."""
    if use_uvloop:
        pytest.importorskip("uvloop")

    async def early() -> list[float]:
        seam = native()
        slept = []

        async def doze(seconds: float) -> None:
            sleeper = seam.sleeper()
            assert sleeper is not None
            for _ in range(10):
                began = time.monotonic()
                await (sleeper.wait(seconds) if waits else sleeper.sleep(seconds))
                slept.append(time.monotonic() - began - seconds)

        await asyncio.gather(*(doze(0.0104 + nth * 0.0017) for nth in range(40)))
        return [each for each in slept if each < 0]

    assert anyio.run(early, backend_options={"use_uvloop": use_uvloop}) == []
