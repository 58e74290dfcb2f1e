"""Heads that llhttp refuses and RFC 9112 lets a client accept, rewritten as it reads them.

Nothing is guessed: what two readers could take for two different answers stays refused.
"""

from __future__ import annotations

import re

__all__ = ["mended"]

_FOLD = re.compile(rb"\r?\n[ \t]+")
_LENGTH = re.compile(rb"content-length:", re.IGNORECASE)


def mended(head: bytes) -> bytes | None:
    r"""Return a head with folded fields on one line, and equal lengths said once.

    Lines may end with LF alone (RFC 9112, 2.2), fields may go on in the next line (5.2), and
    ``Content-Length`` may be said several times if it is always the same (RFC 9110, 8.6).

    Parameters
    ----------
    head : bytes
        Status line, fields, and the empty line.

    Returns
    -------
    bytes or None
        None if it stays unreadable.

    Examples
    --------
    >>> mended(b"HTTP/1.1 200 OK\nA: b\r\n c\r\nContent-Length: 2, 2\r\n\r\n")
    b'HTTP/1.1 200 OK\r\nA: b c\r\nContent-Length: 2\r\n\r\n'
    """
    start, _, fields = head.partition(b"\n")
    if fields[:1] in {b" ", b"\t"}:
        return None  # a field before the first: 2.2 wants it refused, or thrown away
    unfolded = _FOLD.sub(b" ", b"\n" + fields)[1:]
    lines = [line.rstrip(b"\r") for line in unfolded.split(b"\n")]
    lengths = {
        each.strip(b" \t")
        for line in lines
        if _LENGTH.match(line)
        for each in line.partition(b":")[2].split(b",")
    }
    if len(lengths) > 1:
        return None
    kept = [line for line in lines if line and not _LENGTH.match(line)]
    kept += [b"Content-Length: " + length for length in lengths]
    return b"\r\n".join([start.rstrip(b"\r"), *kept, b"", b""])
