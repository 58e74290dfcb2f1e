"""Heads that llhttp refuses and RFC 9112 lets a client accept, rewritten as it reads them.

Nothing is guessed: what two readers could take for two different answers stays refused.
"""

from __future__ import annotations

import re

_PASSED = re.compile(  # empty lines, and answers that only say that one is to come
    rb"(?:\r?\n)*"
    rb"(?:HTTP/1\.[0-9][ \t]+1(?!01)[0-9]{2}[^\n]*\n(?:\r?[^\r\n][^\n]*\n)*\r?\n(?:\r?\n)*)*"
)
_START = re.compile(rb"HTTP/1\.([0-9])[ \t\v\f\r]+([1-9][0-9]{2})(?![^ \t\v\f\r])[ \t\v\f\r]*(.*)")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_FIELD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\0\r]*")
_LENGTH = re.compile(rb"content-length:", re.IGNORECASE)


def without_hints(answer: bytes) -> bytes:
    r"""Return what came from the start of the answer itself, without ``100 Continue`` and its like.

    Examples
    --------
    >>> without_hints(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    b'HTTP/1.1 200 OK\r\n'
    """
    passed = _PASSED.match(answer)
    return answer if passed is None else answer[passed.end() :]


def mended(
    head: bytes,  # status line, fields, and the empty line
) -> bytes | None:
    r"""Return a head with folded fields on one line, and equal lengths said once.

    Lines may end with LF alone (RFC 9112, 2.2), a later version 1 is read as 1.1 (2.3), the
    status may be set off by any blanks (4), fields may go on in the next line (5.2) and hold
    control characters (RFC 9110, 5.5), and ``Content-Length`` may be said several times if it
    is always the same (8.6).

    Returns
    -------
    bytes or None
        None if it stays unreadable.

    Examples
    --------
    >>> mended(b"HTTP/1.1 200 OK\nA: b\r\n c\r\nContent-Length: 2, 2\r\n\r\n")
    b'HTTP/1.1 200 OK\r\nA: b c\r\nContent-Length: 2\r\n\r\n'
    """
    first, _, fields = head.partition(b"\n")
    start = _START.fullmatch(first.removesuffix(b"\r"))
    if start is None or fields[:1] in {b" ", b"\t"}:
        return None  # a field before the first: 2.2 wants it refused, or thrown away
    unfolded = _FOLD.sub(b" ", b"\n" + fields)[1:]
    lines = [line for each in unfolded.split(b"\n") if (line := each.removesuffix(b"\r"))]
    if not all(_FIELD.fullmatch(line) for line in lines):
        return None
    lengths = {
        each.strip(b" \t")
        for line in lines
        if _LENGTH.match(line)
        for each in line.partition(b":")[2].split(b",")
    }
    if len(lengths) > 1:
        lengths.discard(b"")  # a list may have empty members (RFC 9110, 5.6.1.2)
    if len(lengths) > 1:
        return None
    kept = [line for line in lines if not _LENGTH.match(line)]
    kept += [b"Content-Length: " + length for length in lengths]
    said = b"HTTP/1.%d %b %b" % (min(int(start[1]), 1), start[2], start[3])
    return b"\r\n".join([said, *kept, b"", b""])
