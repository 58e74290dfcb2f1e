"""A histogram is exact where it says so, and within 1 % elsewhere."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from murmur.telemetry import WIDTH, Distributions, Histogram, bounds, bucket_of, middle, tally

PROBABILITIES = (0.0, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0)

durations = st.floats(min_value=1e-9, max_value=1e6)
samples = st.lists(durations, min_size=1, max_size=200)


def _nearest_rank(values: list[float], probability: float) -> float:
    """Return the quantile by its definition: the value of rank ceil(probability * n)."""
    return sorted(values)[max(math.ceil(probability * len(values)), 1) - 1]


def _state(histogram: Histogram) -> tuple[object, ...]:
    buckets, counts = histogram.buckets()
    return buckets.tolist(), counts.tolist(), histogram.min, histogram.max, histogram.count


@given(samples)
def test_a_quantile_is_within_one_percent_of_the_value_at_its_rank(values: list[float]):
    histogram = Histogram(values)

    for probability in PROBABILITIES:
        exact = _nearest_rank(values, probability)
        assert histogram.quantile(probability) == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize(
    "draw",
    [
        lambda random: random.lognormal(-6, 3, 20_000),
        lambda random: random.pareto(0.7, 20_000) + 1e-6,
        lambda random: np.where(random.random(20_000) < 0.995, 1e-3, 30.0),
        lambda random: np.full(20_000, 0.015625),
        lambda random: np.nextafter(np.exp2(random.integers(-20, 10, 20_000)), 0),
        lambda random: np.linspace(1e-6, 1e-5, 20_000),
    ],
    ids=["lognormal", "pareto", "two far peaks", "one value", "below octaves", "narrow"],
)
def test_it_agrees_with_numpy_on_distributions_made_to_be_hard(draw):
    values = draw(np.random.default_rng(7))
    histogram = Histogram(values)

    exact = np.quantile(values, PROBABILITIES, method="inverted_cdf")
    assert histogram.quantiles(PROBABILITIES) == pytest.approx(exact, rel=0.01)


@given(samples)
def test_count_sum_and_extremes_are_exact(values: list[float]):
    histogram = Histogram(values)

    assert histogram.count == len(values)
    assert histogram.sum == pytest.approx(math.fsum(values), rel=1e-12)
    assert (histogram.min, histogram.max) == (min(values), max(values))
    assert histogram.mean == pytest.approx(math.fsum(values) / len(values), rel=1e-12)


@given(samples)
def test_no_quantile_is_above_the_maximum_or_below_the_minimum(values: list[float]):
    histogram = Histogram(values)

    quantiles = histogram.quantiles(PROBABILITIES)
    assert min(values) <= quantiles.min()
    assert quantiles.max() <= max(values)
    assert (np.diff(quantiles) >= 0).all()


@given(samples, samples)
def test_merging_is_counting_together(some: list[float], others: list[float]):
    assert _state(Histogram(some) + Histogram(others)) == _state(Histogram(some + others))


@given(samples, samples, samples)
def test_merging_is_associative_and_commutative(a: list[float], b: list[float], c: list[float]):
    one, two, three = Histogram(a), Histogram(b), Histogram(c)

    assert _state((one + two) + three) == _state(one + (two + three))
    assert _state(one + two) == _state(two + one)


def test_an_empty_histogram_has_no_values_to_speak_of():
    empty = Histogram()

    assert (empty.count, empty.sum) == (0, 0.0)
    assert np.isnan([empty.min, empty.max, empty.mean, empty.quantile(0.5)]).all()
    assert _state(empty + Histogram([0.5])) == _state(Histogram([0.5]))


def test_zero_and_less_than_a_nanosecond_share_the_first_bucket():
    histogram = Histogram([0.0, 1e-12, 5e-324])

    assert histogram.buckets()[0].tolist() == [0]
    assert histogram.quantile(1.0) <= 1e-12


def test_values_that_are_no_durations_count_as_zero():
    histogram = Histogram([-1.0, math.nan])

    assert (histogram.count, histogram.min, histogram.max) == (2, 0.0, 0.0)


def test_an_endless_duration_is_counted_and_breaks_nothing():
    histogram = Histogram([1.0, math.inf])

    assert histogram.quantile(0.5) == pytest.approx(1.0, rel=0.01)
    assert histogram.max == math.inf


@given(durations)
def test_a_value_lies_within_the_bounds_of_its_bucket(value: float):
    bucket = bucket_of(np.array([value]))
    lower, upper = bounds(bucket)

    assert lower[0] <= value < upper[0]
    assert abs(middle(bucket)[0] / value - 1) <= 0.008


def test_buckets_leave_no_gap():
    every = np.arange(0, WIDTH - 1)
    lower, upper = bounds(every)

    assert (upper[:-1] == lower[1:]).all()


@given(st.lists(st.integers(min_value=-(2**40), max_value=2**40)))
def test_tally_counts_far_apart_keys_as_near_ones(keys: list[int]):
    distinct, count = tally(np.array(keys, np.int64))

    assert distinct.tolist() == sorted(set(keys))
    assert count.tolist() == [keys.count(key) for key in sorted(set(keys))]


@given(st.lists(st.tuples(st.integers(0, 4), durations), max_size=100))
def test_groups_are_histograms_of_their_own(rows: list[tuple[int, float]]):
    groups = np.array([group for group, _ in rows], np.int64)
    values = np.array([value for _, value in rows], np.float64)

    together = Distributions.fold(groups, values, 5)

    for group in range(5):
        alone = Histogram(values[groups == group])
        mine = Histogram.of(together.between(group, group + 1))
        assert str(_state(mine)) == str(_state(alone))  # as text, as NaN is not itself
        assert together.quantiles(PROBABILITIES)[group].tolist() == pytest.approx(
            alone.quantiles(PROBABILITIES).tolist(), nan_ok=True
        )


def test_counts_beyond_four_thousand_million_are_kept():
    few = Distributions.fold(np.array([0]), [1.0], 1)
    many = few
    for _ in range(33):  # each doubles: 2**33
        many = Distributions.merge([(many, np.zeros(1, int)), (many, np.zeros(1, int))], 1)

    assert Histogram.of(many).buckets()[1].tolist() == [2**33]
