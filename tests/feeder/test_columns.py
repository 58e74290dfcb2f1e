from __future__ import annotations

import datetime
import pickle
from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from murmur.feeder._columns import Texts, packed


@given(st.lists(st.text(st.characters(codec=None)), min_size=1))
def test_text_of_any_kind_comes_back_as_it_was(texts):
    assert list(packed(texts)) == texts


@pytest.mark.parametrize(
    "values", [[1, 2**62], [0.5, -1.0], ["a", ""], [1, None], [True, 2], [2**80], [1, 0.5], []]
)
def test_values_keep_their_types(values):
    column = packed(values)

    assert list(column) == values
    assert [type(value) for value in column] == [type(value) for value in values]


def test_dates_become_text_and_numbers_of_numpy_those_of_python():
    day = datetime.date(2026, 11, 24)

    assert list(packed([np.int64(3), np.float64(0.5), day, None])) == [3, 0.5, "2026-11-24", None]
    assert type(packed([np.int64(3)])[0]) is int


def test_what_a_node_might_not_know_is_refused():
    with pytest.raises(TypeError, match="a complex; give text or numbers"):
        packed(["a", complex(1)])


def test_numbers_and_texts_are_packed():
    assert type(packed([1, 2])) is array
    assert type(packed(["a"])) is Texts


def test_a_column_of_text_ends_where_it_ends():
    column = packed(["a", "b"])

    assert column[-1] == "b"
    with pytest.raises(IndexError):
        column[2]


def test_columns_travel_and_are_small():
    column = packed([f"user-{number:07}" for number in range(10_000)])

    travelled = pickle.dumps(column)

    assert list(pickle.loads(travelled)) == list(column)
    assert len(travelled) < 10_000 * 21
