"""A message router to load-test: JSON over TCP, and nothing more.

The protocol.  A client connects and says who it is, ``{"connect": "ann"}``.  If nobody of
that name is there, the answer is ``{"connected": "ann"}``; otherwise it is
``{"rejected": "duplicate"}`` and the connection closes.  From then on, a document with
``"from": "ann"`` and ``"to": "bob"`` is passed on to bob, letter by letter.  The router says
nothing about what it does not deliver: if bob is not there, or if ``from`` is not ann, the
document vanishes, so that nobody learns who is connected.

Documents follow each other without separators.  What is not JSON, or is longer than 1 Mi
characters, ends the connection.  A client that closes its sending side still gets what was
passed on to it before, then the end of the stream.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, cast

from murmur.connection import DocumentReader
from murmur.errors import InvalidDocumentError

from ._listening import Listening

UNREAD_LIMIT = 16 << 20
"""Bytes a client may leave unread before it is cut off."""


@dataclass(slots=True)
class RouterCounters:
    """What a router did since it started.

    ``received == forwarded + spoofed + absent + ignored`` once no delayed document is
    under way.

    Attributes
    ----------
    connected : int
        Clients that were accepted under a name.
    rejected : int
        Clients whose name was taken.
    received : int
        Documents that arrived, without those that say who connects.
    forwarded : int
        Documents passed on to their recipient.
    spoofed : int
        Documents with another's name in ``from``.
    absent : int
        Documents to somebody who is not connected.
    ignored : int
        Documents that are no messages: no object, no ``from``, no ``to``, or sent before
        the client said who it is.
    bad_json : int
        Connections closed because what came was not JSON, was too long, or broke off.
    cut_off : int
        Connections closed because the client did not read what it was sent.
    open : int
        Connections there are now.

    Examples
    --------
    >>> from murmur.testing import router_process
    >>> router = router_process()
    >>> router.stop().forwarded
    0
    """

    connected: int = 0
    rejected: int = 0
    received: int = 0
    forwarded: int = 0
    spoofed: int = 0
    absent: int = 0
    ignored: int = 0
    bad_json: int = 0
    cut_off: int = 0
    open: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


class Router(Listening):
    """The router, as an asynchronous context manager; on asyncio only.

    Parameters
    ----------
    host : str, default "127.0.0.1"
        Address to listen on.
    port : int, default 0
        Port to listen on; 0 lets the system choose one, see `port`.
    delay : float, default 0.0
        Seconds by which every document is held back.

    Examples
    --------
    >>> import anyio
    >>> from murmur.testing import Router
    >>> async def greet():
    ...     async with Router() as router:
    ...         async with await anyio.connect_tcp(router.host, router.port) as stream:
    ...             await stream.send(b'{"connect": "ann"}')
    ...             return await stream.receive()
    >>> anyio.run(greet)
    b'{"connected": "ann"}'
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, *, delay: float = 0.0) -> None:
        super().__init__(host, port)
        self.delay = delay
        self._board = _Board()
        self._thaws_at = 0.0

    @property
    def counters(self) -> RouterCounters:
        """A copy of the counts so far."""
        return replace(self._board.counts, open=len(self._board.connections))

    def freeze(self, seconds: float) -> None:
        """Read nothing for `seconds`, as a server that collects garbage would.

        Clients can connect and send; the system keeps what they sent.
        """
        loop = asyncio.get_running_loop()
        self._thaws_at = max(self._thaws_at, loop.time() + seconds)
        self._board.is_frozen = True
        for client in self._open_clients():
            client.transport.pause_reading()
        loop.call_at(self._thaws_at, self._thaw, self._thaws_at)

    def _thaw(self, thaws_at: float) -> None:
        if thaws_at < self._thaws_at:
            return  # frozen again, for longer
        self._board.is_frozen = False
        for client in self._open_clients():
            client.transport.resume_reading()

    def _open_clients(self) -> list[_Client]:
        return [each for each in self._board.connections if not each.transport.is_closing()]

    def _welcome(self) -> _Client:
        return _Client(self, self._board)

    def _dismiss(self) -> None:
        for client in tuple(self._board.connections):
            client.transport.abort()


@dataclass
class _Board:
    """State that a router shares with its clients."""

    clients: dict[str, _Client] = field(default_factory=dict)  # by the name that each gave
    connections: set[_Client] = field(default_factory=set)
    counts: RouterCounters = field(default_factory=RouterCounters)
    is_frozen: bool = False


class _Client(asyncio.Protocol):
    """One client's connection."""

    transport: asyncio.Transport

    def __init__(self, router: Router, board: _Board) -> None:
        self._router = router
        self._board = board
        self._counts = board.counts
        self._reader = DocumentReader()
        self._name: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the client to say who it is."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=UNREAD_LIMIT)
        self._board.connections.add(self)
        if self._board.is_frozen:
            self.transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        """Act on the documents that `data` completes."""
        try:
            for document, text in self._reader.feed(data):
                if self._name is None:
                    self._greet(document)
                else:
                    self._route(document, text)
        except InvalidDocumentError:
            self._counts.bad_json += 1
            self._leave()

    def eof_received(self) -> None:
        """Take the client off the list; the transport closes once all is written."""
        if not self._reader.is_between_documents:
            self._counts.bad_json += 1
        self._forget()

    def pause_writing(self) -> None:
        """Cut off a client that does not read."""
        self._counts.cut_off += 1
        self._forget()
        self.transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """Take the client off the list."""
        self._forget()
        self._board.connections.discard(self)

    def _greet(self, document: object) -> None:
        name = document.get("connect") if isinstance(document, dict) else None
        if not isinstance(name, str):
            self._counts.received += 1
            self._counts.ignored += 1
        elif name in self._board.clients:
            self._counts.rejected += 1
            self._say({"rejected": "duplicate"})
            self._leave()
        elif not self.transport.is_closing():
            self._counts.connected += 1
            self._name = name
            self._board.clients[name] = self
            self._say({"connected": name})

    def _route(self, document: Any, text: str) -> None:  # noqa: ANN401 - any JSON
        counts = self._counts
        counts.received += 1
        sender = document.get("from") if isinstance(document, dict) else None
        if sender is None or not isinstance(document.get("to"), str):
            counts.ignored += 1
        elif sender != self._name:
            counts.spoofed += 1
        elif self._router.delay:
            loop = asyncio.get_running_loop()
            loop.call_later(self._router.delay, self._forward, document["to"], text)
        else:
            self._forward(document["to"], text)

    def _forward(self, name: str, text: str) -> None:
        recipient = self._board.clients.get(name)
        if recipient is None:
            self._counts.absent += 1
        else:
            recipient.transport.write(text.encode())
            self._counts.forwarded += 1

    def _say(self, document: dict[str, str]) -> None:
        self.transport.write(json.dumps(document).encode())

    def _leave(self) -> None:
        self._forget()
        self.transport.close()

    def _forget(self) -> None:
        if self._name is not None and self._board.clients.get(self._name) is self:
            del self._board.clients[self._name]
