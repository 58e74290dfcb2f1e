"""A schedule is arithmetic; a user that follows it may be late, and the schedule is not."""

from __future__ import annotations

import itertools
import math
from random import Random
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

import murmur
from murmur import Timetable
from murmur.errors import InvalidArgumentError

periods = st.floats(0.01, 1e4)


def first(number: int, timetable: Timetable, seed: int = 1) -> list[tuple[str, float]]:
    events = itertools.islice(timetable.occurrences(Random(seed)), number)
    return [(event.name, event.due_at) for event in events]


def test_events_of_all_entries_come_in_the_order_of_time() -> None:
    day = Timetable().every(10, "ping").every(4, "talk", offset=1).at(5, "login")

    assert first(6, day) == [
        ("ping", 0.0),
        ("talk", 1.0),
        ("talk", 5.0),
        ("login", 5.0),
        ("talk", 9.0),
        ("ping", 10.0),
    ]


def test_of_those_due_at_once_the_entry_that_was_made_first_comes_first() -> None:
    day = Timetable().at(5, "b").at(5, "a").every(5, "c")

    assert first(4, day) == [("c", 0.0), ("b", 5.0), ("a", 5.0), ("c", 5.0)]


def test_an_entry_ends_after_its_count_or_before_its_end() -> None:
    day = Timetable().every(1, "twice", count=2).every(1, "early", until=2, offset=0.5)

    assert first(9, day) == [("twice", 0.0), ("early", 0.5), ("twice", 1.0), ("early", 1.5)]


def test_occurrences_are_numbered_by_entry() -> None:
    day = Timetable().every(2, "a").every(3, "b")

    events = itertools.islice(day.occurrences(), 5)

    assert [(event.name, event.number) for event in events] == [
        ("a", 0),
        ("b", 0),
        ("a", 1),
        ("b", 1),
        ("a", 2),
    ]


def test_an_entry_leaves_the_timetable_it_was_added_to_as_it_was() -> None:
    empty = Timetable()
    empty.at(1, "login")

    assert first(1, empty) == []


@given(st.lists(periods, min_size=1, max_size=5), st.integers())
def test_time_never_goes_back_and_nothing_drifts(spaces: list[float], seed: int) -> None:
    day = Timetable(spread=30.0)
    for number, period in enumerate(spaces):
        day = day.every(period, str(number), offset="random")

    events = list(itertools.islice(day.occurrences(Random(seed)), 200))

    moments = [event.due_at for event in events]
    assert moments == sorted(moments)
    for number, period in enumerate(spaces):
        own = [event for event in events if event.name == str(number)]
        for event in own:
            assert event.due_at - own[0].due_at == pytest.approx(event.number * period)
            assert own[0].due_at < 30.0 + period


def test_the_same_random_numbers_give_the_same_offsets() -> None:
    day = Timetable(spread=60).every(10, "ping", offset="random")

    assert first(3, day, seed=7) == first(3, day, seed=7)
    assert first(3, day, seed=7) != first(3, day, seed=8)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Timetable().every(0, "a"),
        lambda: Timetable().every(-1, "a"),
        lambda: Timetable().every(math.inf, "a"),
        lambda: Timetable().every("5", "a"),  # type: ignore[arg-type]
        lambda: Timetable().every(1, "a", offset=-1),
        lambda: Timetable().every(1, "a", offset="sometimes"),  # type: ignore[arg-type]
        lambda: Timetable().every(1, "a", count=0),
        lambda: Timetable().at(-1, "a"),
        lambda: Timetable().at([1, -1], "a"),
        lambda: Timetable().at("12", "a"),  # type: ignore[arg-type]
        lambda: Timetable().at(math.nan, "a"),
        lambda: Timetable(spread=-1),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="give"):
        make()


def test_its_repr_tells_the_entries() -> None:
    day = Timetable().at(5, "login").every(60, "presence")

    assert repr(day) == "<Timetable: 'login' at 5 s, 'presence' every 60 s>"
    assert repr(Timetable()) == "<Timetable: empty>"


async def test_a_user_meets_each_event_when_it_is_due(stage: Any) -> None:
    met: list[tuple[str, float]] = []

    class Day(murmur.Scenario):
        """Follows a schedule."""

        day = Timetable().at(2, "login").every(5, "ping", offset=5, count=2)

        async def start(self, user: murmur.User) -> None:
            begin = anyio.current_time()
            async for event in self.day.follow(user):
                waited = anyio.current_time() - begin
                met.append((event.name, round(waited, 1)))

    await stage.do(Day, 1)
    await anyio.sleep(60)
    await stage.stop()

    assert met == [("login", 2.0), ("ping", 5.0), ("ping", 10.0)]
    assert stage.users() == {1: "finished"}


