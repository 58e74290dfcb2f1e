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


def test_users_of_a_node_whose_sample_is_missing_are_there():
    """Node 1 skips window 2, node 2 tells nothing after window 1, and nobody tells of window 4."""
    window_at = np.array([0.0, 0.0, 1.0, 1.0, 3.0, 5.0, 2.0])
    node = np.array([1, 2, 1, 2, 1, 1, 3])

    whole = whole_population(window_at, node, {"running": np.array([1, 10, 2, 20, 3, 4, 100])}, 1.0)

    assert whole["window_at"].tolist() == [0, 1, 2, 3, 4, 5]
    assert whole["running"].tolist() == [11, 22, 122, 123, 123, 124]


def test_a_node_that_went_has_no_users_until_it_tells_of_some_again():
    """Node 1 goes before window 2 and again before window 7; node 2 is there, and quiet."""
    window_at = np.array([0.0, 0.0, 1.0, 5.0, 6.0, 6.0])
    node = np.array([1, 2, 1, 1, 1, 2])
    running = np.array([10, 1, 10, 3, 3, 1])

    whole = whole_population(
        window_at, node, {"running": running}, 1.0, gone=[(1, 2), (1, 7), (9, 3)], until=7.5
    )

    assert whole["window_at"].tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert whole["running"].tolist() == [11, 11, 1, 1, 1, 4, 4, 1]


def test_windows_of_half_a_second_and_a_departure_that_is_yet_to_come():
    whole = whole_population(
        np.array([1.0, 1.5]),
        np.array([1, 1]),
        {"running": np.array([4, 4])},
        0.5,
        gone=[(1, 4)],
        until=1.9,
    )

    assert whole["window_at"].tolist() == [1.0, 1.5]
    assert whole["running"].tolist() == [4, 4]


def test_no_population_has_no_rows():
    none = np.empty(0)

    assert (
        whole_population(none, none, {"running": none.astype(int)}, 1.0)["running"].tolist() == []
    )
