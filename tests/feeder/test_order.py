from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from murmur.feeder._order import SHORT, row_of, shuffled


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


@pytest.mark.parametrize("seed", [0, 7, 2**63])
def test_so_does_a_long_one(seed):
    dealt = np.fromiter((shuffled(each, SHORT + 1, seed) for each in range(SHORT + 1)), np.int64)

    assert (np.sort(dealt) == np.arange(SHORT + 1)).all()


def test_every_order_has_the_same_chance():
    orders = Counter(tuple(shuffled(each, 4, seed) for each in range(4)) for seed in range(12_000))

    # 500 of each of the 24; the standard deviation is 22.
    assert len(orders) == 24
    assert all(400 < count < 600 for count in orders.values())


def test_a_row_of_a_long_file_goes_anywhere():
    size = 1_000_000
    places = np.array([shuffled(1, size, seed) for seed in range(5_000)])

    tenths = np.bincount(places * 10 // size, minlength=10)
    assert ((tenths > 380) & (tenths < 620)).all()  # 500; the standard deviation is 21


def test_a_deal_is_the_same_on_every_machine_and_in_every_version():
    assert [shuffled(position, 8, 42) for position in range(8)] == [7, 2, 5, 0, 6, 1, 4, 3]
    assert [shuffled(position, 10**6, 42) for position in range(4)] == [
        255902,
        750576,
        979605,
        663752,
    ]
