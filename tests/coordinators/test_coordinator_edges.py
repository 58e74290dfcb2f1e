"""The sharp edges of amoc's coordinator (8.4), mended, and those of our own."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from random import Random

import anyio
import pytest

from murmur.coordinators import Coordinators, _lanes, _tally
from murmur.errors import (
    CoordinatorError,
    CoordinatorStoppedError,
    InvalidArgumentError,
    UnknownNameError,
)
from murmur.testing import RecordingEmitter


@dataclass(frozen=True)
class Visitor:
    """A user as small as can be."""

    id: int


async def add_range(coordinator, first: int, last: int) -> None:
    for number in range(first, last + 1):
        await coordinator.add(Visitor(number))


def nothing(event):
    """Do nothing, for any batch."""


@pytest.fixture
def emitter() -> RecordingEmitter:
    return RecordingEmitter()


@pytest.fixture
async def coordinators(native, emitter) -> AsyncIterator[Coordinators]:
    async with anyio.create_task_group() as tasks:
        yield Coordinators(tasks, native(), emitter, Random(1))
        tasks.cancel_scope.cancel()


async def test_8_4_an_action_of_any_length_keeps_its_coordinator(coordinators):
    """8.4: in amoc, 5 seconds within a reset are the end of it, without a sign."""
    events = []

    async def long(event):
        await anyio.sleep(300)
        events.append((event.kind, event.count))

    coordinator = await coordinators.open("x", ("all", long), timeout=1)
    await coordinator.add(Visitor(1))
    await anyio.sleep(2)
    await add_range(coordinator, 2, 3)
    await coordinator.reset()
    await coordinator.stop()

    assert events == [("timeout", 1), ("reset", 2), ("stop", 0)]


async def test_8_4_the_same_plan_under_the_same_name_is_the_same_coordinator(coordinators, emitter):
    """8.4: amoc leaks the first one."""
    plan = [(2, nothing), ("all", nothing)]
    first = await coordinators.open("x", plan)

    assert await coordinators.open("x", plan) is first
    assert await coordinators.open("x") is first
    assert len(emitter.named("amoc.coordinator.start")) == 1


async def test_8_4_another_plan_or_timeout_under_the_same_name_is_a_conflict(coordinators):
    """8.4: amoc leaks the first one."""
    await coordinators.open("x", (2, nothing))

    with pytest.raises(CoordinatorError, match="'x'"):
        await coordinators.open("x", (3, nothing))
    with pytest.raises(CoordinatorError, match="'x'"):
        await coordinators.open("x", (2, nothing), timeout=5)


async def test_8_4_equal_items_each_have_their_batches(coordinators):
    """8.4: amoc refuses to start, and gives no reason."""
    counts = []
    action = lambda event: counts.append(event.count)  # noqa: E731 - the same one twice
    coordinator = await coordinators.open("x", [(2, action), (2, action)])
    await add_range(coordinator, 1, 2)
    await coordinator.stop()

    assert sorted(counts) == [0, 0, 2, 2]  # the two items wait for one another in nothing


async def test_8_4_an_unknown_name_is_an_error(coordinators):
    """8.4: amoc's add and reset answer ok."""
    await coordinators.open("rooms", (2, nothing))

    with pytest.raises(UnknownNameError, match="did you mean 'rooms'"):
        await coordinators.open("room")


async def test_8_4_a_stopped_coordinator_says_so_and_frees_its_name(coordinators):
    """8.4: amoc's add answers ok, reset and stop exit."""
    coordinator = await coordinators.open("x", (2, nothing))
    await coordinator.stop()
    await coordinator.stop()

    for call in (
        coordinator.add(Visitor(1)),
        coordinator.reset(),
        coordinator.gather(Visitor(1), 2),
    ):
        with pytest.raises(CoordinatorStoppedError, match="'x'"):
            await call
    assert await coordinators.open("x", (3, nothing)) is not coordinator


async def test_a_name_is_free_while_the_old_coordinator_still_ends(coordinators):
    order = []

    async def slow(event):
        await anyio.sleep(5)
        order.append(("old", event.kind))

    old = await coordinators.open("x", ("all", slow))
    old.stop_nowait()
    new = await coordinators.open("x", ("all", lambda event: order.append(("new", event.kind))))
    await new.reset()
    await coordinators.stop_all()

    assert order == [("new", "reset"), ("new", "stop"), ("old", "stop")]


