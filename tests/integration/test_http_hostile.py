"""Servers that break the rules: each gives its kind of failure, and none makes a user hang."""

from __future__ import annotations

import json
import math
import socket
import ssl
import threading
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any

import anyio
import anyio.lowlevel
import brotli
import pytest
from traitlets import Bool, Float, Unicode

import murmur
from murmur.errors import InvalidRequestError
from murmur.http import Client, Options

from .thread_server import ThreadServer, read_head

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
RESET = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # linger for no time: close with a reset

Act = Callable[[socket.socket, bytes], None]


class Hostile(ThreadServer):
    """A server that does with each connection what it is told to."""

    def __init__(self) -> None:
        self.act: Act = lambda connection, request: connection.sendall(OK)
        self.requests: list[bytes] = []
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        while not self.is_over.is_set() and (request := read_head(connection)):
            self.requests.append(request)
            self.act(connection, request)


def saying(*parts: bytes) -> Act:
    """Send `parts` and close."""

    def act(connection: socket.socket, request: bytes) -> None:
        for part in parts:
            connection.sendall(part)
        raise StopIteration

    return act


def resetting(before: bytes = b"") -> Act:
    """Send `before`, then reset the connection."""

    def act(connection: socket.socket, request: bytes) -> None:
        connection.sendall(before)
        time.sleep(0.05)  # or the reset overtakes what was sent
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        raise StopIteration

    return act


class Gaps:
    """The longest time that the loop was busy between two looks, in seconds of this thread."""

    cpu = 0.0

    async def watch(self) -> None:
        last = time.thread_time()
        while True:
            await anyio.lowlevel.checkpoint()
            now = time.thread_time()
            self.cpu, last = max(self.cpu, now - last), now


@pytest.fixture
def server() -> Iterator[Hostile]:
    running = Hostile()
    yield running
    running.close()


@pytest.fixture(params=["asyncio", "asyncio+uvloop"])
def anyio_backend(request: Any) -> Any:
    return "asyncio", {"use_uvloop": request.param.endswith("uvloop")}


@pytest.fixture
async def client(server: Hostile) -> Any:
    async with Client(options=Options(base_url=server.url, timeout=60)) as made:
        yield made


@pytest.fixture(params=["new", "kept"])
async def connected(request: Any, server: Hostile, client: Client) -> Client:
    """Return a client whose connection is still to be made, or was used before."""
    if request.param == "kept":
        assert (await client.get("/")).ok
    return client


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

