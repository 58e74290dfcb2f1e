from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from murmur.exporters import BOUNDS
from murmur.exporters._quantiles import quantiles_of


def test_nothing_has_no_quantile():
    (value,) = quantiles_of(np.zeros(3, np.int64), (1.0, 2.0), [0.5])

    assert math.isnan(value)


@pytest.mark.parametrize(
    ("quantile", "seconds"),
    [(0.0, 0.0), (0.25, 0.5), (0.5, 1.0), (0.75, 1.5), (0.9, 1.8), (1.0, 2.0)],
)
def test_a_quantile_lies_in_its_bucket_where_its_rank_does(quantile, seconds):
    (value,) = quantiles_of(np.array([50, 50, 0]), (1.0, 2.0), [quantile])

    assert value == pytest.approx(seconds)


def test_what_is_above_the_highest_bound_counts_as_that_bound():
    assert quantiles_of(np.array([0, 0, 5]), (1.0, 2.0), [0.5]) == [2.0]


@given(st.lists(st.floats(0.001, 50), min_size=1, max_size=100), st.floats(0.01, 1))
def test_a_quantile_is_within_the_bucket_of_the_exact_one(seconds, quantile):
    counts = np.bincount(np.searchsorted(BOUNDS, seconds), minlength=len(BOUNDS) + 1)
    exact = sorted(seconds)[math.ceil(quantile * len(seconds)) - 1]
    number = int(np.searchsorted(BOUNDS, exact))

    (value,) = quantiles_of(counts, BOUNDS, [quantile])

    assert BOUNDS[number - 1] <= value <= BOUNDS[number]
