"""A light connection for users that talk much: JSON documents over TCP.

A message, from building one to decoding one, costs 62 us of CPU on anyio's streams and
uvloop, and 12 us on a protocol that wakes its user through one future.  So this is the
second seam to asyncio, beside `_native`: there a connection is a protocol, which collects
what arrives until its user asks for it.  On any other backend it is an anyio stream, with
the same behaviour.

A connection belongs to a user: whoever waits for a message also hears the call to leave.
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

import anyio
import anyio.abc

from murmur._backend import HIGHEST_PORT, AsyncioNative, Stream, ascii_host, dial, on_loop
from murmur.errors import InvalidDocumentError, Leaving
from murmur.runtime import check_target

from ._documents import DocumentReader

if TYPE_CHECKING:
    from murmur._backend import Wakeup
    from murmur.runtime import User

INBOX_SIZE = 1_000
"""Messages that may wait to be received; beyond, the peer is made to wait."""

CONNECT_TIMEOUT = 10.0
"""Seconds to connect, unless others are given."""

_encode = json.JSONEncoder(separators=(",", ":")).encode


class JsonConnection(ABC):
    """JSON documents to and from a server; made by `connect_json`.

    Documents follow each other without separators.  As an asynchronous context manager it
    closes at the end of the block; as an asynchronous iterator it yields every message
    until the server ends the connection.
    """

    def __init__(self, user: User) -> None:
        self.now: Callable[[], float] = user.run.native.now
        self._user = user
        self._native = user.run.native
        self._inbox: deque[Any] = deque()
        self._reader = DocumentReader()
        self._end: Exception | None = None
        self._has_sent_eof = False

    @abstractmethod
    async def send(self, message: object) -> None:
        """Send `message` as one document; waits only if the server reads too slowly.

        Raises
        ------
        anyio.BrokenResourceError
            If the connection is gone, or goes while this waits.
        """

    @abstractmethod
    async def send_eof(self) -> None:
        """Say that nothing more will be sent; messages can still be received.

        From now on receiving goes on when the user is asked to leave: this is how it
        leaves without losing what was on its way.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Close; what was sent before is still delivered where it can be."""

    async def receive(self) -> Any:  # noqa: ANN401 - any JSON
        """Return the next message, waiting for one if there is none.

        Raises
        ------
        anyio.EndOfStream
            If the server ended the connection and every message was received.
        anyio.BrokenResourceError
            If the connection broke.
        InvalidDocumentError
            If what the server sent is not JSON.
        Leaving
            Once the user is asked to leave.
        """
        await self.wait_message()
        return self._inbox.popleft()

    def receive_nowait(self) -> Any:  # noqa: ANN401 - any JSON
        """Return the next message.

        Raises
        ------
        anyio.WouldBlock
            If there is none at the moment.
        """
        if not self._inbox:
            raise anyio.WouldBlock
        return self._inbox.popleft()

    async def wait_message(self, deadline: float = math.inf) -> bool:
        """Wait until a message can be received (True) or `deadline` is reached (False).

        Parameters
        ----------
        deadline : float, optional
            Moment by `now`, in monotonic seconds; never if not given.

        Raises
        ------
        Exception
            As `receive`.
        """
        while not self._inbox:
            if self._user.is_leaving and not self._has_sent_eof:
                raise Leaving
            if self._end is not None:
                raise self._end
            if not await self._wait_input(deadline):
                return bool(self._inbox)
        return True

    @abstractmethod
    async def _wait_input(self, deadline: float) -> bool:
        """Wait for anything to happen; False at the deadline."""

    def __aiter__(self) -> Self:
        """Return the connection."""
        return self

    async def __anext__(self) -> Any:  # noqa: ANN401 - any JSON
        """Return the next message, until the server ends the connection."""
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        """Return the connection."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.aclose()

    def _feed(self, data: bytes) -> None:
        if self._end is not None:
            return
        try:
            for message, _ in self._reader.feed(data):
                self._inbox.append(message)
        except InvalidDocumentError as error:
            self._ended(error)

    def _ended(self, reason: Exception | None) -> None:
        """Note why nothing more will come; None if the server said so."""
        if self._end is not None:
            return
        if reason is None:
            self._end = anyio.EndOfStream("the server closed the connection")
        elif isinstance(reason, OSError):
            self._end = anyio.BrokenResourceError(f"the connection broke: {reason}")
        else:
            self._end = reason


