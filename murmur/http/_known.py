"""Heads of answers that were parsed before, found again by their bytes.

A server's answers to one request differ by little, for a second even by nothing; to parse
such a head is a third of what a request costs.  Only what llhttp has read is remembered, so
there is no second parser that could read a head otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._exchange import Reply
    from ._headers import Fields

MOST = 1_024
"""Heads that are remembered in this process; one more, and all are forgotten."""

LONGEST = 4_096
"""Bytes of a head that is remembered."""

MISSES = 8
"""Heads in a row that were new, after which a connection does without for `REST` answers."""

REST = 64

LAST_CHUNK = b"\r\n0\r\n\r\n"
"""What follows the only chunk of a body that has no trailer."""


@dataclass(slots=True, eq=False)  # also frozen it would take twice as long to make
class Known:
    """What a head says whose body is as long as it says, and which ends no connection."""

    head: bytes
    start: int  # its size, where the body begins
    size: int  # of the whole answer
    status: int
    fields: Fields | None  # its fields as they came; None if they were not read
    sets_cookies: bool
    is_good: bool  # whether nothing is to be done about the answer but to record it
    # what heads fit that differ in values alone; `head`, `start` and `size` are of none then
    pattern: re.Pattern[bytes] | None = None
    is_packed: bool = False  # whether its body is compressed
    is_chunked: bool = False  # whether its body is one chunk; with a pattern only


NOTHING = Known(b"", 0, -1, 0, (), sets_cookies=False, is_good=False)
"""No answer is like this one."""


def new_head(status: int, head: bytes, size: int) -> Known:
    """Return what is known of a head that was read but for its fields, of an answer of a size."""
    lower = head.lower()
    may_set_cookies = b"ooki" in lower  # found sooner than a longer word
    is_packed = b"nt-encoding:" in lower
    is_good = 200 <= status < 300 and not (may_set_cookies or is_packed)
    return Known(head, len(head), size, status, None, may_set_cookies, is_good, is_packed=is_packed)


_known: dict[bytes, Known] = {}


def known_answer(data: bytes) -> Known | None:
    """Return what is known of the head of the one whole answer that `data` is."""
    known = _known.get(data[: data.find(b"\r\n\r\n") + 4])
    return known if known is not None and len(data) == known.size else None


def remember(
    data: bytes,
    # what the parser made of it: complete, not the answer to HEAD, on a connection that can be
    # used again
    reply: Reply,
) -> None:
    """Remember the head of an answer that came in one piece, if it is a plain one."""
    end = data.find(b"\r\n\r\n") + 4
    if end > LONGEST or reply.version != "1.1" or reply.trailers:
        return
    if reply.status < 200 or reply.status in {204, 304}:
        return  # its length says nothing of its body
    names = [name.lower() for name, _ in reply.fields]
    lengths = [value for name, value in reply.fields if name.lower() == b"content-length"]
    if b"transfer-encoding" in names or b"upgrade" in names or len(lengths) != 1:
        return
    # Also false if the head ended elsewhere, after "\n\n" or behind a "103 Early Hints".
    body = reply.body
    if lengths[0] != b"%d" % len(body) or data[end:] != body:
        return
    if len(_known) >= MOST:
        _known.clear()
    head, fields, sets_cookies = data[:end], tuple(reply.fields), b"set-cookie" in names
    is_packed = b"content-encoding" in names
    is_good = reply.status < 300 and not (sets_cookies or is_packed)
    _known[head] = Known(
        head, end, len(data), reply.status, fields, sets_cookies, is_good, is_packed=is_packed
    )


class Luck:
    """Chance that a look is worth its while: where each head is new, it costs and finds nothing."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        # heads that may still be new in a row: `MISSES` after one that was known
        self.left: int = MISSES

    def is_worth_a_look(self) -> bool:
        """Whether to look; while it is not, this counts the answers until the next look."""
        if self.left > 0:
            return True
        self.left -= 1
        if self.left < -REST:
            self.left = 1
        return False
