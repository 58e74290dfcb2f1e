"""The guest's side of a session: questions, and their answers.

Each question goes over a connection that no other one is using, so that a person's `stop`
waits for nobody, and blocks until its answer is there.  Whoever asks brings the thread.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from murmur._backend import thread_lock
from murmur._wire import WireError, decode, encode, revive_fault
from murmur.errors import JoinError, NodeTimeoutError, SessionClosedError

from ._facts import own_version
from ._link import Frames, framed
from ._ticket import STEERING_NAME

if TYPE_CHECKING:
    from ._ticket import Ticket

_AGAIN = "murmur.attach() enters one that is there"

CONNECT = 10.0
"""Seconds that connecting may take."""


class Visit:
    """A guest's connections to a session."""

    def __init__(self, ticket: Ticket, records: Mapping[str, type]) -> None:
        self.rights: tuple[str, ...] = ()  # what the session lets this guest do
        self.is_closed: bool = False
        self._ticket = ticket
        self._records = records
        self._context = ticket.context()
        self._idle: list[ssl.SSLSocket] = []
        self._lock = thread_lock()
        self._idle.append(self._connect())

    def ask(self, verb: str, *arguments: object, patience: float, **keywords: object) -> Any:  # noqa: ANN401 - the verb's own
        """Return what the session answers, or raise what it raised.

        Raises `SessionClosedError` if the session is gone; `NodeTimeoutError` if it does not
        answer within `patience` seconds.
        """
        if self.is_closed:
            raise SessionClosedError("this process left it", _AGAIN)
        question = encode([0, verb, list(arguments), keywords], what=f"the arguments of {verb}")
        try:
            kind, body = self._exchange("ask", question, patience)
        except JoinError as error:
            raise SessionClosedError(str(error), _AGAIN) from None
        except TimeoutError:
            raise NodeTimeoutError("steering", verb, patience) from None
        except OSError as error:
            reason = f"nobody is at {self._ticket.address} ({error})"
            raise SessionClosedError(reason, _AGAIN) from None
        if kind != "answer":
            raise WireError(f"the session said {kind!r}")
        _, is_done, value = decode(body, self._records)
        if not is_done:
            raise revive_fault("steering", value)
        return value

    def close(self) -> None:
        """Leave."""
        with self._lock:
            self.is_closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _exchange(self, kind: str, body: bytes, patience: float) -> tuple[str, bytes]:
        with self._connection() as connection:
            connection.settimeout(patience)
            connection.sendall(framed(kind, body))
            return _read(connection)

    @contextmanager
    def _connection(self) -> Iterator[ssl.SSLSocket]:
        """Lend a connection; one over which something went wrong is closed."""
        with self._lock:
            kept = self._idle.pop() if self._idle else None
        if kept is not None and _has_ended(kept):
            kept.close()
            kept = None
        connection = kept or self._connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with self._lock:
            if not self.is_closed:
                self._idle.append(connection)
                return
        connection.close()

    def _connect(self) -> ssl.SSLSocket:
        address = self._ticket.address
        host, _, port = address.rpartition(":")
        try:
            plain = socket.create_connection((host.strip("[]"), int(port)), CONNECT)
        except OSError as error:
            raise JoinError(address, error.strerror or str(error)) from None
        try:
            connection = self._context.wrap_socket(plain, server_hostname=STEERING_NAME)
            connection.sendall(framed("visit", encode(own_version())))
            kind, body = _read(connection)
        except OSError as error:
            plain.close()
            raise JoinError(address, f"it let nobody in with this ticket ({error})") from None
        if kind != "welcome":
            connection.close()
            raise JoinError(address, str(decode(body)), is_final=True)
        self.rights = tuple(decode(body))
        return connection


def _read(connection: ssl.SSLSocket) -> tuple[str, bytes]:
    """Return the next message; nobody sends a second one before it was asked for."""
    frames = Frames()
    while True:
        data = connection.recv(2**20)
        if not data:
            raise ConnectionResetError("the connection was closed")
        for message in frames.take(data):
            return message


def _has_ended(connection: ssl.SSLSocket) -> bool:
    """Return whether the other side closed a connection over which nothing was asked."""
    connection.settimeout(0.0)
    try:
        connection.recv(1)
    except ssl.SSLWantReadError:
        return False
    except OSError:
        return True
    return True  # the end, or something that nobody asked for
