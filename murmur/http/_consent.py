"""Answer to the handshake of a WebSocket, up to the consent: a refusal is told by its head.

`websockets` wants a refusal whole, of HTTP/1.1, and with a body of no more than 1 Mi; and takes
what only says that an answer is to come for one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httptools

from murmur.errors import ConnectionLostError, HttpError, HttpProtocolError, StatusError

from ._glance import fields_of
from ._mend import without_hints
from ._wire import lost

if TYPE_CHECKING:
    from ._headers import Fields

HEAD_LIMIT = 64 << 10
"""Bytes that the head of a refusal may have."""

SWITCHING = 101

_BEGINS = b"HTTP/1."
_STATUS = re.compile(rb"HTTP/1\.[0-9][ \t]+([0-9]{3})(?![0-9])")
_ENDS = re.compile(rb"\n\r?\n")


class Consent:
    r"""Reads the answer to a handshake.

    Examples
    --------
    >>> consent = Consent()
    >>> consent.take(b"HTTP/1.1 429 Too Many Requests\r\n"), consent.error
    (b'', None)
    >>> consent.take(b"Retry-After: 9\r\n\r\n"), consent.error, consent.fields
    (b'', StatusError('HTTP 429'), [(b'Retry-After', b'9')])
    """

    def __init__(self) -> None:
        self.status: int = 0  # until the head is there
        self.fields: Fields = ()  # of a refusal
        self.error: HttpError | None = None  # of a refusal
        self._head = b""

    def take(self, data: bytes) -> bytes:
        """Return what is for `websockets` to read: a consent, or what is no answer at all."""
        if self.error is not None:
            return b""  # of the body of a refusal
        self._head = head = without_hints(self._head + data)
        status, end = _STATUS.match(head), _ENDS.search(head)
        if status is None and (end is not None or not _begins_alike(head)):
            return head
        if end is None:
            if len(head) > HEAD_LIMIT:
                self.error = HttpProtocolError("the head of the answer is too long")
            return b""
        assert status is not None
        self.status = int(status[1])
        if self.status == SWITCHING:
            return head
        self.error = StatusError(self.status)
        try:
            self.fields = fields_of(head[: end.end()])
        except httptools.HttpParserError:
            self.fields = ()  # the status says enough
        return b""

    def broken(self, error: Exception | None) -> HttpError:
        """Return what the end of the connection means to who waits for the answer."""
        if self._head:
            return ConnectionLostError("the connection ended in the head of the answer")
        return lost(error, "before an answer")


def _begins_alike(head: bytes) -> bool:
    """Whether `head` may become the head of an answer."""
    return head.startswith(_BEGINS) or _BEGINS.startswith(head)
