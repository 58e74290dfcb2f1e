"""A coordinator counts users and acts on groups of them: what amoc's suites check, and more.

Labels are those of the reference: COO-3 to COO-8, Appendix B.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import combinations
from random import Random

import anyio
import pytest

from murmur.coordinators import Coordinators
from murmur.errors import CoordinatorStoppedError, InvalidArgumentError, UnknownNameError
from murmur.testing import RecordingEmitter


@dataclass(frozen=True)
class Visitor:
    """A user as small as can be."""

    id: int


class Log(list):
    """Remembers the calls of the actions it makes: label, kind, count and who."""

    def counting(self, label):
        return lambda event: self.append((label, event.kind, event.count))

    def listing(self, label):
        return lambda event, users: self.append((label, event.kind, event.count, ids(users)))

    def pairing(self, label):
        return lambda event, a, b: self.append((label, event.kind, event.count, ids([a, b])))

    def of(self, label):
        return [entry[1:] for entry in self if entry[0] == label]

    def take(self):
        taken, self[:] = list(self), []
        return taken


def ids(members):
    return [None if member is None else member[0].id for member in members]


def visitors(first: int, last: int) -> list[Visitor]:
    return [Visitor(number) for number in range(first, last + 1)]


async def add_all(coordinator, users) -> None:
    for user in users:
        await coordinator.add(user, f"data of {user.id}")


def names(emitter) -> list[str]:
    """Return the coordinator's own events, without those of its actions, short and in order."""
    short = [name.removeprefix("amoc.coordinator.") for name, _, _ in emitter.events]
    return [name for name in short if name not in {"execute", "failure"}]


@pytest.fixture
def emitter() -> RecordingEmitter:
    return RecordingEmitter()


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
async def coordinators(native, emitter) -> AsyncIterator[Coordinators]:
    async with anyio.create_task_group() as tasks:
        yield Coordinators(tasks, native(), emitter, Random(1))
        tasks.cancel_scope.cancel()


def plan_of_suites(log: Log):
    """Return the plan of COO-6 to COO-8."""
    return [
        (2, [log.counting("2"), log.listing("2 list"), log.pairing("2 pair")]),
        ("all", [log.counting("all"), log.listing("all list")]),
        (4, [log.counting("4"), log.listing("4 list"), log.pairing("4 pair")]),
        ("all", log.counting("all again")),
        (3, [log.counting("3"), log.listing("3 list"), log.pairing("3 pair")]),
    ]


def expected_of(kind, count, users, label):
    """Return what one item's three actions log for one batch; `users` newest first."""
    if len(users) > 1:
        pairs = [list(pair) for pair in combinations(users, 2)]
    else:
        pairs = [[users[0] if users else None, None]]
    return [
        (label, kind, count),
        (f"{label} list", kind, count, users),
        *((f"{label} pair", kind, count, pair) for pair in pairs),
    ]


def assert_all_come_last(entries) -> None:
    is_all = [entry[0].startswith("all") for entry in entries]

    assert is_all == sorted(is_all)


async def test_coo_3_an_action_that_raises_neither_kills_nor_stops_the_rest(
    coordinators, emitter, log
):
    """COO-3."""

    def broken(event, a, b):
        log.append("broken")
        raise SystemExit(f"no peer for {a[0].id}")

    coordinator = await coordinators.open("x", (2, [broken, log.counting("after")]))
    await add_all(coordinator, visitors(1, 4))
    await coordinator.stop()

    assert log == [
        "broken",
        ("after", "coordinate", 2),
        "broken",
        ("after", "coordinate", 2),
        "broken",
        ("after", "stop", 0),
    ]
    assert len(emitter.named("amoc.coordinator.failure")) == 3


@pytest.mark.parametrize("name", ["text", ("tu", "ple"), b"bytes", 7, frozenset({1})])
async def test_coo_4_a_name_is_anything_hashable(coordinators, log, name):
    """COO-4: start, add and stop work for each."""
    await coordinators.open(name, (2, log.counting("x")))
    await add_all(await coordinators.open(name), visitors(1, 2))
    await coordinators[name].stop()

    assert log == [("x", "coordinate", 2), ("x", "stop", 0)]
    assert name not in coordinators


