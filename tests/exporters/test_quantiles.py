from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from murmur.exporters._catalogue import BOUNDS
from murmur.exporters._quantiles import quantiles_of


def test_nothing_has_no_quantile():
    (value,) = quantiles_of(np.zeros(3, np.int64), (1.0, 2.0), [0.5])

    assert math.isnan(value)


@pytest.mark.parametrize(("quantile", "seconds"), [(0.0, 0.5), (0.5, 0.5), (0.51, 1.5), (1.0, 1.5)])
def test_a_quantile_is_the_middle_of_the_bucket_of_its_rank(quantile, seconds):
    assert quantiles_of(np.array([50, 50, 0]), (1.0, 2.0), [quantile], 1.9) == [seconds]


def test_without_a_maximum_of_these_none_is_above_what_the_longest_must_have_taken():
    for maximum in (math.inf, 75.0):  # the second is of others
        assert quantiles_of(np.array([50, 50, 0]), (1.0, 2.0), [0.5, 0.9], maximum) == [0.5, 1.0]


def test_what_is_above_the_highest_bound_counts_as_the_maximum():
    assert quantiles_of(np.array([0, 0, 5]), (1.0, 2.0), [0.5], 75.0) == [75.0]
    assert quantiles_of(np.array([0, 0, 5]), (1.0, 2.0), [0.5]) == [2.0]


@given(st.lists(st.floats(1e-6, 5_000), min_size=1, max_size=100), st.floats(0.01, 1))
def test_a_quantile_is_within_one_percent_of_the_exact_one_and_never_above_the_maximum(
    seconds, quantile
):
    counts = np.bincount(np.searchsorted(BOUNDS, seconds), minlength=len(BOUNDS) + 1)
    exact = np.quantile(seconds, quantile, method="inverted_cdf")

    (value,) = quantiles_of(counts, BOUNDS, [quantile], max(seconds))

    assert value == pytest.approx(exact, rel=0.01)
    assert value <= max(seconds)
