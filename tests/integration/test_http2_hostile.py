"""Servers of HTTP/2 that break the rules, or just break."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import h2.config
import h2.connection
import h2.events
import h2.exceptions
import pytest
import trustme

from murmur.http import Client, Options

HEAD = [(":status", "200"), ("content-type", "text/plain")]

Act = Callable[["Connection", int], None]


class Connection:
    """One connection of the server, as what a test makes it do sees it."""

    def __init__(self, tls: ssl.SSLSocket) -> None:
        self.tls = tls
        self.state = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, validate_outbound_headers=False)
        )

    def serve(self, act: Act) -> None:
        self.state.initiate_connection()
        self.flush()
        while data := self.tls.recv(65536):
            for event in self.state.receive_data(data):
                if isinstance(event, h2.events.StreamEnded):
                    assert event.stream_id
                    act(self, event.stream_id)
            self.flush()

    def say(self, stream: int, body: bytes = b"", *, is_last: bool = True) -> None:
        self.state.send_headers(stream, HEAD)
        self.state.send_data(stream, body, end_stream=is_last)
        self.flush()

    def flush(self) -> None:
        self.tls.sendall(self.state.data_to_send())


class Server:
    """A server that does for each request what it is told to."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.act: Act = lambda connection, stream: connection.say(stream, b"ok")
        self.connections = 0
        self._context = context
        self._is_over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def wait_over(self) -> None:
        """Stall until the test is over."""
        self._is_over.wait(30)

    def close(self) -> None:
        self._is_over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def _accept(self) -> None:
        while not self._is_over.is_set():
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=[plain])
            self._threads.append(thread)
            thread.start()

    def _answer(self, connection: Connection, stream: int) -> None:
        self.act(connection, stream)

    def _serve(self, plain: socket.socket) -> None:
        plain.settimeout(30)
        try:
            with self._context.wrap_socket(plain, server_side=True) as tls:
                Connection(tls).serve(self._answer)
        except (OSError, StopIteration, h2.exceptions.ProtocolError):
            pass
        finally:
            plain.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: Any) -> tuple[ssl.SSLContext, Path]:
    """Return what the server shows, and the file of who vouches for it."""
    ca = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("localhost").configure_cert(context)
    context.set_alpn_protocols(["h2"])
    path: Path = tmp_path_factory.mktemp("authority") / "ca.pem"
    ca.cert_pem.write_to_path(path)
    return context, path


@pytest.fixture
def server(authority: tuple[ssl.SSLContext, Path]) -> Iterator[Server]:
    running = Server(authority[0])
    yield running
    running.close()


@pytest.fixture(params=["asyncio", "asyncio+uvloop"])
def anyio_backend(request: Any) -> Any:
    return "asyncio", {"use_uvloop": request.param.endswith("uvloop")}


@pytest.fixture
async def client(server: Server, authority: tuple[ssl.SSLContext, Path]) -> Any:
    options = Options(base_url=server.url, ca=authority[1], http2=True, timeout=10)
    async with Client(options=options) as made:
        yield made


def reset(connection: Connection, stream: int) -> None:
    connection.state.reset_stream(stream, 2)


def reset_late(connection: Connection, stream: int) -> None:
    connection.say(stream, b"abc", is_last=False)
    connection.state.reset_stream(stream, 2)


def go_away(connection: Connection, stream: int) -> None:
    connection.state.close_connection(last_stream_id=0)


def close(connection: Connection, stream: int) -> None:
    raise StopIteration


def close_late(connection: Connection, stream: int) -> None:
    connection.say(stream, b"abc", is_last=False)
    raise StopIteration


def garble(connection: Connection, stream: int) -> None:
    connection.tls.sendall(b"\0\0\0\1\4\0\0\0\0")  # a head of no stream


FAILURES = [
    (reset, "the server reset the stream before an answer"),
    (reset_late, "the server reset the stream in the middle of the answer"),
    (go_away, "the server ended the connection"),
    (close, "connection "),  # closed, or reset: what the client had just sent was not read
    (close_late, "the connection ended in the body of the answer"),
    (garble, "malformed answer: "),
]


@pytest.mark.parametrize(
    ("act", "message"), FAILURES, ids=lambda part: getattr(part, "__name__", "")
)
async def test_a_server_that_breaks_is_recorded(
    server: Server, client: Client, act: Act, message: str
) -> None:
    server.act = act

    response = await client.post("/")

    assert response.failure is not None
    assert response.failure.startswith(message)


async def test_a_server_that_stalls_costs_the_timeout(server: Server, client: Client) -> None:
    server.act = lambda connection, stream: connection.say(stream, b"abc", is_last=False)
    late = await client.get("/", timeout=1)
    server.act = lambda connection, stream: None
    never = await client.get("/", timeout=1)

    assert late.failure == "no complete answer within 1 s"
    assert never.failure == "no answer within 1 s"
    assert server.connections == 1  # a stream was given up, not the others'


async def test_a_server_that_takes_no_body_costs_the_timeout(
    server: Server, client: Client
) -> None:
    began = time.monotonic()
    # The window of a stream is 64 Ki unless the server widens it, and this one never does.
    response = await client.post("/", data=b"x" * 1_000_000, timeout=1)

    assert response.failure == "no complete request within 1 s"
    assert time.monotonic() - began < 8


async def test_a_connection_that_is_called_off_lets_its_requests_end(
    server: Server, client: Client
) -> None:
    def act(connection: Connection, stream: int) -> None:
        connection.state.close_connection(last_stream_id=stream)
        connection.flush()
        # h2 sends nothing on a connection that it closed, so the answer is written by hand:
        # a head of one indexed field, ":status 200", that also ends the stream.
        connection.tls.sendall(b"\0\0\1\1\5" + stream.to_bytes(4, "big") + b"\x88")

    server.act = act
    first = await client.get("/")
    server.act = lambda connection, stream: connection.say(stream, b"ok")
    second = await client.get("/")

    assert (first.status, first.failure) == (200, None)
    assert second.text == "ok"
    assert server.connections == 2


async def test_a_request_whose_stream_was_reset_is_repeated_once(
    server: Server, client: Client
) -> None:
    seen: list[int] = []

    def act(connection: Connection, stream: int) -> None:
        seen.append(stream)
        reset(connection, stream)

    assert (await client.get("/")).ok
    server.act = act

    response = await client.get("/")

    assert response.failure == "the server reset the stream before an answer"
    assert len(seen) == 2
    assert server.connections == 1


async def test_a_cancelled_request_spares_the_others(server: Server, client: Client) -> None:
    server.act = lambda connection, stream: connection.say(stream, b"ok") if stream > 1 else None
    answers = []

    async def ask() -> None:
        answers.append(await client.get("/"))

    async with anyio.create_task_group() as tasks:
        with anyio.move_on_after(0.1):
            await client.get("/")
        for _ in range(5):
            tasks.start_soon(ask)

    assert [answer.text for answer in answers] == ["ok"] * 5
    assert server.connections == 1