async def test_a_name_that_cannot_be_looked_up_is_refused(coordinators, log):
    with pytest.raises(InvalidArgumentError, match="tuple"):
        await coordinators.open(["a", "list"], (2, log.counting("x")))


async def test_coo_5_groups_of_random_size(coordinators, emitter, log):
    """COO-5: a range 5 to 10 and all; 20 users; no timeout; stop."""
    plan = [("all", log.counting("all")), ((5, 10), log.counting("range"))]
    coordinator = await coordinators.open("x", plan, math.inf)
    await add_all(coordinator, visitors(1, 20))
    await coordinator.stop()
    sizes = log.of("range")

    assert 3 <= len(sizes) <= 5
    assert [kind for kind, _ in sizes] == ["coordinate"] * (len(sizes) - 1) + ["stop"]
    assert all(5 <= count <= 10 for kind, count in sizes if kind == "coordinate")
    assert sum(count for _, count in sizes) == 20
    assert log[-1] == ("all", "stop", 20)
    assert names(emitter) == ["start", *["add"] * 20, "stop"]


async def test_coo_6_every_item_has_its_own_batches(coordinators, emitter, log):
    """COO-6: items of 2, 4 and 3 and two of all; 4 users; stop."""
    coordinator = await coordinators.open("x", plan_of_suites(log), math.inf)
    await add_all(coordinator, visitors(1, 4))
    await coordinator.stop()

    assert [entry for entry in log if entry[0].startswith("2")] == [
        *expected_of("coordinate", 2, [2, 1], "2"),
        *expected_of("coordinate", 2, [4, 3], "2"),
        *expected_of("stop", 0, [], "2"),
    ]
    assert [entry for entry in log if entry[0].startswith("4")] == [
        *expected_of("coordinate", 4, [4, 3, 2, 1], "4"),
        *expected_of("stop", 0, [], "4"),
    ]
    assert [entry for entry in log if entry[0].startswith("3")] == [
        *expected_of("coordinate", 3, [3, 2, 1], "3"),
        *expected_of("stop", 1, [4], "3"),
    ]
    assert log[-3:] == [
        ("all", "stop", 4),
        ("all list", "stop", 4, [4, 3, 2, 1]),
        ("all again", "stop", 4),
    ]
    assert_all_come_last(log)
    assert names(emitter) == ["start", *["add"] * 4, "stop"]


async def test_coo_7_reset_closes_every_batch_and_disarms_the_timeout(coordinators, emitter, log):
    """COO-7: 5 users and reset, quiet, 6 users and reset, reset with nobody, stop."""
    coordinator = await coordinators.open("x", plan_of_suites(log), timeout=1)
    await add_all(coordinator, visitors(1, 5))
    await coordinator.reset()
    after_reset = [entry for entry in log.take() if entry[1] == "reset"]
    for label, count, users in [("2", 1, [5]), ("4", 1, [5]), ("3", 2, [5, 4])]:
        own = [entry for entry in after_reset if entry[0].startswith(label)]
        assert own == expected_of("reset", count, users, label)
    assert after_reset[-3:] == [
        ("all", "reset", 5),
        ("all list", "reset", 5, [5, 4, 3, 2, 1]),
        ("all again", "reset", 5),
    ]
    await anyio.sleep(2)
    assert log == []

    await add_all(coordinator, visitors(6, 11))
    await coordinator.reset()
    assert Counter(entry[:3] for entry in log.take() if entry[1] == "reset") == {
        ("2", "reset", 0): 1,
        ("2 list", "reset", 0): 1,
        ("2 pair", "reset", 0): 1,
        ("4", "reset", 2): 1,
        ("4 list", "reset", 2): 1,
        ("4 pair", "reset", 2): 1,
        ("3", "reset", 0): 1,
        ("3 list", "reset", 0): 1,
        ("3 pair", "reset", 0): 1,
        ("all", "reset", 6): 1,
        ("all list", "reset", 6): 1,
        ("all again", "reset", 6): 1,
    }

    await coordinator.reset()
    assert_everybody_told(log.take(), "reset", 0)
    await coordinator.stop()
    assert_everybody_told(log, "stop", 0)
    assert names(emitter) == [
        "start",
        *["add"] * 5,
        "reset",
        *["add"] * 6,
        "reset",
        "reset",
        "stop",
    ]