async def test_8_4_execute_tells_name_kind_duration_and_failures(coordinators, emitter):
    """8.4: amoc's event has no name, and knows no duration or failure."""

    async def slow(event):
        await anyio.sleep(3)

    def broken(event, a, b):
        raise ValueError("no")

    coordinator = await coordinators.open("rooms", [((3, 4), [slow, broken])])
    await add_range(coordinator, 1, 2)
    await coordinator.reset()
    await add_range(coordinator, 3, 5)
    await coordinator.reset()

    executed = emitter.named("amoc.coordinator.execute")
    assert executed[0] == (
        {"count": 2, "duration": pytest.approx(3), "failed": 1},
        {"name": "rooms", "kind": "reset", "configured": (3, 4)},
    )
    assert all(metadata["name"] == "rooms" for _, metadata in executed)


async def test_8_4_a_failure_is_an_event_with_its_traceback(coordinators, emitter):
    """8.4: amoc swallows it."""

    def broken(event, a, b):
        raise ZeroDivisionError(f"{a.user.id} and {b.user.id}")

    coordinator = await coordinators.open("x", (4, broken))
    await add_range(coordinator, 1, 4)
    await anyio.sleep(1)

    ((measurements, metadata),) = emitter.named("amoc.coordinator.failure")
    assert measurements == {"count": 6}  # one event for six pairs
    assert metadata["name"] == "x"
    assert metadata["kind"] == "coordinate"
    assert metadata["configured"] == 4
    assert metadata["error"] == "ZeroDivisionError"
    assert metadata["action"].endswith("broken")
    assert "ZeroDivisionError: 4 and 3" in metadata["traceback"]
    assert coordinator.statistics().failures == 6


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, BaseException, GeneratorExit])
@pytest.mark.parametrize("is_async", [False, True])
async def test_no_class_of_exception_hurts(native, coordinators, emitter, error, is_async):
    calls = []

    def broken(event):
        calls.append(event.kind)
        raise error

    async def broken_later(event):
        await native().checkpoint()
        broken(event)

    coordinator = await coordinators.open("x", (1, broken_later if is_async else broken))
    await add_range(coordinator, 1, 2)
    await coordinator.stop()

    assert calls == ["coordinate", "coordinate", "stop"]
    assert len(emitter.named("amoc.coordinator.failure")) == 3


async def test_a_cancellation_that_is_not_the_lanes_own_is_a_failure(native, coordinators, emitter):
    async def awaits_something_cancelled(event):
        raise native().cancelled

    async def raises(event):
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anyio.sleep(1)

    if native().cancelled.__module__.startswith("trio"):
        pytest.skip("trio lets nobody raise Cancelled")
    coordinator = await coordinators.open("x", (1, [awaits_something_cancelled, raises]))
    await add_range(coordinator, 1, 2)
    await coordinator.stop()

    assert len(emitter.named("amoc.coordinator.failure")) == 3


async def test_8_4_a_user_added_at_the_moment_of_the_timeout_has_a_timeout(coordinators):
    """8.4: in amoc, such a user disarms the timer and waits for the next one."""
    events = []
    coordinator = await coordinators.open(
        "x", (2, lambda event: events.append((event.kind, event.count))), timeout=1
    )
    for number in range(1, 30):
        await coordinator.add(Visitor(number))
        await coordinator.reset()
        events.clear()
        await coordinator.add(Visitor(number))
        await anyio.sleep(1)  # the timeout is due in this very moment
        await coordinator.add(Visitor(100 + number))
        await anyio.sleep(1.5)
        assert sum(count for _, count in events) == 2
        assert events[-1][0] in {"coordinate", "timeout"}


async def test_8_4_a_timeout_means_the_same_users_to_every_item(coordinators):
    """8.4: in amoc, a user who comes meanwhile may count before it here and after it there."""
    generations = {}

    async def slow(event, users):
        generations.setdefault(event.configured, []).append(
            (event.kind, sorted(member.user.id for member in users))
        )
        await anyio.sleep(0.7)

    coordinator = await coordinators.open("x", [(100, slow), (200, slow), ("all", slow)], 1)
    async with anyio.create_task_group() as users:
        for number in range(1, 40):
            users.start_soon(coordinator.add, Visitor(number))
            await anyio.sleep(1.1 if number % 7 == 0 else 0.3)
    await coordinator.stop()

    assert generations[100] == generations[200] == generations["all"]
    assert [len(users) for _, users in generations["all"]] == [7, 7, 7, 7, 7, 4]


