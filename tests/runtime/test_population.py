from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from murmur.errors import InvalidRangeError
from murmur.runtime import Population


class Someone:
    def __init__(self, user_id: int) -> None:
        self.id = user_id


def admit(population: Population) -> Someone:
    user_id = population.next_waiting()
    assert user_id is not None
    user = Someone(user_id)
    population.admit(user)  # type: ignore[arg-type]
    return user


def test_a_million_waiting_users_are_one_range() -> None:
    population = Population()

    population.announce(1, 1_000_000)

    assert population.waiting == 1_000_000
    assert population.waiting_ranges == [(1, 1_000_000)]


def test_users_are_admitted_in_the_order_of_their_ids() -> None:
    population = Population()
    population.announce(1, 2)
    population.announce(5, 6)

    assert [population.next_waiting() for _ in range(5)] == [1, 2, 5, 6, None]


@pytest.mark.parametrize(("first", "last"), [(5, 9), (9, 9), (4, 3), (0, 20), (12, 11)])
def test_ids_never_go_back(first: int, last: int) -> None:
    population = Population()
    population.announce(1, 9)

    with pytest.raises(InvalidRangeError):
        population.announce(first, last)

    assert population.waiting == 9


def test_the_last_announced_are_dropped_first() -> None:
    population = Population()
    population.announce(1, 10)
    population.announce(11, 13)

    assert population.drop_waiting(5) == [(11, 13), (9, 10)]
    assert population.waiting_ranges == [(1, 8)]
    assert population.gone == 5


def test_a_user_is_asked_once_and_gone_once() -> None:
    population = Population()
    population.announce(1, 1)
    user = admit(population)

    assert population.ask(user) is True  # type: ignore[arg-type]
    assert population.ask(user) is False  # type: ignore[arg-type]
    assert population.depart(user) is True  # type: ignore[arg-type]
    assert population.depart(user) is False  # type: ignore[arg-type]
    assert population.counts == {"waiting": 0, "running": 0, "leaving": 0, "gone": 1}


@given(st.lists(st.sampled_from(["announce", "admit", "ask", "depart", "drop"]), max_size=60),
       st.randoms(use_true_random=False))  # fmt: skip
def test_everybody_announced_is_in_exactly_one_state(steps: list[str], random: object) -> None:
    population = Population()
    announced = 0
    for step in steps:
        match step:
            case "announce":
                population.announce(population.highest_id + 2, population.highest_id + 6)
                announced += 5
            case "admit" if population.waiting:
                admit(population)
            case "ask" if population.running:
                population.ask(population.oldest(1)[0])
            case "depart" if population.present > population.waiting:
                population.depart(next(iter(population)))
            case "drop":
                population.drop_waiting(3)

        assert sum(population.counts.values()) == announced
        assert population.present == announced - population.gone