def assert_everybody_told(entries, kind, count) -> None:
    """Check that each of the twelve actions was called once, for an empty batch."""
    assert [entry[1:3] for entry in entries] == [(kind, count)] * 12
    assert {tuple(entry[3]) for entry in entries if len(entry) == 4} == {(), (None, None)}
    assert_all_come_last(entries)


async def test_coo_8_the_timeout_fires_once_after_the_last_user(coordinators, emitter, log):
    """COO-8: quiet before anyone comes, 7 users, one timeout, 8 users, one timeout, stop."""
    coordinator = await coordinators.open("x", plan_of_suites(log), timeout=1)
    await anyio.sleep(2)
    assert log == []

    for first, last, remainders in [(1, 7, (1, 3, 1, 7)), (8, 15, (0, 0, 2, 8))]:
        await add_all(coordinator, visitors(first, last))
        await anyio.sleep(0.9)
        assert "timeout" not in [entry[1] for entry in log]
        await anyio.sleep(0.2)
        timeouts = [entry for entry in log.take() if entry[1] == "timeout"]
        counts = {label: count for label, _, count, *_ in timeouts}
        assert tuple(counts[label] for label in ("2", "4", "3", "all")) == remainders
        assert len(timeouts) >= 12
        assert_all_come_last(timeouts)
        await anyio.sleep(2)
        assert log == []

    await coordinator.stop()
    assert_everybody_told(log, "stop", 0)
    assert names(emitter) == [
        "start",
        *["add"] * 7,
        "timeout",
        *["add"] * 8,
        "timeout",
        "stop",
    ]


async def test_appendix_b_five_users_then_a_timeout(coordinators, log):
    """Appendix B: three items of 2, one of 3, one of all."""
    plan = [
        (2, log.counting("2 a")),
        (2, log.counting("2 b")),
        (2, log.pairing("2 c")),
        (3, log.counting("3")),
        ("all", log.counting("all")),
    ]
    coordinator = await coordinators.open("x", plan, timeout=30)
    await add_all(coordinator, visitors(1, 5))
    await anyio.sleep(30)
    await anyio.sleep(0.001)

    assert log.of("2 a") == log.of("2 b") == [("coordinate", 2), ("coordinate", 2), ("timeout", 1)]
    assert log.of("2 c") == [
        ("coordinate", 2, [2, 1]),
        ("coordinate", 2, [4, 3]),
        ("timeout", 1, [5, None]),
    ]
    assert log.of("3") == [("coordinate", 3), ("timeout", 2)]
    assert log.of("all") == [("timeout", 5)]


async def test_the_timeout_begins_anew_with_every_user(coordinators, log):
    began = anyio.current_time()
    times = []
    coordinator = await coordinators.open(
        "x", ("all", lambda event: times.append(anyio.current_time() - began)), timeout=10
    )
    for user in visitors(1, 5):
        await coordinator.add(user)
        await anyio.sleep(6)
    await anyio.sleep(60)

    assert times == pytest.approx([4 * 6 + 10])


async def test_a_coordinator_without_timeout_waits_for_ever(coordinators, log):
    coordinator = await coordinators.open("x", (2, log.counting("x")), timeout=math.inf)
    await coordinator.add(Visitor(1))
    await anyio.sleep(86_000)

    assert log == []


async def test_data_reaches_the_actions_with_the_user(coordinators):
    seen = []
    coordinator = await coordinators.open("x", (2, lambda event, users: seen.extend(users)))
    first, second = visitors(1, 2)
    await coordinator.add(first)
    await coordinator.add(second, {"room": 5})
    await coordinator.stop()

    assert seen == [(second, {"room": 5}), (first, None)]
    assert seen[0].user is second
    assert seen[0].data == {"room": 5}