async def test_8_4_users_who_are_gone_leave_the_batch(coordinators):
    """8.4: in amoc, the dead stay."""
    seen = []
    plan = [
        (3, lambda event, users: seen.append([member.user.id for member in users])),
        (3, lambda event: seen.append(event.count)),
        ("all", lambda event, users: seen.append([event.count, len(users)])),
    ]
    coordinator = await coordinators.open("x", plan)
    await add_range(coordinator, 1, 2)
    coordinators.user_gone(Visitor(1))
    coordinators.user_gone(Visitor(99))
    await coordinator.add(Visitor(3))
    assert coordinator.statistics().pending == (2, 2, 2)
    await coordinator.add(Visitor(4))
    await anyio.sleep(1)
    coordinators.user_gone(Visitor(4))  # its group of three is complete and stays so
    await coordinator.stop()

    assert seen[:2] in ([[4, 3, 2], 3], [3, [4, 3, 2]])
    assert seen[-1] == [2, 2]


async def test_8_4_memory_is_bounded_without_any_timeout(coordinators, emitter, monkeypatch):
    """8.4: with all alone and no timeout, amoc keeps everybody for ever."""
    monkeypatch.setattr(_tally, "MAX_MEMBERS", 10)
    sizes = []
    coordinator = await coordinators.open(
        "x", ("all", lambda event, users: sizes.append((event.count, len(users)))), math.inf
    )
    for _ in range(10):
        await add_range(coordinator, 1, 3)
    await coordinator.reset()
    await add_range(coordinator, 1, 8)
    for number in range(1, 8):
        coordinators.user_gone(Visitor(number))
    await coordinator.reset()

    assert sizes == [(30, 10), (1, 1)]
    assert emitter.named("amoc.coordinator.overflow") == [
        ({"count": 20}, {"name": "x", "kind": "reset", "configured": "all"})
    ]


async def test_users_who_are_gone_leave_nothing_behind(coordinators):
    coordinator = await coordinators.open("x", [(500, lambda event, users: None), ("all", nothing)])
    await add_range(coordinator, 1, 100)
    for number in range(1, 101):
        coordinators.user_gone(Visitor(number))

    assert coordinator.statistics().pending == (0, 0)
    assert coordinator.user_ids == frozenset()
    assert coordinators._joined == {}


async def test_coordinators_that_ended_are_not_remembered_by_their_users(coordinators):
    for number in range(20):
        coordinator = await coordinators.open(number, (2, nothing))
        await coordinator.add(Visitor(1))
        await coordinator.stop()

    assert coordinators._joined == {}
    assert coordinators._living == []


async def test_8_4_many_pairs_let_other_tasks_run(native, coordinators):
    """8.4: 1,000 users are 499,500 calls, one after another."""
    pairs = turns = 0

    def introduce(event, a, b):
        nonlocal pairs
        pairs += 1

    async def other_task():
        nonlocal turns
        while pairs < 499_500:
            turns += 1
            await native().checkpoint()

    coordinator = await coordinators.open("x", (1000, introduce))
    with anyio.fail_after(600):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(add_range, coordinator, 1, 1000)
            tasks.start_soon(other_task)

    assert pairs == 499_500
    assert turns >= 4_000


class HastyNative:
    """The running backend, but ten milliseconds pass whenever somebody looks at the clock."""

    def __init__(self, native) -> None:
        self._native = native
        self._passed = 0.0

    def __getattr__(self, name):
        return getattr(self._native, name)

    def now(self) -> float:
        self._passed += 0.01
        return self._native.now() + self._passed


async def test_slow_calls_let_other_tasks_run_after_each(native, emitter):
    """The clock decides, not the number of calls alone."""
    turns = []
    turns_before_call = []

    async def other_task():
        while len(turns_before_call) < 10:
            turns.append(None)
            await native().checkpoint()

    async with anyio.create_task_group() as tasks:
        coordinators = Coordinators(tasks, HastyNative(native()), emitter, Random(1))
        coordinator = await coordinators.open(
            "x", (5, lambda event, a, b: turns_before_call.append(len(turns))), math.inf
        )
        tasks.start_soon(other_task)
        await add_range(coordinator, 1, 5)
        await coordinator.stop()

    assert len(set(turns_before_call)) >= 5  # trio runs two tasks in either order


async def test_an_action_may_reset_its_own_coordinator(coordinators):
    events = []

    async def again(event):
        events.append((event.kind, event.count))
        if event.kind == "coordinate":
            await coordinator.reset()
            events.append("went on")

    coordinator = await coordinators.open("x", [(2, again), ("all", again)])
    with anyio.fail_after(5):
        await add_range(coordinator, 1, 2)
        await anyio.sleep(1)

    assert events == [("coordinate", 2), "went on", ("reset", 0), ("reset", 2)]


