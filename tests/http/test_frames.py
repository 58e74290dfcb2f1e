"""Messages of WebSockets, however their frames are cut, without a connection."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from murmur.errors import HttpProtocolError
from murmur.http import Client, Options, WebSocket

PING = None

UNREAD = 4 << 20  # letters that may wait to be received, as the page on HTTP has it

texts = st.text(max_size=40) | st.sampled_from(["x" * 125, "x" * 126, "é" * 70_000])
messages = st.one_of(texts, st.binary(max_size=200))
sent = st.lists(st.just(PING) | st.lists(messages, min_size=1, max_size=3), max_size=8)


class Far:
    """A transport, and the server at the other end of it."""

    def __init__(self, protocol: Any, *, compress: bool) -> None:
        self.protocol = protocol
        extensions = [ServerPerMessageDeflateFactory()] if compress else []
        self.server = ServerProtocol(extensions=extensions)
        self.received: list[Frame] = []
        self.is_waiting = False

    def write(self, data: bytes) -> None:
        self.server.receive_data(data)
        for event in self.server.events_received():
            if isinstance(event, Frame):
                self.received.append(event)
            else:
                self.server.send_response(self.server.accept(event))  # type: ignore[arg-type]
                self.protocol.data_received(self.sent())

    def sent(self) -> bytes:
        """Return what the server sends."""
        return b"".join(self.server.data_to_send())

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        self.is_waiting = True

    def resume_reading(self) -> None:
        self.is_waiting = False

    def get_extra_info(self, name: str, default: object = None) -> object:
        return default

    def abort(self) -> None:
        self.protocol.connection_lost(None)

    close = abort


@asynccontextmanager
async def connected(
    *, compress: bool = False, limit: int = 1 << 30
) -> AsyncIterator[tuple[WebSocket, Far]]:
    """Give both ends of a connection that is there."""
    made: list[Far] = []

    async def dial(make: Any, *_: object, **__: object) -> Any:
        protocol = make()
        protocol.portion = 1 << 30  # it takes in what it gets at once
        made.append(Far(protocol, compress=compress))
        protocol.connection_made(made[0])
        return protocol

    options = Options(base_url="http://127.0.0.1:1", max_body_bytes=limit)
    with mock.patch("murmur.http._wire.dial", dial):
        async with (
            Client(options=options) as client,
            client.websocket("/", compress=compress) as websocket,
        ):
            try:
                yield websocket, made[0]
            finally:
                made[0].abort()


async def messages_of(websocket: WebSocket) -> list[Any]:
    """Return the messages that came."""
    found = []
    while True:
        try:
            found.append(await websocket.receive(timeout=0))
        except TimeoutError:
            return found


def whole(parts: list[Any]) -> Any:
    """Return the message that parts of the first one's type come to."""
    kind = type(parts[0])
    return kind().join(part for part in parts if isinstance(part, kind))


def said(server: ServerProtocol, parts: list[Any]) -> None:
    """Have the server send a message in parts."""
    parts = [part for part in parts if isinstance(part, type(parts[0]))]
    data = [part.encode() if isinstance(part, str) else part for part in parts]
    send = server.send_text if isinstance(parts[0], str) else server.send_binary
    for number, part in enumerate(data, 1):
        (send if number == 1 else server.send_continuation)(part, number == len(data))


@settings(deadline=None, max_examples=60)
@given(sent, st.lists(st.integers(1, 400), max_size=12), st.booleans())
def test_messages_are_the_same_however_they_are_cut(
    plan: list[Any], cuts: list[int], compress: bool
) -> None:
    async def take() -> tuple[list[Any], int]:
        async with connected(compress=compress) as (websocket, far):
            for each in plan:
                far.server.send_ping(b"p") if each is PING else said(far.server, each)
            wire = far.sent()
            ends = [*(end for end in itertools.accumulate(cuts) if end < len(wire)), len(wire)]
            for begin, end in zip([0, *ends[:-1]], ends, strict=True):
                far.protocol.data_received(wire[begin:end])
            pongs = sum(frame.opcode is Opcode.PONG for frame in far.received)
            return await messages_of(websocket), pongs

    got, pongs = asyncio.run(take())

    assert got == [whole(each) for each in plan if each is not PING]
    assert pongs == sum(each is PING for each in plan)


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
@pytest.mark.parametrize("compress", [False, True])
def test_messages_of_every_length_arrive(size: int, compress: bool) -> None:
    async def send() -> list[Frame]:
        async with connected(compress=compress) as (websocket, far):
            text = "é" * (size // 2) + "x" * (size % 2)
            for message in (text, b"y" * size, bytearray(b"z" * size)):
                await websocket.send(message)  # type: ignore[arg-type]
            return far.received

    text, binary, other = asyncio.run(send())

    assert (text.opcode, len(text.data)) == (Opcode.TEXT, size)
    assert bytes(text.data).decode() == "é" * (size // 2) + "x" * (size % 2)
    assert (binary.opcode, bytes(binary.data)) == (Opcode.BINARY, b"y" * size)
    assert (other.opcode, bytes(other.data)) == (Opcode.BINARY, b"z" * size)


def test_each_message_has_a_key_of_its_own() -> None:
    async def keys() -> list[bytes]:
        async with connected() as (websocket, far):
            written: list[bytes] = []
            with mock.patch.object(far, "write", written.append):
                for _ in range(200):
                    await websocket.send("x")
            return [each[2:6] for each in written]

    assert len(set(asyncio.run(keys()))) > 190


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (b"\x81\x02\xc3\x28", "not UTF-8"),
        (b"\x91\x01x", "malformed frame"),  # a reserved bit
        (b"\x81\x81abcdx", "malformed frame"),  # masked
        (b"\x83\x01x", "malformed frame"),  # an opcode that is none
        (b"\x81\x15" + b"x" * 21, "malformed frame"),  # longer than the limit
    ],
)
def test_what_breaks_the_rules_ends_the_connection(wire: bytes, reason: str) -> None:
    async def end() -> None:
        async with connected(limit=20) as (websocket, far):
            for _ in range(2):  # the first goes the long way
                said(far.server, ["hello"])
            far.protocol.data_received(far.sent() + wire)
            assert [await websocket.receive(), await websocket.receive()] == ["hello"] * 2
            with pytest.raises(HttpProtocolError, match=reason):
                await websocket.receive()
            assert websocket.is_closed

    asyncio.run(end())


def test_a_server_waits_for_messages_that_are_there_and_not_for_those_that_were() -> None:
    """Letters of two bytes are counted as they were when they came."""

    async def talk() -> None:
        async with connected() as (websocket, far):

            def say() -> None:
                said(far.server, ["é" * 20_000])
                far.protocol.data_received(far.sent())

            for _ in range(3 * UNREAD // 20_000):
                say()
                assert len(await websocket.receive()) == 20_000
                assert not far.is_waiting
            for _ in range(UNREAD // 20_000 + 1):
                say()
            assert far.is_waiting
            await websocket.receive()
            await websocket.receive()
            assert not far.is_waiting

    asyncio.run(talk())
