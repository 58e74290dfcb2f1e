"""Calls of users' code that raise nothing, and texts of what it raised.

Validators, observers, shapes, handlers and `close` methods belong to the user, and may raise
anything: `SystemExit`, a cancellation, an error that cannot say what it is.  Here all of it
becomes data.  What has to be awaited goes through `murmur._backend.hear_out` instead.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

LENGTH = 4000  # characters of one text
HUGE = 1_000_000  # characters, of which no more than `LENGTH` are looked at
MOST_CAUSES = 50  # what an error was raised from, and that from, and so on


def text_of(value: object, of: Callable[[object], str] = str) -> str:
    """Return the text of any object, even of one that cannot say."""
    try:
        return encodable(of(value)[:LENGTH])
    except BaseException as error:  # noqa: BLE001 - a user's __repr__ may raise anything
        return f"<{type(value).__name__}, whose text raised {type(error).__name__}>"


def error_text(error: BaseException) -> str:
    """Return class and text of an error in one go.

    Examples
    --------
    >>> error_text(ValueError("no")), error_text(KeyboardInterrupt())
    ('ValueError: no', 'KeyboardInterrupt')
    """
    text = text_of(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def encodable(text: str) -> str:
    """Return `text` with half a character (a lone surrogate) written as an escape.

    Columns and files of results are UTF-8, which has no bytes for one; a single name with
    it would make a whole table unreadable.
    """
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def trace_of(error: BaseException) -> str:
    """Return the text of a traceback, its middle left out if it is long."""
    try:
        text = encodable("".join(_lines(error)))
    except BaseException:  # noqa: BLE001 - a user's __str__ may raise anything
        text = text_of(error)
    if len(text) <= LENGTH:
        return text
    half = LENGTH // 2
    return f"{text[:half]}\n...\n{text[-half:]}"


def _lines(error: BaseException) -> list[str]:
    """Return the lines of a traceback; of one of thousands of causes Python takes minutes."""
    causes, cause = 0, error.__cause__ or error.__context__
    while cause is not None and causes <= MOST_CAUSES:
        causes, cause = causes + 1, cause.__cause__ or cause.__context__
    if causes > MOST_CAUSES or len(str(error)) > HUGE:
        return [*traceback.format_tb(error.__traceback__), error_text(error)]
    return traceback.format_exception(error)


class EscapedError(Exception):
    """A user's code raised what would end the loop: SystemExit, KeyboardInterrupt, ..."""

    def __init__(self, original: BaseException) -> None:
        self.original = original
        super().__init__(error_text(original))


class Answer(NamedTuple):
    """What awaited code came to: its value, or what it raised, whatever the class."""

    value: Any
    error: BaseException | None = None


def heard(call: Callable[..., Any], *arguments: object) -> Answer:
    """Call a user's plain function, and return what it came to."""
    try:
        return Answer(call(*arguments))
    except BaseException as error:  # noqa: BLE001 - the caller's to judge, whatever its class
        return Answer(None, error)


def tame(error: BaseException) -> Exception:
    """Return an error that is safe to raise on the loop: itself, or an `EscapedError` of it."""
    return error if isinstance(error, Exception) else EscapedError(error)
