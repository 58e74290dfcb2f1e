"""Heads that differ from one another in values alone, such as a date or the id of a request.

A server writes the same fields in the same order each time.  So a pattern is made of a head that
llhttp has read, in which the values of fields may change that do not say where an answer ends;
nothing else may be otherwise, not even a blank.  What fits it llhttp would read in the same way,
and takes a tenth of the time.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ._glance import fields_of
from ._known import MISSES, Known, Luck, new_head

if TYPE_CHECKING:
    from ._headers import Fields

MOST = 8
"""Shapes that are remembered in this process; those learned last stay."""

_STEADY = {b"connection", b"proxy-connection"}  # what these say has to stay as it was
_ODD = {b"set-cookie", b"transfer-encoding", b"upgrade"}  # a head with these has no shape

_shapes: tuple[Known, ...] = ()
_luck = Luck()  # of learning: to make a pattern takes as long as many answers


def fits(pattern: re.Pattern[bytes], data: bytes) -> bool:
    """Whether `data` is one whole answer whose head has the shape of a pattern."""
    match = pattern.match(data)
    return match is not None and match.end() + int(match[1]) == len(data)


def shape_of(data: bytes) -> Known | None:
    """Return a shape that was learned and that `data` has, one whole answer; None without."""
    for shape in _shapes:
        if shape.pattern is not None and fits(shape.pattern, data):
            _luck.left = MISSES
            return shape
    return None


def learn(status: int, head: bytes) -> None:
    """Learn the shape of a head that a parser has read, and that ends no connection."""
    global _shapes  # noqa: PLW0603 - replaced as a whole, as other threads may read it
    if not _luck.is_worth_a_look():
        return
    _luck.left -= 1
    pattern = pattern_of(status, head)
    if pattern is not None:
        new = new_head(status, head, 0)
        is_good = status < 300 and not new.is_packed
        shape = replace(
            new, head=b"", start=0, size=-1, sets_cookies=False, is_good=is_good, pattern=pattern
        )
        _shapes = (shape, *_shapes[: MOST - 1])


def pattern_of(status: int, head: bytes) -> re.Pattern[bytes] | None:
    r"""Return what fits heads that differ from this one in values; None if it is not plain.

    Its group is the length of the body.

    Examples
    --------
    >>> pattern = pattern_of(200, b"HTTP/1.1 200 OK\r\nETag: 1\r\nContent-Length: 2\r\n\r\n")
    >>> pattern.match(b"HTTP/1.1 200 OK\r\nETag: 2b\r\nContent-Length: 30\r\n\r\n...")[1]
    b'30'
    """
    start, fields = head.partition(b"\r\n")[0], fields_of(head)
    names = [name.lower() for name, _ in fields]
    if status in {204, 304} or not _ODD.isdisjoint(names) or names.count(b"content-length") != 1:
        return None
    pattern = re.compile(rb"%b\r\n%b\r\n" % (re.escape(start), _lines(fields)))
    return pattern if pattern.fullmatch(head) else None


def _lines(fields: Fields) -> bytes:
    """Return the pattern of the lines of fields."""
    lines = []
    for name, value in fields:
        lower = name.lower()
        if lower == b"content-length":
            allowed = b"(0|[1-9][0-9]{0,8})"
        else:
            allowed = re.escape(value) if lower in _STEADY else rb"[!-~][ -~]*+"
        lines.append(rb"%b: %b\r\n" % (re.escape(name), allowed))
    return b"".join(lines)
