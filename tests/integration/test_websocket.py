"""WebSockets against a real server, an orderly one and a rude one."""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
import websockets.exceptions
import websockets.sync.server
import websockets.utils
from traitlets import Unicode

import murmur
from murmur.errors import (
    ConnectFailedError,
    ConnectionLostError,
    HttpProtocolError,
    HttpTimeoutError,
    InvalidRequestError,
    StatusError,
    TargetNotAllowedError,
)
from murmur.http import Client, Options


def echo(connection: Any) -> None:
    for message in connection:
        connection.send(message)


def flood(connection: Any) -> None:
    for number in range(600):
        connection.send(f"{number:020000}"[-4:].ljust(20_000, "."))
    connection.recv()


def keep_busy(connection: Any) -> None:
    for _ in range(600):
        connection.send("x" * 20_000)
    connection.send("pong" if connection.ping().wait(60) else "nothing")
    connection.recv()


def nod(connection: Any) -> None:
    connection.send("hi")
    connection.socket.sendall(b"\x88\x00")
    connection.recv()


def send_parts(connection: Any) -> None:
    connection.send(["one ", "two ", "three"])
    connection.send([b"1", b"2"])
    connection.recv()


def show_headers(connection: Any) -> None:
    fields = connection.request.headers
    connection.send(f"{fields['X-Token']} {fields['Cookie']} {connection.subprotocol}")
    connection.recv()


def ping(connection: Any) -> None:
    connection.send("pong" if connection.ping().wait(60) else "nothing")
    connection.recv()


CONVERSATIONS = {
    "/echo": echo,
    "/bye": lambda connection: connection.send("last words"),
    "/fail": lambda connection: connection.close(1011, "sorry"),
    "/flood": flood,
    "/busy": keep_busy,
    "/nod": nod,
    "/parts": send_parts,
    "/headers": show_headers,
    "/ping": ping,
    "/silent": lambda connection: connection.recv(),
}


def converse(connection: Any) -> None:
    """Do what the path says, until the client goes."""
    with contextlib.suppress(websockets.exceptions.ConnectionClosed):
        CONVERSATIONS[connection.request.path.partition("?")[0]](connection)


def guard(connection: Any, request: Any) -> Any:
    return connection.respond(403, "no") if request.path == "/forbidden" else None


