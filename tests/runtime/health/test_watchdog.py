from __future__ import annotations

import selectors
import sys
from types import FrameType

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


def test_a_loop_that_waits_is_held_by_nobody() -> None:
    looks: list[tuple[int, str]] = []

    def look(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename == selectors.__file__:
            looks.append(culprit(frame, wrapper.__code__))

    selector = selectors.DefaultSelector()
    sys.setprofile(look)
    try:
        selector.select(0)
    finally:
        sys.setprofile(None)
        selector.close()

    assert looks[0] == (0, "")
