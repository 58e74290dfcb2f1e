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
from ._known import LAST_CHUNK, MISSES, Known, Luck, new_head

if TYPE_CHECKING:
    from ._headers import Fields

MOST = 8
"""Shapes that are remembered in this process; those learned last stay."""

_STEADY = {b"connection", b"proxy-connection", b"transfer-encoding"}  # what these say has to stay
_ODD = {b"set-cookie", b"upgrade"}  # a head with these has no shape
_ENDS = {b"content-length", b"transfer-encoding"}  # what says where the body ends
_ONE_CHUNK = rb"([1-9A-Fa-f][0-9A-Fa-f]{0,7})()\r\n"

_shapes: tuple[Known, ...] = ()
_luck = Luck()  # of learning: to make a pattern takes as long as many answers


def fits(pattern: re.Pattern[bytes], data: bytes) -> bool:
    """Whether `data` is one whole answer whose head has the shape of a pattern."""
    match = pattern.match(data)
    if match is None:
        return False
    if match.lastindex == 1:
        return match.end() + int(match[1]) == len(data)
    is_long_enough = match.end() + int(match[1], 16) + len(LAST_CHUNK) == len(data)
    return is_long_enough and data.endswith(LAST_CHUNK)


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
            new, head=b"", start=0, size=-1, sets_cookies=False, is_good=is_good, pattern=pattern,
            is_chunked=pattern.groups > 1,
        )  # fmt: skip
        _shapes = (shape, *_shapes[: MOST - 1])


def pattern_of(status: int, head: bytes) -> re.Pattern[bytes] | None:
    r"""Return what fits heads that differ from this one in values; None if it is not plain.

    Its group is the length of the body.  That of a body in chunks fits what has one of them,
    besides the last, and is told by a second group, which is empty.

    Examples
    --------
    >>> pattern = pattern_of(200, b"HTTP/1.1 200 OK\r\nETag: 1\r\nContent-Length: 2\r\n\r\n")
    >>> pattern.match(b"HTTP/1.1 200 OK\r\nETag: 2b\r\nContent-Length: 30\r\n\r\n...")[1]
    b'30'
    """
    start, fields = head.partition(b"\r\n")[0], fields_of(head)
    names = [name.lower() for name, _ in fields]
    if status in {204, 304} or not _ODD.isdisjoint(names):
        return None
    ends = [field for name, field in zip(names, fields, strict=True) if name in _ENDS]
    if len(ends) != 1:
        return None
    pattern = rb"%b\r\n%b\r\n" % (re.escape(start), _lines(fields))
    if not re.fullmatch(pattern, head):
        return None
    if ends[0][0].lower() == b"content-length":
        return re.compile(pattern)
    return re.compile(pattern + _ONE_CHUNK) if ends[0][1].lower() == b"chunked" else None


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
