from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from murmur.feeder._order import row_of, shuffled


@pytest.mark.parametrize(
    ("user_id", "cycle", "row"),
    [(1, False, 0), (3, False, 2), (4, False, None), (4, True, 0), (8, True, 1), (0, False, None)],
)
def test_row_i_is_that_of_user_i(user_id, cycle, row):
    assert row_of(user_id, 3, cycle=cycle, seed=None) == row


def test_of_no_rows_nobody_has_one():
    assert row_of(1, 0, cycle=True, seed=None) is None


@given(st.integers(1, 600), st.integers(0, 2**70))
def test_a_shuffle_deals_every_row_once(size, seed):
    dealt = [shuffled(position, size, seed) for position in range(size)]

    assert sorted(dealt) == list(range(size))


@given(st.integers(0, 10**9 - 1), st.integers(0, 2**32))
def test_rows_of_a_very_long_file_are_found_at_once(position, seed):
    assert 0 <= shuffled(position, 10**9, seed) < 10**9


def test_another_seed_deals_otherwise():
    deals = [tuple(shuffled(each, 20, seed) for each in range(20)) for seed in range(20)]

    assert len(set(deals)) == 20
    assert tuple(range(20)) not in deals


def test_every_row_has_the_same_chance_of_every_place():
    counts = [[0] * 4 for _ in range(4)]
    for seed in range(4_000):
        for position in range(4):
            counts[position][shuffled(position, 4, seed)] += 1

    # 1,000 each; the standard deviation is 27.
    assert all(850 < count < 1_150 for row in counts for count in row)


def test_a_deal_is_the_same_on_every_machine_and_in_every_version():
    assert [shuffled(position, 8, 42) for position in range(8)] == [7, 0, 4, 2, 5, 3, 1, 6]
