"""Connections go where they are told: over a proxy, elsewhere, or from an address of choice."""

from __future__ import annotations

import base64
import contextlib
import socket
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import anyio
import pytest

import murmur
from murmur.errors import ConnectionLostError, HttpError, TargetNotAllowedError
from murmur.http import Client, Options
from murmur.testing import TokenServer

from .thread_server import ThreadServer, read_head


class Peer(ThreadServer):
    """A server, or a proxy, that keeps what it was asked and by whom."""

    def __init__(self, *, lets_through: bool = True) -> None:
        self.heads: list[bytes] = []
        self.callers: list[str] = []
        self._lets_through = lets_through
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        self.callers.append(connection.getpeername()[0])
        while head := read_head(connection):
            self.heads.append(head)
            if not head.startswith(b"CONNECT"):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            elif self._lets_through:
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                connection.sendall(b"HTTP/1.1 407 Who are you\r\n\r\n")
                return


@pytest.fixture
def peer() -> Iterator[Peer]:
    running = Peer()
    yield running
    running.close()


@pytest.fixture(params=["asyncio", "asyncio+uvloop"])
def anyio_backend(request: Any) -> Any:
    return "asyncio", {"use_uvloop": request.param.endswith("uvloop")}


async def test_a_host_may_be_found_elsewhere(peer: Peer) -> None:
    options = Options(connect_to={"shop.test:80": f"127.0.0.1:{peer.port}"})
    async with Client(options=options) as client:
        response = await client.get("http://shop.test/a")

    assert response.text == "ok"
    assert b"Host: shop.test\r\n" in peer.heads[0]


async def test_requests_go_through_a_proxy(peer: Peer) -> None:
    options = Options(proxy=f"http://ann:pw@127.0.0.1:{peer.port}", http2=True)
    login = b"Proxy-Authorization: Basic " + base64.b64encode(b"ann:pw") + b"\r\n"
    async with Client(options=options) as client:
        plain = await client.get("http://shop.test/a?b", timeout=5)
        await client.get("https://shop.test/", timeout=1)
        with contextlib.suppress(Exception):
            async with client.websocket("ws://shop.test/live"):
                pass

    assert plain.text == "ok"
    assert plain.url == "http://shop.test/a?b"
    assert peer.heads[0].startswith(b"GET http://shop.test/a?b HTTP/1.1\r\nHost: shop.test\r\n")
    assert peer.heads[1].startswith(b"CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\n")
    connects = [head for head in peer.heads if head.startswith(b"CONNECT")]
    assert connects[1].startswith(b"CONNECT shop.test:80 HTTP/1.1\r\n")
    assert all(login in head for head in (peer.heads[0], *connects))


async def test_a_proxy_that_refuses_is_a_failure() -> None:
    peer = Peer(lets_through=False)
    async with Client(options=Options(proxy=f"http://127.0.0.1:{peer.port}")) as client:
        response = await client.get("https://shop.test/")
    await anyio.to_thread.run_sync(peer.close)

    assert response.failure == "the proxy answered 407"


class Answering(ThreadServer):
    """A proxy that answers a CONNECT as it is told to, and refuses the WebSocket behind it."""

    def __init__(self, *parts: bytes) -> None:
        self._parts = parts
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        read_head(connection)
        for part in self._parts:
            connection.sendall(part)
        if b" 200" in b"".join(self._parts) and read_head(connection):
            connection.sendall(b"HTTP/1.1 403 No\r\n\r\n")


