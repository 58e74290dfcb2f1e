"""JSON texts that follow each other on a byte stream, with nothing in between.

Such a stream has no frames: a packet may hold several documents, or a piece of one, and
may end inside a character.  The reader hands out what is complete, keeps what is not, and
must tell a text that goes on from one that is wrong already.

The standard decoder stops at the first character that cannot be right.  So a text goes on
exactly if the decoder stopped at its end, or inside something that its end cut short: a
string, an escape, a word, a number.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from murmur.errors import InvalidDocumentError

DOCUMENT_LIMIT = 1 << 20
"""Characters of the longest document that is read."""

_LONG = 1 << 16  # characters; a longer tail is decoded again only when a bracket closes
_CLOSES = re.compile(r"[}\]]")
_SPACE = re.compile(r"[ \t\n\r]*")
_NOTHING = re.compile("")
_NUMBER_PART = re.compile(r"((?<=[0-9])(\.|[eE][+-]?))?")
_CUT_SHORT = {
    "Expecting value": re.compile(r"-?|t(ru?)?|f(a(ls?)?)?|n(ul?)?"),
    "Expecting ',' delimiter": _NUMBER_PART,
    "Invalid \\uXXXX escape": re.compile(r"u[0-9a-fA-F]{0,4}"),
    "Unterminated string starting at": re.compile(r".*", re.DOTALL),
}
"""What may stand between the decoder's stop and the end of a text that goes on."""


class DocumentReader:
    r"""Cuts a byte stream into JSON documents.

    A number at top level is complete once something follows it, as the next packet may
    bring more of its digits.

    Examples
    --------
    >>> reader = DocumentReader()
    >>> list(reader.feed(b'{"a": 1} {"b": "\xc3'))
    [({'a': 1}, '{"a": 1}')]
    >>> list(reader.feed(b'\xbc"}'))
    [({'b': 'ü'}, '{"b": "ü"}')]
    """

    __slots__ = ("_limit", "_tail", "_utf8")

    def __init__(
        self,
        limit: int = DOCUMENT_LIMIT,  # characters of the longest document
    ) -> None:
        self._limit = limit
        self._tail = ""
        self._utf8 = codecs.getincrementaldecoder("utf-8")()

    @property
    def is_between_documents(self) -> bool:
        """Whether the stream may end here: no document has begun."""
        return not self._tail and not self._utf8.getstate()[0]

    def feed(self, data: bytes) -> Iterator[tuple[Any, str]]:
        """Yield each document that `data` completes, as its value and its own text.

        Raises `InvalidDocumentError` if what follows is not JSON, is not UTF-8, or is longer than
        the limit.  The documents before it have been handed out; the reader is of no more use.
        """
        text = self._add(data)
        if not text:
            return
        start = 0
        size = len(text)
        while start < size:
            if text[start] in " \t\n\r":
                start = _SPACE.match(text, start).end()  # type: ignore[union-attr] # may be empty
                continue
            try:
                value, end = _decode(text, start)
            except (ValueError, RecursionError) as error:
                if not _goes_on(text, error):
                    raise InvalidDocumentError(_reason(error)) from None
                break
            if type(value) in (int, float) and _NUMBER_PART.fullmatch(text, end):
                break
            if end - start > self._limit:
                self._refuse_length()
            yield value, text[start:end]
            start = end
        self._keep(text[start:])

    def _add(self, data: bytes) -> str:
        """Return the text to decode now, with the tail before it."""
        try:
            text = self._utf8.decode(data)
        except UnicodeDecodeError as error:
            raise InvalidDocumentError(f"not UTF-8: {error.reason}") from None
        if not self._tail:
            return text
        if len(self._tail) > _LONG and not _CLOSES.search(text):
            self._keep(self._tail + text)
            return ""
        return self._tail + text

    def _keep(self, tail: str) -> None:
        if len(tail) > self._limit:
            self._refuse_length()
        self._tail = tail

    def _refuse_length(self) -> NoReturn:
        raise InvalidDocumentError(f"longer than {self._limit} characters")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode


def _goes_on(text: str, error: Exception) -> bool:
    """Whether the decoder stopped because `text` ended, not because it is wrong."""
    if not isinstance(error, json.JSONDecodeError):
        return False
    rest = _CUT_SHORT.get(error.msg, _NOTHING)
    return rest.fullmatch(text, error.pos) is not None


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return str(error)
