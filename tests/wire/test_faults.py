"""Errors of nodes arrive as what they were, without pickle."""

from __future__ import annotations

import pytest

from murmur import errors
from murmur._wire import WireError, decode, describe_fault, encode, revive_fault
from murmur.errors import (
    CallbackError,
    InvalidSettingError,
    NodeTimeoutError,
    RemoteError,
    RunStateError,
    UnknownSettingError,
    combine,
)


def sent(error: Exception) -> Exception:
    """Return what comes of an error on its way from node a."""
    try:
        raise error
    except Exception as raised:  # noqa: BLE001 - whatever was given
        return revive_fault("a", decode(encode(describe_fault(raised))))


@pytest.mark.parametrize(
    "error",
    [
        RunStateError("add users", "idle", "start one"),
        CallbackError("init", "a", "ValueError: no", "Traceback ..."),
        NodeTimeoutError("a", "add", 5.0),
        UnknownSettingError(["pacee"], ["pace"]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_murmur_keeps_class_message_and_attributes(error: Exception) -> None:
    again = sent(error)

    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_several_kinds_in_one_are_found_by_each() -> None:
    both = combine(
        [UnknownSettingError(["x"], ["y"]), InvalidSettingError([("y", 1, "too small")])]
    )
    again = sent(both)

    assert isinstance(again, UnknownSettingError)
    assert isinstance(again, InvalidSettingError)
    assert again.problems == both.problems


def test_any_other_error_is_told_with_its_traceback() -> None:
    again = sent(KeyError("missing"))

    assert isinstance(again, RemoteError)
    assert (again.node, again.kind) == ("a", "KeyError")
    assert "test_faults" in again.traceback_text


def test_a_value_that_cannot_travel_is_told_by_its_repr() -> None:
    again = sent(InvalidSettingError([("pace", object(), "it is no number")]))

    assert isinstance(again, InvalidSettingError)
    assert "<object object" in str(again.failures)


def test_a_name_that_is_no_error_makes_none() -> None:
    facts = describe_fault(RunStateError("add", "idle"))

    assert isinstance(revive_fault("a", {**facts, "kinds": ["difflib", "closest"]}), RemoteError)
    assert errors.difflib is not None  # it is there, and was not called
    with pytest.raises(WireError):
        revive_fault("a", {"kinds": 1})
