"""Permits come evenly, in order, to those who still want them; limits and jobs as well."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import sys
from collections.abc import AsyncIterator
from itertools import pairwise

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from murmur import Permit, Throttle
from murmur.errors import InvalidArgumentError, ThrottleError, ThrottleStoppedError
from murmur.testing import RecordingEmitter, virtual_backend
from murmur.throttles import Due, Throttles, permit_due


@pytest.fixture
def emitter() -> RecordingEmitter:
    return RecordingEmitter()


@pytest.fixture
async def throttles(native, emitter) -> AsyncIterator[Throttles]:
    async with anyio.create_task_group() as tasks:
        started = Throttles(tasks, native(), emitter)
        yield started
        await started.stop_all()


class Waiters:
    """Tasks that each wait for one permit; notes who got it and when."""

    def __init__(self, throttle: Throttle, tasks: anyio.abc.TaskGroup) -> None:
        self.throttle = throttle
        self.tasks = tasks
        self.began = anyio.current_time()
        self.order: list[int] = []
        self.permits: list[Permit] = []
        self.refused = 0
        self.scopes: list[anyio.CancelScope] = []

    async def add(self, count: int) -> None:
        """Start waiters one after the other, so that the order of requests is known."""
        for _ in range(count):
            scope = anyio.CancelScope()
            self.scopes.append(scope)
            self.tasks.start_soon(self._wait, len(self.scopes) - 1, scope)
            await settle()

    @property
    def granted(self) -> list[float]:
        return [permit.granted_at - self.began for permit in self.permits]

    @property
    def due(self) -> list[float]:
        return [permit.due_at - self.began for permit in self.permits]

    async def _wait(self, number: int, scope: anyio.CancelScope) -> None:
        with scope:
            try:
                self.permits.append(await self.throttle.wait())
            except ThrottleStoppedError:
                self.refused += 1
            else:
                self.order.append(number)


def block(seconds: float) -> None:
    """Move the clock on as a loop that was blocked would find it."""
    if "trio" in sys.modules and sys.modules["trio"].lowlevel.in_trio_run():
        sys.modules["trio"].lowlevel.current_clock().jump(seconds)
    else:
        asyncio.get_running_loop().jump(seconds)


async def settle() -> None:
    """Let every task run until it waits; anyio's own way takes time on asyncio."""
    for _ in range(4):
        await anyio.lowlevel.checkpoint()


async def test_permits_come_evenly_and_in_order(throttles):
    throttle = await throttles.open("t", rate=4, interval=1)
    async with anyio.create_task_group() as tasks:
        waiters = Waiters(throttle, tasks)
        await waiters.add(6)

    assert waiters.order == [0, 1, 2, 3, 4, 5]
    assert waiters.granted == pytest.approx([0, 0.25, 0.5, 0.75, 1.0, 1.25])
    assert waiters.due == pytest.approx(waiters.granted)


async def test_edge_9_nothing_is_saved_up_while_nobody_asks(throttles):
    throttle = await throttles.open("t", rate=20, interval=1)
    await anyio.sleep(10)
    async with anyio.create_task_group() as tasks:
        waiters = Waiters(throttle, tasks)
        await waiters.add(4)

    assert waiters.granted == pytest.approx([0, 0.05, 0.1, 0.15])


async def test_a_cancelled_waiter_uses_up_no_permit(throttles):
    throttle = await throttles.open("t", rate=2, interval=1)
    async with anyio.create_task_group() as tasks:
        waiters = Waiters(throttle, tasks)
        await waiters.add(6)
        for number in (1, 2, 4):
            waiters.scopes[number].cancel()
        await settle()
        assert throttle.statistics().waiting == 2

    assert waiters.order == [0, 3, 5]
    assert waiters.granted == pytest.approx([0, 0.5, 1.0])
    assert throttle.statistics().granted == 3


