"""The answer to a request, or why there is none."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from murmur.errors import HttpError, HttpProtocolError, InvalidRequestError, StatusError

from ._headers import Headers

if TYPE_CHECKING:
    from murmur.runtime import Timer

    from ._exchange import Reply, Request
    from ._patience import Patience

__all__ = ["Response"]

GZIP = b"\x1f\x8b"
"""What a member of gzip begins with; a body may have several, one after the other."""

_CHARSET = re.compile(r"charset=\"?([\w.:-]+)", re.IGNORECASE)
_NO_FIELDS = Headers(())


class Response:
    """What a request came to.

    A request that fails does not end its user: the response then has no status, and says
    why in `error`.  Reading its content raises that error.

    Attributes
    ----------
    status : int
        The status; 0 if there was no answer.
    error : HttpError or None
        Why there was no answer, or no complete one.
    failure : str or None
        Why the request counts as failed: its error, its status, or a check.
    redirects : int
        How many were followed.
    """

    __slots__ = (
        "_body", "_headers", "_patience", "_reply", "_request", "_timer", "error", "failure",
        "redirects", "status",
    )  # fmt: skip

    def __init__(
        self,
        request: Request,
        reply: Reply | None,
        *,
        error: HttpError | None = None,
        redirects: int = 0,
    ) -> None:
        self.status = 0 if reply is None or error is not None else reply.status
        self.error = error
        self.failure: str | None = None
        self.redirects = redirects
        self._request = request
        self._reply = reply
        self._body: bytes | None = None
        self._headers: Headers | None = None
        self._patience: Patience | None = None
        self._timer: Timer | None = None

    def __repr__(self) -> str:
        """Return status and URL."""
        return f"<Response {self.status or self.failure} {self.url}>"

    @property
    def url(self) -> str:
        """Where the answer came from, after redirects."""
        return f"{self._request.origin}{self._request.target}"

    @property
    def ok(self) -> bool:
        """Whether the request counts as successful so far."""
        return self.failure is None

    @property
    def headers(self) -> Headers:
        """The header fields; none if there was no answer."""
        if self._headers is None:
            self._headers = _NO_FIELDS if self._reply is None else Headers(self._reply.fields)
        return self._headers

    @property
    def http_version(self) -> str:
        """``"1.1"``, ``"1.0"`` or ``"2"``; empty if there was no answer."""
        return self._reply.version if self._reply is not None else ""

    @property
    def received_bytes(self) -> int:
        """Bytes of head and body as they came, without what TLS adds."""
        return self._reply.received_bytes if self._reply is not None else 0

    @property
    def content(self) -> bytes:
        """The body, decompressed.

        Raises
        ------
        HttpError
            If there was no answer, or its body cannot be decompressed.
        """
        if self._body is None:
            reply = self._answer()
            if not reply.is_complete:
                raise InvalidRequestError("the body is streamed: read it with iter_bytes()")
            body = b"".join(reply.chunks)
            for coding in reversed(self.headers.get("content-encoding", "").split(",")):
                body = _decompressed(body, coding.strip().lower(), reply.limit)
            self._body = body
        return self._body

    @property
    def text(self) -> str:
        """The body as text, in the encoding that the answer names or else in UTF-8."""
        named = _CHARSET.search(self.headers.get("content-type", ""))
        content = self.content
        try:
            return content.decode(named[1] if named else "utf-8", "replace")
        except (LookupError, UnicodeError):  # no encoding, or one that replaces nothing
            return content.decode("utf-8", "replace")

    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """Return the body, read as JSON.

        Raises
        ------
        HttpProtocolError
            If it is none.
        """
        try:
            return json.loads(self.content)
        except ValueError as error:
            raise HttpProtocolError("the body is not JSON") from error
        except RecursionError as error:
            raise HttpProtocolError("the body is JSON that is nested too deeply") from error

    async def iter_bytes(self) -> AsyncIterator[bytes]:
        """Iterate over the body as it arrives; for ``stream=True``.

        The action ends with the body.
        """
        reply = self._answer()
        if self._patience is None:
            yield self.content
            return
        try:
            while part := await reply.read(self._patience):
                yield part
        except HttpError as error:
            self.error = error
            raise
        if self._timer is not None:
            self._timer.end()

    def fail(self, reason: str) -> None:
        """Mark the request failed; inside ``async with`` only.

        Parameters
        ----------
        reason : str
            A short text, the same for each failure of this kind: it is counted by it.
            The first reason stays.
        """
        if self._timer is None:
            raise InvalidRequestError(
                "a request is recorded when it was awaited: check it inside "
                "`async with user.http.get(...) as response`, or with check=..."
            )
        if self.failure is None:
            self.failure = reason
            self._timer.fail(reason)

    def check(self, condition: object, reason: str) -> bool:
        """Mark the request failed unless `condition` holds; return whether it does.

        Examples
        --------
        Inside a scenario's ``start``::

            async with user.http.get("/cart") as response:
                response.check(response.json()["items"], "the cart is empty")
        """
        if not condition:
            self.fail(reason)
        return bool(condition)

    def raise_for_failure(self) -> None:
        """Raise if the request failed, for users that cannot go on without it.

        Raises
        ------
        HttpError
            What went wrong; a `StatusError` if it was the status.
        """
        if self.error is not None:
            raise self.error
        if self.failure is not None:
            raise (
                StatusError(self.status)
                if self.failure == f"HTTP {self.status}"
                else (HttpError(self.failure))
            )

    def _answer(self) -> Reply:
        if self.error is not None:
            raise self.error
        assert self._reply is not None
        return self._reply

    def _release(self) -> None:
        """Give back the connection, or end it if the body was not read to its end."""
        if self._reply is not None:
            self._reply.release()


def _decompressed(body: bytes, coding: str, limit: int) -> bytes:
    if coding not in {"gzip", "x-gzip", "deflate"} or not body:
        return body
    for window in (47, -15):  # either format, told by its head; what some servers call deflate
        try:
            return _inflated(body, window, limit)
        except zlib.error:
            continue
    raise HttpProtocolError("the body cannot be decompressed")


def _inflated(body: bytes, window: int, limit: int) -> bytes:
    """Decompress all members of `body`; what follows the last is padding."""
    parts, size, rest = [], 0, body
    while True:
        inflater = zlib.decompressobj(window)
        parts.append(inflater.decompress(rest, limit - size + 1))  # 0 would mean no limit
        size += len(parts[-1])
        if size > limit:
            raise HttpProtocolError(f"the decompressed body is longer than {limit} bytes")
        if not inflater.eof:
            raise HttpProtocolError("the compressed body is cut short")
        rest = inflater.unused_data
        if not rest.startswith(GZIP):
            return b"".join(parts)
