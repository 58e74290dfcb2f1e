"""Resampling of blocks, checked on numbers that can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from murmur.results._bootstrap import Blocks, drawn, interval
from murmur.telemetry import Histogram

BLOCKS = Blocks(
    seconds=np.array([2.0, 2.0]),
    count=np.array([4.0, 2.0]),
    failed=np.array([1.0, 1.0]),
    times=[Histogram([0.25, 0.25, 0.5]), Histogram([1.0])],
)
EACH_ONCE = np.ones((1, 2))
FIRST_TWICE = np.array([[2.0, 0.0]])


def test_blocks_that_are_taken_once_give_the_statistics_of_the_run() -> None:
    assert BLOCKS.rates(EACH_ONCE).tolist() == [1.5]
    assert BLOCKS.failures(EACH_ONCE).tolist() == [pytest.approx(1 / 3)]
    assert BLOCKS.means(EACH_ONCE).tolist() == [0.5]
    assert BLOCKS.quantiles(0.5, EACH_ONCE) == pytest.approx(0.25, rel=0.01)
    assert BLOCKS.quantiles(1.0, EACH_ONCE) == pytest.approx(1.0, rel=0.01)


def test_a_block_that_is_taken_twice_counts_twice() -> None:
    assert BLOCKS.rates(FIRST_TWICE).tolist() == [2.0]
    assert BLOCKS.failures(FIRST_TWICE).tolist() == [0.25]
    assert BLOCKS.quantiles(1.0, FIRST_TWICE) == pytest.approx(0.5, rel=0.01)


def test_draws_take_as_many_blocks_as_there_are() -> None:
    weights = drawn(30, 1000, np.random.default_rng(1))

    assert (weights.sum(axis=1) == 30).all()
    assert weights.mean() == pytest.approx(1.0)
    assert weights.var() == pytest.approx(29 / 30, rel=0.05)  # of a multinomial


def test_an_interval_leaves_out_what_is_outermost() -> None:
    low, high = interval(np.arange(1001.0), 0.9)

    assert (low, high) == pytest.approx((50, 950))
    assert all(map(math.isnan, interval(np.array([1.0, math.nan]), 0.9)))


def test_blocks_without_values_have_no_quantile() -> None:
    nothing = Blocks(np.ones(2), np.zeros(2), np.zeros(2), [Histogram(), Histogram()])

    assert np.isnan(nothing.quantiles(0.5, EACH_ONCE)).all()
    assert np.isnan(nothing.failures(EACH_ONCE)).all()
