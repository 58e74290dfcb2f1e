"""Lines of a text that arrives in pieces: LF, CR and CRLF end one, wherever it is cut."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from murmur.errors import HttpProtocolError

LINE_LIMIT = 1 << 20
"""Characters of the longest line that is read."""

_END = re.compile("\r\n|\n|\r")


class LineReader:
    r"""Cuts bytes into lines of text, in UTF-8; what is none becomes U+FFFD.

    Examples
    --------
    >>> reader = LineReader()
    >>> list(reader.feed(b"one\r")), list(reader.feed(b"\ntw")), list(reader.feed(b"o\n\n"))
    (['one'], [], ['two', ''])
    >>> list(reader.feed(b"three")), list(reader.rest())
    ([], ['three'])
    """

    __slots__ = ("_decoder", "_ended_in_cr", "_size", "_tail")

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._tail: list[str] = []
        self._size = 0
        self._ended_in_cr = False

    def feed(self, data: bytes) -> Iterator[str]:
        """Yield each line that `data` completes, without its end.

        Raises `HttpProtocolError` if a line is longer than the limit.
        """
        text = self._decoder.decode(data)
        if not text:
            return
        start = 0
        if self._ended_in_cr and text[0] == "\n":  # the second half of an end
            start = 1
        self._ended_in_cr = text[-1] == "\r"
        for found in _END.finditer(text, start):
            self._tail.append(text[start : found.start()])
            start = found.end()
            yield self._whole()
        if start < len(text):
            self._tail.append(text[start:])
            self._size += len(text) - start
            if self._size > LINE_LIMIT:
                raise HttpProtocolError(f"a line is longer than {LINE_LIMIT} characters")

    def rest(self) -> Iterator[str]:
        """Yield the last line, if it has no end."""
        self._tail.append(self._decoder.decode(b"", True))
        last = self._whole()
        if last:
            yield last

    def _whole(self) -> str:
        line = "".join(self._tail)
        self._tail.clear()
        self._size = 0
        return line
