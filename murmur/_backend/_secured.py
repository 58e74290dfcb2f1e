"""Connections over TLS for two who talk little and at any moment, such as nodes.

What comes is handed over in the turn of the loop in which it comes, and what is written goes
out in the turn in which it is written: no task waits on either end.  With a stream of anyio's
a message takes three turns on each side, and most of what a quiet link costs is turns.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from ._dial import dial

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BACKLOG = 65_536
"""Connections that may wait to be accepted; the system allows fewer."""


class Secured(asyncio.Protocol):
    """One connection: plain at first, and over TLS after `secure`."""

    def __init__(self, met: Callable[[Secured], object] = lambda _: None) -> None:
        self._met = met
        self._plain: asyncio.Transport
        self._transport: asyncio.Transport  # over TLS once there is some
        self._over: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self._heard: Callable[[bytes], None] | None = None
        self._early: list[bytes] = []  # what came before somebody listens
        self._is_closing = False
        self._is_broken = False

    async def secure(self, context: ssl.SSLContext, hostname: str | None = None) -> None:
        """Go on over TLS: as the client that expects `hostname`, or as the server.

        Raises `OSError` if the other side does not; then, and if this is cancelled, the
        connection is closed.
        """
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(
                self._transport,
                self,
                context,
                server_side=hostname is None,
                server_hostname=hostname,
            )
        except BaseException:
            self.abort()
            raise
        if transport is None:  # it was closed meanwhile
            raise ConnectionResetError
        transport.set_write_buffer_limits(high=1, low=0)  # `close` is to know when all is sent
        self._transport = transport

    @property
    def peer(self) -> str:
        """Address of the other side."""
        return str((self._transport.get_extra_info("peername") or ("",))[0])

    @property
    def certificate(self) -> Any:  # noqa: ANN401 - as `ssl` gives it
        """What the other side showed, as `ssl.SSLSocket.getpeercert` returns it."""
        return self._transport.get_extra_info("peercert")

    @property
    def socket(self) -> socket.socket:
        """The socket, to set options of."""
        return cast("socket.socket", self._transport.get_extra_info("socket"))

    @property
    def unsent(self) -> int:
        """Bytes that the other side has not taken in, but for what the system holds."""
        return self._transport.get_write_buffer_size()

    def write(self, data: bytes) -> None:
        """Send bytes, now if the other side takes them in."""
        if not (self._over.done() or self._plain.is_closing()):  # else asyncio logs each attempt
            self._transport.write(data)

    async def listen(self, heard: Callable[[bytes], None]) -> None:
        """Hand over what comes until the connection is closed.

        Raises what it broke by, and what `heard` raises, which breaks it.
        """
        self._heard = heard
        early, self._early = self._early, []
        for data in early:
            self.data_received(data)
        error = await asyncio.shield(self._over)
        if error is not None:
            raise error

    def close(self) -> None:
        """Say that this is all, once everything is sent; the other side closes when it sees that.

        To close at once, with something unread, would take from it what it has not read either.
        """
        self._is_closing = True
        if not self.unsent:
            with contextlib.suppress(OSError):  # it is gone already
                self._plain.write_eof()

    def abort(self) -> None:
        """Close it at once, and drop what is not sent."""
        if not self._plain.is_closing() or self._plain.get_write_buffer_size():
            self._plain.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Read nothing before TLS does."""
        self._transport = self._plain = cast("asyncio.Transport", transport)
        self._plain.pause_reading()
        self._met(self)

    def data_received(self, data: bytes) -> None:
        """Hand it over; whatever comes after an error is none of anybody's business."""
        if self._heard is None:
            self._early.append(data)
        elif not self._is_broken:
            try:
                self._heard(data)
            except Exception as error:  # noqa: BLE001 - `listen` raises it
                self._is_broken = True
                self._end(error)
                self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let `listen` return."""
        self._end(exc)

    def resume_writing(self) -> None:
        """Close, if that waits for what was to be sent."""
        if self._is_closing:
            self.close()

    def _end(self, error: Exception | None) -> None:
        if not self._over.done():
            self._over.set_result(error)


async def connect(host: str, port: int) -> Secured:
    """Connect, plain at first.  Raises `OSError` if that cannot be."""
    try:
        return await dial(Secured, host, port)
    except UnicodeError:  # no name that any machine can have
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from None


@contextlib.asynccontextmanager
async def listening(host: str, port: int, met: Callable[[Secured], object]) -> AsyncIterator[int]:
    """Accept connections at all addresses of `host`, and have each met; yield the port.

    Raises `OSError` if that cannot be.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    servers: list[asyncio.Server] = []
    try:
        for address in dict.fromkeys(str(each[4][0]) for each in found):
            server = await loop.create_server(lambda: Secured(met), address, port, backlog=BACKLOG)
            servers.append(server)
            port = int(server.sockets[0].getsockname()[1])
        yield port
    finally:
        for server in servers:
            server.close()