def test_several_moments_are_one_entry_in_the_order_of_time() -> None:
    day = Timetable().at([7.5, 0, 3], "look").at(3, "login")

    assert first(9, day) == [("look", 0.0), ("look", 3.0), ("login", 3.0), ("look", 7.5)]
    assert [each.number for each in day.occurrences()] == [0, 1, 0, 2]
    assert repr(day) == "<Timetable: 'look' at 3 moments, 'login' at 3 s>"


async def test_moments_are_counted_from_the_start_of_the_run_if_asked(stage: Any) -> None:
    met: list[tuple[int, float]] = []

    class Day(murmur.Scenario):
        """Two users, of whom one comes three seconds later."""

        async def start(self, user: murmur.User) -> None:
            await user.sleep(3.0 * (user.id - 1))
            async for _ in Timetable().at([2, 9], "look").follow(user, start=1.0):
                met.append((user.id, round(user.now(), 1)))  # noqa: PERF401 - each in its time

    await stage.do(Day, 2, user_rate=math.inf)
    await anyio.sleep(60)
    await stage.stop()

    assert sorted(met) == [(1, 3.0), (1, 10.0), (2, 3.0), (2, 10.0)]


async def test_late_events_come_at_once_and_keep_when_they_were_due(stage: Any) -> None:
    class Slow(murmur.Scenario):
        """The server freezes for ten seconds in the first answer."""

        day = Timetable().every(2, "ask", count=4)

        async def start(self, user: murmur.User) -> None:
            async for event in self.day.follow(user):
                with user.timer(event.name):
                    await anyio.sleep(10 if event.number == 0 else 1)

    await stage.do(Slow, 1)
    await anyio.sleep(60)
    await stage.stop()

    actions = stage.record.table("actions")
    service, response = actions["service_time"].tolist(), actions["response_time"].tolist()
    assert service == pytest.approx([10, 1, 1, 1], abs=0.01)
    assert response == pytest.approx([10, 9, 8, 7], abs=0.01)


async def test_a_user_that_is_asked_to_leave_leaves_its_timetable(stage: Any) -> None:
    class Day(murmur.Scenario):
        """Waits for tomorrow."""

        async def start(self, user: murmur.User) -> None:
            async for _ in Timetable().at(86_400, "tomorrow").follow(user):
                pass

    await stage.do(Day, 2)
    await anyio.sleep(5)
    begin = anyio.current_time()
    await stage.stop()

    assert anyio.current_time() - begin < 1
    assert stage.users() == {1: "left", 2: "left"}


async def test_a_late_user_that_is_asked_to_leave_does_so_as_well(stage: Any) -> None:
    class Hasty(murmur.Scenario):
        """Is late for ever."""

        async def start(self, user: murmur.User) -> None:
            async for _ in Timetable().every(1e-3, "ping").follow(user):
                await anyio.sleep(0.1)

    await stage.do(Hasty, 1)
    await anyio.sleep(5)
    await stage.stop()

    assert stage.users() == {1: "left"}


async def test_after_its_end_an_action_is_due_when_it_starts(stage: Any) -> None:
    class Day(murmur.Scenario):
        """Acts once more when the day is over."""

        async def start(self, user: murmur.User) -> None:
            async for _ in Timetable().at(1, "look").follow(user):
                pass
            await user.sleep(10)
            with user.timer("more"):
                await anyio.sleep(1)

    await stage.do(Day, 1)
    await anyio.sleep(60)
    await stage.stop()

    assert stage.record.table("actions")["response_time"].tolist() == pytest.approx([1.0], abs=0.01)


async def test_users_are_spread_by_the_seed_of_the_run(stage: Any) -> None:
    begun: dict[int, float] = {}

    class Day(murmur.Scenario):
        """Notes when its day begins."""

        async def start(self, user: murmur.User) -> None:
            async for event in Timetable(spread=60).at(0, "begin").follow(user):
                begun[user.id] = event.due_at - stage.record.started_at

    await stage.do(Day, 50, seed=3)
    await anyio.sleep(90)
    await stage.stop()
    one = dict(begun)
    await stage.do(Day, 50, seed=3)
    await anyio.sleep(90)
    await stage.stop()

    assert begun == pytest.approx(one, abs=0.01)
    assert min(one.values()) < 10
    assert max(one.values()) > 50
