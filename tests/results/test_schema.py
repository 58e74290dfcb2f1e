"""The schema is the one place where columns are defined."""

from __future__ import annotations

import numpy as np
import pandas as pd

from murmur.results import FRAMES, OUTCOMES, Column, Results
from murmur.results._frame import series as series_of
from murmur.telemetry import Labels


def test_every_frame_is_a_property_of_results_and_its_docstring_names_every_column() -> None:
    for name, frame in FRAMES.items():
        text = getattr(Results, name).__doc__
        for column in frame.column_names:
            assert column in text, (name, column)


def test_every_column_has_a_meaning_and_times_have_seconds() -> None:
    for frame in FRAMES.values():
        for column in frame.columns:
            assert column.meaning.endswith("."), column
            if column.name.endswith("_at") and not column.name.startswith("wall_"):
                assert (column.dtype, column.unit) == ("float64", "s"), column


def test_outcomes_are_always_the_same_six_categories() -> None:
    outcome = FRAMES["users"].columns[2]
    series = series_of(outcome, Labels(np.array([0, -1]), ("left",)))

    assert tuple(series.cat.categories) == OUTCOMES
    assert OUTCOMES == ("finished", "failed", "left", "killed", "dropped", "lost")
    assert series[0] == "left"
    assert pd.isna(series[1])


def test_categories_are_those_that_occur_in_alphabetical_order() -> None:
    name = Column("name", "category", "", "A name.")
    series = series_of(name, Labels(np.array([1, 0, 1]), ("login", "echo")))

    assert series.tolist() == ["echo", "login", "echo"]
    assert list(series.cat.categories) == ["echo", "login"]


def test_missing_text_is_missing() -> None:
    error = Column("error", "str", "", "An error.")

    assert series_of(error, Labels(np.array([-1, 0]), ("bad",))).isna().tolist() == [True, False]
    assert series_of(error, ["bad", None]).isna().tolist() == [False, True]


def test_wall_times_are_utc_to_the_microsecond() -> None:
    wall = Column("wall_at", "datetime64[us, UTC]", "", "A moment.")
    series = series_of(wall, [1.000_001, float("nan")])

    assert str(series[0]) == "1970-01-01 00:00:01.000001+00:00"
    assert pd.isna(series[1])
