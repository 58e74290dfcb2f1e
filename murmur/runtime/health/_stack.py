"""Stack of a thread, read from another one: which line it is at, and which user it runs.

The innermost line that belongs to no library is where to look.
"""

from __future__ import annotations

import os
import selectors
import sys
import sysconfig
from contextlib import suppress
from itertools import accumulate, chain, islice, repeat, starmap
from operator import attrgetter
from pathlib import Path
from traceback import walk_tb
from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DEEPEST = 10_000
"""Frames that are looked at."""

_LIBRARIES = (
    "<frozen ",
    *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
)
_PACKAGES = ("site-packages", "dist-packages")  # also those of another environment than this one
_RUNNERS = str(Path(sysconfig.get_path("stdlib"), "asyncio", "runners.py"))
_MURMUR = str(Path(__file__).parents[2])


class Step(NamedTuple):
    """A call that a thread is in: its code, and the line that it is at."""

    code: CodeType
    line: int

    @property
    def place(self) -> str:
        """The file and the line."""
        return f"{self.code.co_filename}:{self.line}"


def stack_of(thread: int | None) -> Sequence[Step]:
    """Return the calls that a thread is in, the innermost first; none if it is not there."""
    return [Step(*each) for each in _walk(thread, attrgetter("f_code", "f_lineno"))]


def _walk(
    thread: int | None, what: Callable[[Any], Any], start: int = 0, stop: int = DEEPEST
) -> list[Any]:
    """Return something of each frame of a thread, the innermost first.

    The innermost frame is asked for, the walk goes on from it and takes what is wanted in C code
    alone, where no other thread gets its turn, and keeps no frame.  A coroutine that runs on
    meanwhile has no frame behind it any more, or leaves what follows it dangling (seen in CPython
    3.11.7: a ``f_back`` that was a dict, and a crash at the look into a frame that was kept).
    """
    found: list[Any] = []
    back: Any = repeat("f_back", DEEPEST)
    every = starmap(sys._current_frames, [()])  # noqa: SLF001 - documented, for this
    first = map(dict.get, every, [thread or 0])  # asked for by the walk, as its first step
    with suppress(AttributeError):  # of None, which is behind the outermost
        found.extend(map(what, islice(accumulate(chain(first, back), getattr), start, stop)))
    return found


def line_within(error: BaseException) -> str:
    """Return the innermost line that `error` passed and that belongs to no library; or none."""
    places = [(frame.f_code.co_filename, number) for frame, number in walk_tb(error.__traceback__)]
    own = [f"{file}:{number}" for file, number in places if not _is_library(file)]
    return own[-1] if own else ""


def line_of_thread(thread: int) -> str:
    """Return the innermost line of no library at which a thread is; or none."""
    for step in stack_of(thread):
        if not _is_library(step.code.co_filename):
            return step.place
    return ""


def culprit(
    thread: int | None,
    wrapper: CodeType,  # of what calls a user's code, and has the user in a variable of that name
) -> tuple[int, str]:
    """Return the user whose code a thread runs, 0 if none, and the line it is at; see `blame`."""
    depth, line = blame(stack_of(thread), wrapper)
    if depth < 0:
        return 0, line
    look = attrgetter("f_code", "f_locals")
    for code, variables in _walk(thread, look, depth, depth + 1):
        if code is wrapper and "user" in variables:  # else it went on meanwhile
            return variables["user"].id, line
    return 0, line


def blame(stack: Sequence[Step], wrapper: CodeType) -> tuple[int, str]:
    """Return how deep in a stack a user's code is called, -1 if it is not, and the line to blame.

    The line is the innermost that belongs to no library; else the innermost of murmur; and
    empty if the loop waits for something to do.
    """
    line = own = ""
    depth = -1
    for place, step in enumerate(stack):
        if step.code.co_filename == _RUNNERS:
            break  # below are those who started the loop, and wait for it
        if is_murmurs(step.code.co_filename):
            own = own or step.place
        elif not line and not _is_library(step.code.co_filename):
            line = step.place
        if step.code is wrapper:
            depth = place
            break
    is_idle = not stack or stack[0].code.co_filename == selectors.__file__
    return (-1, "") if is_idle else (depth, line or own)


def is_murmurs(place: str) -> bool:
    """Return whether a file, or a line of it, is one of murmur's own."""
    return place.startswith(_MURMUR + os.sep)


def _is_library(file: str) -> bool:
    """Return whether a file is Python's, murmur's, or of a package that was installed."""
    is_known = is_murmurs(file) or file.startswith(_LIBRARIES)
    return is_known or any(place in file for place in _PACKAGES)
