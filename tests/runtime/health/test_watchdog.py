from __future__ import annotations

import sys

from murmur.runtime.health._watchdog import culprit


class SomeUser:
    id = 17


def wrapper(user: SomeUser) -> tuple[int, str]:
    return blocks()


def blocks() -> tuple[int, str]:
    return culprit(sys._getframe(), wrapper.__code__)


def test_the_user_and_the_innermost_line_of_no_library_are_named() -> None:
    user_id, line = wrapper(SomeUser())

    assert user_id == 17
    assert line == f"{__file__}:{blocks.__code__.co_firstlineno + 1}"


def test_code_under_no_user_is_nobodys() -> None:
    assert blocks()[0] == 0
