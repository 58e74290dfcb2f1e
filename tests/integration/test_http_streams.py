"""Bodies that are read part by part: what breaks off is a failure, what is packed is unpacked."""

from __future__ import annotations

import json
import math
import socket
import threading
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from traitlets import Unicode

import murmur
from murmur.errors import HttpError
from murmur.http import Client

from .thread_server import ThreadServer, read_head

LONG_LINE = b"x" * (1 << 20) + b"x"


class Breaking(ThreadServer):
    """Begins an answer, and breaks it off where it is told to."""

    def serve(self, connection: socket.socket) -> None:
        asked = read_head(connection)
        said = LONG_LINE if b"GET /long" in asked else b"data: 1\n\ndata: 2\n"
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + said)
        if b"GET /late" in asked:
            self.wait_over()


@pytest.fixture
def server() -> Iterator[Breaking]:
    breaking = Breaking()
    yield breaking
    breaking.close()


class Packing(ThreadServer):
    """Packs each event by itself, and sends the next when the last was seen."""

    def __init__(self) -> None:
        self.seen = threading.Semaphore(0)
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        while head := read_head(connection):
            packer = zlib.compressobj(wbits=31)
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            for number in range(3):
                event = packer.compress(b"data: %d\n\n" % number)
                self._send(connection, event + packer.flush(zlib.Z_SYNC_FLUSH))
                self.seen.acquire(timeout=30)
            if b"GET /cut" not in head:
                self._send(connection, packer.flush())
            connection.sendall(b"0\r\n\r\n")

    def _send(self, connection: socket.socket, part: bytes) -> None:
        connection.sendall(b"%x\r\n%b\r\n" % (len(part), part))


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: Any) -> Any:
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture
def packing() -> Iterator[Packing]:
    server = Packing()
    yield server
    server.close()


@pytest.mark.parametrize(
    ("path", "failure"), [("/", None), ("/cut", "the compressed body is cut short")]
)
async def test_a_stream_that_is_packed_is_unpacked_as_it_comes(
    packing: Packing, path: str, failure: str | None
) -> None:
    seen = []
    async with Client(base_url=packing.url) as client, client.get(path, stream=True) as answer:
        async for event in answer.events():
            seen.append(event.data)
            packing.seen.release()

    assert seen == ["0", "1", "2"]
    assert answer.failure == failure


class Catching(murmur.Scenario):
    """Users read in all ways, and catch what breaks off."""

    base_url = Unicode("", help="server to test")

    async def start(self, user: murmur.User) -> list[float]:
        caught = []
        for path in ("bytes", "lines", "events", "late", "long", "long events"):
            url = f"/{path.partition(' ')[0]}"
            timeout = 0.5 if path == "late" else 30
            async with user.http.get(url, name=path, stream=True, timeout=timeout) as answer:
                reading = answer.iter_bytes() if path in {"bytes", "late"} else answer.lines()
                if "events" in path:
                    reading = answer.events()
                try:
                    async for _ in reading:
                        pass
                except HttpError:
                    caught.append(user.now())
                    await user.sleep(0.01)
        return caught


def test_an_answer_that_breaks_off_failed_also_where_that_is_caught(server: Breaking) -> None:
    with murmur.Session() as session:
        run = session.do(Catching, 1, base_url=server.url, end_when_idle=True, user_rate=math.inf)
        run.wait(60)
        actions, (caught,) = run.results.actions, run.results.users["result"]

    cut = "ConnectionLostError: the connection ended in the body of the answer"
    errors = dict(zip(actions["name"], actions["error"], strict=True))
    assert errors == {
        "bytes": cut,
        "lines": cut,
        "events": cut,
        "late": "HttpTimeoutError: no complete answer within 0.5 s",
        "long": "HttpProtocolError: a line is longer than 1048576 characters",
        "long events": "HttpProtocolError: a line is longer than 1048576 characters",
    }
    ended = actions["started_at"] + actions["service_time"]
    assert [end <= at for end, at in zip(ended, json.loads(caught), strict=True)] == [True] * 6
