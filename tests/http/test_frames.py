"""Frames of WebSockets, taken in one by one however they are cut, without a connection."""

from __future__ import annotations

import asyncio
import itertools
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from murmur.errors import HttpProtocolError
from murmur.http._frames import EACH, UNREAD, Frames, handshake_uri
from murmur.http._url import location_of

PING = None

texts = st.text(max_size=40) | st.sampled_from(["x" * 125, "x" * 126, "é" * 70_000])
messages = st.one_of(texts, st.binary(max_size=200))
sent = st.lists(st.just(PING) | st.lists(messages, min_size=1, max_size=3), max_size=8)


class Far:
    """A transport, and the server at the other end of it."""

    def __init__(self, frames: Frames, *, compress: bool) -> None:
        self._frames = frames
        self.server = ServerProtocol()
        if compress:
            from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

            self.server = ServerProtocol(extensions=[ServerPerMessageDeflateFactory()])
        self.received: list[Frame] = []
        self.is_waiting = False

    def write(self, data: bytes) -> None:
        self.server.receive_data(data)
        for event in self.server.events_received():
            if isinstance(event, Frame):
                self.received.append(event)
            else:
                self.server.send_response(self.server.accept(event))  # type: ignore[arg-type]
                self._frames.data_received(self.sent())

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

    def close(self) -> None:
        pass

    abort = close


async def connected(*, compress: bool = False, limit: float = math.inf) -> tuple[Frames, Far]:
    """Return both ends of a connection that is there."""
    frames = Frames(
        handshake_uri(location_of("http://127.0.0.1:1/")[0], "/"),
        (),
        subprotocols=(),
        compress=compress,
        limit=limit,
        now=asyncio.get_running_loop().time,
        on_drop=lambda: pytest.fail("a message was dropped"),
    )
    far = Far(frames, compress=compress)
    frames.portion = 1 << 30  # it takes in what it gets at once
    frames.connection_made(far)  # type: ignore[arg-type]
    await frames.shake_hands(None)  # type: ignore[arg-type]  # it has nothing to wait for
    return frames, far


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
        frames, far = await connected(compress=compress)
        for each in plan:
            far.server.send_ping(b"p") if each is PING else said(far.server, each)
        wire = far.sent()
        ends = [*(end for end in itertools.accumulate(cuts) if end < len(wire)), len(wire)]
        for begin, end in zip([0, *ends[:-1]], ends, strict=True):
            frames.data_received(wire[begin:end])
        pongs = sum(frame.opcode is Opcode.PONG for frame in far.received)
        return [frames.next() for _ in range(len(frames.inbox))], pongs

    got, pongs = asyncio.run(take())

    assert got == [whole(each) for each in plan if each is not PING]
    assert pongs == sum(each is PING for each in plan)


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
@pytest.mark.parametrize("compress", [False, True])
def test_messages_of_every_length_arrive(size: int, compress: bool) -> None:
    async def send() -> list[Frame]:
        frames, far = await connected(compress=compress)
        for message in ("é" * (size // 2) + "x" * (size % 2), b"y" * size, bytearray(b"z" * size)):
            frames.send(message)  # type: ignore[arg-type]
        return far.received

    text, binary, other = asyncio.run(send())

    assert (text.opcode, len(text.data)) == (Opcode.TEXT, size)
    assert bytes(text.data).decode() == "é" * (size // 2) + "x" * (size % 2)
    assert (binary.opcode, bytes(binary.data)) == (Opcode.BINARY, b"y" * size)
    assert (other.opcode, bytes(other.data)) == (Opcode.BINARY, b"z" * size)


def test_each_message_has_a_key_of_its_own() -> None:
    async def keys() -> list[bytes]:
        frames, far = await connected()
        written: list[bytes] = []
        far.write = written.append  # type: ignore[assignment, method-assign]
        for _ in range(200):
            frames.send("x")
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
    async def end() -> tuple[Frames, int]:
        frames, far = await connected(limit=20)
        for _ in range(2):  # the first goes the long way
            said(far.server, ["hello"])
        frames.data_received(far.sent() + wire)
        return frames, len(frames.inbox)

    frames, number = asyncio.run(end())

    assert number == 2
    assert isinstance(frames.end, HttpProtocolError)
    assert reason in str(frames.end)
    assert frames.is_over


def test_a_server_waits_for_messages_that_are_there_and_not_for_those_that_were() -> None:
    """Letters of two bytes are counted as they were when they came."""

    async def talk() -> bool:
        frames, far = await connected()
        for _ in range(3 * UNREAD // 20_000):
            said(far.server, ["é" * 20_000])
            frames.data_received(far.sent())
            frames.next()
        was_waiting = far.is_waiting
        for _ in range(UNREAD // (20_000 + EACH) + 1):
            said(far.server, ["é" * 20_000])
            frames.data_received(far.sent())
        assert far.is_waiting
        frames.next()
        return was_waiting or far.is_waiting

    assert not asyncio.run(talk())
