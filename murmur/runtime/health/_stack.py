"""Stack of a thread, read from another one: which line it is at, and which user it runs.

The innermost line that belongs to no library is where to look.
"""

from __future__ import annotations

import selectors
import sys
import sysconfig
from contextlib import suppress
from itertools import accumulate, chain, repeat, starmap
from pathlib import Path
from traceback import walk_tb
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["culprit", "line_of_thread", "line_within", "stack_of"]

DEEPEST = 10_000
"""Frames that are looked at."""

_LIBRARIES = (
    "<frozen ",
    *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
)
_PACKAGES = ("site-packages", "dist-packages")  # also those of another environment than this one
_RUNNERS = str(Path(sysconfig.get_path("stdlib"), "asyncio", "runners.py"))
_MURMUR = str(Path(__file__).parents[2])


def stack_of(thread: int | None) -> Sequence[FrameType]:
    """Return the frames of a thread, the innermost first; none if it is not there.

    The innermost frame is asked for and the walk goes on from it in C code alone, where no other
    thread gets its turn. A coroutine that runs on meanwhile has no frame behind it any more, or
    leaves what follows it dangling (seen in CPython 3.11.7: a ``f_back`` that was a dict).
    """
    every = starmap(sys._current_frames, [()])  # noqa: SLF001 - documented, for this
    innermost = map(dict.get, every, [thread or 0])  # asked for by the walk, as its first step
    steps: Iterator[Any] = chain(innermost, repeat("f_back", DEEPEST))
    frames: list[Any] = []
    with suppress(AttributeError):  # of None, which is behind the outermost
        frames.extend(accumulate(steps, getattr))
    return [frame for frame in frames if isinstance(frame, FrameType)]


def line_within(error: BaseException) -> str:
    """Return the innermost line that `error` passed and that belongs to no library; or none."""
    places = [(frame.f_code.co_filename, number) for frame, number in walk_tb(error.__traceback__)]
    own = [f"{file}:{number}" for file, number in places if not _is_library(file)]
    return own[-1] if own else ""


def line_of_thread(thread: int) -> str:
    """Return the innermost line of no library at which a thread is; or none."""
    for frame in stack_of(thread):
        if not _is_library(frame.f_code.co_filename):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
    return ""


def culprit(stack: Sequence[FrameType], wrapper: CodeType) -> tuple[int, str]:
    """Return the user whose code runs in a stack, 0 if none, and the line that it is at.

    The line is the innermost that belongs to no library; else the innermost of murmur; and
    empty if the loop waits for something to do.
    """
    line = own = ""
    user_id = 0
    for frame in stack:
        file = frame.f_code.co_filename
        if file == _RUNNERS:
            break  # below are those who started the loop, and wait for it
        if file.startswith(_MURMUR):
            own = own or f"{file}:{frame.f_lineno}"
        elif not line and not _is_library(file):
            line = f"{file}:{frame.f_lineno}"
        if frame.f_code is wrapper:
            user_id = frame.f_locals["user"].id
            break
    is_idle = not stack or stack[0].f_code.co_filename == selectors.__file__
    return (0, "") if is_idle else (user_id, line or own)


def _is_library(file: str) -> bool:
    """Return whether a file is Python's, murmur's, or of a package that was installed."""
    return file.startswith((_MURMUR, *_LIBRARIES)) or any(place in file for place in _PACKAGES)
