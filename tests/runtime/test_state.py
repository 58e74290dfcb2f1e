from __future__ import annotations

import asyncio

import pytest

from murmur.errors import Leaving
from murmur.runtime import Outcome, RunState, outcome_of


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def end(
    error: BaseException | None, *, asked: bool = False, killed: bool = False
) -> tuple[str, str]:
    outcome, reason = outcome_of(
        error, was_asked=asked, was_killed=killed, cancelled=asyncio.CancelledError
    )
    return outcome.value, reason


def test_a_state_equals_its_name() -> None:
    assert RunState.RUNNING == "running"
    assert {state.value for state in RunState if state.is_over} == {"idle", "finished", "failed"}


def test_the_outcomes_are_the_six_words() -> None:
    assert [outcome.value for outcome in Outcome] == [
        "finished", "failed", "left", "killed", "dropped", "lost",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "asked", "outcome"),
    [
        (None, False, ("finished", "")),
        (None, True, ("left", "")),
        (Leaving(), True, ("left", "")),
        (BaseExceptionGroup("", [Leaving(), BaseExceptionGroup("", [Leaving()])]), True,
         ("left", "")),
        (ValueError("no\nsecond line"), False, ("failed", "ValueError: no second line")),
        (ValueError(), True, ("failed", "ValueError")),
        (SystemExit(3), False, ("failed", "SystemExit: 3")),
        (KeyboardInterrupt(), False, ("failed", "KeyboardInterrupt")),
        (asyncio.CancelledError(), False, ("failed", "cancelled by its own code")),
    ],
)  # fmt: skip
def test_a_user_ends_in_one_way(
    error: BaseException | None, asked: bool, outcome: tuple[str, str]
) -> None:
    assert end(error, asked=asked) == outcome


def test_a_group_with_a_real_error_is_a_failure() -> None:
    mixed = BaseExceptionGroup("two", [Leaving(), ValueError("no")])

    assert end(mixed, asked=True)[0] == "failed"


def test_a_killed_user_is_killed_whatever_it_says_last() -> None:
    assert end(asyncio.CancelledError(), killed=True) == ("killed", "still there after its grace")
    assert end(ValueError("late"), killed=True) == ("killed", "ValueError: late")
    assert end(None, killed=True) == ("killed", "still there after its grace")


def test_an_error_that_cannot_be_printed_is_still_a_reason() -> None:
    assert end(UnprintableError()) == (
        "failed", "UnprintableError: <UnprintableError, whose text raised RuntimeError>",
    )  # fmt: skip
