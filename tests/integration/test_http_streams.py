"""Bodies that are read part by part: what breaks off is a failure, what is packed is unpacked."""

from __future__ import annotations

import json
import math
import socket
from collections.abc import Iterator

import pytest
from traitlets import Unicode

import murmur
from murmur.errors import HttpError

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
