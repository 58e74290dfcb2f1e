"""What is kept of an object holds on to nothing and always works."""

from __future__ import annotations

import enum

import numpy as np
import pytest

from murmur._guard import text_of, trace_of
from murmur.telemetry import plain


class State(enum.StrEnum):
    RUNNING = "running"


class Mute:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (np.float64(0.5), 0.5),
        (State.RUNNING, "running"),
        ([1, ("a", None)], [1, ("a", None)]),
        ({"a": {1: 2}}, {"a": {"1": 2}}),
        ({1, 2}, "{1, 2}"),
        (Mute(), "<Mute, whose text raised RuntimeError>"),
    ],
)
def test_plain_values_stay_and_others_become_text(value: object, kept: object):
    result = plain(value)

    assert result == kept
    assert type(result) is type(kept)


def test_nothing_grows_without_bound():
    endless: list[object] = []
    endless.append(endless)

    assert len(str(plain("x" * 10_000))) == 4000
    assert len(list(plain(list(range(5000))))) == 1000  # type: ignore[call-overload]
    assert "[...]" in str(plain(endless))


def test_a_long_traceback_keeps_both_ends():
    text = trace_of(ValueError("x" * 10_000 + "end"))

    assert text.startswith("ValueError: xxx")
    assert text.endswith("end\n")
    assert len(text) < 4100


def test_text_of_something_mute_says_so():
    assert "RuntimeError" in text_of(Mute())
