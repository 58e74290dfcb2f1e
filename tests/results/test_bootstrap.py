"""Blocks, their memory and their draws, on series whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from murmur.results._bootstrap import draws_of, memory_of, wilson


def _alike(correlation: float, cells: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    values = [random.normal()]
    for step in random.normal(0, np.sqrt(1 - correlation**2), cells - 1):
        values.append(correlation * values[-1] + step)
    return np.array(values)


def test_cells_that_know_nothing_of_each_other_are_drawn_one_by_one() -> None:
    blocks = [memory_of(_alike(0.0, 60, seed)).block for seed in range(50)]

    assert np.median(blocks) == 1.0


def test_a_block_grows_with_what_the_cells_remember() -> None:
    """Of 4,000 cells that are alike by 0.7, Politis and White's rule says 35.6."""
    blocks = [memory_of(_alike(0.7, 4000, seed)).block for seed in range(20)]

    assert np.median(blocks) == pytest.approx(35.6, rel=0.15)


def test_the_variance_is_that_of_the_sum() -> None:
    """Of an autoregression it is (1 + 0.7) / (1 - 0.7) = 5.67 times that of a cell."""
    variances = [memory_of(_alike(0.7, 4000, seed)).variance for seed in range(20)]

    assert np.median(variances) == pytest.approx(1.7 / 0.3, rel=0.15)


def test_a_series_that_remembers_longer_than_it_is_tells_nothing() -> None:
    drifting, steady = memory_of(np.arange(60.0)), memory_of(_alike(0.0, 60, 1))

    assert not drifting.is_enough
    assert steady.is_enough


def test_a_series_without_any_change_is_known_at_once() -> None:
    memory = memory_of(np.full(30, 4.0))

    assert (memory.block, memory.variance, memory.widening(3)) == (1.0, 0.0, 1.0)


def test_every_draw_takes_as_many_cells_as_there_are_in_whole_blocks() -> None:
    draws = draws_of(20, 5, 200, np.random.default_rng(1))

    assert draws.shape == (200, 20)
    assert set(draws.sum(axis=1)) == {20.0}
    assert draws.mean(axis=0) == pytest.approx(np.ones(20), abs=0.35)
    # Neighbours are taken together: four of five pairs belong to one block.
    assert np.mean([np.corrcoef(draws[:, 3], draws[:, 4])[0, 1]]) > 0.6


def test_draws_of_short_blocks_are_widened_as_they_spread_too_little() -> None:
    series = _alike(0.7, 4000, 3)
    memory = memory_of(series)
    spread = (draws_of(4000, 1, 500, np.random.default_rng(2)) @ series / 4000).std()

    true = np.sqrt(1.7 / 0.3 / 4000)
    assert spread < 0.6 * true
    assert spread * memory.widening(1) == pytest.approx(true, rel=0.25)


@pytest.mark.parametrize(("failed", "low", "high"), [(0, 0.0, 0.00128), (4, 0.00052, 0.00342)])
def test_the_interval_of_a_share_holds_for_few_as_well(
    failed: int, low: float, high: float
) -> None:
    assert wilson(failed / 3000, 3000, 1.96) == pytest.approx((low, high), abs=1e-5)
