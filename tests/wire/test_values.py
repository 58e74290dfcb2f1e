"""Values come back as they were, and nothing else is accepted."""

from __future__ import annotations

import enum
import math
import pickle
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from murmur._wire import WireError, decode, encode
from murmur.cluster import PARTS
from murmur.errors import InvalidArgumentError
from murmur.recording import RunRecord
from murmur.telemetry import Event, Recorder

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**100), 2**100)
    | st.floats(allow_nan=False)
    | st.text(string.printable)
    | st.binary()
)
KEYS = st.integers() | st.text(string.printable) | st.tuples(st.integers(), st.booleans())
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(KEYS, inner)
        | st.sets(st.integers() | st.text(string.printable))
    ),
    max_leaves=30,
)


@given(VALUES)
def test_a_value_comes_back_as_it_was(value: object) -> None:
    again = decode(encode(value))

    assert again == value
    assert type(again) is type(value)


@given(st.binary(max_size=200))
def test_junk_is_a_value_or_a_wire_error(junk: bytes) -> None:
    try:
        decode(junk, PARTS)
    except WireError:
        return


def test_columns_of_numbers_come_back() -> None:
    plain = np.arange(5, dtype="<i2")
    rows = np.array([(1, 2.5), (3, math.inf)], [("a", "<i4"), ("b", "<f8")])

    for column in (plain, rows, np.empty(0)):
        again = decode(encode(column))
        assert again.dtype == column.dtype
        np.testing.assert_array_equal(again, column)


def test_what_is_a_kind_of_text_or_number_becomes_that() -> None:
    class Color(enum.StrEnum):
        RED = "red"

    assert decode(encode([Color.RED, np.float32(0.5), np.int64(7)])) == ["red", 0.5, 7]


@pytest.mark.parametrize("value", [object(), len, {1: lambda: 0}, np.array([object()]), "\udc80"])
def test_what_is_not_plain_is_named(value: object) -> None:
    with pytest.raises(InvalidArgumentError, match="cannot travel"):
        encode([value])


def test_a_pickle_is_junk() -> None:
    with pytest.raises(WireError):
        decode(pickle.dumps({"op": "x"}))


def test_values_nested_without_end_are_refused() -> None:
    deep: object = 1
    for _ in range(100):
        deep = (deep,)

    with pytest.raises(WireError, match="deep"):
        decode(encode(deep))


def test_a_record_that_is_not_in_the_table_is_refused() -> None:
    recorder = Recorder(node="a", started_at=0.0, wall_started_at=0.0, now=lambda: 0.0)
    body = encode(recorder.seal(), PARTS)

    with pytest.raises(WireError):
        decode(body)


def test_a_chunk_with_everything_in_it_comes_back() -> None:
    """Whatever a recorder learns to take down has to be able to travel."""
    recorder = Recorder(node="a", started_at=0.0, wall_started_at=0.0, now=lambda: 0.5)
    recorder.action("login", 1, 0.0, 0.1, 0.2)
    recorder.action("login", 2, 0.0, 0.1, 0.3, ValueError("no"))
    recorder.user_gone(1, "failed", "ValueError: no", 0.0, 0.1, 0.4)
    recorder.users_dropped(5, 9, 0.5, "removed")
    recorder.count("hits", 3)
    recorder.gauge("size", 4.5)
    recorder.change(0.1, "session", "pace", 1.0, 2.0)
    recorder.population(0.5, 1, 2, 3)
    recorder.throttle(0.5, "logins", {"rate": 5, "interval": 1, "lateness": [0.1]})
    recorder.health(0.5, [0.2], 0.5, 1e8, saturated=True, reason="lag")
    recorder.event(Event("amoc.run.state", 1.0, 1.0, "n", "r", {"count": 1}, {"to": "x"}))
    record = RunRecord("run", 0.0, 0.0)
    record.add(decode(encode(recorder.seal(), PARTS), PARTS))

    assert record.table("users")["user_id"].tolist() == [1, 5, 6, 7, 8, 9]  # type: ignore[union-attr]
    assert record.actions_total == 2
    assert record.table("counters")["value"].tolist() == [3.0]  # type: ignore[union-attr]
    assert len(record.table("changes")["what"]) == 1
    assert record.table("health")["loop_lag_max"].tolist() == [0.2]  # type: ignore[union-attr]
    assert record.table("events")["metadata"] == [{"to": "x"}]
