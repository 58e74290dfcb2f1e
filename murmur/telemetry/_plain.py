"""Plain values: what is kept of an object that may not outlive its moment.

Records travel between processes and stay after the run; a reference to a user's object
would keep it alive, might not pickle, and might change.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from murmur._guard import text_of

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


def name_of(value: object) -> str:
    r"""Return the text that `value` is as a name: its own if it is text, else its `str`.

    Examples
    --------
    >>> name_of("log\udc80in"), name_of(404), name_of(None)
    ('log\\udc80in', '404', 'None')
    """
    return text_of(value, str.__str__ if isinstance(value, str) else str)


def one_line(text: str) -> str:
    r"""Return text that stays on its line, because names may hold breaks and escape sequences.

    Examples
    --------
    >>> one_line("login\nverdict: valid"), one_line("\x1b[2J")
    ('login\\nverdict: valid', '\\x1b[2J')
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