async def test_an_action_may_stop_its_own_coordinator(coordinators, emitter):
    events = []

    async def enough(event):
        events.append((event.kind, event.count))
        await coordinator.stop()
        await coordinators.stop_all()

    coordinator = await coordinators.open("x", [(2, enough), ("all", enough)])
    with anyio.fail_after(5):
        with suppress(CoordinatorStoppedError):
            await add_range(coordinator, 1, 20)
        await coordinator.wait_stopped()

    assert events[0] == ("coordinate", 2)
    assert events[-1][0] == "stop"
    assert len(emitter.named("amoc.coordinator.stop")) == 1


async def test_a_task_that_outlives_its_action_waits_like_any_other(coordinators):
    done = []

    async def reset_later():
        await anyio.sleep(5)
        await coordinator.reset()
        done.append(anyio.current_time() - began)

    async def action(event):
        if event.kind == "coordinate":
            tasks.start_soon(reset_later)
        else:
            await anyio.sleep(10)

    began = anyio.current_time()
    async with anyio.create_task_group() as tasks:
        coordinator = await coordinators.open("x", (1, action))
        await coordinator.add(Visitor(1))
        await anyio.sleep(1)

    assert done == [pytest.approx(15)]


async def test_add_waits_while_too_much_is_queued(coordinators, monkeypatch):
    monkeypatch.setattr(_lanes, "BACKLOG", 9)
    added = []

    async def slow(event, users):
        await anyio.sleep(10)

    async def add(number):
        await coordinator.add(Visitor(number))
        added.append(number)

    coordinator = await coordinators.open("x", (2, slow), math.inf)
    for number in range(1, 9):
        await add(number)  # one batch is worked on, three are queued: nine, with their overhead
    async with anyio.create_task_group() as users:
        users.start_soon(add, 9)
        await anyio.sleep(1)
        users.start_soon(add, 10)  # completes the fourth
        await anyio.sleep(1)
        assert added == list(range(1, 10))
        await anyio.sleep(9)
        assert added == list(range(1, 11))


async def test_an_action_that_feeds_itself_too_fast_is_told(coordinators, emitter, monkeypatch):
    monkeypatch.setattr(_lanes, "BACKLOG", 9)

    async def feed(event, users):
        if users[0].user.id == 0:
            for number in range(1, 100):
                await coordinator.add(Visitor(number))

    coordinator = await coordinators.open("x", (1, feed), math.inf)
    await coordinator.add(Visitor(0))
    await anyio.sleep(1)

    ((_, failure),) = emitter.named("amoc.coordinator.failure")
    assert failure["error"] == CoordinatorError.__name__
    assert coordinator.statistics().batches == 1 + 5  # five of weight 2 exceed nine


async def test_an_action_that_never_returns_can_be_cancelled_with_the_run(native, emitter):
    with anyio.fail_after(100):
        async with anyio.create_task_group() as run:
            coordinators = Coordinators(run, native(), emitter, Random(1))
            coordinator = await coordinators.open("x", (1, lambda event: anyio.sleep(math.inf)))
            await coordinator.add(Visitor(1))
            with anyio.move_on_after(2) as deadline:
                await coordinators.stop_all()
            run.cancel_scope.cancel()

    assert deadline.cancelled_caught
    assert coordinator.is_stopped
    assert len(emitter.named("amoc.coordinator.stop")) == 1


async def test_groups_of_random_size_repeat_with_the_seed(native, emitter):
    async def sizes(seed):
        counts = []
        async with anyio.create_task_group() as tasks:
            coordinators = Coordinators(tasks, native(), emitter, Random(seed))
            coordinator = await coordinators.open(
                "x", ((2, 9), lambda event: counts.append(event.count))
            )
            await add_range(coordinator, 1, 100)
            await coordinators.stop_all()
        return counts

    assert await sizes(5) == await sizes(5)
    assert await sizes(5) != await sizes(6)


async def test_nobody_listening_gets_no_event_of_a_user(coordinators, emitter, monkeypatch):
    monkeypatch.setattr(emitter, "listening", lambda name: False)
    coordinator = await coordinators.open("x", (2, nothing))
    await add_range(coordinator, 1, 2)
    await coordinator.stop()

    assert emitter.named("amoc.coordinator.add") == []
    assert emitter.named("amoc.coordinator.execute") == []
    assert len(emitter.named("amoc.coordinator.start")) == 1


async def test_an_invalid_plan_starts_nothing(coordinators, emitter):
    with pytest.raises(InvalidArgumentError):
        await coordinators.open("x", (0, nothing))

    assert len(coordinators) == 0
    assert emitter.events == []
