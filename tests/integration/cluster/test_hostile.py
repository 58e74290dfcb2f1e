"""Peers on the port that should not be there, and nodes that send what they should not."""

from __future__ import annotations

import pickle
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import anyio.lowlevel
import anyio.to_thread
import pytest

import murmur
from murmur._wire import encode
from murmur.cluster import Authority, Ticket
from murmur.cluster._facts import NodeFacts
from murmur.cluster._link import MAX_MESSAGE
from murmur.cluster._ticket import STEERING_NAME
from murmur.cluster._tls import TlsSteeringLink

HELLO = {
    name: getattr(NodeFacts.here("raw"), name)
    for name in ("name", "host", "pid", "cores", "python", "murmur")
}


class Brief(murmur.Scenario):
    """Users come and go."""

    async def start(self, user: murmur.User) -> None:
        user.count("was here")


def place(ticket: Ticket) -> tuple[str, int]:
    host, _, port = ticket.address.rpartition(":")
    return host, int(port)


@contextmanager
def secured(ticket: Ticket, key: Ticket | None = None) -> Iterator[ssl.SSLSocket]:
    """Connect with the certificate of `key`, or of the ticket itself."""
    context = (key or ticket).context()
    context.load_verify_locations(cadata=ticket.authority)
    with (
        socket.create_connection(place(ticket), timeout=60) as plain,
        context.wrap_socket(plain, server_hostname=STEERING_NAME) as stream,
    ):
        yield stream


def frame(kind: bytes, body: bytes, size: int | None = None) -> bytes:
    return struct.pack("!IB", len(body) if size is None else size, len(kind)) + kind + body


def read_frame(stream: ssl.SSLSocket, wanted: bytes) -> bytes:
    """Return the body of the next frame of that kind."""
    with stream.makefile("rb") as reader:
        while True:
            size, kind_size = struct.unpack("!IB", reader.read(5))
            kind, body = reader.read(kind_size), reader.read(size)
            if kind == wanted:
                return body


def is_closed(stream: Any) -> bool:
    """Whether the other side ends the connection without a word."""
    stream.settimeout(60)
    try:
        return stream.recv(100) == b""
    except (ConnectionError, ssl.SSLError):
        return True


def is_refused(ticket: Ticket, key: Ticket) -> bool:
    """Whether the certificate of `key` lets nobody in; TLS 1.3 says so after the handshake."""
    try:
        with secured(ticket, key) as stream:
            stream.sendall(frame(b"hello", encode(HELLO)))
            return is_closed(stream)
    except (ssl.SSLError, ConnectionError):
        return True


def still_works(session: murmur.Session) -> bool:
    with murmur.join(session.open(), name="good"):
        run = session.do(Brief, 3, user_rate=float("inf"), end_when_idle=True)
        run.wait(timeout=60)
        return bool(run.results.counters["value"].sum() == 3)


def test_a_plain_text_peer_gets_nothing_but_an_alert(session: murmur.Session) -> None:
    ticket = session.open()
    with socket.create_connection(place(ticket), timeout=60) as stream:
        stream.sendall(b"GET / HTTP/1.1\r\nHost: murmur\r\n\r\n")
        stream.settimeout(60)
        try:
            answer = stream.recv(1000)
        except ConnectionError:
            answer = b""

    assert b"murmur" not in answer.lower()
    assert len(answer) <= 7  # at most a TLS alert
    assert still_works(session)


def test_garbage_on_the_port_disturbs_nobody(session: murmur.Session) -> None:
    ticket = session.open()
    for junk in (b"\0" * 1000, b"\x16\x03\x01\xff\xff" + b"x" * 2000, pickle.dumps({"op": "x"})):
        with socket.create_connection(place(ticket), timeout=60) as stream:
            stream.sendall(junk)
            assert is_closed(stream)

    assert still_works(session)