@pytest.mark.parametrize("turns", range(8))
async def test_a_permit_of_one_who_is_cancelled_as_it_comes_goes_to_the_next(
    native, throttles, turns
):
    """Cancelled in each turn of the loop around the grant; in one it was woken already."""
    throttle = await throttles.open("t", rate=1, interval=1)
    began = anyio.current_time()
    granted: dict[int, float] = {}

    async def wait(number: int) -> None:
        permit = await throttle.wait()
        granted[number] = permit.granted_at - began

    async def until_cancelled(number: int) -> None:
        with contextlib.suppress(native().cancelled):
            await wait(number)

    await wait(0)
    second = native().spawn(until_cancelled(1))
    await settle()
    native().spawn(wait(2))
    await settle()
    block(1.2)
    for _ in range(turns):
        await anyio.lowlevel.checkpoint()
    second.cancel()
    await anyio.sleep(3)

    served = {0: 0.0, 1: 1.2, 2: 2.2} if 1 in granted else {0: 0.0, 2: 1.2}
    assert granted == pytest.approx(served, abs=0.001)
    assert throttle.statistics().granted == len(granted)


async def test_a_crowd_that_leaves_leaves_nothing_behind(throttles):
    throttle = await throttles.open("t", rate=0)
    async with anyio.create_task_group() as tasks:
        for _ in range(1000):
            tasks.start_soon(throttle.wait)
        await settle()
        assert throttle.statistics().waiting == 1000
        tasks.cancel_scope.cancel()

    assert throttle.statistics().waiting == 0


async def test_a_blocked_loop_is_not_repaid_by_a_burst(throttles):
    throttle = await throttles.open("t", rate=100, interval=1)
    async with anyio.create_task_group() as tasks:
        waiters = Waiters(throttle, tasks)
        await waiters.add(40)
        await anyio.sleep_until(waiters.began + 0.1001)
        block(0.3)

    assert waiters.order == list(range(40))
    after = [at for at in waiters.granted if at > 0.2]
    assert all(later - earlier > 0.0099 for earlier, later in pairwise(after))
    assert max(p.granted_at - p.due_at for p in waiters.permits) == pytest.approx(0.29, abs=0.002)


async def test_a_slightly_late_loop_loses_no_permit(throttles):
    throttle = await throttles.open("t", rate=1000, interval=1)
    async with anyio.create_task_group() as tasks:
        waiters = Waiters(throttle, tasks)
        await waiters.add(200)
        for number in range(1, 20):
            await anyio.sleep_until(waiters.began + number * 0.01)
            block(0.005)

    assert waiters.order == list(range(200))
    assert waiters.granted[-1] == pytest.approx(0.199, abs=0.006)


@pytest.mark.slow
async def test_a_long_line_is_served_in_the_order_in_which_it_came(
    native, throttles, anyio_backend_name
):
    throttle = await throttles.open("t", rate=0)
    crowd = 30_000 if anyio_backend_name == "asyncio" else 5_000
    came: list[int] = []
    served: list[int] = []

    async def wait(number: int) -> None:
        came.append(number)
        await throttle.wait()
        served.append(number)

    for number in range(crowd):
        native().spawn(wait(number))
    await settle()
    assert throttle.statistics().waiting == crowd
    await throttle.unlock()
    while len(served) < crowd:
        await anyio.lowlevel.checkpoint()

    assert served == came


async def test_an_unlimited_throttle_still_lets_others_run(native, throttles):
    throttle = await throttles.open("t", rate=math.inf)
    turns = []

    async def greedy() -> None:
        for _ in range(1000):
            await throttle.wait()
            turns.append("greedy")

    async def modest() -> None:
        for _ in range(10):
            await anyio.lowlevel.checkpoint()
            turns.append("modest")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(greedy)
        tasks.start_soon(modest)

    assert turns.index("modest") < 10
    assert throttle.statistics().granted == 1000


async def test_a_wait_passes_its_due_time_on_to_the_next_timer(throttles):
    throttle = await throttles.open("t", rate=10, interval=1)
    for _ in range(3):
        permit = await throttle.wait()

        due = permit_due.get()
        assert due is not None
        assert due.take() == permit.due_at
        assert due.take() is None


async def test_stopping_refuses_everyone(throttles):
    throttle = await throttles.open("t", rate=1)
    async with anyio.create_task_group() as tasks:
        waiters = Waiters(throttle, tasks)
        await waiters.add(5)
        await throttle.stop()
        await throttle.stop()

    assert waiters.order == [0]
    assert waiters.refused == 4
    with pytest.raises(ThrottleStoppedError):
        await throttle.wait()
    with pytest.raises(ThrottleStoppedError):
        throttle.run(print)
    with pytest.raises(ThrottleStoppedError):
        await throttle.change_rate(5)