FAILURES = {
    "closes at once": (saying(), "connection closed without an answer"),
    "resets at once": (resetting(), "connection reset before an answer"),
    "ends within the head": (
        saying(b"HTTP/1.1 200 OK\r\nContent-"),
        "the connection ended in the head of the answer",
    ),
    "ends within the body": (
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"),
        "the connection ended in the body of the answer",
    ),
    "ends within a chunk": (
        saying(CHUNKED + b"9\r\nabc"),
        "the connection ended in the body of the answer",
    ),
    "ends without the last chunk": (
        saying(CHUNKED + b"3\r\nabc\r\n"),
        "the connection ended in the body of the answer",
    ),
    "resets within the body": (
        resetting(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"),
        "the connection ended in the body of the answer",
    ),
    "speaks another protocol": (saying(b"SSH-2.0-OpenSSH_9.2\r\n"), "malformed answer"),
    "sends a bad status": (saying(b"HTTP/1.1 2x0 OK\r\n\r\n"), "malformed answer"),
    "sends a bad field": (saying(b"HTTP/1.1 200 OK\r\nbad field\r\n\r\n"), "malformed answer"),
    "sends a bad length": (
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
        "malformed answer",
    ),
    "sends two lengths": (
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        "malformed answer",
    ),
    "sends a bad chunk": (saying(CHUNKED + b"xyz\r\nabc\r\n"), "malformed answer"),
    "changes the protocol": (
        saying(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
        "the server changed the protocol",
    ),
    "sends a huge field": (
        saying(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\nContent-Length: 0\r\n\r\n"),
        "the head of the answer is too long",
    ),
    "sends fields without end": (
        saying(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000),
        "the head of the answer is too long",
    ),
    "redirects to a name that cannot be": (
        saying(b"HTTP/1.1 302 Found\r\nLocation: http://a..b/\r\nContent-Length: 0\r\n\r\n"),
        "the name of the host is not known",
    ),
    "redirects to a name that is too long": (
        saying(
            b"HTTP/1.1 302 Found\r\nLocation: http://" + b"a" * 70 + b".test/\r\n"
            b"Content-Length: 0\r\n\r\n"
        ),
        "the name of the host is not known",
    ),
    "redirects to nowhere": (
        saying(b"HTTP/1.1 302 Found\r\nLocation: ftp://x/\r\nContent-Length: 0\r\n\r\n"),
        "a redirect leads nowhere",
    ),
}


READABLE = {
    "says one length twice": b"Content-Length: 2\r\nContent-Length: 2\r\n",
    "says one length in a list": b"Content-Length: 2, 2\r\n",
    "folds a field": b"X-A: one\r\n  two\r\nContent-Length: 2\r\n",
    "folds with a tab": b"X-A: one\r\n\ttwo\r\nContent-Length:\r\n 2\r\n",
    "ends lines with LF": b"X-A: one\nContent-Length: 2\n",
    "has an empty member in a list": b"Content-Length: 2,\r\n",
    "holds a control character": b"X-A: one\x01\x7f\r\nContent-Length: 2\r\n",
}

SMUGGLES = {
    "lengths that differ": b"Content-Length: 2\r\nContent-Length: 3\r\n",
    "lengths that differ in a list": b"Content-Length: 2, 3\r\n",
    "a folded length that differs": b"Content-Length: 2\r\n 3\r\n",
    "lengths that differ behind LF": b"Content-Length: 2\nContent-Length: 3\n",
    "a length and chunks": b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
    "a folded length and chunks": b"Content-Length: 2\r\nTransfer-Encoding:\r\n chunked\r\n",
    "a field before the first": b" X: y\r\nContent-Length: 2\r\n",
    "a space before the colon": b"Content-Length : 2\r\n",
    "no number": b"Content-Length: +2\r\n",
    "a NUL": b"X: a\x00b\r\nContent-Length: 2\r\n",
    "a return alone": b"X: a\rb\r\nContent-Length: 2\r\n",
    "a space before the colon beside a control character": b"X: \x01\r\nContent-Length : 2\r\n",
    "a control character, a length and chunks": b"X: \x01\r\n"
    b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
}


@pytest.mark.parametrize("cut", [None, 20, 36])
@pytest.mark.parametrize("how", READABLE)
async def test_an_odd_head_is_read_that_(
    server: Hostile, client: Client, how: str, cut: int | None
) -> None:
    whole = b"HTTP/1.1 200 OK\r\n" + READABLE[how] + b"\r\nok"

    def act(connection: socket.socket, request: bytes) -> None:
        connection.sendall(whole[:cut])
        if cut is not None:
            time.sleep(0.05)
            connection.sendall(whole[cut:])

    server.act = act
    first, second = await client.get("/"), await client.get("/")

    assert (first.text, second.text) == ("ok", "ok")
    assert server.connections == 1


WHOLE = {
    "a later version": b"HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "two spaces before the status": b"HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\nok",
    "a tab before the status": b"HTTP/1.1\t200\tOK\r\nContent-Length: 2\r\n\r\nok",
    "a hint that ends the connection": b"HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n" + OK,
    "a fold behind hints": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 2
    + b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok",
    "padded sizes of chunks": CHUNKED + b"2   \r\nok\r\n0   \r\n\r\n",
}
TO_THE_END = {
    "a transfer coding that is none": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nok",
    "another coding behind the chunks": b"HTTP/1.1 200 OK\r\n"
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\nok",
}


@pytest.mark.parametrize("how", WHOLE)
async def test_an_answer_is_read_with_(server: Hostile, client: Client, how: str) -> None:
    server.act = lambda connection, request: connection.sendall(WHOLE[how])

    first, second = await client.get("/"), await client.get("/")

    assert [(each.status, each.text) for each in (first, second)] == [(200, "ok")] * 2
    assert server.connections == 1


@pytest.mark.parametrize("how", TO_THE_END)
async def test_an_answer_is_read_to_the_end_of_its_connection_with_(
    server: Hostile, client: Client, how: str
) -> None:
    server.act = saying(TO_THE_END[how])

    response = await client.get("/")

    assert (response.status, response.content) == (200, b"ok")


@pytest.mark.parametrize("status", [b"000", b"099"])
async def test_a_status_below_100_is_none(server: Hostile, client: Client, status: bytes) -> None:
    server.act = saying(b"HTTP/1.1 " + status + b" X\r\nContent-Length: 2\r\n\r\nok")

    assert (await client.get("/")).failure == "malformed answer: Invalid status code"


@pytest.mark.parametrize("how", SMUGGLES)
async def test_a_head_is_refused_with_(server: Hostile, client: Client, how: str) -> None:
    server.act = saying(b"HTTP/1.1 200 OK\r\n" + SMUGGLES[how] + b"\r\n2\r\nok\r\n0\r\n\r\n")

    response = await client.get("/")

    assert response.failure is not None
    assert response.failure.startswith("malformed answer")


async def test_trailers_are_no_fields_of_the_head(server: Hostile, client: Client) -> None:
    server.act = lambda connection, request: connection.sendall(
        CHUNKED + b"2\r\nok\r\n0\r\nX-Sum: 7\r\nContent-Type: evil\r\n\r\n"
    )

    response = await client.get("/")

    assert dict(response.trailers) == {"x-sum": "7", "content-type": "evil"}
    assert dict(response.headers) == {"transfer-encoding": "chunked"}


ENDLESS = {
    "trailers": (CHUNKED + b"2\r\nok\r\n0\r\n", b"X: y\r\n" * 4096, "the trailer of the answer"),
    "a trailer": (CHUNKED + b"2\r\nok\r\n0\r\nX: ", b"y" * 65536, "the trailer of the answer"),
    "an extension": (CHUNKED + b"2;x=", b"y" * 65536, "the trailer of the answer"),
    "interim answers": (b"", b"HTTP/1.1 102 Wait\r\n\r\n" * 999, "the head of the answer"),
    "a head": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 4096, "the head of the answer"),
    "a folded head": (b"HTTP/1.1 200 OK\r\nA: b\r\n", b" y\r\n" * 4096, "the head of the answer"),
    "one byte chunks": (CHUNKED, b"1\r\nx\r\n" * 50_000, "the body is longer"),
}


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("what", ENDLESS)
async def test_a_server_without_end_is_cut_off_and_holds_nobody(server: Hostile, what: str) -> None:
    start, more, message = ENDLESS[what]

    def act(connection: socket.socket, request: bytes) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(more)

    server.act = act
    held = []
    for _ in range(3):  # a machine that is busy makes processor time dearer, at times threefold
        gaps = Gaps()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(gaps.watch)
            options = Options(base_url=server.url, timeout=60, max_body_bytes=500_000)
            async with Client(options=options) as client:
                response = await client.get("/")
            tasks.cancel_scope.cancel()
        held.append(gaps.cpu)
        assert response.failure is not None
        assert response.failure.startswith(message), response.failure

    assert min(held) < 0.05


async def test_an_answer_that_came_before_a_reset_is_read(server: Hostile, client: Client) -> None:
    """A body that the server does not want is answered, and the connection reset behind it."""

    def act(connection: socket.socket, request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        raise StopIteration

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * 1000
        time.sleep(0.1)  # noqa: ASYNC251 - the loop must not see the answer before it writes
        for _ in range(3):
            yield b"x" * 1000

    server.act = act
    response = await client.post("/", data=body())

    assert (response.status, response.text) == (413, "no")


@pytest.mark.parametrize("part", ["text", 5, None])
@pytest.mark.parametrize("is_async", [False, True])
async def test_a_part_that_is_no_bytes_sends_nothing(
    server: Hostile, client: Client, part: Any, is_async: bool
) -> None:
    async def parts() -> AsyncIterator[Any]:
        yield part

    with pytest.raises(InvalidRequestError):
        await client.post("/", data=parts() if is_async else iter([part]))
    await anyio.sleep(0.05)
    assert server.requests == []


@pytest.mark.parametrize("how", FAILURES)
async def test_a_server_that(server: Hostile, connected: Client, how: str) -> None:
    server.act, message = FAILURES[how]

    response = await connected.get("/")

    assert response.failure is not None
    assert response.failure.startswith(message)
    assert "127.0.0.1" not in response.failure


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\n", CHUNKED + b"3\r\nabc\r\n"])
async def test_a_server_that_stalls_costs_the_timeout(
    server: Hostile, connected: Client, before: bytes
) -> None:
    def act(connection: socket.socket, request: bytes) -> None:
        connection.sendall(before)
        server.wait_over()

    server.act = act
    for _ in range(20):  # a busy machine may take as long to connect
        began = time.monotonic()
        response = await connected.get("/", timeout=0.5)
        if response.failure != "no connection within 0.5 s":
            break

    missing = "no complete answer" if b"chunked" in before else "no answer"
    assert response.failure == f"{missing} within 0.5 s"
    assert 0.4 < time.monotonic() - began < 20


DRIPS = {
    "a status line": (b"HTTP/1.1 200 O", b"K"),
    "empty lines": (b"", b"\r\n"),
    "interim answers": (b"", b"HTTP/1.1 102 Wait\r\n\r\n"),
    "a field": (b"HTTP/1.1 200 OK\r\nX: ", b"y"),
    "fields": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "folds": (b"HTTP/1.1 200 OK\r\nX: y\r\n", b" y\r\n"),
    "the size of a chunk": (CHUNKED, b"0"),
    "an extension": (CHUNKED + b"2;x=", b"y"),
    "chunks": (CHUNKED, b"1\r\nx\r\n"),
    "a trailer": (CHUNKED + b"0\r\nX: ", b"y"),
    "trailers": (CHUNKED + b"0\r\n", b"X: y\r\n"),
    "a body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "a body without a length": (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
}


@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("what", DRIPS)
async def test_a_server_that_drips_costs_the_timeout(
    server: Hostile, client: Client, what: str, is_streamed: bool
) -> None:
    start, drop = DRIPS[what]

    def act(connection: socket.socket, request: bytes) -> None:
        connection.sendall(start)
        while not server.is_over.wait(0.01):
            connection.sendall(drop)

    server.act = act
    for _ in range(20):  # a busy machine may take as long to connect
        if is_streamed:
            async with client.get("/", timeout=0.1, stream=True) as response:
                async for _ in response.iter_bytes():
                    pass
        else:
            response = await client.get("/", timeout=0.1)
        if str(response.error) != "no connection within 0.1 s":
            break

    assert str(response.error) in {f"no {part}answer within 0.1 s" for part in ("", "complete ")}


async def test_a_server_that_does_not_read_costs_the_timeout(
    server: Hostile, client: Client
) -> None:
    assert (await client.get("/")).ok  # the time is the request's: the connection is there
    server.act = lambda connection, request: server.wait_over()

    response = await client.post("/", data=b"x" * 20_000_000, timeout=0.5)

    assert response.failure == "no answer within 0.5 s"


async def test_a_stream_to_a_server_that_does_not_read_costs_the_timeout(
    server: Hostile, client: Client
) -> None:
    assert (await client.get("/")).ok
    server.act = lambda connection, request: server.wait_over()

    response = await client.post("/", data=[b"x" * 100_000] * 200, timeout=0.5)

    assert response.failure == "no complete request within 0.5 s"


async def endless() -> AsyncIterator[bytes]:
    """Yield a first part, and be about to yield the next for ever."""
    yield b"x"
    await anyio.sleep_forever()


async def restless() -> AsyncIterator[bytes]:
    """Yield without a pause, and nothing: no chunk, no wait for the server."""
    while True:
        yield b""


def plain() -> Iterator[bytes]:
    """Yield nothing without a pause."""
    while True:
        yield b""


@pytest.mark.parametrize("body", [endless, restless, plain])
async def test_a_stream_that_never_ends_costs_the_timeout(
    server: Hostile, client: Client, body: Callable[[], Any]
) -> None:
    assert (await client.get("/")).ok  # the time is the request's: the connection is there
    server.act = lambda connection, request: server.wait_over()

    response = await client.post("/", data=body(), timeout=0.2)

    assert response.failure == "no complete request within 0.2 s"


async def test_a_timeout_of_the_stream_itself_is_not_that_of_the_request(client: Client) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"x"
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        await client.post("/", data=body())


async def test_a_body_that_breaks_off_while_it_is_read_ends_no_user(
    server: Hostile, client: Client
) -> None:
    server.act = saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    got = b""
    async with client.get("/", stream=True) as response:
        async for part in response.iter_bytes():
            got += part

    assert got == b"abc"
    assert str(response.error) == response.failure
    assert response.failure == "the connection ended in the body of the answer"
    assert not response.ok


async def test_nobody_listens(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    refused = await client.get(f"http://127.0.0.1:{port}/")
    both = await client.get(f"http://localhost:{port}/")
    unknown = await client.get("http://no-such-host.invalid/")

    assert refused.failure == "connection refused"
    assert both.failure == "connection refused"
    assert unknown.failure == "the name of the host is not known"


async def test_a_server_that_accepts_and_says_nothing_in_a_handshake(server: Hostile) -> None:
    options = Options(base_url=server.url.replace("http", "https"), connect_timeout=0.3)
    async with Client(options=options) as client:
        response = await client.get("/")

    assert response.failure == "no connection within 0.3 s"


@pytest.mark.parametrize(("said", "told"), [
    (b"\x15\x03\x03\x00\x02\x02\x46", "it is TLS, so ask by https://"),  # unexpected_message
    (
        b"\0\0\x06\x04\0\0\0\0\0" + b"\0\x03\0\0\0\x80",  # SETTINGS: 128 streams
        "it is HTTP/2, which murmur speaks over TLS alone",
    ),
], ids=["TLS", "HTTP/2"])  # fmt: skip
async def test_a_server_of_another_protocol_is_told(
    server: Hostile, client: Client, said: bytes, told: str
) -> None:
    server.act = saying(said)

    response = await client.get("/")

    assert response.failure == f"malformed answer: {told}"


async def test_a_server_that_speaks_no_tls(server: Hostile) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(100)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
    async with Client() as client:
        response = await client.get(url)
    await anyio.to_thread.run_sync(thread.join)
    listener.close()

    assert response.failure is not None
    assert response.failure.startswith("handshake failed: ")


async def test_a_kept_connection_that_the_server_closed_is_replaced(
    server: Hostile, client: Client
) -> None:
    def act(connection: socket.socket, request: bytes) -> None:
        connection.sendall(OK)
        raise StopIteration

    server.act = act
    for _ in range(3):
        assert (await client.get("/")).ok

    assert server.connections == 3


async def test_an_end_that_a_busy_loop_did_not_see_yet_costs_no_request(
    server: Hostile, client: Client
) -> None:
    server.act = saying(OK)  # and the end behind it, without a word in the head
    await client.get("/")
    time.sleep(0.5)  # noqa: ASYNC251 - the loop is busy while the end arrives

    assert (await client.post("/", data=b"once")).ok
    assert server.connections == 2
    assert sum(request.startswith(b"POST") for request in server.requests) == 1


TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


async def test_a_408_that_ends_an_idle_connection_is_no_answer_to_what_follows(
    server: Hostile, client: Client
) -> None:
    def act(connection: socket.socket, request: bytes) -> None:
        connection.sendall(OK)
        if server.connections == 1:
            time.sleep(0.1)  # the server's patience with an idle connection
            connection.sendall(TOO_SLOW)
            raise StopIteration

    server.act = act
    await client.get("/")
    time.sleep(0.5)  # noqa: ASYNC251 - the loop is busy while the 408 arrives
    response = await client.get("/")

    assert response.ok
    assert server.connections == 2


@pytest.mark.parametrize("is_kept", [False, True])
async def test_a_408_that_answers_is_a_failure(
    server: Hostile, client: Client, is_kept: bool
) -> None:
    if is_kept:
        assert (await client.get("/")).ok
    server.act = saying(TOO_SLOW.replace(b"Connection: close\r\n", b"") if is_kept else TOO_SLOW)

    assert (await client.get("/")).failure == "HTTP 408"


async def test_who_says_close_uses_no_connection_twice(server: Hostile, client: Client) -> None:
    client.headers["Connection"] = "x, Close"
    for _ in range(3):
        assert (await client.get("/")).ok

    assert server.connections == 3  # though this server would go on


async def test_a_request_on_a_connection_just_closed_is_repeated_only_if_it_may_be(
    server: Hostile, client: Client
) -> None:
    seen: list[bytes] = []

    def act(connection: socket.socket, request: bytes) -> None:
        seen.append(request)
        if len(seen) % 2:
            connection.sendall(OK)
        else:
            raise StopIteration  # closes when it gets its second request

    server.act = act
    await client.get("/")
    repeated = await client.get("/")
    failed = await client.post("/")

    assert repeated.ok
    assert failed.failure == "connection closed without an answer"


async def test_a_request_is_repeated_until_it_had_a_new_connection(server: Hostile) -> None:
    closed: list[bytes] = []

    def act(connection: socket.socket, request: bytes) -> None:
        if b"GET /unlucky" in request and len(closed) < 2:
            closed.append(request)
            raise StopIteration
        connection.sendall(OK)

    server.act = act
    answers = {}
    async with Client(options=Options(base_url=server.url, max_connections=1)) as client:

        async def ask(path: str) -> None:
            answers[path] = await client.get(path)

        await ask("/first")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, "/unlucky")
            tasks.start_soon(ask, "/between")  # opens the connection that is given to it next

    assert len(closed) == 2
    assert server.connections == 3
    assert [answer.failure for answer in answers.values()] == [None] * 3
    assert answers["/unlucky"]._reply.retries == 2


async def test_a_new_connection_that_breaks_is_not_tried_again(
    server: Hostile, client: Client
) -> None:
    server.act = saying()

    assert (await client.get("/")).failure == "connection closed without an answer"
    assert server.connections == 1


@pytest.mark.parametrize("part", [b"HTTP/1.1 200 OK\r\nConte", OK[:-1]], ids=["head", "body"])
async def test_an_answer_that_breaks_off_on_a_kept_connection_is_a_failure(
    server: Hostile, client: Client, part: bytes
) -> None:
    def act(connection: socket.socket, request: bytes) -> None:
        if b"/whole" in request:
            connection.sendall(OK)
        else:
            saying(part)(connection, request)

    server.act = act
    whole, broken = await client.get("/whole"), await client.get("/broken")

    assert (whole.failure, len(server.requests)) == (None, 2)
    assert broken.failure is not None
    assert broken.failure.startswith("the connection ended in the ")


@pytest.mark.parametrize("end", ["raises", "is cancelled", "goes on"])
async def test_a_connection_is_not_used_again_after_half_a_request(
    server: Hostile, client: Client, end: str
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"x"
        (connection,) = client._courier._transport._all
        with anyio.fail_after(60):
            while not connection._reply.is_complete:  # noqa: ASYNC110 - it has no event
                await anyio.sleep(0.01)
        if end == "raises":
            raise RuntimeError("no more")
        if end == "is cancelled":
            scope.cancel()
            await anyio.sleep_forever()
        yield b"y"

    with anyio.CancelScope() as scope, suppress(RuntimeError):
        await client.post("/early", data=body())

    assert (await client.get("/next")).ok
    assert server.requests[-1].startswith(b"GET /next")
    assert server.connections == 2


async def test_a_connection_is_used_again_after_a_whole_stream(
    server: Hostile, client: Client
) -> None:
    server.act = _read_stream
    await client.post("/", data=[b"x", b"y"])
    await client.post("/", data=[b"z"])

    assert server.connections == 1


def _read_stream(connection: socket.socket, request: bytes) -> None:
    while not request.endswith(b"\r\n0\r\n\r\n"):
        request += connection.recv(65536)
    connection.sendall(OK)


async def test_what_nobody_asked_for_is_not_taken_for_an_answer(
    server: Hostile, client: Client
) -> None:
    def act(connection: socket.socket, request: bytes) -> None:
        connection.sendall(OK + OK.replace(b"ok", b"no"))

    server.act = act

    assert [(await client.get("/")).text for _ in range(3)] == ["ok"] * 3
    assert server.connections == 3


@pytest.mark.parametrize("status", [b"200 OK", b"204 No Content", b"304 Not Modified"])
@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
async def test_a_body_that_may_not_be_and_comes_late_is_no_part_of_the_next_answer(
    server: Hostile, client: Client, method: str, status: bytes
) -> None:
    """A server that sends one all the same; it arrives when the next request is under way."""

    def act(connection: socket.socket, request: bytes) -> None:
        if b" /first " in request:
            connection.sendall(b"HTTP/1.1 %b\r\nContent-Length: 4\r\n\r\n" % status)
            read_head(connection)
            connection.sendall(b"late" + OK)
        else:
            connection.sendall(OK)

    server.act = act
    first = await client.request("HEAD" if status == b"200 OK" else "GET", "/first")
    following = await client.request(method, "/")

    assert (first.status, first.failure) == (int(status[:3]), None)
    if method == "POST":
        assert following.failure == "a body came late that the answer before may not have"
    else:
        assert (following.text, server.connections) == ("ok", 2)


@pytest.mark.parametrize("size", [0, 1, 10])
async def test_line_breaks_behind_an_answer_are_no_part_of_it(
    server: Hostile, client: Client, size: int
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
    server.act = lambda connection, request: connection.sendall(head + b"x" * size + b"\r\n")

    answers = [await client.get("/") for _ in range(3)]

    assert [(each.failure, each.text) for each in answers] == [(None, "x" * size)] * 3


async def test_a_server_that_speaks_before_it_is_asked(server: Hostile, client: Client) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"220 mail ready\r\n")
            connection.recv(1000)

    thread = threading.Thread(target=serve)
    thread.start()
    response = await client.get(f"http://127.0.0.1:{listener.getsockname()[1]}/")
    await anyio.to_thread.run_sync(thread.join)
    listener.close()

    assert response.failure is not None
    assert response.failure.startswith(("malformed answer", "the server spoke before"))


async def test_hints_before_an_answer_are_passed_over(server: Hostile, client: Client) -> None:
    server.act = saying(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
        b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX-A: 1\r\n\r\nok",
    )

    response = await client.get("/")

    assert (response.status, response.text) == (201, "ok")
    assert dict(response.headers) == {"content-length": "2", "x-a": "1"}


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_an_answer_may_end_with_its_connection(
    server: Hostile, client: Client, version: bytes
) -> None:
    server.act = saying(b"HTTP/%b 200 OK\r\n\r\nall" % version, b" there is")

    response = await client.get("/")

    assert (response.text, response.http_version) == ("all there is", version.decode())


async def test_a_server_may_answer_before_it_has_read_all(server: Hostile, client: Client) -> None:
    def act(connection: socket.socket, request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not request.endswith(b"0\r\n\r\n"):
            request += connection.recv(65536)
        connection.sendall(b"%x\r\n%b\r\n0\r\n\r\n" % (request.count(b"part"), b"x" * 5))

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(5):
            await anyio.sleep(0.01)
            yield b"part"

    server.act = act

    assert (await client.post("/", data=parts(), timeout=60)).content == b"x" * 5


async def test_who_waits_to_send_more_hears_that_no_more_is_wanted(
    server: Hostile, client: Client
) -> None:
    def act(connection: socket.socket, request: bytes) -> None:
        time.sleep(0.2)  # by now more was sent than fits between the two
        connection.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
        server.wait_over()

    server.act = act
    response = await client.post("/", data=[b"x" * 100_000] * 200, timeout=60)

    assert response.failure == "HTTP 413"


async def test_a_body_beyond_the_limit_is_refused(server: Hostile) -> None:
    def act(connection: socket.socket, request: bytes) -> None:
        connection.sendall(CHUNKED)
        while True:
            connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")

    server.act = act
    async with Client(options=Options(base_url=server.url, max_body_bytes=1 << 20)) as client:
        response = await client.get("/")

    assert response.failure == "the body is longer than 1048576 bytes"


TEXT = b"".join(b"%d is a number, " % number for number in range(2_000))

PACKED = {
    "gzip": zlib.compress(TEXT, wbits=31),
    "deflate": zlib.compress(TEXT),
    "br": brotli.compress(TEXT),
}


@pytest.mark.parametrize("coding", PACKED)
@pytest.mark.parametrize("cut", [0, 1, 8, 2_000])
async def test_a_compressed_body_that_is_cut_short_is_a_failure_though_nobody_reads_it(
    server: Hostile, client: Client, coding: str, cut: int
) -> None:
    body = PACKED[coding][: len(PACKED[coding]) - cut]
    said = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n"
    server.act = lambda connection, request: connection.sendall(said.encode() + body)

    answers = [await client.get("/") for _ in range(4)]

    failure = "the compressed body is cut short" if cut else None
    assert {each.failure for each in answers} == {failure}
    assert {each.status for each in answers} == {200}
    assert server.connections == 1


async def test_a_part_of_a_compressed_body_and_none_at_all_are_no_failures(
    server: Hostile, client: Client
) -> None:
    head = b"HTTP/1.1 %b\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    part = PACKED["gzip"][5:50]
    server.act = lambda connection, request: connection.sendall(
        head % (b"200 OK", 45)
        if request.startswith(b"HEAD")
        else head % (b"206 Partial Content", 45) + part
        if b"Range" in request
        else head % (b"200 OK", 0)
    )

    ranged = await client.get("/", headers={"Range": "bytes=5-49"})
    answers = [ranged, await client.head("/"), await client.get("/")]

    assert [each.failure for each in answers] == [None] * 3


@pytest.mark.parametrize("before", [0, 1])
async def test_a_cancelled_request_ends_its_connection_and_frees_its_place(
    server: Hostile, before: int
) -> None:
    async with Client(options=Options(base_url=server.url, max_connections=1)) as client:
        for _ in range(before):
            await client.get("/")
        server.act = lambda connection, request: server.wait_over()

        async def ask() -> None:
            await client.get("/")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            while len(server.requests) <= before:  # noqa: ASYNC110 - it is read in a thread
                await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
        server.act = lambda connection, request: connection.sendall(OK)

        assert (await client.get("/")).ok
        assert server.connections == 2


async def test_a_redirect_and_cookies_over_a_kept_connection(
    server: Hostile, client: Client
) -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n"
    cookie = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 2\r\n\r\nok"
    answers = {b"/old": moved, b"/login": cookie}
    server.act = lambda connection, request: connection.sendall(answers.get(request.split()[1], OK))
    seen = [await client.get(path) for path in ("/", "/old", "/login", "/login", "/")]

    assert [each.redirects for each in seen] == [0, 1, 0, 0, 0]
    assert seen[1].url == f"{server.url}/new"
    assert [b"Cookie: a=1" in each for each in server.requests] == [False] * 4 + [True] * 2
    assert server.connections == 1


async def test_requests_wait_for_a_free_connection(server: Hostile) -> None:
    def act(connection: socket.socket, request: bytes) -> None:
        time.sleep(0.02)
        connection.sendall(OK)

    server.act = act
    answers = []
    async with Client(options=Options(base_url=server.url, max_connections=2)) as client:

        async def ask() -> None:
            answers.append(await client.get("/"))

        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(ask)

    assert [response.ok for response in answers] == [True] * 10
    assert server.connections == 2


async def test_who_asked_first_is_served_first(server: Hostile) -> None:
    order: list[str] = []
    async with Client(options=Options(base_url=server.url, max_connections=1)) as client:

        async def ask(name: str, times: int) -> None:
            for _ in range(times):
                await client.get("/")
                order.append(name)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, "greedy", 20)
            for name in "abc":
                tasks.start_soon(ask, name, 1)

    assert order[:5] == ["greedy", "a", "b", "c", "greedy"]


async def test_nobody_waits_for_a_connection_longer_than_it_has_time(server: Hostile) -> None:
    options = Options(base_url=server.url, max_connections=1)
    failures = {}
    async with Client(options=options) as client:
        assert (await client.get("/")).ok  # to connect takes time as well
        server.act = lambda connection, request: server.wait_over()

        async def ask(timeout: float) -> None:
            failures[timeout] = (await client.get("/", timeout=timeout)).failure

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, 1.5)
            tasks.start_soon(ask, 0.3)

    assert failures == {1.5: "no answer within 1.5 s", 0.3: "no free connection within 0.3 s"}


class Asking(murmur.Scenario):
    """Users ask for ever."""

    base_url = Unicode("", help="server to test")
    grace = Float(1.0, min=0, help="seconds to leave")
    uploads = Bool(False, help="whether the question itself takes for ever")

    async def start(self, user: murmur.User) -> None:
        while True:
            await user.http.post("/", data=endless() if self.uploads else None)


@pytest.mark.parametrize("part", ["connect", "answer", "second answer", "upload"])
def test_a_user_that_leaves_is_not_held_by_its_server(server: Hostile, part: str) -> None:
    answered = set()

    def act(connection: socket.socket, request: bytes) -> None:
        if part != "second answer" or connection in answered:
            server.wait_over()
            return
        answered.add(connection)
        connection.sendall(OK)

    server.act = act
    requests = 10 if part == "second answer" else 0
    url = server.url.replace("http", "https") if part == "connect" else server.url
    with murmur.Session() as session:
        run = session.do(Asking, 5, user_rate=math.inf, base_url=url, uploads=part == "upload")
        deadline = time.monotonic() + 60
        while server.connections < 5 or len(server.requests) < requests:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        asked_at = time.monotonic()
        session.remove(5)  # not by force: nothing cancels them
        while session.status().users["gone"] < 5:
            assert time.monotonic() < asked_at + 60
            time.sleep(0.01)

        assert 0.5 < time.monotonic() - asked_at < 30
    assert set(run.results.users["outcome"]) == {"left"}
    assert len(run.results.actions) == (5 if part == "second answer" else 0)
    counters = run.results.counters.groupby("name", observed=True)["value"].sum()
    assert counters["actions.cut_short"] == 5


def test_what_hangs_on_a_kept_connection_is_told_while_it_does(server: Hostile) -> None:
    def act(connection: socket.socket, request: bytes) -> None:
        if server.requests.count(request) > 3:
            server.wait_over()
        connection.sendall(OK)

    server.act = act
    with murmur.Session() as session:
        run = session.do(Asking, 1, user_rate=math.inf, base_url=server.url)
        deadline, told = time.monotonic() + 10, ""
        while "1 'POST /' action has not ended" not in told:
            assert time.monotonic() < deadline
            time.sleep(0.1)
            told = "\n".join(run.results.verdict.reasons)
        session.stop()
        run.wait(60)

    assert len(run.results.actions) == 3
    assert "not ended" not in "\n".join(run.results.verdict.reasons)


class Repeating(murmur.Scenario):
    """A user that makes one request again and again, also while it is under way."""

    base_url = Unicode("", help="server to test")

    async def start(self, user: murmur.User) -> None:
        async def ask() -> None:
            await call

        await user.http.get("/")
        call = user.http.get("/")
        for _ in range(2):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask)
                tasks.start_soon(ask)


def test_a_call_that_is_awaited_again_is_another_request(server: Hostile) -> None:
    def act(connection: socket.socket, request: bytes) -> None:
        time.sleep(0.1 * len(server.requests))
        connection.sendall(OK)

    server.act = act
    with murmur.Session() as session:
        run = session.do(Repeating, 1, user_rate=math.inf, base_url=server.url, end_when_idle=True)
        run.wait(60)
        actions = run.results.actions

    assert len(server.requests) == len(actions) == 5
    assert set(run.results.users["outcome"]) == {"finished"}
    assert actions["service_time"].min() > 0.09
    assert actions["started_at"].nunique() == 5


class Checking(murmur.Scenario):
    """A user that takes its time to look at answers."""

    base_url = Unicode("", help="server to test")

    async def start(self, user: murmur.User) -> list[float]:
        looked: list[float] = []

        def look(response: Any) -> None:
            looked.append(user.now())
            time.sleep(0.01)

        for _ in range(3):  # the first over a new connection, the others over a kept one
            await user.http.get("/", check=look)
        return looked


def test_the_time_of_a_check_is_none_of_the_request(server: Hostile) -> None:
    with murmur.Session() as session:
        run = session.do(Checking, 1, base_url=server.url, end_when_idle=True, user_rate=math.inf)
        run.wait(60)
        actions, (looked,) = run.results.actions, run.results.users["result"]

    ended = actions["started_at"] + actions["service_time"]
    assert [end <= at for end, at in zip(ended, json.loads(looked), strict=True)] == [True] * 3


def test_no_context_of_tls_is_made_for_plain_http() -> None:
    options = Options()

    assert "tls" not in vars(options)
    assert isinstance(options.tls, ssl.SSLContext)
    assert options.tls is options.tls


class AsksOnce(murmur.Scenario):
    """A user makes one request, whose answer breaks off or never comes."""

    url = Unicode("", help="where the server is")
    seconds = Float(10.0, help="how long an answer may take")

    async def start(self, user: murmur.User) -> None:
        options = Options(base_url=self.url, timeout=self.seconds)
        async with Client(user, options=options) as client:
            await client.get("/", name="ask")


BEGUN = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"


@pytest.mark.parametrize(
    ("begins", "closes", "seconds", "duration"),
    [
        (BEGUN, True, 60.0, 60),
        (BEGUN, False, 3.0, 60),
        (b"", False, 3.0, 60),
        (BEGUN, False, 60.0, 3),
    ],
    ids=["cut", "too long", "no answer", "user leaves"],
)
def test_what_there_was_of_a_request_that_broke_is_counted(
    server: Hostile, begins: bytes, closes: bool, seconds: float, duration: float
) -> None:
    """An outage must not look as though nobody had asked."""

    def act(connection: socket.socket, request: bytes) -> None:
        connection.sendall(begins)
        if closes:
            raise StopIteration
        server.wait_over()

    server.act = act
    with murmur.Session() as session:
        run = session.do(
            AsksOnce, 1, url=server.url, seconds=seconds, duration=duration, end_when_idle=True
        )
        run.wait(60)
        frame = run.results.counters
    counted = frame.groupby("name", observed=True)["value"].sum().to_dict()
    assert counted["http.connections"] == 1
    assert counted["http.sent_bytes"] == len(server.requests[0])
    assert counted["http.received_bytes"] == len(begins)
    assert counted.get("http.status.200", 0) == bool(begins)


class Uploads(murmur.Scenario):
    """A user uploads without end."""

    url = Unicode("", help="where the server is")

    async def start(self, user: murmur.User) -> None:
        async with Client(user, options=Options(base_url=self.url)) as client:
            await client.post("/", data=endless(), timeout=1, name="upload")


def test_what_was_sent_of_a_body_that_broke_off_is_counted(server: Hostile) -> None:
    arrived: list[bytes] = []

    def act(connection: socket.socket, request: bytes) -> None:
        while request:
            arrived.append(request)
            request = connection.recv(65536)
        raise StopIteration

    server.act = act
    with murmur.Session() as session:
        run = session.do(Uploads, 1, url=server.url, end_when_idle=True)
        run.wait(60)
    frame = run.results.counters
    counted = frame.groupby("name", observed=True)["value"].sum().to_dict()

    assert run.results.errors["error"].tolist() == [
        "HttpTimeoutError: no complete request within 1 s"
    ]
    assert counted["http.sent_bytes"] == len(b"".join(arrived)) > 0
