"""Messages of WebSockets, however their frames are cut, without a connection."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from unittest import mock

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from murmur.errors import ConnectionLostError, HttpProtocolError, HttpTimeoutError, Leaving
from murmur.http import Client, Options, WebSocket
from murmur.throttles import give_due

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
        self.is_gone = False

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
        self.is_gone = True
        self.protocol.connection_lost(None)

    close = abort


@asynccontextmanager
async def connected(
    *, compress: bool = False, limit: int = 1 << 30, user: Any = None
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
            Client(user, options) as client,
            client.websocket("/", name="connect", compress=compress) as websocket,
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
        (b"\x91\x01x", "malformed frame: reserved bits must be 0"),
        (b"\x81\x81abcdx", "malformed frame: incorrect masking"),
        (b"\x83\x01x", "malformed frame: invalid opcode$"),
        (b"\x88\x02\x03\xed", "malformed frame: invalid status code$"),  # 1005, which says "none"
        (b"\x88\x03\x03\xe8\xff", "malformed frame: the farewell is not UTF-8"),
        (b"\x81\x15" + b"x" * 21, "a message is longer than 20 bytes"),
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


@pytest.mark.parametrize("step", [1, 3, 1_000])
def test_nothing_is_taken_behind_a_text_that_is_none(step: int) -> None:
    async def take() -> list[Any]:
        async with connected() as (websocket, far):
            said(far.server, ["hello"])
            wire = far.sent() + b"\x01\x01\xc3\x80\x01\x28" + b"\x82\x01x\x81\x01y"
            for begin in range(0, len(wire), step):
                if not far.is_gone:
                    far.protocol.data_received(wire[begin : begin + step])
            found = [await websocket.receive()]
            with pytest.raises(HttpProtocolError, match="not UTF-8"):
                await websocket.receive()
            return found

    assert asyncio.run(take()) == ["hello"]


def test_a_websocket_is_closed_once_nothing_can_be_written() -> None:
    async def states() -> tuple[bool, bool]:
        async with connected() as (websocket, far):
            before = websocket.is_closed
            with mock.patch.object(far, "is_closing", return_value=True):
                # as after a write that failed
                with pytest.raises(ConnectionLostError, match="the WebSocket is closed"):
                    await websocket.send("x")
                return before, websocket.is_closed

    assert asyncio.run(states()) == (False, True)


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


async def turns() -> None:
    """Let all go on that can."""
    for _ in range(5):
        await asyncio.sleep(0)


def say(far: Far, *texts: str) -> None:
    """Have the server send texts, and the client get them at once."""
    for text in texts:
        said(far.server, [text])
    far.protocol.data_received(far.sent())


def test_an_answered_question_is_an_action_with_a_message_each_way(make_bench: Any) -> None:
    async def talk() -> Any:
        bench = make_bench()
        async with connected(user=bench.user) as (websocket, far):
            bench.rows()
            permit = bench.now() - 2.0
            give_due(permit, bench.run.native)
            asking = asyncio.ensure_future(websocket.ask("?"))  # the permit is not this task's
            await turns()
            (name,) = [each.name for each in bench.recorder.open]
            say(far, "!")
            assert await asking == "!"
            (first,) = bench.rows()
            totals = bench.counted
            say(far, "there already")
            assert await websocket.ask("?", name="mine") == "there already"
            return name, first, totals, *bench.rows(), permit

    name, first, totals, second, permit = asyncio.run(talk())

    assert name == first.name
    assert (first.name, second.name) == ("connect [ask]", "mine")
    assert (first.error, second.error) == ("", "")
    assert first.due_at == first.started_at <= first.ended_at
    assert (second.due_at, second.started_at > permit + 1.0) == (permit, True)
    assert totals == {"websocket.sent": 1.0, "websocket.received": 1.0}


def test_a_question_while_another_waits_is_one_of_its_own_and_fails(make_bench: Any) -> None:
    async def talk() -> Any:
        bench = make_bench()
        async with connected(user=bench.user) as (websocket, far):
            bench.rows()
            asking = asyncio.ensure_future(websocket.ask("?", name="first"))
            await turns()
            with pytest.raises(anyio.BusyResourceError):
                await websocket.ask("?", name="second")
            names = [each.name for each in bench.recorder.open]
            say(far, "!")
            return names, await asking, bench.rows(), len(bench.recorder.open)

    under_way, answer, rows, left = asyncio.run(talk())

    assert under_way == ["first"]
    assert answer == "!"
    assert [(row.name, row.error != "") for row in rows] == [("second", True), ("first", False)]
    assert left == 0


def test_a_question_without_an_answer_in_time_failed(make_bench: Any) -> None:
    async def talk() -> Any:
        bench = make_bench()
        async with connected(user=bench.user) as (websocket, far):
            bench.rows()
            with pytest.raises(HttpTimeoutError, match=r"no message within 0\.01 s"):
                await websocket.ask("?", timeout=0.01)
            (row,) = bench.rows()
            say(far, "late")
            return row, bench.counted, await websocket.receive()

    row, totals, message = asyncio.run(talk())

    assert row.error == "HttpTimeoutError: no message within 0.01 s"
    assert row.ended_at - row.started_at >= 0.009
    assert totals == {"websocket.sent": 1.0}
    assert message == "late"


def test_a_question_is_cut_short_by_the_call_to_leave(make_bench: Any) -> None:
    async def talk() -> Any:
        bench = make_bench()
        async with connected(user=bench.user) as (websocket, _):
            bench.rows()
            asking = asyncio.ensure_future(websocket.ask("?"))
            await turns()
            bench.user.ask(bench.now())
            with pytest.raises(Leaving):
                await asyncio.wait_for(asking, 60)
            with pytest.raises(Leaving):
                await websocket.receive()
            return bench.rows(), bench.counted, bench.recorder.open

    rows, totals, under_way = asyncio.run(talk())

    assert rows == []
    assert totals == {"websocket.sent": 1.0, "actions.cut_short": 1.0}
    assert under_way == {}


def test_a_goodbye_waits_on_although_its_user_is_asked_to_leave(make_bench: Any) -> None:
    async def talk() -> Any:
        bench = make_bench()
        async with connected(user=bench.user) as (websocket, far):
            waiting = asyncio.ensure_future(websocket.receive(leaving=True))
            await turns()
            bench.user.ask(bench.now())
            await turns()
            assert not waiting.done()
            say(far, "bye")
            return await asyncio.wait_for(waiting, 60)

    assert asyncio.run(talk()) == "bye"


def test_a_closed_websocket_hears_no_call_to_leave(make_bench: Any) -> None:
    async def talk() -> None:
        bench = make_bench()
        before = list(bench.user.listen(mock.Mock()))
        async with connected(user=bench.user) as (websocket, _):
            websocket.close()
            websocket.close()
        assert bench.user.listen(mock.Mock())[:-1] == before

    asyncio.run(talk())


def test_a_message_is_not_lost_with_who_was_cancelled_as_it_came() -> None:
    async def talk() -> Any:
        async with connected() as (websocket, far):
            waiting = asyncio.ensure_future(websocket.receive())
            await turns()
            say(far, "here")
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            return await websocket.receive(timeout=0)

    assert asyncio.run(talk()) == "here"