async def test_a_limit_lets_so_many_in_at_a_time(throttles):
    throttle = await throttles.open("t", limit=3)
    inside, most, left = 0, 0, []

    async def visit(number: int) -> None:
        nonlocal inside, most
        async with throttle:
            inside += 1
            most = max(most, inside)
            await anyio.sleep(1)
            inside -= 1
            left.append(number)

    began = anyio.current_time()
    async with anyio.create_task_group() as tasks:
        for number in range(10):
            tasks.start_soon(visit, number)

    assert most == 3
    assert sorted(left) == list(range(10))
    assert anyio.current_time() - began == pytest.approx(4)
    assert throttle.statistics().out == 0


async def test_a_limit_gets_its_permit_back_from_one_who_fails_or_is_cancelled(throttles):
    throttle = await throttles.open("t", limit=1)
    with pytest.raises(RuntimeError):
        async with throttle:
            raise RuntimeError
    with anyio.move_on_after(1):
        async with throttle:
            await anyio.sleep(5)

    with anyio.fail_after(1):
        async with throttle:
            pass


async def test_a_bare_wait_for_a_limit_is_refused_with_a_hint(throttles):
    throttle = await throttles.open("t", limit=1)

    with pytest.raises(ThrottleError, match="async with throttle"):
        await throttle.wait()


async def test_async_with_works_on_a_rate_as_well(throttles):
    throttle = await throttles.open("t", rate=1, interval=1)
    began = anyio.current_time()
    for number in range(3):
        async with throttle as permit:
            assert permit.due_at - began == pytest.approx(number)


async def test_run_returns_at_once_and_its_job_has_the_result(throttles):
    throttle = await throttles.open("t", rate=1, interval=1)

    async def double(number: int) -> tuple[int, float]:
        return 2 * number, anyio.current_time()

    began = anyio.current_time()
    jobs = [throttle.run(double, number) for number in range(3)]
    assert anyio.current_time() == began

    found = [await job for job in jobs]
    assert [result for result, _ in found] == [0, 2, 4]
    assert [at - began for _, at in found] == pytest.approx([0, 1, 2])
    assert await throttle.run(max, 1, 5) == 5


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt()])
async def test_a_job_that_fails_hurts_nobody_but_who_awaits_it(throttles, emitter, error):
    throttle = await throttles.open("t", rate=math.inf)

    def fail() -> None:
        raise error

    job = throttle.run(fail)
    await anyio.sleep(1)
    assert job.is_done
    assert job.error is error

    assert await throttle.run(len, "abc") == 3
    with pytest.raises(type(error)):
        await job
    ((_, metadata),) = emitter.named("amoc.throttle.failure")
    assert metadata["error"] == type(error).__name__
    assert "in fail" in metadata["traceback"]


async def test_edge_16_slow_jobs_do_not_lower_the_rate(throttles):
    throttle = await throttles.open("t", rate=10, interval=0.1)
    jobs = [throttle.run(anyio.sleep, 2) for _ in range(150)]
    await anyio.sleep(1.5)

    assert throttle.statistics().granted == 150
    for job in jobs:
        await job


async def test_edge_1_a_limit_runs_every_job_and_never_more_than_it_may(throttles):
    throttle = await throttles.open("t", 3, interval=0)
    running, most = 0, 0

    async def work() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await anyio.sleep(0.5)
        running -= 1

    for job in [throttle.run(work) for _ in range(10)]:
        await job

    assert most == 3
    assert throttle.statistics().out == 0


async def test_a_job_keeps_the_context_it_was_given_in_and_its_own_due_time(throttles):
    throttle = await throttles.open("t", rate=1, interval=1)
    await throttle.wait()
    permit_due.set(None)

    due = await throttle.run(permit_due.get)

    assert isinstance(due, Due)
    assert due.at == pytest.approx(anyio.current_time())
    assert permit_due.get() is None


async def test_one_who_is_cancelled_on_its_way_through_an_unlimited_throttle_does_not_count(
    throttles,
):
    throttle = await throttles.open("t", rate=math.inf)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await throttle.wait()

    assert scope.cancelled_caught
    assert throttle.statistics().granted == 0
    assert throttle.statistics().requested == 1


