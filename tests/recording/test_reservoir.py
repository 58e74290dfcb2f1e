"""What is kept is a uniform sample of everything that came."""

from __future__ import annotations

import numpy as np

from murmur.recording import Reservoir

FIELDS = [("number", "<i8"), ("twice", "<i8")]


def _rows(first: int, end: int) -> np.ndarray:
    rows = np.empty(end - first, FIELDS)
    rows["number"] = np.arange(first, end)
    rows["twice"] = 2 * rows["number"]
    return rows


def test_up_to_the_bound_every_row_is_kept_in_order():
    reservoir = Reservoir(10, FIELDS, seed=1)
    reservoir.add(_rows(0, 4))
    reservoir.add(_rows(4, 10))

    assert reservoir.columns()["number"].tolist() == list(range(10))
    assert (reservoir.seen, reservoir.kept) == (10, 10)


def test_beyond_the_bound_whole_rows_are_kept_each_once():
    reservoir = Reservoir(100, FIELDS, seed=1)
    for first in range(0, 5000, 70):
        reservoir.add(_rows(first, min(first + 70, 5000)))

    rows = reservoir.columns()
    assert (reservoir.seen, reservoir.kept, len(set(rows["number"]))) == (5000, 100, 100)
    assert (rows["twice"] == 2 * rows["number"]).all()


def test_every_row_has_the_same_chance_to_be_kept():
    """Each tenth of 1,000 rows holds a tenth of the rows kept, whenever it came."""
    kept = np.zeros(10)
    for seed in range(200):
        reservoir = Reservoir(100, FIELDS, seed)
        for first in range(0, 1000, 130):
            reservoir.add(_rows(first, min(first + 130, 1000)))
        kept += np.bincount(reservoir.columns()["number"] // 100, minlength=10)

    # 2,000 expected in each; hypergeometric standard deviation 40.
    assert np.abs(kept - 2000).max() < 4 * 40


def test_the_same_seed_keeps_the_same_rows():
    samples = []
    for _ in range(2):
        reservoir = Reservoir(10, FIELDS, seed=3)
        reservoir.add(_rows(0, 500))
        samples.append(reservoir.columns()["number"].tolist())

    assert samples[0] == samples[1]


def test_a_snapshot_does_not_change_afterwards():
    reservoir = Reservoir(10, FIELDS, seed=3)
    reservoir.add(_rows(0, 50))
    before = reservoir.columns()
    copy = {name: values.tolist() for name, values in before.items()}
    reservoir.add(_rows(50, 5000))

    assert {name: values.tolist() for name, values in before.items()} == copy


def test_a_snapshot_of_a_growing_reservoir_does_not_change_when_sampling_begins():
    reservoir = Reservoir(10, FIELDS, seed=3)
    reservoir.add(_rows(0, 10))
    before = reservoir.columns()
    reservoir.add(_rows(10, 5000))

    assert before["number"].tolist() == list(range(10))


def test_a_bound_of_nothing_keeps_nothing():
    reservoir = Reservoir(0, FIELDS, seed=3)
    reservoir.add(_rows(0, 50))

    assert (reservoir.seen, reservoir.kept, len(reservoir.columns()["number"])) == (50, 0, 0)
