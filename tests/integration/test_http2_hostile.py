"""Servers of HTTP/2 that break the rules, or just break."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import pytest
import trustme

from murmur.errors import InvalidRequestError
from murmur.http import Client, Options, Response

from .thread_server import ThreadServer

HEAD = [(":status", "200"), ("content-type", "text/plain")]

Act = Callable[["Connection", int], None]


class Connection:
    """One connection of the server, as what a test makes it do sees it."""

    def __init__(self, tls: ssl.SSLSocket, *, widens: bool = True, acts_at: float = 0) -> None:
        self.tls = tls
        self.widens = widens
        self.acts_at = acts_at
        self.body = b""
        self.resets: list[int] = []
        self.settings: dict[int, int] = {}
        self.state = h2.connection.H2Connection(
            h2.config.H2Configuration(
                client_side=False, validate_outbound_headers=False, normalize_outbound_headers=False
            )
        )

    def serve(self, act: Act) -> None:
        self.state.initiate_connection()
        self.flush()
        while data := self.tls.recv(65536):
            for event in self.state.receive_data(data):
                if isinstance(event, h2.events.RemoteSettingsChanged):
                    self.settings |= {
                        int(code): each.new_value for code, each in event.changed_settings.items()
                    }
                elif isinstance(event, h2.events.DataReceived):
                    self.body += event.data or b""
                    size = event.flow_controlled_length if self.widens else 0
                    self.state.acknowledge_received_data(size or 0, event.stream_id or 0)
                    if len(self.body) == self.acts_at:
                        act(self, event.stream_id or 0)
                elif isinstance(event, h2.events.StreamReset):
                    self.resets.append(event.stream_id or 0)
                elif isinstance(event, h2.events.StreamEnded):
                    assert event.stream_id
                    act(self, event.stream_id)
            self.flush()

    def say(self, stream: int, body: bytes = b"", *, is_last: bool = True) -> None:
        self.state.send_headers(stream, HEAD)
        self.state.send_data(stream, body, end_stream=is_last)
        self.flush()

    def flush(self) -> None:
        self.tls.sendall(self.state.data_to_send())


class Server(ThreadServer):
    """A server that does for each request what it is told to."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.act: Act = lambda connection, stream: connection.say(stream, b"ok")
        self.widens = True
        self.acts_at: float = 0  # bytes of a body; else at its end
        self._context = context
        super().__init__()
        self.url = f"https://localhost:{self.port}"

    def serve(self, connection: socket.socket) -> None:
        # Else an answer may wait for an acknowledgment, and be thrown away when this closes.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with (
            suppress(h2.exceptions.ProtocolError),
            self._context.wrap_socket(connection, server_side=True) as tls,
        ):
            one = Connection(tls, widens=self.widens, acts_at=self.acts_at)
            one.serve(self._answer)

    def _answer(self, connection: Connection, stream: int) -> None:
        self.act(connection, stream)  # as it is by now


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
    options = Options(base_url=server.url, ca=authority[1], http2=True, timeout=60)
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
    (reset, "the server reset the stream before an answer (INTERNAL_ERROR)"),
    (reset_late, "the server reset the stream in the middle of the answer (INTERNAL_ERROR)"),
    (go_away, "the server ended the connection"),
    (close, "connection "),  # closed, or reset: what the client had just sent was not read
    (close_late, "the connection ended in the body of the answer"),
    (garble, "malformed answer: "),
]


@pytest.mark.parametrize("is_kept", [False, True])
@pytest.mark.parametrize(
    ("act", "message"), FAILURES, ids=lambda part: getattr(part, "__name__", "")
)
async def test_a_server_that_breaks_is_recorded(
    server: Server, client: Client, act: Act, message: str, is_kept: bool
) -> None:
    if is_kept:  # what goes over a connection that is there is sent at once
        assert (await client.get("/")).ok
    server.act = act

    response = await client.post("/")

    assert response.failure is not None
    assert response.failure.startswith(message)


@pytest.mark.parametrize("is_kept", [False, True])
async def test_a_server_that_stalls_costs_the_timeout(
    server: Server, client: Client, is_kept: bool
) -> None:
    if is_kept:
        assert (await client.get("/")).ok
    server.act = lambda connection, stream: connection.say(stream, b"abc", is_last=False)
    late = await client.get("/", timeout=3)
    server.act = lambda connection, stream: None
    never = await client.get("/", timeout=1)

    assert late.failure == "no complete answer within 3 s"
    assert never.failure == "no answer within 1 s"
    assert server.connections == 1  # a stream was given up, not the others'


