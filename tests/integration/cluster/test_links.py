"""A link over TLS loses nothing of what was sent before its end, and nothing that came early."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import anyio
import anyio.to_thread
import pytest

import murmur
from murmur._backend import Secured, connect, listening
from murmur._wire import encode
from murmur.cluster import Authority
from murmur.cluster._tls import TlsNodeLink, TlsSteeringLink


class End:
    """Hears at one end of a link, and lives until it is told that the other end has left."""

    def __init__(self) -> None:
        self.greet: Callable[[int], object] = lambda _: None
        self.messages: list[tuple[str, int]] = []
        self.reason = ""

    def joined(self, peer: int, *_: object) -> None:
        self.greet(peer)

    def company(self) -> list[tuple[str, bytes]]:
        return []

    def heard(self, *message: object) -> None:
        kind, body = message[-2:]
        assert isinstance(kind, str)
        assert isinstance(body, bytes)
        self.messages.append((kind, len(body)))

    def left(self, *reason: object) -> None:
        self.reason = str(reason[-1])

    async def live(self) -> None:
        while not self.reason:  # noqa: ASYNC110 - it is told by a plain call
            await anyio.sleep(0.01)


def converse(
    here: End,
    there: End,
    *,
    greet: Callable[[TlsSteeringLink, int], object] = lambda _link, _peer: None,
    begin: Callable[[TlsNodeLink], object] = lambda _: None,
) -> None:
    """Let a node connect, and both ends live until the connection is closed."""
    authority = Authority()
    link = TlsSteeringLink(authority.context(), "127.0.0.1", 0)
    here.greet = lambda peer: greet(link, peer)

    async def main() -> None:
        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                address = await tasks.start(link.serve, here)
                node = TlsNodeLink(authority.ticket(address, 60))
                await tasks.start(node.serve, there)
                begin(node)

    anyio.run(main)


def test_all_that_was_sent_before_the_end_of_a_connection_arrives() -> None:
    """64 MB, which is more than the system holds."""
    here, there = End(), End()

    def greet(link: TlsSteeringLink, peer: int) -> None:
        for _ in range(64):
            link.send(peer, "call", bytes(2**20))
        link.expel(peer)

    converse(here, there, greet=greet)

    assert there.messages == [("call", 2**20)] * 64
    assert here.reason == there.reason == "the connection was closed"


def test_what_a_node_says_at_once_is_heard_in_order() -> None:
    """It may come together with the end of the handshake."""
    here, there = End(), End()

    def begin(node: TlsNodeLink) -> None:
        for size in range(100):
            node.send("hello", bytes(size))
        node.close()

    converse(here, there, begin=begin)

    assert here.messages == [("hello", size) for size in range(100)]


class Late(End):
    """A steering kernel that stands still for a second when it hears the first chunk."""

    def __init__(self, link: TlsSteeringLink) -> None:
        super().__init__()
        self._link = link

    def heard(self, *message: object) -> None:
        super().heard(*message)
        peer, kind = message[0], message[1]
        assert isinstance(peer, int)
        if kind == "hello":
            self._link.send(peer, "welcome", encode(["node", 5.0, 0.0]))
        elif kind == "chunk" and sum(told == "chunk" for told, _ in self.messages) == 1:
            time.sleep(1)
        elif kind == "parted":
            self._link.expel(peer)


def test_what_a_node_measured_last_arrives_at_a_steering_kernel_that_is_late() -> None:
    """16 MB, which is more than the system holds; else users of the last second are lost."""
    authority = Authority()
    link = TlsSteeringLink(authority.context(), "127.0.0.1", 0)
    here = Late(link)

    def farewell(ticket: str) -> None:
        node = murmur.join(ticket)
        for _ in range(16):
            node._agent._link.send("chunk", bytes(2**20))
        node.leave()

    async def main() -> None:
        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                address = await tasks.start(link.serve, here)
                await anyio.to_thread.run_sync(farewell, authority.ticket(address, 60).text)

    anyio.run(main)

    said = [kind for kind, _ in here.messages if kind != "pulse"]
    assert said == ["hello", *["chunk"] * 16, "leaving", "parted"]


def test_a_side_that_is_gone_is_written_to_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    """All in one turn of the loop, as by a process that stood still and has much to say."""
    authority = Authority()

    async def main() -> None:
        met, meet = anyio.create_memory_object_stream[Secured](1)
        async with listening("127.0.0.1", 0, met.send_nowait) as port, met, meet:
            ticket = authority.ticket(f"127.0.0.1:{port}", 60)
            there = await connect("127.0.0.1", port)
            here = await meet.receive()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(here.secure, authority.context())
                tasks.start_soon(there.secure, ticket.context(), "steering.murmur.internal")
            there.socket.shutdown(socket.SHUT_RDWR)
            for _ in range(30):
                here.write(bytes(100))
            here.abort()
            there.abort()

    anyio.run(main)

    assert caplog.messages == []