def set_cookie(connection: Any, request: Any, response: Any) -> None:
    response.headers["Set-Cookie"] = f"sid={request.path}"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = websockets.sync.server.serve(
        converse,
        "127.0.0.1",
        0,
        process_request=guard,
        process_response=set_cookie,
        subprotocols=["chat"],  # type: ignore[list-item]
        select_subprotocol=lambda connection, offered: offered[0] if offered else None,
        compression="deflate",
        max_size=None,
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
    server.shutdown()
    thread.join()


@pytest.fixture(params=["asyncio", "asyncio+uvloop"])
def anyio_backend(request: Any) -> Any:
    return "asyncio", {"use_uvloop": request.param.endswith("uvloop")}


@pytest.fixture
async def client(url: str) -> Any:
    async with Client(options=Options(base_url=url, timeout=60, connect_timeout=60)) as made:
        yield made


async def test_messages_go_out_and_come_back(client: Client) -> None:
    async with client.websocket("/echo") as echo:
        await echo.send("ä")
        await echo.send(b"\0\1")
        await echo.send_json({"a": [1]})

        assert await echo.receive() == "ä"
        assert await echo.receive() == b"\0\1"
        assert await echo.receive_json() == {"a": [1]}
        assert await echo.ask("x" * 3_000_000) == "x" * 3_000_000
        assert not echo.is_closed
    assert echo.is_closed


@pytest.mark.parametrize("message", [5, None, ["a"], {"a": 1}])
async def test_what_is_no_message_is_refused(client: Client, message: Any) -> None:
    async with client.websocket("/echo") as echo:
        for send in (echo.send, echo.ask):
            with pytest.raises(InvalidRequestError, match="give text or bytes"):
                await send(message)
        assert await echo.ask("still there") == "still there"


async def test_what_was_sent_in_parts_is_one_message(client: Client) -> None:
    async with client.websocket("/parts") as parts:
        assert await parts.receive() == "one two three"
        assert await parts.receive() == b"12"


async def test_iterating_ends_when_the_server_closes_in_order(client: Client) -> None:
    async with client.websocket("/bye") as bye:
        assert [message async for message in bye] == ["last words"]
        with pytest.raises(anyio.EndOfStream):
            await bye.receive()
        with pytest.raises(ConnectionLostError, match="closed"):
            await bye.send("too late")


async def test_an_end_that_nobody_meant_is_an_error(client: Client) -> None:
    async with client.websocket("/fail") as failing:
        with pytest.raises(ConnectionLostError, match="with code 1011"):
            await failing.receive()


async def test_no_message_in_time_is_an_error_and_loses_none(client: Client) -> None:
    async with client.websocket("/echo") as echo:
        with pytest.raises(HttpTimeoutError, match=r"no message within 0\.05 s"):
            await echo.receive(timeout=0.05)
        with anyio.move_on_after(0.05):
            await echo.receive()
        await echo.send("still there")

        assert await echo.receive() == "still there"


async def test_a_server_waits_for_a_user_that_receives_a_little_later(
    client: Client, monkeypatch: Any
) -> None:
    monkeypatch.setattr("murmur.http._frames.UNREAD_FOR", 60.0)  # of a busy machine
    async with client.websocket("/flood") as flood:
        await anyio.sleep(0.3)
        first = await flood.receive(timeout=60)
        assert len(flood._frames.inbox) < 300  # 4 Mi of them
        got = [first, *[await flood.receive(timeout=60) for _ in range(599)]]

    assert [len(each) for each in got] == [20_000] * 600
    assert [int(each[:4]) for each in got] == list(range(600))


async def test_pings_are_answered_whatever_waits(client: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr("murmur.http._frames.UNREAD_FOR", 0.1)
    counted: list[str] = []
    monkeypatch.setattr(client._courier, "count", counted.append)
    async with client.websocket("/busy") as busy:
        for _ in range(600):
            await anyio.sleep(0.1)
            if "websocket.dropped" in counted and busy._frames.inbox[-1] == "pong":
                break

        assert busy._frames.inbox[-1] == "pong"
        assert busy._frames._unread < 5 << 20


async def test_the_code_and_the_reason_of_a_farewell_can_be_read(client: Client) -> None:
    async with client.websocket("/echo") as echo:
        assert (echo.close_code, echo.close_reason) == (None, "")
    async with client.websocket("/fail") as failing:
        with pytest.raises(ConnectionLostError, match="code 1011"):
            await failing.receive(timeout=60)

        assert (failing.close_code, failing.close_reason) == (1011, "sorry")


async def test_a_farewell_without_a_code_is_orderly(client: Client) -> None:
    async with client.websocket("/nod") as nod:
        assert [message async for message in nod] == ["hi"]
        assert (nod.close_code, nod.close_reason) == (1005, "")


async def test_who_closes_waits_for_the_farewell_and_the_end(client: Client) -> None:
    seen: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(consent(await reader.readuntil(b"\r\n\r\n")))
        await reader.readexactly(8)  # our farewell: head, mask and code
        await asyncio.sleep(0.2)
        writer.write(b"\x81\x02hi" + b"\x88\x02\x03\xe8")
        writer.close()
        seen.put_nowait(await reader.read())

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with client.websocket(f"ws://127.0.0.1:{port}/") as late:
            waiting = asyncio.create_task(late.receive())
            await asyncio.sleep(0)

        assert late.close_code == 1000
        assert await seen.get() == b""  # and no reset
        assert await waiting == "hi"


async def test_a_server_that_says_no_farewell_is_not_waited_for_long(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("murmur.http._websocket.CLOSE_WITHIN", 0.1)
    is_over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(consent(await reader.readuntil(b"\r\n\r\n")))
        await is_over.wait()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with client.websocket(f"ws://127.0.0.1:{port}/") as silent:
            waiting = asyncio.create_task(silent.receive())
            await asyncio.sleep(0)
        is_over.set()

        assert silent.close_code is None
        with pytest.raises(ConnectionLostError, match="ended without a farewell"):
            await waiting


async def test_a_sender_that_waits_hears_that_the_connection_broke(client: Client) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(consent(await reader.readuntil(b"\r\n\r\n")))
        await asyncio.sleep(0.1)  # it reads no more than the beginning
        writer.transport.abort()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with client.websocket(f"ws://127.0.0.1:{port}/") as lost:
            with pytest.raises(ConnectionLostError, match="ended before all was sent"):
                await lost.send("x" * 20_000_000)


@pytest.mark.parametrize("timeout", [-1, math.nan, True, "5"])
async def test_a_time_to_receive_that_is_none_is_refused(client: Client, timeout: Any) -> None:
    async with client.websocket("/echo") as echo:
        with pytest.raises(InvalidRequestError):
            await echo.receive(timeout=timeout)
        with pytest.raises(InvalidRequestError):
            await echo.ask("x", timeout=timeout)


async def test_messages_may_be_compressed(client: Client) -> None:
    async with client.websocket("/echo", compress=True) as echo:
        text = "murmur " * 10_000
        assert await echo.ask(text) == text
        assert len(echo._frames._protocol.extensions) == 1


@pytest.mark.parametrize("path", ["/echo", "/forbidden"])
async def test_the_answer_to_a_handshake_sets_cookies(client: Client, path: str) -> None:
    with contextlib.suppress(StatusError):
        async with client.websocket(path):
            pass

    assert client.cookies.get("sid") == path


async def test_pings_are_answered(client: Client) -> None:
    async with client.websocket("/ping") as ping:
        assert await ping.receive(timeout=60) == "pong"


async def test_a_handshake_carries_headers_cookies_and_subprotocols(client: Client) -> None:
    client.headers["X-Token"] = "t"
    client.cookies.set("sid", "abc", domain="127.0.0.1")
    async with client.websocket("/{path}?q=1", path="headers", subprotocols=["chat"]) as talk:
        assert await talk.receive() == "t sid=abc chat"
        assert talk.subprotocol == "chat"


async def test_a_refusal_names_the_status(client: Client) -> None:
    with pytest.raises(StatusError, match="HTTP 403"):
        async with client.websocket("/forbidden"):
            pass


async def test_nobody_listens(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ConnectFailedError, match="connection refused"):
        async with client.websocket(f"ws://127.0.0.1:{port}/"):
            pass


CONSENT = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


def consent(request: bytes, more: bytes = b"") -> bytes:
    """Return a consent to the handshake in `request`, with fields more."""
    key = re.search(rb"(?i)sec-websocket-key: *(\S+)", request)
    assert key is not None
    accept = websockets.utils.accept_key(key[1].decode()).encode()
    return CONSENT + more + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"


@pytest.mark.parametrize(("answer", "message"), [
    (b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\n\r\n", "HTTP 429"),
    (b"HTTP/1.1 503 No\r\nContent-Length: 100\r\n\r\nshort", "HTTP 503"),
    (b"HTTP/1.0 403 Forbidden\r\n\r\nno", "HTTP 403"),
    (b"HTTP/1.1 401 No\r\nX: " + b"x" * 9_000 + b"\r\n\r\n", "HTTP 401"),
    (b"HTTP/1.1 500 No\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3_000_000, "HTTP 500"),
    (b"HTTP/1.1 502 No\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "HTTP 502"),
    (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "HTTP 302"),
], ids=["no length", "short body", "1.0", "long head", "long body", "coding", "hints"])  # fmt: skip
async def test_a_refusal_is_told_when_its_head_is_there(
    client: Client, answer: bytes, message: str
) -> None:
    is_over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await is_over.wait()  # the connection stays open
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(StatusError, match=message):
            async with client.websocket(f"ws://127.0.0.1:{port}/"):
                pass
        is_over.set()


@pytest.mark.parametrize(("more", "reason"), [
    (b"Sec-WebSocket-Protocol: chat\r\n", "the server chose a subprotocol that was not offered"),
    (b"Sec-WebSocket-Extensions: permessage-deflate\r\n",
     "the server chose an extension that was not offered"),
])  # fmt: skip
async def test_what_was_not_offered_is_told(client: Client, more: bytes, reason: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(consent(await reader.readuntil(b"\r\n\r\n"), more))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(HttpProtocolError, match=reason):
            async with client.websocket(f"ws://127.0.0.1:{port}/"):
                pass


async def test_hints_before_the_consent_are_passed_over(client: Client) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer = consent(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer + b"\x81\x02hi")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with client.websocket(f"ws://127.0.0.1:{port}/") as talk:
            assert await talk.receive(10) == "hi"


@pytest.mark.parametrize(("answer", "error", "message"), [
    (b"", ConnectionLostError, "without an answer"),
    (b"HTTP/1.1 101 Swi", ConnectionLostError, "ended in the head of the answer"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", StatusError, "HTTP 200"),
    (b"garbage\r\n\r\n", HttpProtocolError, "no WebSocket: malformed answer"),
    (CONSENT + b"Sec-WebSocket-Accept: wrong\r\n\r\n", HttpProtocolError,
     "no WebSocket: Sec-WebSocket-Accept is wrong in the answer"),
    (CONSENT + b"\r\n", HttpProtocolError,
     "no WebSocket: Sec-WebSocket-Accept is missing in the answer"),
])  # fmt: skip
async def test_a_server_that_is_no_websocket(
    client: Client, answer: bytes, error: type[Exception], message: str
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(error, match=message):
            async with client.websocket(f"ws://127.0.0.1:{port}/"):
                pass


class Echo(murmur.Scenario):
    """Users ask over a WebSocket, one question with a wrong answer."""

    base_url = Unicode("", help="server to test")

    async def start(self, user: murmur.User) -> None:
        async with user.websocket("/echo", name="connect") as echo:
            for number in range(5):
                await echo.ask(str(number), name="ask")
            await echo.ask("?", name="ask", check=lambda answer: answer == "!")


def test_connecting_and_asking_are_actions(url: str) -> None:
    with murmur.Session(allow=["127.0.0.1"]) as session:
        run = session.do(Echo, 10, user_rate=math.inf, end_when_idle=True, base_url=url)
        run.wait(timeout=60)
    actions = run.results.actions
    counters = run.results.counters.groupby("name", observed=True)["value"].sum()

    assert actions.groupby("name", observed=True).size().to_dict() == {"connect": 10, "ask": 60}
    assert actions.loc[~actions["ok"], "error"].value_counts().to_dict() == {
        "failed: check failed": 10
    }
    assert counters["websocket.sent"] == counters["websocket.received"] == 60
    assert counters["http.connections"] == 10
    assert counters["http.status.101"] == 10
    assert set(run.results.users["outcome"]) == {"finished"}


class Knocking(murmur.Scenario):
    """Users ask for a WebSocket that they do not get."""

    base_url = Unicode("", help="server to test")

    async def start(self, user: murmur.User) -> None:
        with contextlib.suppress(StatusError):
            async with user.websocket("/forbidden", name="connect"):
                pass


def test_a_refused_handshake_is_counted_as_the_server_has_it(url: str) -> None:
    with murmur.Session() as session:
        run = session.do(Knocking, 10, user_rate=math.inf, end_when_idle=True, base_url=url)
        run.wait(timeout=60)
    counters = run.results.counters.groupby("name", observed=True)["value"].sum()

    assert run.results.actions["error"].value_counts().to_dict() == {"StatusError: HTTP 403": 10}
    assert counters["http.connections"] == counters["http.status.403"] == 10


class Listening(murmur.Scenario):
    """Users wait for a word that never comes."""

    base_url = Unicode("", help="server to test")

    async def start(self, user: murmur.User) -> None:
        async with user.websocket("/silent") as silent:
            user.count("listening")
            await silent.receive()


def test_a_user_that_listens_leaves_at_once(url: str) -> None:
    with murmur.Session() as session:
        run = session.do(Listening, 5, user_rate=math.inf, base_url=url)
        deadline = time.monotonic() + 60
        while run.results.counters["value"].sum() < 10:  # five connections, five listeners
            assert time.monotonic() < deadline
            time.sleep(0.02)
        session.remove(5)
        asked_at = time.monotonic()
        while session.status().users["gone"] < 5:
            assert time.monotonic() < asked_at + 60
            time.sleep(0.01)
    assert set(run.results.users["outcome"]) == {"left"}


def test_the_guard_is_asked(url: str) -> None:
    with murmur.Session(allow=["*.example.org"]) as session:
        run = session.do(Echo, 1, user_rate=math.inf, end_when_idle=True, base_url=url)
        run.wait(timeout=60)
    (user,) = run.results.users.itertuples()

    assert user.reason.startswith(TargetNotAllowedError.__name__)
