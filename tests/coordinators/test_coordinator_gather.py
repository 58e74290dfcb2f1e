"""Users who gather wait for each other and go on together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from random import Random

import anyio
import pytest

from murmur import Coordinator
from murmur.coordinators import Coordinators
from murmur.errors import CoordinatorError, CoordinatorStoppedError, InvalidArgumentError, Leaving
from murmur.testing import RecordingEmitter


@dataclass(frozen=True)
class Visitor:
    """A user who may be asked to leave."""

    id: int
    leaving: anyio.Event = field(default_factory=anyio.Event)


class Gathering:
    """Sends users to a rendezvous; remembers when and how each came back."""

    def __init__(self, coordinators: Coordinators, coordinator: Coordinator) -> None:
        self.coordinators = coordinators
        self.coordinator = coordinator
        self.began = anyio.current_time()
        self.back: dict[int, tuple[float, object]] = {}

    async def visit(self, user: Visitor, n: int, data: object = None) -> None:
        try:
            outcome: object = await self.coordinator.gather(user, n, data)
        except (CoordinatorError, Leaving) as error:
            outcome = type(error)
        self.back[user.id] = (anyio.current_time() - self.began, outcome)

    @property
    def groups(self) -> dict[int, list[int]]:
        return {
            user_id: [member.user.id for member in group]
            for user_id, (_, group) in self.back.items()
            if isinstance(group, tuple)
        }


@pytest.fixture
async def tasks() -> AsyncIterator[anyio.abc.TaskGroup]:
    async with anyio.create_task_group() as tasks:
        yield tasks
        tasks.cancel_scope.cancel()


@pytest.fixture
async def gathering(native, tasks) -> Gathering:
    coordinators = Coordinators(tasks, native(), RecordingEmitter(), Random(1))
    return Gathering(coordinators, await coordinators.open("meeting", []))


async def test_everybody_goes_on_when_the_last_one_comes(gathering, tasks):
    for number in (1, 2, 3):
        tasks.start_soon(gathering.visit, Visitor(number), 3, f"data of {number}")
        await anyio.sleep(1)
    await anyio.sleep(1)

    assert {user_id: at for user_id, (at, _) in gathering.back.items()} == {
        user_id: pytest.approx(2) for user_id in (1, 2, 3)
    }
    assert gathering.groups == {user_id: [1, 2, 3] for user_id in (1, 2, 3)}
    assert [member.data for member in gathering.back[1][1]] == [
        "data of 1",
        "data of 2",
        "data of 3",
    ]


async def test_the_next_user_begins_the_next_group(gathering, tasks):
    for number in range(1, 8):
        tasks.start_soon(gathering.visit, Visitor(number), 3)
        await anyio.sleep(1)

    assert gathering.groups == {
        **{user_id: [1, 2, 3] for user_id in (1, 2, 3)},
        **{user_id: [4, 5, 6] for user_id in (4, 5, 6)},
    }
    assert gathering.coordinator.statistics().gathering == 1


async def test_groups_of_different_size_do_not_mix(gathering, tasks):
    for number, size in [(1, 2), (2, 3), (3, 3), (4, 2), (5, 3), (6, 1)]:
        tasks.start_soon(gathering.visit, Visitor(number), size)
        await anyio.sleep(1)

    assert gathering.groups == {
        **{user_id: [1, 4] for user_id in (1, 4)},
        **{user_id: [2, 3, 5] for user_id in (2, 3, 5)},
        6: [6],
    }


async def test_who_is_cancelled_leaves_the_group(gathering, tasks):
    with anyio.move_on_after(5):
        await gathering.visit(Visitor(1), 2)
    tasks.start_soon(gathering.visit, Visitor(2), 2)
    await anyio.sleep(1)
    assert gathering.back == {}

    tasks.start_soon(gathering.visit, Visitor(3), 2)
    await anyio.sleep(1)
    assert gathering.groups == {2: [2, 3], 3: [2, 3]}


async def test_who_gave_up_may_come_again(gathering, tasks):
    user = Visitor(1)
    with anyio.move_on_after(5):
        await gathering.visit(user, 2)
    tasks.start_soon(gathering.visit, user, 2)
    tasks.start_soon(gathering.visit, Visitor(2), 2)
    await anyio.sleep(1)

    assert sorted(gathering.groups[1]) == [1, 2]


async def test_who_is_cancelled_after_the_group_was_complete_is_still_in_it(
    native, gathering, tasks
):
    async with anyio.create_task_group() as first:
        first.start_soon(gathering.visit, Visitor(1), 2)
        await anyio.sleep(1)
        tasks.start_soon(gathering.visit, Visitor(2), 2)
        while gathering.coordinator.statistics().gathering:
            await native().checkpoint()
        first.cancel_scope.cancel()
    await anyio.sleep(1)

    assert gathering.groups[2] == [1, 2]


async def test_who_is_asked_to_leave_leaves_the_group(gathering, tasks):
    user = Visitor(1)
    tasks.start_soon(gathering.visit, user, 2)
    await anyio.sleep(1)
    gathering.coordinators.user_leaving(user)
    gathering.coordinators.user_leaving(Visitor(99))
    await anyio.sleep(1)

    assert gathering.back == {1: (pytest.approx(1), Leaving)}
    assert gathering.coordinator.statistics().gathering == 0


async def test_who_was_asked_to_leave_does_not_wait_at_all(gathering):
    user = Visitor(1)
    user.leaving.set()

    with pytest.raises(Leaving):
        await gathering.coordinator.gather(user, 2)


async def test_who_is_gone_leaves_the_group(gathering, tasks):
    user = Visitor(1)
    tasks.start_soon(gathering.visit, user, 2)
    await anyio.sleep(1)
    gathering.coordinators.user_gone(user)
    tasks.start_soon(gathering.visit, Visitor(2), 2)
    await anyio.sleep(1)

    assert gathering.back == {1: (pytest.approx(1), Leaving)}


async def test_a_stop_ends_every_wait(gathering, tasks):
    for number, size in [(1, 3), (2, 3), (3, 2)]:
        tasks.start_soon(gathering.visit, Visitor(number), size)
    await anyio.sleep(1)
    await gathering.coordinator.stop()
    await anyio.sleep(1)

    assert [outcome for _, outcome in gathering.back.values()] == [CoordinatorStoppedError] * 3


async def test_a_reset_leaves_those_who_wait_alone(gathering, tasks):
    tasks.start_soon(gathering.visit, Visitor(1), 2)
    await anyio.sleep(1)
    await gathering.coordinator.reset()
    tasks.start_soon(gathering.visit, Visitor(2), 2)
    await anyio.sleep(1)

    assert gathering.groups == {1: [1, 2], 2: [1, 2]}


async def test_one_user_cannot_be_two(gathering, tasks):
    user = Visitor(1)
    tasks.start_soon(gathering.visit, user, 2)
    await anyio.sleep(1)

    with pytest.raises(CoordinatorError, match="user 1"):
        await gathering.coordinator.gather(user, 2)


@pytest.mark.parametrize("n", [0, -1, 2.5, True, None, "all"])
async def test_a_group_has_a_size(gathering, n):
    with pytest.raises(InvalidArgumentError, match="at least 1"):
        await gathering.coordinator.gather(Visitor(1), n)


async def test_a_group_that_nobody_joins_any_more_is_a_problem(gathering, tasks):
    for number in (7, 8, 9):
        tasks.start_soon(gathering.visit, Visitor(number), 5)
        await anyio.sleep(6)
        assert gathering.coordinators.problems() == []
    await anyio.sleep(5)

    assert gathering.coordinators.problems() == [
        "user 7 and 2 others have waited in gather of the coordinator 'meeting' for 23 s: "
        "3 of 5 came"
    ]
    for number in (10, 11):
        tasks.start_soon(gathering.visit, Visitor(number), 5)
    await anyio.sleep(1)
    assert gathering.coordinators.problems() == []


async def test_a_wait_that_others_took_as_well_is_no_problem(gathering, tasks):
    for number in (1, 2, 3, 4):
        tasks.start_soon(gathering.visit, Visitor(number), 2)
        await anyio.sleep(20)
    assert gathering.groups == {1: [1, 2], 2: [1, 2], 3: [3, 4], 4: [3, 4]}

    tasks.start_soon(gathering.visit, Visitor(5), 2)
    await anyio.sleep(19)
    assert gathering.coordinators.problems() == []
    await anyio.sleep(2)
    assert gathering.coordinators.problems() == [
        "user 5 has waited in gather of the coordinator 'meeting' for 21 s: 1 of 2 came"
    ]


@pytest.mark.parametrize(("timeout", "number"), [(30.0, 0), (float("inf"), 1)])
async def test_a_batch_that_nothing_closes_is_a_problem(gathering, timeout, number):
    pairs = await gathering.coordinators.open("pairs", (2, lambda event: None), timeout)
    await pairs.add(Visitor(1))
    await anyio.sleep(15)

    told = "user 1 has been in a batch of the coordinator 'pairs' for 15 s: 1 of 2 came"
    assert gathering.coordinators.problems() == [told] * number


async def test_a_batch_after_complete_ones_is_a_problem_to_those_who_wait_for_it(native, tasks):
    waiting: set[int] = set()
    coordinators = Coordinators(
        tasks, native(), RecordingEmitter(), Random(1), is_waiting=waiting.__contains__
    )
    pairs = await coordinators.open("pairs", (2, lambda event: None), float("inf"))
    for number in (1, 2, 3):
        await pairs.add(Visitor(number))
    await anyio.sleep(15)
    assert coordinators.problems() == []  # who is left over goes on with something else

    waiting.add(3)
    told = "user 3 has been in a batch of the coordinator 'pairs' for 15 s: 1 of 2 came"
    assert coordinators.problems() == [told]
