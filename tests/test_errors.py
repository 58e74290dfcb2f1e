"""Errors say what was given, travel, and form the tree that their module draws."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

from murmur import errors


def drawn() -> dict[str, str]:
    """Return the parent of each class in the docstring's tree."""
    parents, stack = {}, []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"    ([│├└─ ]*)([A-Z]\w+)", line)
        if match:
            depth = len(match[1]) // 4
            stack[depth:] = [match[2]]
            if depth:
                parents[match[2]] = stack[depth - 1]
    return parents


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    classes = {
        name: kind
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and kind.__module__ == "murmur.errors"
    }
    parents = {name: kind.__bases__[0].__name__ for name, kind in classes.items()}
    parents.pop("MurmurError")

    assert drawn() == parents


def test_every_error_is_public() -> None:
    assert set(drawn()) | {"MurmurError"} == set(errors.__all__)


@pytest.mark.parametrize(
    "error",
    [
        errors.UnknownSettingError(["prot"], ["port"]),
        errors.InvalidSettingError([("port", 0, "too low")]),
        errors.CallbackError("init", "a", "OSError: no", "Traceback ..."),
        errors.NodesFailedError("add", {"a": errors.NodeTimeoutError("a", "add", 3.0)}),
        errors.WaitTimeoutError("no message for user 3", 1.5),
    ],
)
def test_an_error_travels_with_message_and_attributes(error: errors.MurmurError) -> None:
    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert set(vars(copy)) == set(vars(error))


def test_problems_of_several_kinds_are_one_error_of_all_kinds() -> None:
    unknown = errors.UnknownSettingError(["prot"], ["port"])
    read_only = errors.ReadOnlySettingError(["port"], ["pace"])

    both = errors.combine([unknown, read_only])

    assert isinstance(both, errors.UnknownSettingError)
    assert isinstance(both, errors.ReadOnlySettingError)
    assert not isinstance(both, errors.InvalidSettingError)
    assert both.names == ("prot", "port")
    assert both.problems == (*unknown.problems, *read_only.problems)
    assert "did you mean 'port'?" in str(both)


def test_a_combined_error_travels() -> None:
    both = errors.combine(
        [errors.UnknownSettingError(["a"], []), errors.InvalidSettingError([("b", 1, "no")])]
    )

    copy = pickle.loads(pickle.dumps(both))

    assert isinstance(copy, errors.InvalidSettingError)
    assert copy.problems == both.problems


def test_one_problem_stays_what_it_is() -> None:
    error = errors.UnknownSettingError(["a"], [])

    assert errors.combine([error]) is error


def test_an_old_name_is_what_took_its_place_and_warns() -> None:
    with pytest.warns(DeprecationWarning, match="UnknownNodeError is murmur.errors.UnknownNameE"):
        assert errors.UnknownNodeError is errors.UnknownNameError

    with pytest.raises(AttributeError, match="NoSuchError"):
        _ = errors.NoSuchError


@pytest.mark.parametrize(
    ("old", "now"),
    [
        ("ReceiveTimeoutError", errors.WaitTimeoutError),
        ("RunTimeoutError", errors.WaitTimeoutError),
        ("ComparisonError", errors.InvalidArgumentError),
        ("HttpBackendError", errors.InvalidRequestError),
        ("CallbackTimeoutError", errors.WaitTimeoutError),
        ("CoordinatorConflictError", errors.CoordinatorError),
        ("ExporterError", errors.InvalidArgumentError),
        ("InvalidPlanError", errors.InvalidArgumentError),
        ("InvalidRateError", errors.InvalidArgumentError),
        ("NoRowError", errors.FeederError),
        ("NodesMissingError", errors.WaitTimeoutError),
        ("OutsideRunError", errors.WrongThreadError),
        ("TargetError", errors.MurmurError),
        ("TaskExitError", errors.ScenarioError),
        ("TooManyRedirectsError", errors.HttpProtocolError),
        ("TruncatedError", errors.ConnectionLostError),
        ("UnknownCoordinatorError", errors.UnknownNameError),
    ],
)
def test_what_nobody_catches_apart_is_one_class(old: str, now: type) -> None:
    with pytest.warns(DeprecationWarning, match=old):
        assert getattr(errors, old) is now


def test_a_cell_shows_one_line_and_then_where_it_came_from() -> None:
    def cell() -> None:
        raise errors.UnknownThrottleError("m", ["messages"])

    with pytest.raises(errors.UnknownThrottleError) as caught:
        cell()

    first, again = caught.value._render_traceback_(), caught.value._render_traceback_()
    assert first == [f"UnknownThrottleError: {caught.value}"]
    assert "    cell()" in again


def test_a_cell_shows_what_a_node_raised() -> None:
    error = errors.CallbackError("init", "a", "KeyError: 'x'", "Traceback ...\n  line 3\nKeyError")

    assert error._render_traceback_()[1:] == ["Traceback ...", "  line 3", "KeyError"]