async def test_a_server_that_takes_no_body_costs_the_timeout(
    server: Server, client: Client
) -> None:
    server.widens = False
    began = time.monotonic()
    # The window of a stream is 64 Ki unless the server widens it, and this one never does.
    response = await client.post("/", data=b"x" * 1_000_000, timeout=3)

    assert response.failure == "no complete request within 3 s"
    assert time.monotonic() - began < 20


def too_large(connection: Connection, stream: int) -> None:
    connection.state.send_headers(stream, [(":status", "413")], end_stream=True)


def broken(connection: Connection, stream: int) -> None:
    connection.state.reset_stream(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(
    ("act", "failure"),
    [
        (too_large, "HTTP 413"),
        (broken, "the server reset the stream before an answer (INTERNAL_ERROR)"),
    ],
)
async def test_who_waits_to_send_more_hears_that_no_more_is_wanted(
    server: Server, client: Client, act: Act, failure: str, is_stream: bool
) -> None:
    server.widens, server.acts_at = False, 65_535  # the whole window of a stream
    server.act = act
    body = [b"x" * 50_000] * 20 if is_stream else b"x" * 1_000_000

    assert (await client.post("/", data=body, timeout=60)).failure == failure


async def test_a_stream_ends_that_was_answered_before_all_was_sent(
    server: Server, client: Client
) -> None:
    seen: list[Connection] = []

    def act(connection: Connection, stream: int) -> None:
        seen.append(connection)
        if stream == 1:
            too_large(connection, stream)
        else:
            connection.say(stream, b"ok")

    server.widens, server.acts_at, server.act = False, 65_535, act
    assert (await client.post("/", data=b"x" * 1_000_000, timeout=60)).status == 413
    assert (await client.get("/")).ok  # over the same connection, after the reset

    assert server.connections == 1
    assert seen[-1].resets == [1]


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


async def test_a_connection_that_is_called_off_while_it_is_idle_is_closed(
    server: Server, client: Client
) -> None:
    ended = threading.Event()

    def act(connection: Connection, stream: int) -> None:
        connection.say(stream, b"ok")
        time.sleep(0.1)  # until the client has put it away
        connection.state.close_connection()
        connection.flush()
        connection.tls.recv(1)
        ended.set()

    server.act = act
    assert (await client.get("/")).ok

    assert await anyio.to_thread.run_sync(ended.wait, 30)


async def test_a_connection_that_ended_while_it_was_idle_takes_no_place(
    server: Server, authority: tuple[ssl.SSLContext, Path]
) -> None:
    seen: list[int] = []
    both = threading.Barrier(2)

    def act(connection: Connection, stream: int) -> None:
        seen.append(stream)
        connection.state.update_settings({3: 1})  # one stream at a time
        connection.flush()
        if len(seen) > 4:
            both.wait(30)
        connection.say(stream, b"ok")
        if len(seen) in {1, 3}:  # the first connection ends, and later the second one
            time.sleep(0.1)  # until the client has put it away
            raise StopIteration

    server.act = act
    options = Options(
        base_url=server.url, ca=authority[1], http2=True, timeout=60, max_connections=2
    )
    answers: list[Response] = []
    async with Client(options=options) as client, anyio.create_task_group() as tasks:

        async def get() -> None:
            answers.append(await client.get("/"))

        await get()
        await anyio.sleep(0.3)
        await get()
        answers.append(await client.post("/", data=b"x"))
        await anyio.sleep(0.3)
        await get()
        tasks.start_soon(get)
        tasks.start_soon(get)  # which needs a connection of its own

    assert [answer.failure for answer in answers] == [None] * 6
    assert server.connections == 4


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

    assert response.failure == "the server reset the stream before an answer (INTERNAL_ERROR)"
    assert len(seen) == 2
    assert server.connections == 1


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
async def test_what_a_server_refused_is_sent_again(
    server: Server, client: Client, method: str
) -> None:
    seen: list[int] = []

    def act(connection: Connection, stream: int) -> None:
        seen.append(stream)
        if len(seen) in {1, 2, 5}:
            connection.state.reset_stream(stream, 7)  # REFUSED_STREAM
        else:
            connection.say(stream, b"ok")

    server.act = act
    body = {} if method == "GET" else {"data": b"x" * 10}
    answers = [await client.request(method, "/", **body) for _ in range(3)]

    assert [answer.text for answer in answers] == ["ok"] * 3
    assert len(seen) == 6


async def test_what_lies_beyond_the_last_stream_is_sent_again(
    server: Server, client: Client
) -> None:
    def act(connection: Connection, stream: int) -> None:
        if server.connections < 3:
            go_away(connection, stream)
        else:
            connection.say(stream, b"ok")

    server.act = act
    response = await client.post("/", data=b"x")

    assert (response.status, server.connections) == (200, 3)


async def test_a_server_that_refuses_for_ever_is_a_failure(server: Server, client: Client) -> None:
    server.act = lambda connection, stream: connection.state.reset_stream(stream, 7)

    response = await client.post("/", data=b"x")

    assert response.failure == "the server refused the stream"
    assert server.connections == 1


async def test_a_burst_to_a_new_server_opens_one_connection(server: Server, client: Client) -> None:
    answers = []

    async def ask() -> None:
        answers.append(await client.get("/"))

    async with anyio.create_task_group() as tasks:
        for _ in range(30):
            tasks.start_soon(ask)

    assert [answer.text for answer in answers] == ["ok"] * 30
    assert server.connections == 1


async def test_nothing_is_pushed_to_those_who_did_not_ask(server: Server, client: Client) -> None:
    told: list[dict[int, int]] = []

    def act(connection: Connection, stream: int) -> None:
        told.append(connection.settings)
        connection.say(stream, b"ok")

    server.act = act
    await client.get("/")

    enable_push = 2  # RFC 9113, 6.5.2
    assert told[0][enable_push] == 0


@pytest.mark.parametrize("size", [0, 10, 300_000])
async def test_a_body_is_sent_part_by_part(server: Server, client: Client, size: int) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
            yield b"x" * size

    server.act = lambda connection, stream: connection.say(stream, b"%d" % len(connection.body))

    assert (await client.post("/", data=parts())).text == str(3 * size)


async def test_a_part_that_is_no_bytes_resets_its_stream_alone(
    server: Server, client: Client
) -> None:
    with pytest.raises(InvalidRequestError, match="its parts have to be bytes"):
        await client.post("/", data=iter([b"a", "b"]))  # type: ignore[arg-type]

    assert (await client.get("/")).text == "ok"
    assert server.connections == 1


async def test_trailers_can_be_read(server: Server, client: Client) -> None:
    def act(connection: Connection, stream: int) -> None:
        connection.say(stream, b"ok", is_last=False)
        connection.state.send_headers(stream, [("x-sum", "7")], end_stream=True)

    server.act = act
    response = await client.get("/")

    assert (response.text, dict(response.trailers)) == ("ok", {"x-sum": "7"})


@pytest.mark.parametrize("is_head", [False, True])
async def test_fields_are_refused_where_they_may_not_stand_however_often_they_came_before(
    server: Server, client: Client, is_head: bool
) -> None:
    trailer = [("x-sum", "7")]

    def act(connection: Connection, stream: int) -> None:
        connection.say(stream, b"ok", is_last=False)
        connection.state.send_headers(stream, trailer, end_stream=True)

    def mix_up(connection: Connection, stream: int) -> None:
        if is_head:
            connection.state.send_headers(stream, trailer, end_stream=True)
            return
        connection.say(stream, b"ok", is_last=False)
        connection.state.send_headers(stream, HEAD, end_stream=True)

    server.act = act
    assert [(await client.get("/")).text for _ in range(4)] == ["ok"] * 4
    server.act = mix_up
    response = await client.post("/")

    assert (response.failure or "").startswith("malformed answer: ")


async def test_many_share_a_connection_that_is_there_and_one_goes(
    server: Server, client: Client
) -> None:
    assert (await client.get("/")).ok
    server.act = lambda connection, stream: connection.say(stream, b"ok") if stream != 3 else None
    answers = []

    async def ask(number: int) -> None:
        answers.append(await client.get(f"/{number}", timeout=1 if number == 0 else None))

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(ask, number)

    failures = [answer.failure for answer in answers if answer.failure]
    assert failures == ["no answer within 1 s"]
    assert [answer.text for answer in answers if not answer.failure] == ["ok"] * 19
    assert (await client.get("/")).text == "ok"
    assert server.connections == 1


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("frame", [
    b"\0\0\1\0\0\0\0\0\1x",  # a byte of the body
    b"\0\0\x08\6\0\0\0\0\0pingping",
    b"\0\0\0\4\0\0\0\0\0",  # settings
    b"\0\0\4\x08\0\0\0\0\0\0\0\0\1",  # room for one byte
])  # fmt: skip
async def test_small_frames_hold_nobody(server: Server, client: Client, frame: bytes) -> None:
    def act(connection: Connection, stream: int) -> None:
        connection.say(stream, b"", is_last=False)
        for _ in range(20):
            connection.tls.sendall(frame * 2000)
        raise StopIteration

    server.act = act
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        last = time.thread_time()
        while True:
            await anyio.lowlevel.checkpoint()
            now = time.thread_time()
            longest, last = max(longest, now - last), now

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        await client.get("/")
        tasks.cancel_scope.cancel()

    assert longest < 0.15  # seconds of CPU; 40,000 frames at once are more than one


def upper_case(connection: Connection, stream: int) -> None:
    connection.state.send_headers(stream, [*HEAD, ("X-Up", "1")], end_stream=True)


def without_status(connection: Connection, stream: int) -> None:
    connection.state.send_headers(stream, [("x", "1")], end_stream=True)


def low_status(connection: Connection, stream: int) -> None:
    connection.state.send_headers(stream, [(":status", "99")], end_stream=True)


def too_short(connection: Connection, stream: int) -> None:
    connection.state.send_headers(stream, [*HEAD, ("content-length", "10")])
    connection.state.send_data(stream, b"short", end_stream=True)


def too_long(connection: Connection, stream: int) -> None:
    connection.state.send_headers(stream, [*HEAD, ("content-length", "3")])
    connection.state.send_data(stream, b"longer", end_stream=True)


@pytest.mark.parametrize("act", [upper_case, without_status, low_status, too_short, too_long])
async def test_a_malformed_answer_spares_the_others(
    server: Server, client: Client, act: Act
) -> None:
    assert (await client.get("/")).ok
    waiting: list[int] = []
    failures: list[str | None] = []

    def answer(connection: Connection, stream: int) -> None:
        waiting.append(stream)
        if len(waiting) == 2:
            act(connection, waiting[0])
            connection.say(waiting[1], b"ok")

    async def ask() -> None:
        failures.append((await client.get("/", timeout=60)).failure)

    server.act = answer
    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        group.start_soon(ask)

    told = [failure for failure in failures if failure is not None]
    assert (len(failures), len(told)) == (2, 1)
    assert told[0].startswith("malformed answer: ")
    assert server.connections == 1


async def test_a_cancelled_request_spares_the_others(server: Server, client: Client) -> None:
    is_asked = threading.Event()
    answers = []

    def act(connection: Connection, stream: int) -> None:
        if stream > 1:
            connection.say(stream, b"ok")
        is_asked.set()

    async def ask() -> None:
        answers.append(await client.get("/"))

    async def give_up(scope: anyio.CancelScope) -> None:
        await anyio.to_thread.run_sync(is_asked.wait, 60)
        scope.cancel()

    server.act = act
    async with anyio.create_task_group() as tasks:
        with anyio.CancelScope() as scope:
            tasks.start_soon(give_up, scope)
            await client.get("/")
        for _ in range(5):
            tasks.start_soon(ask)

    assert [answer.text for answer in answers] == ["ok"] * 5
    assert server.connections == 1


async def test_an_answer_that_came_before_a_reset_is_read_from_tls() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trusted = trustme.CA()
    trusted.issue_cert("localhost").configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        plain, _ = listener.accept()
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tls = context.wrap_socket(plain, server_side=True)
        tls.recv(10)
        tls.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        tls.close()

    async def body() -> Any:
        yield b"x" * 1000
        time.sleep(0.1)  # noqa: ASYNC251 - the loop must not see the answer before it writes
        for _ in range(3):
            yield b"x" * 1000

    thread = threading.Thread(target=serve)
    thread.start()
    with trusted.cert_pem.tempfile() as ca:
        options = Options(ca=ca, timeout=60)
        async with Client(options=options) as client:
            url = f"https://localhost:{listener.getsockname()[1]}/"
            response = await client.post(url, data=body())
    await anyio.to_thread.run_sync(thread.join)
    listener.close()

    assert (response.status, response.text) == (413, "no")


async def test_no_answer_loses_its_end_over_tls_to_a_slow_reader() -> None:
    """The server says farewell at once, as nginx does when it ends a connection in order."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trusted = trustme.CA()
    trusted.issue_cert("localhost").configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))
    body = b"x" * 3_000_000

    def serve() -> None:
        plain, _ = listener.accept()
        tls = context.wrap_socket(plain, server_side=True)
        tls.recv(1000)
        tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        tls.close()

    thread = threading.Thread(target=serve)
    thread.start()
    size = 0
    with trusted.cert_pem.tempfile() as ca:
        async with Client(options=Options(ca=ca, timeout=60)) as client:
            url = f"https://localhost:{listener.getsockname()[1]}/"
            async with client.get(url, stream=True) as response:
                async for part in response.iter_bytes():
                    size += len(part)
                    await anyio.sleep(0.002)
    await anyio.to_thread.run_sync(thread.join)
    listener.close()

    assert (response.failure, size) == (None, len(body))
