"""Plain values: what is kept of an object that may not outlive its moment.

Records travel between processes and stay after the run; a reference to a user's object
would keep it alive, might not pickle, and might change.
"""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Callable, Mapping

__all__ = ["encodable", "name_of", "plain", "text_of", "trace_of"]

LENGTH = 4000  # characters of one text
ITEMS = 1000  # of one collection
DEPTH = 6


def plain(value: object, depth: int = DEPTH) -> object:
    """Return `value` if it is a plain one, else the nearest plain thing.

    Plain are None, booleans, numbers and text, and lists, tuples and dictionaries of
    them.  Anything else becomes its repr.

    Examples
    --------
    >>> plain({"nodes": ("a", "b"), "rate": 5.0, "where": complex(1)})
    {'nodes': ('a', 'b'), 'rate': 5.0, 'where': '(1+0j)'}
    """
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float):
        if isinstance(value, kind):  # also an enum's, or numpy's
            return kind(value)
    if isinstance(value, str):
        return name_of(value)
    if depth and isinstance(value, Mapping):
        pairs = itertools.islice(value.items(), ITEMS)
        return {text_of(key): plain(item, depth - 1) for key, item in pairs}
    if depth and isinstance(value, list | tuple):
        items = [plain(item, depth - 1) for item in value[:ITEMS]]
        return tuple(items) if isinstance(value, tuple) else items
    return text_of(value, repr)


def text_of(value: object, of: Callable[[object], str] = str) -> str:
    """Return the text of any object, even of one that cannot say."""
    try:
        return encodable(of(value)[:LENGTH])
    except BaseException as error:  # noqa: BLE001 - a user's __repr__ may raise anything
        return f"<{type(value).__name__}, whose text raised {type(error).__name__}>"


def name_of(value: object) -> str:
    r"""Return the text that `value` is as a name: its own if it is text, else its `str`.

    Examples
    --------
    >>> name_of("log\udc80in"), name_of(404), name_of(None)
    ('log\\udc80in', '404', 'None')
    """
    return text_of(value, str.__str__ if isinstance(value, str) else str)


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
        text = encodable("".join(traceback.format_exception(error)))
    except BaseException:  # noqa: BLE001 - a user's __str__ may raise anything
        text = text_of(error)
    if len(text) <= LENGTH:
        return text
    half = LENGTH // 2
    return f"{text[:half]}\n...\n{text[-half:]}"
