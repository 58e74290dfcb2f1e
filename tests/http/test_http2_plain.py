"""Answers over HTTP/2 are the same whether `h2` hears of them or not, however they are cut."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from unittest import mock

import h2.config
import h2.connection
import h2.events
import pytest
from hyperframe.frame import GoAwayFrame
from hypothesis import given, settings
from hypothesis import strategies as st

from murmur.http import Client, Options

BODY = b"x" * 128


class Far:
    """A transport, and the server at the other end of it."""

    def __init__(self, protocol: Any, made: list[Far]) -> None:
        self.protocol = protocol
        self.made = made
        self.server = h2.connection.H2Connection(
            h2.config.H2Configuration(
                client_side=False,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
            )
        )
        self.server.initiate_connection()
        self.asked: list[int] = []
        self.reset: list[int] = []
        self.is_closed = False

    def write(self, data: bytes) -> None:
        for event in self.server.receive_data(data):
            if isinstance(event, h2.events.StreamEnded):
                self.asked.append(event.stream_id)
            elif isinstance(event, h2.events.StreamReset):
                self.reset.append(event.stream_id)

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def is_closing(self) -> bool:
        return self.is_closed

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading

    def get_extra_info(self, name: str, default: object = None) -> object:
        return default

    def abort(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self.protocol.connection_lost(None)

    close = abort

    def deliver(self, cuts: list[int] | None = None) -> None:
        """Have the client get what the server sent, in pieces of these sizes."""
        data = self.server.data_to_send()
        ends = [end for end in itertools.accumulate(cuts or ()) if end < len(data)]
        for begin, end in zip([0, *ends], [*ends, len(data)], strict=True):
            if not self.is_closed:
                self.protocol.data_received(data[begin:end])


@asynccontextmanager
async def connected(user: Any = None) -> AsyncIterator[tuple[Client, Far]]:
    """Give a client, and the server of the connection over which it asked twice."""
    made: list[Far] = []

    async def dial(make: Any, *_: object, **__: object) -> Any:
        protocol = make()
        made.append(Far(protocol, made))
        protocol.connection_made(made[-1])
        return protocol

    async def secure(wire: Any, *_: object) -> None:
        wire.alpn = "h2"

    options = Options(base_url="https://127.0.0.1:1", http2=True, max_body_bytes=1 << 10)
    patched = mock.patch.multiple("murmur.http._wire", dial=dial, _secure=secure)
    with patched:
        async with Client(user, options) as client:
            for _ in range(2):  # the first goes the long way
                asking = asyncio.ensure_future(ask(client))
                await turns()
                answer(made[0], made[0].asked.pop())
                made[0].deliver()
                assert (await asking).content == BODY
            try:
                yield client, made[0]
            finally:
                for each in made:
                    each.abort()


async def turns() -> None:
    """Let all go on that can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def ask(client: Client) -> Any:
    return await client.get("/page")


HEAD = [(":status", "200"), ("content-length", str(len(BODY)))]


def answer(far: Far, stream: int) -> None:
    far.server.send_headers(stream, HEAD)
    far.server.send_data(stream, BODY, end_stream=True)


def in_parts(far: Far, stream: int) -> None:
    far.server.send_headers(stream, HEAD)
    far.server.send_data(stream, BODY[:100])
    far.server.send_data(stream, BODY[100:], end_stream=True)


def padded(far: Far, stream: int) -> None:
    far.server.send_headers(stream, HEAD)
    far.server.send_data(stream, BODY, end_stream=True, pad_length=7)


def with_trailer(far: Far, stream: int) -> None:
    far.server.send_headers(stream, HEAD)
    far.server.send_data(stream, BODY)
    far.server.send_headers(stream, [("x-sum", "1")], end_stream=True)


def with_hint(far: Far, stream: int) -> None:
    far.server.send_headers(stream, [(":status", "103"), ("link", "</a>")])
    answer(far, stream)


def with_new_head(far: Far, stream: int) -> None:
    far.server.send_headers(stream, [*HEAD, ("x-request-id", str(stream))])
    far.server.send_data(stream, BODY, end_stream=True)


def with_ping(far: Far, stream: int) -> None:
    far.server.ping(b"12345678")
    answer(far, stream)


def empty(far: Far, stream: int) -> None:
    far.server.send_headers(stream, [(":status", "204")], end_stream=True)


def failed(far: Far, stream: int) -> None:
    far.server.send_headers(stream, [(":status", "500"), ("content-length", "3")])
    far.server.send_data(stream, b"bad", end_stream=True)


ANSWERS: dict[Callable[[Far, int], None], tuple[int, bytes]] = {
    answer: (200, BODY),
    in_parts: (200, BODY),
    padded: (200, BODY),
    with_trailer: (200, BODY),
    with_hint: (200, BODY),
    with_new_head: (200, BODY),
    with_ping: (200, BODY),
    empty: (204, b""),
    failed: (500, b"bad"),
}

rounds = st.lists(
    st.lists(st.sampled_from([answer, *ANSWERS]), min_size=1, max_size=5), min_size=1, max_size=4
)


