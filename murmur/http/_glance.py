"""Glance at an answer that came whole: llhttp reads it without passing its fields on.

Where each head is new, half of what an answer costs is to make two texts of every field, and
hardly anybody asks for them.  Here a parser passes on the body alone.  What it did not find
whole and plain, the connection's own parser reads from the start, so nothing is decided here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httptools

if TYPE_CHECKING:
    from ._headers import Fields


ONE_AND_LAST = 2
"""Chunks of a body that has all in one; which fields come behind them is for others to see."""


class Glance:
    """Reads one answer after the other, each of which has to be there as a whole."""

    def __init__(self) -> None:
        self.status: int = 0
        self.is_kept: bool = False  # whether the connection can be used again
        self.is_chunked: bool = False  # whether the body came in one chunk
        self._begun = self._ended = self._chunk_count = 0
        self._chunks: list[bytes] = []
        # What the parser calls: that of the body without a step in between.
        self.on_body = self._chunks.append
        self._parser = parser_of(self)

    def read(self, data: bytes) -> bytes | None:
        """Return the head of the one answer of HTTP/1.1 that `data` is.

        None if it is anything else, or in several chunks; this cannot be used again then.
        """
        self._begun = self._ended = self._chunk_count = 0
        if not data.startswith(b"HTTP/1.1 "):
            return None
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return None
        if self._begun != 1 or self._ended != 1 or self.status < 200:
            return None
        start = len(data) - sum(map(len, self._chunks))
        self._chunks.clear()
        self.is_chunked = self._chunk_count == ONE_AND_LAST
        if self.is_chunked:
            return data[: data.find(b"\r\n\r\n") + 4]
        if self._chunk_count:
            return None
        # Behind its end an answer may have line breaks, which the parser passes over.
        return data[:start] if data.find(b"\r\n\r\n") + 4 == start else None

    def on_message_begin(self) -> None:
        """Count the answers: also hints are such; called by the parser."""
        self._begun += 1

    def on_chunk_header(self) -> None:
        """Count the chunks, the last and empty one as well; called by the parser."""
        self._chunk_count += 1

    def on_message_complete(self) -> None:
        """Keep what only the parser knows; called by the parser."""
        self._ended += 1
        self.status = self._parser.get_status_code()
        self.is_kept = self._parser.should_keep_alive()


def parser_of(connection: object) -> httptools.HttpResponseParser:
    """Return a parser that takes blanks behind the size of a chunk, as old servers pad it."""
    made = httptools.HttpResponseParser(connection)
    made.set_dangerous_leniencies(lenient_spaces_after_chunk_size=True)
    return made


def fields_of(head: bytes) -> Fields:
    r"""Return the fields of a head that a parser has read before, as it reads them.

    Examples
    --------
    >>> fields_of(b"HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\n")
    [(b'Server', b'nginx')]
    """
    reader = _Reader()
    parser_of(reader).feed_data(head)
    return reader.fields


class _Reader:
    """Keeps the fields of one head."""

    def __init__(self) -> None:
        self.fields: list[tuple[bytes, bytes]] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field; called by the parser."""
        self.fields.append((name, value))
