"""Two parts of one row merge by the rule that each column declares."""

from __future__ import annotations

import math

import numpy as np
import pytest

from murmur.recording import FLOAT, Column, Frame, flag, number, text, whole
from murmur.recording._merge import layout, merged, whole_population

NAN = math.nan


def of_parts(frame: Frame, *parts: tuple[int, tuple]) -> dict[str, list]:
    """Return each column, merged from parts: the key of each, and its values."""
    rows = np.array([values for _, values in parts], layout(frame))
    _, columns = merged(frame, rows, np.array([key for key, _ in parts]))
    return {name: values.tolist() for name, values in columns.items()}


@pytest.mark.parametrize(
    ("rule", "values", "expected"),
    [
        ("last", (1.0, 3.0, 2.0), 2.0),
        ("sum", (1.0, 3.0, 2.0), 6.0),
        ("max", (1.0, 3.0, 2.0), 3.0),
        ("min", (2.0, 1.0, 3.0), 1.0),
        ("last", (1.0, 3.0, NAN), 3.0),
        ("sum", (1.0, NAN, 2.0), 3.0),
        ("max", (NAN, 1.0, NAN), 1.0),
        ("min", (NAN, 1.0, NAN), 1.0),
        ("sum", (NAN, NAN, NAN), NAN),
        ("last", (NAN, NAN, NAN), NAN),
    ],
)
def test_what_is_not_told_takes_no_part(rule, values, expected):
    frame = Frame("f", "", (Column("x", FLOAT, "", "", merge=rule),))

    merged = of_parts(frame, *((7, (value,)) for value in values))["x"]

    assert merged == [pytest.approx(expected, nan_ok=True)]


def test_keys_are_merged_apart_and_ascend():
    frame = Frame("f", "", (whole("n", "", "sum"), flag("bad", "", "any")))

    assert of_parts(frame, (9, (1, False)), (4, (2, False)), (9, (3, True))) == {
        "n": [2, 4],
        "bad": [False, True],
    }


def test_the_heaviest_part_speaks_and_of_equal_ones_the_first():
    columns = (number("late", "", "heaviest"), whole("granted", "", "sum"))
    frame = Frame("f", "", columns, weight="granted")

    parts = ((0, (0.5, 1)), (0, (0.1, 60)), (0, (0.9, 60)), (0, (NAN, 99)))
    assert of_parts(frame, *parts) == {"late": [0.1], "granted": [220]}


def test_text_that_was_told_last_stays():
    frame = Frame("f", "", (text("reason", "", "last"),))

    assert of_parts(frame, (0, (3,)), (0, (5,)), (0, (-1,)), (1, (-1,))) == {"reason": [5, -1]}


def test_no_parts_come_to_no_rows():
    frame = Frame("f", "", (whole("n", "", "sum"), number("x", "", "heaviest")), weight="n")

    assert of_parts(frame) == {"n": [], "x": []}


def test_users_of_a_node_whose_sample_is_missing_are_there_and_one_window_behind_its_last():
    """Node 1 skips window 2, node 2 sends nothing after window 1."""
    window_at = np.array([0.0, 0.0, 1.0, 1.0, 3.0, 4.0])
    node = np.array([1, 2, 1, 2, 1, 1])
    running = np.array([1, 10, 2, 20, 3, 4])

    whole = whole_population(
        np.append(window_at, 2.0), np.append(node, 3), {"running": np.append(running, 100)}, 1.0
    )

    assert whole["window_at"].tolist() == [0, 1, 2, 3, 4]
    assert whole["running"].tolist() == [11, 22, 2 + 20 + 100, 3 + 100, 4]


def test_a_node_that_was_lost_has_no_users_in_the_next_window_that_another_tells_of():
    window_at, node = np.array([3.0, 9.0, 10.0]), np.array([1, 2, 2])

    whole = whole_population(window_at, node, {"running": np.array([10, 5, 5])}, 1.0)

    assert whole["running"].tolist() == [10, 5, 5]


def test_no_population_has_no_rows():
    none = np.empty(0)

    assert (
        whole_population(none, none, {"running": none.astype(int)}, 1.0)["running"].tolist() == []
    )