class _AsyncioConnection(JsonConnection, Stream):
    """The connection as a protocol of asyncio or uvloop."""

    def __init__(self, user: User) -> None:
        JsonConnection.__init__(self, user)
        Stream.__init__(self)
        self._waiter: Wakeup | None = None
        self._writable: anyio.Event | None = None
        self._is_lost = False  # with whatever was still to be written

    def take(self, data: bytes) -> None:
        self._feed(data)
        if len(self._inbox) > INBOX_SIZE:
            self.hold()
        self._wake()

    def eof_received(self) -> bool:
        self._ended(None)
        self._wake()
        return True  # keep the sending side

    def ended(self, error: Exception | None) -> None:
        self._ended(error)
        self._is_lost = True
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        self._writable = anyio.Event()

    def resume_writing(self) -> None:
        if self._writable is not None:
            self._writable.set()
            self._writable = None

    async def send(self, message: object) -> None:
        if self.transport.is_closing():
            raise anyio.BrokenResourceError("the connection is gone")
        self.transport.write(_encode(message).encode())
        if self._writable is not None:
            await self._writable.wait()
            if self._is_lost:
                raise anyio.BrokenResourceError("the connection broke before all was sent")

    async def send_eof(self) -> None:
        self._has_sent_eof = True
        if not self.transport.is_closing():
            self.transport.write_eof()

    async def aclose(self) -> None:
        self.transport.close()

    async def _wait_input(self, deadline: float) -> bool:
        if self._waiter is not None:
            raise anyio.BusyResourceError("receiving from")
        self.release()
        self._waiter = wakeup = self._native.wakeup()
        listening = self._user.listen(wakeup)
        try:
            return await self._native.wait_until(wakeup, deadline)
        finally:
            listening.remove(wakeup)
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None:
            self._waiter.wake()


class _AnyioConnection(JsonConnection):
    """The connection on anyio's streams, for every other backend."""

    def __init__(self, user: User, stream: anyio.abc.SocketStream) -> None:
        super().__init__(user)
        self._stream = stream

    async def send(self, message: object) -> None:
        try:
            await self._stream.send(_encode(message).encode())
        except anyio.ClosedResourceError:
            raise anyio.BrokenResourceError("the connection is gone") from None

    async def send_eof(self) -> None:
        self._has_sent_eof = True
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def _wait_input(self, deadline: float) -> bool:
        with anyio.CancelScope(deadline=deadline) as scope:
            listening = self._user.listen(wakeup := _ScopeWakeup(scope))
            try:
                self._feed(await self._stream.receive())
            except anyio.EndOfStream:
                self._ended(None)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
                self._ended(error)
            finally:
                listening.remove(wakeup)
        return not scope.cancelled_caught or self._user.is_leaving


class _ScopeWakeup:
    """Wakes whatever waits in a cancel scope."""

    __slots__ = ("_scope",)

    def __init__(self, scope: anyio.CancelScope) -> None:
        self._scope = scope

    def wake(self, value: object = None) -> bool:
        self._scope.cancel()
        return True

    @property
    def is_over(self) -> bool:
        return self._scope.cancel_called


@on_loop("murmur.connect_json")
async def connect_json(
    user: User, host: str, port: int, *, timeout: float = CONNECT_TIMEOUT
) -> JsonConnection:
    """Connect `user` to a server that speaks JSON documents over TCP.

    Parameters
    ----------
    user : User
        Who connects; waiting for a message ends when it is asked to leave.
    host : str
        Name or address of the server.  All addresses of a name are tried.
    port : int
        Its port.
    timeout : float, default 10.0
        Seconds to look up the name and connect.

    Raises
    ------
    OSError
        If there is no connection to be had; the message names host and port.  A
        `TimeoutError` if there was none in time.
    TargetNotAllowedError
        If the session's guard does not allow that host.
    ValueError
        If `host` is no text, `port` no port, or `timeout` no number of seconds.

    Examples
    --------
    A scenario's ``start`` says::

        async with await connect_json(user, self.host, self.port) as connection:
            await connection.send({"connect": str(user.id)})
            reply = await connection.receive()
    """
    if not isinstance(timeout, Real) or isinstance(timeout, bool) or not timeout > 0:
        raise ValueError(f"timeout={timeout!r}: give more than 0 seconds, as a number")
    if not isinstance(host, str):
        raise ValueError(f"host={host!r}: give a name or an address, as text")
    port = _checked_port(port)
    check_target(user.run, host)
    try:
        with anyio.fail_after(None if timeout == math.inf else timeout):
            name = ascii_host(host)
            if not isinstance(user.run.native, AsyncioNative):
                return _AnyioConnection(user, await anyio.connect_tcp(name, port))
            return await dial(lambda: _AsyncioConnection(user), name, port)
    except TimeoutError as error:
        if error.errno is not None:
            raise OSError(error.errno, _cannot(host, port, error.strerror)) from error
        raise TimeoutError(_cannot(host, port, f"no connection within {timeout:g} s")) from error
    except OSError as error:
        raise OSError(error.errno, _cannot(host, port, error.strerror or str(error))) from error
    except UnicodeError as error:
        raise OSError(_cannot(host, port, f"no name of a host ({error})")) from error


def _checked_port(port: object) -> int:
    """Return a port that was given, also as text, if it is one."""
    number = int(port) if isinstance(port, str) and port.isdecimal() else port
    if isinstance(number, int) and not isinstance(number, bool) and 0 < number <= HIGHEST_PORT:
        return number
    raise ValueError(f"port={port!r}: give a whole number from 1 to {HIGHEST_PORT}")


def _cannot(host: str, port: int, why: str | None) -> str:
    return f"cannot connect to {host}:{port}: {why}"