def test_many_connections_that_say_nothing_keep_nobody_out(
    session: murmur.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of those in their handshake 256 are kept, and the oldest gives way to who comes."""
    monkeypatch.setattr("murmur.cluster._tls.CONNECT", 120)  # of a busy machine
    ticket = session.open()
    for _ in range(3_000):
        try:
            socket.create_connection(place(ticket), timeout=60).close()
        except OSError:
            continue
    with ExitStack() as silent:
        for _ in range(400):
            silent.enter_context(socket.create_connection(place(ticket), timeout=60))
        assert still_works(session)


class Leavers:
    """Hears of who comes to a link and why they went."""

    def __init__(self) -> None:
        self.peers: list[int] = []
        self.reasons: list[str] = []

    def joined(self, peer: int, *_: object) -> None:
        self.peers.append(peer)

    def heard(self, *_: object) -> None:
        """Nobody says anything."""

    def left(self, _: int, reason: str) -> None:
        self.reasons.append(reason)

    async def live(self) -> None:
        while not self.reasons:  # noqa: ASYNC110 - it is told by a plain call
            await anyio.sleep(0.02)


def test_who_takes_in_nothing_is_cut_off_and_that_is_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("murmur.cluster._tls.BACKLOG", 2**20)
    authority, leavers = Authority(), Leavers()
    link = TlsSteeringLink(authority.context(), "127.0.0.1", 0)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            address = await tasks.start(link.serve, leavers)
            ticket = authority.ticket(address, 60)
            deaf = secured(ticket)
            await anyio.to_thread.run_sync(deaf.__enter__)
            with anyio.fail_after(60):
                while not leavers.reasons:
                    if leavers.peers:
                        link.send(leavers.peers[0], "call", bytes(2**18))
                    await anyio.lowlevel.checkpoint()
            deaf.__exit__(None, None, None)

    anyio.run(main)
    assert leavers.reasons[0].startswith("the other side took in too little: 1,")


def test_a_stranger_in_its_handshake_is_let_go_when_the_session_closes() -> None:
    with murmur.Session() as session:
        stranger = socket.create_connection(place(session.open()), timeout=60)
        stranger.sendall(b"\x16\x03\x01")  # a handshake begins so
        time.sleep(0.3)
    with stranger:
        assert is_closed(stranger)


def test_another_sessions_ticket_is_worth_nothing(session: murmur.Session) -> None:
    ticket = session.open()
    stranger = Authority().ticket(ticket.address, 60)

    assert is_refused(ticket, stranger)
    with pytest.raises(murmur.MurmurError, match="the session that listens there is another one"):
        murmur.join(stranger)
    assert still_works(session)


def test_an_expired_certificate_lets_nobody_in(session: murmur.Session) -> None:
    ticket = session.open()
    entrance = session._host.entrance
    assert entrance._opening is not None
    expired = entrance._opening.ticket(lifetime=-3600)

    assert is_refused(ticket, expired)
    assert list(session.nodes) == ["local"]
    assert still_works(session)
    assert not ticket.has_expired


def test_a_node_cannot_pose_as_the_steering_kernel(session: murmur.Session) -> None:
    """The certificate of a node is for clients only."""
    ticket = session.open()
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(ticket.certificate.encode())
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value

    assert [each.dotted_string for each in usage] == ["1.3.6.1.5.5.7.3.2"]  # clientAuth


def test_a_message_beyond_the_limit_ends_the_connection(session: murmur.Session) -> None:
    with secured(session.open()) as stream:
        stream.sendall(frame(b"hello", b"", size=MAX_MESSAGE + 1))

        assert is_closed(stream)
    assert still_works(session)


def test_a_pickle_from_a_node_is_not_loaded(session: murmur.Session, tmp_path: Path) -> None:
    """Wherever a node may send bytes, a pickle is an error and costs it its place."""
    mark = tmp_path / "executed"

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (mark,)

    bomb = pickle.dumps(Bomb())
    for kind in (b"reply", b"chunk", b"message", b"state", b"leaving", b"lease", b"coordinate"):
        with secured(session.open()) as stream:
            stream.sendall(frame(b"hello", encode(HELLO)))
            read_frame(stream, b"welcome")
            stream.sendall(frame(kind, bomb))
            stream.settimeout(60)
            while stream.recv(4096):
                pass
    with secured(session.open()) as stream:
        stream.sendall(frame(b"hello", bomb))
        assert is_closed(stream)

    assert not mark.exists()
    assert still_works(session)


def test_another_version_is_refused_with_a_sentence(session: murmur.Session) -> None:
    for fact, sentence in (("python", b"Python 2.7"), ("murmur", b"murmur 0.0.0")):
        other = {"python": "2.7.18", "murmur": "0.0.0"}[fact]
        with secured(session.open()) as stream:
            stream.sendall(frame(b"hello", encode({**HELLO, fact: other})))

            assert sentence in read_frame(stream, b"refused")
    assert still_works(session)


def test_a_connection_that_never_says_who_it_is_becomes_no_node(session: murmur.Session) -> None:
    with secured(session.open()) as stream:
        stream.sendall(frame(b"chunk", b"\xc0"))

        assert list(session.nodes) == ["local"]
        assert still_works(session)
