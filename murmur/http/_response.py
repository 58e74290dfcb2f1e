"""The answer to a request, or why there is none."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from murmur.errors import (
    HttpError,
    HttpProtocolError,
    InvalidRequestError,
    MissingExtraError,
    StatusError,
)

from ._codings import Unpacker, decompressed, seems_whole
from ._events import EventReader, ServerEvent
from ._exchange import Reply
from ._headers import Headers
from ._known import Known
from ._lines import LineReader
from ._trace import trace_id_of

if TYPE_CHECKING:
    from murmur.runtime import Timer

    from ._exchange import Request
    from ._ledger import Spans
    from ._patience import Patience

PARTIAL = 206
"""Status of a part of a body, which cannot be decompressed by itself."""

TOLD = 1_000
"""Characters of a failed answer's body that are kept, of the first of each kind."""

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

    # What most responses do not have stays with the class.
    error: HttpError | None = None
    failure: str | None = None
    redirects: int = 0
    _body: bytes | None = None
    _headers: Headers | None = None
    _patience: Patience | None = None
    _timer: Timer | None = None
    _spans: Spans | None = None

    def __init__(
        self,
        request: Request,
        reply: Reply | Known | None,  # None if there was no answer
        data: bytes = b"",  # what came, if its head is known
        limit: float = 0.0,  # bytes that its body may have, unpacked
    ) -> None:
        self.status: int = 0 if reply is None else reply.status
        self._request = request
        self._came = reply
        self._data = data
        self._limit = limit

    @property
    def _reply(self) -> Reply | None:
        """The reply; made when somebody looks at more than the status, if its head is known."""
        if isinstance(self._came, Known):
            reply = Reply(self._limit)
            reply.as_before(self._came, self._data, 0.0)
            self._came, self._data = reply, b""
        return self._came

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
    def trailers(self) -> Headers:
        """The fields that came after the body; usually none."""
        return Headers(self._reply.trailers) if self._reply is not None else _NO_FIELDS

    @property
    def trace_id(self) -> str:
        """Id of the trace that the request was sent with; empty without."""
        return trace_id_of(self._request.headers)

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
        """The body, decompressed; of a part (206), as it came.

        Raises
        ------
        HttpError
            If there was no answer, or its body cannot be decompressed.
        """
        if self._body is None:
            reply = self._answer()
            if not reply.is_complete:
                raise InvalidRequestError("the body is streamed: read it with iter_bytes()")
            body = reply.body
            for coding in reversed(_codings_of(reply)):
                body = decompressed(body, coding, reply.limit)
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
        """Iterate over the body as it arrives, decompressed; for ``stream=True``.

        The action ends with the body.  It is asked for as it is, since a server that
        compresses may hold back what it has; ``headers={"Accept-Encoding": "gzip"}`` asks
        otherwise.
        """
        reply = self._answer()
        if self._patience is None:
            if content := self.content:
                yield content
            return
        unpacker = Unpacker(_codings_of(reply))
        with self._breaking_off():
            while part := await reply.read(self._patience):
                for unpacked in unpacker.feed(part):
                    yield unpacked
            unpacker.end()
        if self._timer is not None:
            self._timer.end()

    async def lines(self) -> AsyncIterator[str]:
        r"""Iterate over the body line by line, as it arrives; for ``stream=True``.

        A line ends with LF, CR or both, which are not part of it, wherever the network cut
        it in two.

        Raises
        ------
        HttpProtocolError
            If a line is longer than 1 Mi characters.
        """
        reader = LineReader()
        async for part in self.iter_bytes():
            with self._breaking_off():
                for line in reader.feed(part):
                    yield line
        for line in reader.rest():
            yield line

    async def events(self) -> AsyncIterator[ServerEvent]:
        """Iterate over server-sent events as they arrive; for ``stream=True``.

        The time from the request to the first event is recorded as the span
        ``first_event`` of the request, the times between events as ``event_gap``.  What never
        comes is ``first_event.never_came`` and ``event_gap.never_came``, with how long it was
        waited for; checks of the span count it.

        Raises
        ------
        HttpProtocolError
            If an event is longer than 1 Mi characters.

        Examples
        --------
        A scenario's ``start`` says::

            async with user.http.post("/chat", json=ask, stream=True, name="chat") as answer:
                async for event in answer.events():
                    if event.data == "[DONE]":
                        break
        """
        reader, spans = EventReader(), self._spans
        if spans is not None:
            spans.read()
        async for part in self.iter_bytes():
            with self._breaking_off():
                for event in reader.feed(part):
                    if spans is not None:
                        spans.event()
                    yield event
            if spans is not None:
                spans.read()
        if spans is not None:
            spans.close()

    def look_through(self) -> HttpError | None:
        """Return what is wrong with a compressed body that maybe nobody reads; keep it as error.

        What a glance at it does not tell is found by decompressing it.
        """
        reply = self._reply
        if self.error is not None or reply is None or not reply.may_be_packed:
            return self.error
        codings = _codings_of(reply)
        if not codings or not reply.is_complete:
            return None
        if not seems_whole(reply.body, codings, reply.limit):
            try:
                self._body = self.content
            except HttpError as error:
                self.error = error
            except MissingExtraError:  # so it was not asked for; who reads it hears of it
                reply.may_be_packed = False
        return self.error

    def told(self) -> str:
        """Return status, type and beginning of the body, as a person looks at a failure."""
        said = [f"the first answer of this kind: {self.status}", self.headers.get("content-type")]
        if self._reply is not None and self._reply.is_complete:
            try:
                body = self.text
            except HttpError as error:
                body = str(error)
            said.append(f"{body[:TOLD]}{'...' if len(body) > TOLD else ''}")
        return "\n".join(part for part in said if part)

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
        """Mark the request failed for `reason` unless `condition` holds; return whether it does.

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

    @contextmanager
    def _breaking_off(self) -> Iterator[None]:
        """Mark the request failed if its body breaks off, also where the scenario catches that."""
        try:
            yield
        except HttpError as error:
            self.error = error
            if self._timer is not None:
                self._timer.end()
                if self.failure is None:
                    self._timer.fail(error)
            self.failure = self.failure or str(error)
            raise

    def _answer(self) -> Reply:
        if self.error is not None:
            raise self.error
        assert self._reply is not None
        return self._reply

    def _release(self) -> None:
        """Give back the connection, or end it if the body was not read to its end."""
        if self._reply is not None:
            self._reply.release()


def _codings_of(reply: Reply) -> list[str]:
    """Return what the body was packed by, in this order: for its own sake, then for transfer.

    The latter nobody asked for (RFC 9112, 7.1): some servers do it all the same.  A part of a
    body is as it came.
    """
    if reply.status == PARTIAL:
        return []
    content, transfer = [], []
    for name, value in reply.fields:
        size = len(name)  # most are known by it to be others
        if size == 16 and name.lower() == b"content-encoding":
            content.append(value)
        elif size == 17 and name.lower() == b"transfer-encoding":
            transfer.append(value)
    if not content and transfer in ([], [b"chunked"]):
        return []
    named = b",".join(content + transfer).decode("latin-1").split(",")
    codings = [coding.strip().lower() for coding in named]
    return [coding for coding in codings if coding not in {"", "identity", "chunked"}]