HINTS = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
CONSENT = b"HTTP/1.1 200 OK\r\n\r\n"
THROUGH = "HTTP 403"


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ([HINTS + CONSENT], THROUGH),
        ([HINTS, CONSENT], THROUGH),
        ([bytes([each]) for each in HINTS + CONSENT], THROUGH),
        ([b"HTTP/1.1 200\r\n\r\n"], THROUGH),
        ([b"HTTP/1.0 200 OK\nVia: me\n\n"], THROUGH),
        ([b"HTTP/1.1 407 Who\r\nContent-Length: 9\r\n\r\nwho?"], "the proxy answered 407"),
        ([HINTS], "the proxy ended the connection"),
        ([b"HTTP/1.1 301 Th"], "the proxy ended the connection"),
        ([], "the proxy ended the connection"),
        ([b"SSH-2.0-OpenSSH_9.2\r\n"], "the proxy's answer is none of HTTP"),
        ([CONSENT + b"more"], "the server spoke before it was asked"),
    ],
)
async def test_the_answer_of_a_proxy_is_read_as_any_other(parts: list[bytes], told: str) -> None:
    proxy = Answering(*parts)
    options = Options(proxy=f"http://127.0.0.1:{proxy.port}", connect_timeout=60)
    async with Client(options=options) as client:
        with pytest.raises(HttpError, match=f"^{told}$"):
            async with client.websocket("ws://shop.test/"):
                pass
    await anyio.to_thread.run_sync(proxy.close)


SCHEMES = ("http", "https")


async def test_a_proxy_that_is_not_there_is_told_apart_from_a_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    found = []
    for proxy in (f"http://127.0.0.1:{port}", "http://proxy.invalid:3128"):
        async with Client(options=Options(proxy=proxy)) as client:
            found += [(await client.get(f"{scheme}://shop.test/")).failure for scheme in SCHEMES]

    refused, unknown = "connection refused", "the name of the host is not known"
    assert found == [f"the proxy: {reason}" for reason in (refused, refused, unknown, unknown)]


def test_users_take_local_addresses_in_turns(peer: Peer) -> None:
    class Asking(murmur.Scenario):
        """Asks once."""

        async def init(self) -> None:
            self.http = Options(
                base_url=f"http://127.0.0.1:{peer.port}",
                local_addresses=["127.0.0.2", "127.0.0.3"],
            )

        async def start(self, user: murmur.User) -> None:
            response = await user.http.get("/")
            assert response.ok

    with murmur.Session() as session:
        run = session.do(Asking, 10, user_rate=float("inf"), end_when_idle=True)
        run.wait(60)
        assert set(run.results.users["outcome"]) == {"finished"}

    assert sorted(peer.callers) == ["127.0.0.2"] * 5 + ["127.0.0.3"] * 5


def test_the_guard_looks_at_what_is_connected_to(peer: Peer) -> None:
    found: list[Exception] = []

    class Asking(murmur.Scenario):
        """Asks what the guard does not allow."""

        async def start(self, user: murmur.User) -> None:
            for options in (
                Options(connect_to={"allowed.test": "127.0.0.9"}),
                Options(proxy="http://127.0.0.9:1"),
                Options(proxy=f"http://127.0.0.1:{peer.port}"),
            ):
                try:
                    url = "http://allowed.test/" if len(found) < 2 else "http://else.test/"
                    await Client(user, options).get(url)
                except TargetNotAllowedError as error:
                    found.append(error)

    with murmur.Session(allow=["allowed.test", "127.0.0.1"]) as session:
        session.do(Asking, 1, user_rate=float("inf"), end_when_idle=True).wait(60)

    assert len(found) == 3
    assert peer.heads == []


async def test_tokens_come_one_by_one_and_a_stream_may_break(peer: Peer) -> None:
    async with TokenServer(tokens=4, first=0.2, gap=0.3) as server:
        url = f"http://127.0.0.1:{server.port}/"
        async with Client() as client:
            began = anyio.current_time()
            times, events, cut = [], [], []
            async with client.post(url, json={"ask": 1}, stream=True) as answer:
                async for event in answer.events():
                    times.append(anyio.current_time() - began)
                    events.append(event)
            server.fails_after = 2
            async with client.post(url, json={}, stream=True) as broken:
                async for event in broken.events():
                    cut.append(event.data)  # noqa: PERF401 - what came before the break counts

    assert [event.data for event in events[:4]] == [f'{{"token": "t{n}"}}' for n in range(4)]
    assert events[4].data == "[DONE]"
    assert times[0] > 0.2 - 1e-3  # loops may wake a sleeper by the last step of their clock early
    # Half the gap that was set: a busy machine may take one token late, and the next in time.
    assert all(later - sooner >= 0.15 for sooner, later in pairwise(times[:4]))
    assert cut == ['{"token": "t0"}', '{"token": "t1"}']
    assert isinstance(broken.error, ConnectionLostError)
