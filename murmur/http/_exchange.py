"""A request, the reply to it, and the seam behind which stacks are exchanged.

A stack is anything with the two methods of `Transport`.  Clients know no other; so one can
be replaced by a faster one, or by a made-up server in virtual time.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self, TypeAlias

from murmur.errors import HttpError, HttpProtocolError

from ._known import LAST_CHUNK

if TYPE_CHECKING:
    from murmur._backend import Wakeup

    from ._headers import Fields, Pairs
    from ._http1 import Http1
    from ._http2 import Http2
    from ._known import Known
    from ._patience import Patience
    from ._url import Origin
    from ._wire import Alarm

Body: TypeAlias = "bytes | Iterable[bytes] | AsyncIterable[bytes] | None"

BUFFER = 256 << 10
"""Bytes of a streamed body that may wait to be read; beyond, the server is made to wait."""


SMALL = 1 << 10
"""Bytes of a part of a body below which parts are put together as they come."""


@dataclass(slots=True, kw_only=True)
class Request:
    """One request as it goes over the wire; a redirect makes another."""

    # method, target, authority: such as `GET`; path with query; what `Host` says; all ASCII
    method: str
    origin: Origin
    target: str
    authority: str
    headers: Pairs  # fields, without `Host` and those that say how long the body is
    body: Body = None
    is_streamed: bool = False  # whether the reply is handed over at its head, or at its end
    # whether its body is not sent part by part, nor the reply to it read so
    is_whole: bool = field(init=False, repr=False)
    # whether the head of the reply says which body is handed over with it
    is_told_by_head: bool = field(init=False, repr=False)
    # what a connection writes of it, once one has put it together, and whether it asks for
    # the end of the connection
    head: bytes = field(default=b"", init=False, repr=False)
    is_last: bool = field(default=False, init=False, repr=False)
    # whether `head` is all that there is to be sent of it, again and again
    is_usual: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        """Look what is special of it, once for all the times that it is sent."""
        has_body = self.body is None or isinstance(self.body, bytes)
        self.is_whole = has_body and not self.is_streamed
        self.is_told_by_head = self.method != "HEAD" and not self.is_streamed

    @property
    def can_be_repeated(self) -> bool:
        """Whether the request may be sent again although it may have arrived."""
        is_idempotent = self.method in {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}
        return is_idempotent and (self.body is None or isinstance(self.body, bytes))


@dataclass(frozen=True, slots=True)
class Opened:
    """What it took to open the connection that a reply came over."""

    # connect_seconds, tls_seconds: looking up the name and connecting; the TLS handshake, 0
    # without TLS
    connect_seconds: float
    tls_seconds: float


class Reply:
    """What comes back for one request, filled by a connection as it arrives.

    Attributes
    ----------
    status : int
        0 until the head is there.
    fields : sequence of (bytes, bytes)
        Header fields as they came.
    version : str
        ``1.1``, ``1.0`` or ``2``.
    chunks : sequence of bytes
        The body as far as it came in parts and was not read.
    body : bytes
        The same as one, or what came whole.
    is_headed, is_complete : bool
        Whether the head, and all of it, are there.
    may_set_cookies, may_be_packed : bool
        False if it is known that no field sets a cookie, or says that the body is compressed.
    error : HttpError or None
        Why there will be no more.
    first_byte_at : float
        When the first byte arrived, on the backend's clock; 0 until then.
    sent_bytes, received_bytes : int
        On the wire, without what TLS adds.
    opened : Opened or None
        The connection, if it was opened for this reply.
    retries : int
        How often the request was sent again, because a kept connection broke just then.
    unread : int
        Bytes of a streamed body that the server was not yet told are read.
    alarm : Alarm or None
        What watches deadlines for the connection.
    trailers : sequence of (bytes, bytes)
        Fields that came after the body.
    stream : int
        Its number on a connection of HTTP/2.
    """

    # What is not set stays with the class: to set it all took as long as to parse an answer.
    status: int = 0
    chunks: Sequence[bytes | bytearray] = ()
    is_headed: bool = False
    is_complete: bool = False
    may_set_cookies: bool = True
    may_be_packed: bool = True
    error: HttpError | None = None
    sent_bytes: int = 0
    received_bytes: int = 0
    opened: Opened | None = None
    retries: int = 0
    unread: int = 0
    trailers: Fields = ()
    stream: int = 0
    on_release: Callable[[], None] | None = None
    on_room: Callable[[], None] | None = None
    _fields: Fields = ()
    _unread_head: bytes = b""
    _data: bytes = b""  # what came whole; the body begins at `_start`, and ends at `_stop`
    _start: int = 0
    _stop: int | None = None
    _size: int = 0
    _wants_chunks: bool = False

    def __init__(
        self, limit: float = 64 << 20, alarm: Alarm | None = None, version: str = "1.1"
    ) -> None:
        self.limit: float = limit
        self.version: str = version
        self.alarm: Alarm | None = alarm
        self.first_byte_at: float = 0.0
        self._waiter: Wakeup | None = alarm

    @classmethod
    def of(cls, status: int, fields: Fields = (), body: bytes = b"") -> Self:
        """Return a reply of `status`, `fields` and `body`, for stacks without a connection."""
        reply = cls()
        reply.whole(status, fields, body)
        reply.received_bytes = len(body)
        return reply

    def whole(self, status: int, fields: Fields, body: bytes, start: int = 0) -> None:
        """Take the head (`status` and `fields`), the `body` and the end at once.

        If `start` is given, the body begins there.
        """
        self.status, self._fields = status, fields
        self._data, self._start = body, start
        self.is_headed = self.is_complete = True
        if self._waiter is not None:
            self._waiter.wake()

    def as_before(self, known: Known, data: bytes, at: float) -> None:
        """Take `data`, a whole answer that came at a moment, of whose head all is known."""
        self.first_byte_at, self.received_bytes = at, len(data)
        self.status = known.status
        start = known.start or data.index(b"\r\n\r\n") + 4
        if known.fields is None:
            self._unread_head = data[:start]
        else:
            self._fields = known.fields
        if known.is_chunked:
            start = data.index(b"\r\n", start) + 2
            self._stop = len(data) - len(LAST_CHUNK)
        self.may_set_cookies, self.may_be_packed = known.sets_cookies, known.is_packed
        self._data, self._start = data, start
        self.is_headed = self.is_complete = True
        if self._waiter is not None:
            self._waiter.wake()

    @property
    def body(self) -> bytes:
        """The body as far as it came and was not read."""
        return self._data[self._start : self._stop] or b"".join(self.chunks)

    @property
    def fields(self) -> Fields:
        """Header fields as they came; read when somebody asks for them, if they were not."""
        if self._unread_head:
            from ._glance import fields_of

            self._fields, self._unread_head = fields_of(self._unread_head), b""
        return self._fields

    def head(self, status: int, fields: Fields) -> None:
        """Take the head: `status` and `fields`."""
        self.status, self._fields, self.is_headed = status, fields, True
        if self._wants_chunks or status >= 300:
            self.wake()

    def data(self, chunk: bytes) -> None:
        """Take `chunk`, a part of the body."""
        chunks, size = self.chunks, len(chunk)
        if not isinstance(chunks, list):
            self.chunks = [chunk]
        elif size >= SMALL:
            chunks.append(chunk)
        elif type(chunks[-1]) is bytearray and len(chunks[-1]) < BUFFER:
            chunks[-1] += chunk  # a body in parts of one byte is no list of a million parts
        else:
            chunks.append(bytearray(chunk))
        self._size += size
        if self._wants_chunks:
            self.wake()
        elif self._size > self.limit:
            self.fail(HttpProtocolError(f"the body is longer than {self.limit} bytes"))

    def end(self) -> None:
        """Take note that all is there, unless it is too much."""
        self.is_complete = self.error is None
        if self._waiter is not None:
            self._waiter.wake()

    def fail(self, error: HttpError) -> None:
        """Take note that no more will come, for `error` happened."""
        if self.error is None and not self.is_complete:
            self.error = error
            self.wake()

    @property
    def is_full(self) -> bool:
        """Whether a streamed body came faster than it is read."""
        return self._wants_chunks and self._size > BUFFER

    @property
    def is_decided(self) -> bool:
        """Whether the rest of a request is of no use: it failed, was refused, or answered.

        A server may begin to answer with 200 before it has read all, and needs the rest then.
        """
        is_refused = self.is_headed and self.status >= 300
        return is_refused or self.is_complete or self.error is not None

    async def wait_head(self, patience: Patience) -> None:
        """Wait for the head, within `patience`; then parts of the body are read one by one."""
        self._wants_chunks = True
        while not self.is_headed:
            await self.wait(patience)

    async def wait_end(self, patience: Patience) -> None:
        """Wait for the whole reply, within `patience`."""
        while not self.is_complete:
            await self.wait(patience)

    async def read(self, patience: Patience) -> bytes:
        """Return the next part of the body, within `patience`; empty at its end."""
        while not (self.chunks or self.is_complete):
            await self.wait(patience)
        part, self.chunks, self._data = self.body, (), b""
        if not part:
            return part
        self._size = 0
        if self.on_room is not None:
            self.on_room()
        return part

    def release(self) -> None:
        """Hand the connection back, or end it if the reply is not complete."""
        release, self.on_release = self.on_release, None
        if release is not None:
            release()

    def wake(self) -> None:
        """Wake whoever waits for this."""
        if self._waiter is not None:
            self._waiter.wake()

    def tell(self, waiter: Wakeup | None) -> None:
        """Wake `waiter`, who still sends the request, when its end is decided; None for nobody."""
        self._waiter = waiter

    async def wait(self, patience: Patience) -> None:
        """Wait for anything to happen, within `patience`, or raise why nothing will."""
        if self.error is not None:
            raise self.error
        self._waiter = waiter = self.alarm or patience.native.wakeup()
        try:
            if not await patience.wait(waiter, self.alarm):
                patience.give_up("no complete answer" if self.is_headed else "no answer")
        finally:
            self._waiter = None


class Begun(NamedTuple):
    """A request that was sent over a connection at hand, and when."""

    connection: Http1 | Http2
    reply: Reply
    at: float


class Transport(Protocol):
    """A stack that clients can be put on."""

    async def exchange(self, request: Request, patience: Patience) -> Reply:
        """Send `request`; return the reply when it is complete, or has its head.

        Raises `HttpError` if there is none.
        """

    def close(self) -> None:
        """Close what this client opened."""