async def test_a_job_ends_with_the_tasks_it_belongs_to(native, emitter):
    async with anyio.create_task_group() as tasks:
        throttle = await Throttles(tasks, native(), emitter).open("t", rate=math.inf)
        job = throttle.run(anyio.sleep, 60)
        await anyio.sleep(1)
        assert repr(job) == "<Job sleep running or waiting>"
        tasks.cancel_scope.cancel()

    assert repr(job) == "<Job sleep failed>"
    assert isinstance(job.error, native().cancelled)


async def test_a_job_that_never_ran_tells_that_its_throttle_was_stopped(throttles):
    throttle = await throttles.open("t", rate=0)
    job = throttle.run(print, "never")
    await throttle.stop()

    with pytest.raises(ThrottleStoppedError):
        await job


async def test_send_delivers_a_message_after_a_permit(throttles):
    class Mailbox:
        def __init__(self) -> None:
            self.messages: list[tuple[object, float]] = []

        def send(self, message: object) -> None:
            self.messages.append((message, anyio.current_time()))

    throttle, mailbox = await throttles.open("t", rate=1, interval=1), Mailbox()
    began = anyio.current_time()
    for word in ("a", "b"):
        throttle.send(mailbox, word)
    assert mailbox.messages == []
    await anyio.sleep(1.5)

    assert [word for word, _ in mailbox.messages] == ["a", "b"]
    assert [at - began for _, at in mailbox.messages] == pytest.approx([0, 1])


async def test_an_id_in_place_of_a_user_is_told_what_would_do(throttles) -> None:
    throttle = await throttles.open("t", rate=1, interval=1)

    with pytest.raises(InvalidArgumentError, match=r"run\(murmur\.send, user_id"):
        throttle.send(17, "hello")


moves = st.one_of(
    st.tuples(st.just("ask"), st.integers(1, 12)),
    st.tuples(st.just("cancel"), st.integers(0, 40)),
    st.tuples(st.just("rate"), st.sampled_from([0.0, 0.5, 3.0, 20.0, 500.0, math.inf])),
    st.tuples(st.just("ramp"), st.sampled_from([0.0, 5.0, 50.0])),
    st.tuples(st.just("pause"), st.just(0)),
    st.tuples(st.just("resume"), st.just(0)),
    st.tuples(st.just("block"), st.floats(0, 1)),
)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@settings(max_examples=60)
@given(script=st.lists(st.tuples(moves, st.floats(0, 1)), max_size=12), seed=st.integers(0, 99))
def test_no_sequence_of_events_loses_or_reorders_a_permit(native, backend, script, seed):
    name, options = virtual_backend(backend)
    anyio.run(_play, native, script, random.Random(seed), backend=name, backend_options=options)


async def _play(native, script: list[tuple[tuple[str, float], float]], draw: random.Random) -> None:
    async with anyio.create_task_group() as tasks:
        throttles = Throttles(tasks, native(), RecordingEmitter())
        throttle = await throttles.open("t", rate=3, interval=1)
        async with anyio.create_task_group() as crowd:
            waiters = Waiters(throttle, crowd)
            for (move, number), pause in script:
                await _move(throttle, waiters, move, number)
                await anyio.sleep(pause * draw.random())
            await throttle.resume()
            await throttle.change_rate(100, interval=1, cancel_ramp=True)
        cancelled = sum(scope.cancelled_caught for scope in waiters.scopes)
        statistics = throttle.statistics()
        await throttles.stop_all()

    assert waiters.order == sorted(waiters.order)
    assert len(waiters.order) == len(waiters.scopes) - cancelled == statistics.granted
    assert statistics.waiting == 0
    assert waiters.due == sorted(waiters.due)
    assert all(due <= at for due, at in zip(waiters.due, waiters.granted, strict=True))


async def _move(throttle: Throttle, waiters: Waiters, move: str, number: float) -> None:
    match move:
        case "ask":
            await waiters.add(int(number))
        case "cancel":
            for scope in waiters.scopes[int(number) : int(number) + 3]:
                scope.cancel()
        case "rate":
            await throttle.change_rate(number, interval=1, cancel_ramp=True)
        case "ramp":
            await throttle.ramp(
                from_rate=5, to_rate=number, interval=1, duration=2, cancel_ramp=True
            )
        case "block":
            block(number)
        case _:
            await getattr(throttle, move)()
