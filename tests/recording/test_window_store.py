"""A long run keeps every count and every row, and old times less finely, in bounded memory."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from murmur.recording import ALL_NODES, LENGTHS, WindowStore, _window_store
from murmur.telemetry import Histogram, Recorder

NODE = 1
CODES = np.array([0, 1, 2, -1])


def _recorder() -> Recorder:
    return Recorder(node="n", started_at=0.0, wall_started_at=0.0)


def _fill(
    store: WindowStore, windows: range, *, node: int = NODE, each: int = 20, seed: int = 1
) -> np.ndarray:
    """Add `each` actions of two names in each window; return all response times."""
    random = np.random.default_rng(seed)
    recorder, times = _recorder(), []
    for window in windows:
        for place, seconds in enumerate(random.lognormal(-4.0, 1.0, each)):
            ended = window + (place + 0.5) / each
            recorder.action("ab"[place % 2], 1, ended - seconds, ended - seconds, ended)
            times.append(ended - (ended - seconds))
        store.add(recorder.seal().windows, node=node, names=CODES)
    return np.array(times)


def _histogram(store: WindowStore, **span: int | None) -> Histogram:
    asked: dict[str, int | None] = {"name": None, "node": None, "first": 0, "end": None, **span}
    return store.histogram("response", **asked)


@pytest.fixture
def small() -> WindowStore:
    """Return a store whose first tier holds about twenty windows."""
    return WindowStore(bound_bytes=220_000)


def _assert_same(rows: NDArray[Any], others: NDArray[Any]) -> None:
    """Assert that rows say the same: means and quantiles to seven digits, the rest exactly."""
    for column in rows.dtype.names:
        is_rounded = "_" in column and not column.endswith("_max")
        np.testing.assert_allclose(
            rows[column], others[column], rtol=1e-7 if is_rounded else 0.0, err_msg=column
        )
    for time in ("service", "response"):
        assert (rows[f"{time}_p999"] <= rows[f"{time}_max"]).all()


def test_a_day_of_twenty_names_takes_less_than_150_megabytes() -> None:
    """One row is kept a name and second, as one node says what all nodes do."""
    store = WindowStore(bound_bytes=0)
    _fill(store, range(100))
    kept = [rows.dtype.itemsize for rows in store._state.frozen]

    assert kept
    assert max(kept) * 86_400 * 20 <= 150e6


def test_rows_are_the_same_whether_or_not_their_histograms_were_merged(small: WindowStore) -> None:
    roomy = WindowStore()
    _fill(small, range(500))
    _fill(roomy, range(500))

    assert len(small.starts()) < 100
    assert len(roomy.starts()) == 500
    for chosen in ({}, {"since": 123}, {"of_all": False}):
        _assert_same(small.rows(**chosen), roomy.rows(**chosen))
    assert set(small.rows(of_all=True)["node"]) == {ALL_NODES}


def test_no_value_is_lost_and_quantiles_of_the_whole_stay_exact(small: WindowStore) -> None:
    times = _fill(small, range(500))
    whole, by_node = _histogram(small), _histogram(small, node=NODE)

    exact = np.quantile(times, [0.5, 0.99, 0.999], method="inverted_cdf")
    for histogram in (whole, by_node):
        assert histogram.count == len(times) == 10_000
        assert histogram.max == times.max()
        assert histogram.sum == pytest.approx(times.sum())
        assert histogram.quantiles([0.5, 0.99, 0.999]) == pytest.approx(exact, rel=0.01)


def test_spans_cover_the_run_without_a_gap_or_an_overlap(small: WindowStore) -> None:
    _fill(small, range(1500))
    starts = [*small.starts(), 1500]

    lengths = np.diff(starts)
    assert set(lengths) <= set(LENGTHS)
    assert (np.diff(lengths) <= 0).all()  # the older, the longer
    assert all(start % length == 0 for start, length in zip(starts, lengths, strict=False))
    parts = [_histogram(small, first=first, end=end) for first, end in pairwise(starts)]
    assert sum(part.count for part in parts) == 30_000


def test_a_span_that_overlaps_is_counted_as_a_whole(small: WindowStore) -> None:
    _fill(small, range(500))
    length = small.starts()[1]

    assert length in LENGTHS[1:]
    assert _histogram(small, first=3, end=4).count == 20 * length


@pytest.mark.slow
def test_memory_is_bounded_however_long_the_run(small: WindowStore) -> None:
    recorder, sizes = _recorder(), []
    for place in range(20):
        recorder.action("ab"[place % 2], 1, 0.0, 0.0, 0.01 * (place + 1))
    windows = recorder.seal().windows
    for second in range(4 * 3600):
        moved = replace(windows, window=windows.window + second)
        small.add(moved, node=NODE, names=CODES)
        if second % 3600 == 3599:
            sizes.append(small.size_bytes)

    # Two hours without a bound would take 30 MB.  A whole hour is a span of its own here.
    assert max(sizes) < 400_000
    assert max(np.diff(sizes)) < 10_000


def test_the_newest_rows_are_kept_when_there_are_too_many() -> None:
    store = WindowStore(bound_bytes=220_000, rows_bound=200)
    times = _fill(store, range(500))

    windows = np.unique(store.rows()["window"])
    assert store.rows_dropped == 2 * (500 - len(windows))  # a row for each name
    assert windows.tolist() == list(range(500 - len(windows), 500))
    assert _histogram(store).count == len(times)
    assert store.totals().count.tolist() == [5000, 5000]


def test_what_is_very_late_is_counted_in_its_window(small: WindowStore) -> None:
    _fill(small, range(500))
    before = small.rows()
    times = _fill(small, range(7, 8), seed=2)
    _fill(small, range(9, 10), node=2, each=2)

    rows = small.rows()
    assert rows["window"].tolist() == sorted(rows["window"])
    assert len(rows) == len(before) + 2  # those of the second node
    assert _histogram(small).count == 10_000 + 20 + 2
    late = rows[(rows["window"] == 7) & (rows["node"] == ALL_NODES)]
    assert late["count"].sum() == 40
    assert late["response_max"].max() >= times.max()
    both = rows[(rows["window"] == 9) & (rows["node"] == ALL_NODES)]
    assert both["count"].sum() == 22


def test_two_nodes_are_kept_apart_and_added_up(small: WindowStore) -> None:
    for window in range(300):
        _fill(small, range(window, window + 1), node=1)
        _fill(small, range(window, window + 1), node=2, each=10)

    assert _histogram(small, node=1).count == 6000
    assert _histogram(small, node=2).count == 3000
    assert _histogram(small).count == 9000
    rows = small.rows()
    assert rows[rows["node"] == ALL_NODES]["count"].sum() == 9000
    assert rows[rows["node"] == 2]["count"].sum() == 3000


def test_names_that_share_a_code_are_added_up(small: WindowStore) -> None:
    recorder = _recorder()
    for name in ("a", "b", "c"):
        recorder.action(name, 1, 0.0, 0.0, 0.5)
    small.add(recorder.seal().windows, node=NODE, names=np.array([0, 1, 1, 2, -1]))

    assert _histogram(small, name=1).count == 2
    assert _histogram(small, name=1, end=1).count == 2
    assert small.rows(of_all=True)["count"].tolist() == [2, 1]


def test_merging_in_lots_is_seen_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is merged a little at a time is the same at each moment, whatever comes meanwhile."""
    monkeypatch.setattr(_window_store, "_LOT", 1)
    small, roomy = WindowStore(bound_bytes=150_000), WindowStore()
    merging = 0
    for window in range(150):
        for store in (small, roomy):
            _fill(store, range(window, window + 1), seed=window)
            _fill(store, range(window, window + 1), node=NODE + 1, each=4, seed=window)
            if window % 7 == 0:  # very late
                _fill(store, range(window // 3, window // 3 + 1), each=3, seed=window)
        merging += small._work is not None
        assert _histogram(small).max == _histogram(roomy).max
        assert sum(size for size, _ in small.by_node.values()) == _histogram(small).count
        if window % 10 == 0:
            for column in ("window", "node", "name", "count", "failed"):
                np.testing.assert_array_equal(small.rows()[column], roomy.rows()[column])

    assert merging > 50
    assert len(small.starts()) < len(roomy.starts())
    spans = [(start, start + 1) for start in small.starts()]
    covered = [*(end for _, end in small.joined()), *(end for _, end in spans)]
    assert max(covered) == 150
