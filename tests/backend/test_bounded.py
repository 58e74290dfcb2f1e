"""Code of a scenario ends when it should, or is left behind: callbacks, jobs and actions."""

from __future__ import annotations

import math
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from random import Random

import anyio
import pytest

from murmur._backend import OverdueError, call_within, hear_out, native
from murmur._backend._bounded import LAST_WORDS
from murmur._guard import Answer, EscapedError
from murmur.coordinators import Coordinators
from murmur.testing import RecordingEmitter
from murmur.throttles import Throttles

ends: ContextVar[list[str]] = ContextVar("ends")


@dataclass(frozen=True)
class Visitor:
    """A user as small as can be."""

    id: int = 1


class Immortal:
    """Ignores cancellation for a minute; for ever, trio could not leave it behind."""

    def __init__(self) -> None:
        self.calls = 0
        self.has_ended = False

    async def live(self) -> None:
        self.calls += 1
        until = anyio.current_time() + 60
        while anyio.current_time() < until:
            with suppress(BaseException), anyio.CancelScope(shield=True):
                await anyio.sleep(until - anyio.current_time())
        self.has_ended = True


async def clean_up() -> None:
    """Wait for ever; when cancelled, clean up for half of the time there is."""
    try:
        await anyio.sleep(math.inf)
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(LAST_WORDS / 2)
        ends.get().append("cleaned up")


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


async def test_an_overdue_call_that_ignores_cancellation_is_left_behind() -> None:
    immortal = Immortal()
    began = anyio.current_time()

    with pytest.raises(OverdueError, match="within 5 s"):
        await call_within(5, native(), immortal.live)

    assert anyio.current_time() - began == pytest.approx(5 + LAST_WORDS)
    assert not immortal.has_ended
    await anyio.sleep(60)
    assert immortal.has_ended


async def test_who_waits_is_not_held_up_by_a_call_that_ignores_cancellation() -> None:
    immortal = Immortal()
    began = anyio.current_time()

    with anyio.move_on_after(1) as scope:
        await call_within(math.inf, native(), immortal.live)

    assert scope.cancelled_caught
    assert anyio.current_time() - began == pytest.approx(1 + LAST_WORDS)
    assert not immortal.has_ended
    await anyio.sleep(60)


async def test_a_caller_cancelled_twice_does_not_wait_for_last_words() -> None:
    here = native()
    immortal, left_at = Immortal(), []

    async def caller() -> None:
        with suppress(here.cancelled):
            await call_within(math.inf, here, immortal.live)
        left_at.append(anyio.current_time())

    began = anyio.current_time()
    task = here.spawn(caller())
    await anyio.sleep(1)
    task.cancel()
    await anyio.sleep(LAST_WORDS / 4)
    task.cancel()
    await anyio.sleep(LAST_WORDS)

    # trio knows no second cancellation: there, the shield holds
    expected = LAST_WORDS if type(here).__name__ == "TrioNative" else LAST_WORDS / 4
    assert left_at == [pytest.approx(began + 1 + expected)]
    await anyio.sleep(60)


async def test_a_cancelled_caller_sees_the_call_clean_up() -> None:
    ends.set([])
    with anyio.move_on_after(1):
        await call_within(math.inf, native(), clean_up)

    assert ends.get() == ["cleaned up"]


@pytest.mark.parametrize(
    "error", [ValueError("no"), SystemExit(2), KeyboardInterrupt(), GeneratorExit()]
)
async def test_what_is_heard_out_may_raise_anything(error: BaseException) -> None:
    async def call() -> None:
        await native().checkpoint()
        raise error

    assert await hear_out(call(), native()) == Answer(None, error)


async def test_what_is_heard_out_has_the_context_of_its_caller() -> None:
    async def call() -> list[str]:
        return ends.get()

    ends.set(["here"])
    assert (await hear_out(call(), native())).value == ["here"]


async def test_a_job_that_ignores_cancellation_is_left_behind() -> None:
    immortal = Immortal()
    async with anyio.create_task_group() as tasks:
        throttle = await Throttles(tasks, native(), RecordingEmitter()).open("t", rate=math.inf)
        jobs = [throttle.run(immortal.live) for _ in range(3)]
        await anyio.sleep(1)
        cancelled_at = anyio.current_time()
        tasks.cancel_scope.cancel()

    assert anyio.current_time() - cancelled_at == pytest.approx(LAST_WORDS)
    assert immortal.calls == 3
    assert not immortal.has_ended
    assert all(isinstance(job.error, native().cancelled) for job in jobs)
    await anyio.sleep(60)


async def test_a_job_has_time_to_clean_up() -> None:
    ends.set([])
    async with anyio.create_task_group() as tasks:
        throttle = await Throttles(tasks, native(), RecordingEmitter()).open("t", rate=math.inf)
        throttle.run(clean_up)
        await anyio.sleep(1)
        tasks.cancel_scope.cancel()

    assert ends.get() == ["cleaned up"]


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
async def test_an_async_job_that_would_end_the_loop_fails(error: BaseException) -> None:
    emitter = RecordingEmitter()

    async def fail() -> None:
        await native().checkpoint()
        raise error

    async with anyio.create_task_group() as tasks:
        throttle = await Throttles(tasks, native(), emitter).open("t", rate=math.inf)
        job = throttle.run(fail)
        await anyio.sleep(1)
        assert job.error is error
        assert await throttle.run(len, "abc") == 3
        tasks.cancel_scope.cancel()

    ((_, metadata),) = emitter.named("amoc.throttle.failure")
    assert metadata["error"] == type(error).__name__


async def test_an_action_that_ignores_cancellation_is_left_behind_with_those_after_it() -> None:
    immortal = Immortal()

    async def act(event: object) -> None:
        await immortal.live()

    async with anyio.create_task_group() as tasks:
        coordinators = Coordinators(tasks, native(), RecordingEmitter(), Random(1))
        coordinator = await coordinators.open("x", (1, [act, act]))
        await coordinator.add(Visitor())
        await anyio.sleep(1)
        cancelled_at = anyio.current_time()
        tasks.cancel_scope.cancel()

    assert anyio.current_time() - cancelled_at == pytest.approx(LAST_WORDS)
    assert coordinator.is_stopped
    await anyio.sleep(60)
    assert immortal.has_ended
    assert immortal.calls == 1


async def test_an_action_has_time_to_clean_up() -> None:
    ends.set([])

    async def act(event: object) -> None:
        await clean_up()

    async with anyio.create_task_group() as tasks:
        coordinators = Coordinators(tasks, native(), RecordingEmitter(), Random(1))
        coordinator = await coordinators.open("x", (1, act))
        await coordinator.add(Visitor())
        await anyio.sleep(1)
        tasks.cancel_scope.cancel()

    assert ends.get() == ["cleaned up"]
