"""Protocol of asyncio that shares the loop fairly and loses nothing that had come.

A transport hands over up to 256 KiB at once.  In the smallest pieces that a protocol
allows, that is a second of work, so it is taken in portions, with a turn of the loop
between them.

When a write finds the connection reset, asyncio and uvloop close it without another look
at what the kernel still holds: the very answer that came before the reset.  So that is
read before the end is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import ssl
import time
from typing import Any, cast

TURN = 0.005
"""Seconds that the portions of one connection may take of one turn of the loop."""

UNREAD_LIMIT = 1 << 20
"""Bytes that are read at most of a connection that is broken already."""


PORTION = 4 << 10
"""Bytes that are taken at once, and more if a subclass says so."""


class Stream(asyncio.Protocol):
    """One connection; what it means is for subclasses, in `take` and `ended`."""

    __slots__ = ("_is_full", "_is_held", "_last", "_rest", "_source", "is_closed", "is_secured",
                 "transport")  # fmt: skip

    portion = PORTION  # bytes that `take` gets at most at a time

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.is_closed: bool = False  # whether either side ended it
        self.is_secured: bool = False  # whether it is encrypted
        self._source: asyncio.Transport
        self._rest = b""
        self._is_held = False
        self._is_full = False
        self._last: tuple[Exception | None] | None = None

    def take(self, data: bytes) -> None:
        """Act on what came."""
        raise NotImplementedError

    def ended(self, error: Exception | None) -> None:
        """Act on the end of the connection; None if the other side said so."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = self._source = cast("asyncio.Transport", transport)

    def secure(self, transport: asyncio.Transport) -> None:
        """Go on over `transport`, which puts TLS around the one that there was.

        That one is still what is told to wait: uvloop's TLS, told so itself, loses what came
        just before the other side closed (up to 120 kB of an answer, 0.23.0).
        """
        _keep_what_came(self.transport)
        self.transport, self.is_secured = transport, True

    def go_on_after(self, other: Stream) -> None:
        """Take over the connection of `other`."""
        self.connection_made(other.transport)
        self._source, self.is_secured = other._source, other.is_secured
        other.transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        """Take what came, in portions if it is much."""
        if not self._rest and (len(data) <= PORTION or len(data) <= self.portion):
            self.take(data)
            return
        begins = not self._rest
        self._rest += data
        if begins:
            self._take_turn()

    def connection_lost(self, error: Exception | None) -> None:
        """Note the end, and tell the subclass once it has all that had come."""
        self.is_closed = True
        if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
            left = b"" if self.is_secured else _unread(self.transport)
            if left:
                self.data_received(left)
        if self._rest:
            self._last = (error,)
        else:
            self.ended(error)

    def has_ended(self) -> bool:
        """Ask the kernel whether the other side has ended, of which the loop may not know yet."""
        held = self._source.get_extra_info("socket")
        if held is None or held.fileno() < 0 or not hasattr(select, "POLLRDHUP"):
            return False
        poll = select.poll()
        poll.register(held.fileno(), select.POLLRDHUP)
        return bool(poll.poll(0))

    def hold(self) -> None:
        """Make the other side wait, until `release`."""
        if not self._is_full and not self.is_closed:
            self._is_full = True
            self._pause()

    def release(self) -> None:
        """Let the other side go on."""
        if self._is_full:
            self._is_full = False
            if not self._is_held:
                self._resume()

    def _pause(self) -> None:
        if not self._source.is_closing():
            self._source.pause_reading()

    def _resume(self) -> None:
        if not self.is_closed and not self._source.is_closing():
            self._source.resume_reading()

    def _take_turn(self) -> None:
        """Take portions, but not for long."""
        until = time.monotonic() + TURN
        size = self.portion
        while self._rest:
            portion, self._rest = self._rest[:size], self._rest[size:]
            self.take(portion)
            if time.monotonic() >= until:
                break
        if self._rest:
            if not self._is_held and not self.is_closed:
                self._is_held = True
                self._pause()
            asyncio.get_running_loop().call_soon(self._take_turn)
            return
        if self._is_held:
            self._is_held = False
            if not self._is_full:
                self._resume()
        if self._last is not None:
            last, self._last = self._last, None
            self.ended(last[0])


class _Between(asyncio.BufferedProtocol):
    """Stands between a socket and its TLS, to hand over what came before a reset."""

    get_buffer: Any
    buffer_updated: Any
    eof_received: Any
    pause_writing: Any
    resume_writing: Any

    def __init__(self, transport: asyncio.Transport, tls: Any) -> None:  # noqa: ANN401 - asyncio's own, or uvloop's
        self.transport = transport
        self._tls = tls
        # As attributes, they are called without a step in between.
        self.get_buffer = tls.get_buffer
        self.buffer_updated = tls.buffer_updated
        self.eof_received = tls.eof_received
        self.pause_writing = tls.pause_writing
        self.resume_writing = tls.resume_writing

    def connection_lost(self, error: Exception | None) -> None:
        if isinstance(error, OSError) and (left := _unread(self.transport)):
            error = self._broken_by(left) or error
        self._tls.connection_lost(error)

    def _broken_by(self, left: bytes) -> Exception | None:
        """Have TLS read what was left; return the alert that it broke by, if there was one."""
        closed = _Closed()
        with contextlib.suppress(RuntimeError):  # it takes it, and says that it has begun already
            self._tls.connection_made(closed)
        with contextlib.suppress(Exception):
            while left:
                buffer = memoryview(self._tls.get_buffer(len(left)))
                size = min(len(buffer), len(left))
                buffer[:size] = left[:size]
                self._tls.buffer_updated(size)
                left = left[size:]
        return closed.broken_by


class _Closed(asyncio.Transport):
    """Stands for a connection that is closed, and keeps the alert that the TLS over it broke by.

    TLS tells that to its transport alone, and one that is closed does not pass it on.
    """

    broken_by: ssl.SSLError | None = None

    def _force_close(self, error: Exception | None) -> None:
        """Keep the error; called by the TLS of asyncio and of uvloop."""
        if isinstance(error, ssl.SSLError) and "ALERT" in (error.reason or ""):
            self.broken_by = error

    def close(self) -> None:
        """Do nothing: it is closed."""

    def write(self, data: object) -> None:
        """Drop what nobody will read."""

    def pause_reading(self) -> None:
        """Do nothing: all that will be read is there."""

    def resume_reading(self) -> None:
        """Do nothing."""

    def is_closing(self) -> bool:
        """Say so."""
        return True


def _keep_what_came(transport: asyncio.Transport) -> None:
    """Have the TLS over `transport` read what came before a reset, too."""
    tls: Any = transport.get_protocol()
    if hasattr(tls, "get_buffer"):
        transport.set_protocol(_Between(transport, tls))


def _unread(transport: asyncio.Transport) -> bytes:
    """Return what the kernel still holds of a connection that broke."""
    held = transport.get_extra_info("socket")
    parts, size = [], 0
    with contextlib.suppress(OSError):
        descriptor = held.fileno() if held is not None else -1
        while descriptor >= 0 and size < UNREAD_LIMIT:
            part = os.read(descriptor, 1 << 16)
            if not part:
                break
            parts.append(part)
            size += len(part)
    return b"".join(parts)