async def test_an_action_may_be_async_and_a_method(coordinators):
    class Host:
        def __init__(self):
            self.met = []

        async def introduce(self, event, a, b):
            await anyio.sleep(1)
            self.met.append((a.user.id, b.user.id, event.coordinator, event.configured))

    host = Host()
    coordinator = await coordinators.open("x", (3, host.introduce))
    await add_all(coordinator, visitors(1, 3))
    await anyio.sleep(3.5)

    assert host.met == [(3, 2, "x", 3), (3, 1, "x", 3), (2, 1, "x", 3)]


async def test_actions_of_one_item_run_in_order_and_other_items_go_on(coordinators, log):
    async def slow(event):
        log.append(("slow begins", event.count))
        await anyio.sleep(10)
        log.append(("slow ends", event.count))

    coordinator = await coordinators.open("x", [(2, [slow, log.counting("2")]), (1, log.append)])
    await add_all(coordinator, visitors(1, 4))
    await anyio.sleep(1)
    quick = [entry for entry in log if not isinstance(entry, tuple)]
    assert len(quick) == 4

    await anyio.sleep(30)
    assert [entry for entry in log if isinstance(entry, tuple)][:6] == [
        ("slow begins", 2),
        ("slow ends", 2),
        ("2", "coordinate", 2),
        ("slow begins", 2),
        ("slow ends", 2),
        ("2", "coordinate", 2),
    ]


async def test_statistics_tell_how_it_stands(coordinators, log):
    def broken(event):
        raise ValueError

    coordinator = await coordinators.open("x", [("all", broken), (3, log.counting("3"))], 5)
    await add_all(coordinator, visitors(1, 4))
    before = coordinator.statistics()
    await coordinator.reset()
    after = coordinator.statistics()

    assert (before.name, before.timeout, before.pending) == ("x", 5.0, (1, 4))
    assert (after.pending, after.batches, after.failures, after.queued) == ((0, 0), 3, 1, 0)
    assert not after.is_stopped
    assert repr(coordinator) == "<Coordinator 'x': 2 items, running>"


async def test_the_registry_is_a_mapping_of_those_that_take_users(coordinators, log):
    one = await coordinators.open("one", (2, log.counting("x")))
    await coordinators.open("two", [])

    assert dict(coordinators) == {"one": one, "two": coordinators["two"]}
    await one.stop()
    assert list(coordinators) == ["two"]
    assert len(coordinators) == 1
    assert coordinators.get("one") is None
    with pytest.raises(UnknownNameError, match="two"):
        coordinators["one"]


async def test_stop_all_stops_everything_and_waits_for_it(coordinators, log):
    async def slow(event):
        await anyio.sleep(7)
        log.append(event.coordinator)

    for name in ("a", "b", "c"):
        await coordinators.open(name, ("all", slow))
    began = anyio.current_time()
    await coordinators.stop_all()

    assert sorted(log) == ["a", "b", "c"]
    assert anyio.current_time() - began == pytest.approx(7)
    assert len(coordinators) == 0


async def test_tasks_end_by_themselves_once_everything_is_stopped(native, emitter, log):
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            coordinators = Coordinators(tasks, native(), emitter, Random(1))
            coordinator = await coordinators.open("x", (2, log.counting("x")))
            await coordinator.add(Visitor(1))
            await coordinators.stop_all()

    assert log == [("x", "stop", 1)]


async def test_cancelling_the_run_frees_those_who_wait_for_a_coordinator(native, emitter):
    outcomes = []

    async def reset(coordinator):
        try:
            await coordinator.reset()
        except CoordinatorStoppedError:
            outcomes.append("refused")

    async def gather(coordinator):
        try:
            await coordinator.gather(Visitor(1), 2)
        except CoordinatorStoppedError:
            outcomes.append("refused")

    async with anyio.create_task_group() as callers:
        async with anyio.create_task_group() as run:
            coordinators = Coordinators(run, native(), emitter, Random(1))
            coordinator = await coordinators.open("x", ("all", lambda event: anyio.sleep(math.inf)))
            callers.start_soon(reset, coordinator)
            callers.start_soon(gather, coordinator)
            await anyio.sleep(1)
            run.cancel_scope.cancel()
        await coordinator.stop()

    assert outcomes == ["refused", "refused"]
    with pytest.raises(CoordinatorStoppedError):
        await coordinator.add(Visitor(2))
