"""Rows in the order they came; beyond a bound the oldest go and are counted."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from murmur.recording import Rolling

FIELDS = [("at", "<f8"), ("node", "<i2")]


def _numbers(rolling: Rolling) -> list[float]:
    return rolling.snapshot()["at"].tolist()


def test_rows_come_back_in_their_order() -> None:
    rolling = Rolling(FIELDS)
    for number in range(1000):
        rolling.append(number, 1)

    assert _numbers(rolling) == list(range(1000))
    assert len(rolling) == 1000
    assert rolling.dropped == 0


@given(st.lists(st.integers(0, 60), max_size=30), st.integers(8, 100))
def test_the_newest_rows_are_kept_and_the_others_counted(portions: list[int], bound: int) -> None:
    rolling, number = Rolling(FIELDS, bound), 0
    for portion in portions:
        rows = np.zeros(portion, FIELDS)
        rows["at"] = np.arange(number, number + portion)
        rolling.extend(rows)
        number += portion

    kept = len(rolling)
    assert kept <= bound
    assert kept >= min(number, bound - bound // 8)
    assert _numbers(rolling) == list(range(number - kept, number))
    assert rolling.dropped == number - kept


def test_a_snapshot_does_not_change_when_rows_are_given_up() -> None:
    rolling = Rolling(FIELDS, 10)
    for number in range(10):
        rolling.append(number, 1)
    before = rolling.snapshot()
    for number in range(10, 30):
        rolling.append(number, 1)

    assert before["at"].tolist() == list(range(10))
    assert _numbers(rolling)[-1] == 29