@settings(deadline=None, max_examples=100)
@given(rounds, st.lists(st.integers(1, 300), max_size=10), st.randoms())
def test_answers_are_the_same_however_they_come(plan: Any, cuts: list[int], dice: Any) -> None:
    async def talk() -> list[list[tuple[int, bytes]]]:
        found = []
        async with connected() as (client, far):
            for wanted in plan:
                asking = [asyncio.ensure_future(ask(client)) for _ in wanted]
                await turns()
                streams, far.asked = list(zip(far.asked, wanted, strict=True)), []
                dice.shuffle(streams)
                for stream, say in streams:
                    say(far, stream)
                far.deliver(cuts)
                came = [await asyncio.wait_for(each, 60) for each in asking]
                found.append([(each.status, each.content) for each in came])
                assert far.reset == []
        return found

    expected = [[ANSWERS[say] for say in wanted] for wanted in plan]
    assert asyncio.run(talk()) == expected


def test_a_request_is_one_action_with_bytes_and_first_byte(make_bench: Any) -> None:
    async def talk() -> Any:
        bench = make_bench()
        async with connected(bench.user) as (client, far):
            bench.rows()
            asking = asyncio.ensure_future(ask(client))
            await turns()
            answer(far, far.asked.pop())
            far.deliver()
            response = await asking
            (row,) = bench.rows()
            return row, bench.counted, response

    row, totals, response = asyncio.run(talk())

    assert (row.name, row.error) == ("GET /page", "")
    assert response.http_version == "2"
    assert response.headers["content-length"] == "128"
    head = len(":status200content-length128")
    sent = totals.pop("http.sent_bytes")
    assert totals == {"http.status.200": 1.0, "http.received_bytes": head + 128.0}
    assert 9 < sent < 200


@pytest.mark.parametrize("length", [127, 129])
def test_a_body_of_another_length_than_told_is_refused(length: int) -> None:
    async def talk() -> Any:
        async with connected() as (client, far):
            asking = asyncio.ensure_future(ask(client))
            await turns()
            stream = far.asked.pop()
            far.server.send_headers(stream, HEAD)
            far.server.send_data(stream, b"x" * length, end_stream=True)
            far.deliver()
            return (await asking).failure

    assert asyncio.run(talk()) == "malformed answer: its body is not as long as it says"


def test_fields_that_were_refused_are_refused_again() -> None:
    async def talk() -> Any:
        async with connected() as (client, far):
            failures = []
            for _ in range(3):
                asking = asyncio.ensure_future(ask(client))
                await turns()
                stream = far.asked.pop()
                far.server.send_headers(stream, [*HEAD, ("connection", "close")])
                far.server.send_data(stream, BODY, end_stream=True)
                far.deliver()
                failures.append((await asking).failure)
            return failures

    assert asyncio.run(talk()) == ["malformed answer: ProtocolError"] * 3


def test_a_body_over_the_limit_is_refused() -> None:
    async def talk() -> Any:
        async with connected() as (client, far):
            failures = []
            for _ in range(3):
                asking = asyncio.ensure_future(ask(client))
                await turns()
                stream = far.asked.pop()
                far.server.send_headers(stream, [(":status", "200")])
                far.server.send_data(stream, b"x" * 1_025, end_stream=True)
                far.deliver()
                failures.append((await asking).failure)
            return failures

    assert asyncio.run(talk()) == ["the body is longer than 1024 bytes"] * 3


def test_a_request_that_is_cut_off_resets_its_stream_and_spares_the_others() -> None:
    async def talk() -> Any:
        async with connected() as (client, far):
            asking = [asyncio.ensure_future(ask(client)) for _ in range(3)]
            await turns()
            first, second, third = far.asked
            asking[1].cancel()
            await turns()
            assert far.reset == [second]
            answer(far, third)
            answer(far, first)
            far.deliver()
            return [(await each).status for each in (asking[0], asking[2])]

    assert asyncio.run(talk()) == [200, 200]


def test_what_a_server_does_not_begin_any_more_is_sent_again() -> None:
    async def talk() -> Any:
        async with connected() as (client, far):
            asking = [asyncio.ensure_future(ask(client)) for _ in range(2)]
            await turns()
            first, _ = far.asked
            far.protocol.data_received(GoAwayFrame(0, last_stream_id=first).serialize())
            answer(far, first)  # a server may still answer what it has begun
            far.deliver()
            await turns()
            _, other = far.made
            answer(other, other.asked.pop())
            other.deliver()
            return [(await each).status for each in asking]

    assert asyncio.run(talk()) == [200, 200]


def test_h2_hears_nothing_of_what_is_usual() -> None:
    async def talk() -> Any:
        async with connected() as (client, far):
            with mock.patch("murmur.http._http2.State.receive_data") as told:
                asking = [asyncio.ensure_future(ask(client)) for _ in range(3)]
                await turns()
                for stream in far.asked:
                    answer(far, stream)
                far.deliver()
                found = [(await each).content for each in asking]
            return told.called, found

    assert asyncio.run(talk()) == (False, [BODY] * 3)


def test_the_window_of_a_connection_is_given_back() -> None:
    """A server may send 17 MiB over one connection before it is told that they were read."""

    async def talk() -> int:
        async with connected() as (client, far):
            for _ in range(2):
                far.server.outbound_flow_control_window -= 8 << 20  # as if so much were sent
                state = client._courier._pool._multiplexed  # type: ignore[union-attr]
                ((connection,),) = state.values()
                manager = connection._state._inbound_flow_control_window_manager
                manager.window_consumed(8 << 20)
                manager._bytes_processed += 8 << 20
                asking = asyncio.ensure_future(ask(client))
                await turns()
                answer(far, far.asked.pop())
                far.deliver()
                await asking
            await turns()
            return far.server.outbound_flow_control_window

    assert asyncio.run(talk()) > 8 << 20
