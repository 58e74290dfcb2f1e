"""What is packed comes back as it was, and bytes of others make nothing."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from murmur.results.archive._packing import pack, unpack
from murmur.telemetry import Event, Recorder

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner)
    ),
)


@given(PLAIN)
def test_plain_values_come_back_as_they_were(value: object) -> None:
    again = unpack(pack(value))

    assert again == value
    assert type(again) is type(value)


def _columns(value: object) -> list[np.ndarray]:
    """Return all columns in a record, in the order of its fields."""
    if isinstance(value, np.ndarray):
        return [value]
    names = [field.name for field in dataclasses.fields(value)]
    inside = [getattr(value, name) for name in names]
    return [
        column
        for item in inside
        if isinstance(item, np.ndarray) or dataclasses.is_dataclass(item)
        for column in _columns(item)
    ]


def test_a_chunk_comes_back_with_every_column_and_every_type() -> None:
    recorder = Recorder(node="n", started_at=0.0, wall_started_at=0.0, now=lambda: 0.5)
    recorder.action("echo", 1, 0.0, 0.1, 0.2)
    recorder.action("echo", 1, 0.0, 0.1, 0.2, ValueError("no"))
    recorder.user_gone(1, "finished", None, None, None, 1.0)
    recorder.count("messages")
    recorder.gauge("depth", math.pi)
    recorder.health(1.0, [], 0.5, 1e8, saturated=True, reason="lag")
    recorder.event(Event("amoc.run.state", 1.0, 1.0, "n", "r", {"count": 1}, {"to": "x"}))
    chunk = recorder.seal()

    again = unpack(pack(chunk))
    for old, new in zip(_columns(chunk), _columns(again), strict=True):
        assert (old.dtype, old.tobytes()) == (new.dtype, new.tobytes())
    assert again.kinds == chunk.kinds
    assert again.tracebacks == chunk.tracebacks
    assert again.errors == chunk.errors
    assert again.events == chunk.events
    (health,) = again.samples["health"]
    assert health.values["reason"] == "lag"
    assert math.isnan(health.values["loop_lag_p50"])
    assert again.gauges.last.tolist() == [math.pi]


@pytest.mark.parametrize(
    "data", [b"", b"text", pack([1])[:-4], b"\x78\x01\x03\x00\x00\x00\x00\x01"]
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"error|Error"):
        unpack(data)
