"""Usual requests, over a kept connection with an answer as before, and what else may come then."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from traitlets import Int, Unicode

import murmur
from murmur.http import Options

from .thread_server import ThreadServer

USUAL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
TWO_CHUNKS = CHUNKED.replace(b"2\r\nok", b"1\r\no\r\n1\r\nk")
TRAILING = CHUNKED[:-2] + b"X: y\r\n\r\n"
GIVEN = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 2\r\n\r\nok"
MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"

Answer = Callable[[socket.socket], None]


class Case(NamedTuple):
    """What comes to the last three requests, after usual ones; and what that means."""

    answer: Answer
    statuses: list[int]  # of these three requests; 0 without an answer
    connections: int  # that were opened in all


def says(data: bytes) -> Answer:
    return lambda connection: connection.sendall(data)


def in_two(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(USUAL[:20])
    threading.Event().wait(0.05)
    connection.sendall(USUAL[20:])


CASES = {
    "as before": Case(says(USUAL), [200] * 3, 1),
    "in two parts": Case(in_two, [200] * 3, 1),
    "not found": Case(says(MISSING), [404] * 3, 1),
    "a cookie": Case(says(GIVEN), [200] * 3, 1),
    "more than was asked for": Case(says(USUAL + USUAL), [200] * 3, 3),
    "a chunk": Case(says(CHUNKED), [200] * 3, 1),
    "two chunks": Case(says(TWO_CHUNKS), [200] * 3, 1),
    "a trailer": Case(says(TRAILING), [200] * 3, 1),
    "an end": Case(lambda connection: connection.close(), [0] * 3, 4),
    "nothing": Case(lambda connection: None, [0] * 3, 3),
}


class Server(ThreadServer):
    """Answers the first requests as usual, and all others as it is told."""

    def __init__(self, number: int, usual: bytes, *, is_ever_new: bool) -> None:
        self.number = number
        self.usual = usual
        self.is_ever_new = is_ever_new
        self.answer: Answer = says(USUAL)
        self.requests: list[bytes] = []
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        while request := connection.recv(65536):
            self.requests.append(request)
            number = len(self.requests)
            start = b"HTTP/1.1 200 OK\r\n"
            field = b"X-Id: %d\r\n" % number if self.is_ever_new else b""
            usual = says(self.usual.replace(start, start + field))
            (usual if number <= self.number else self.answer)(connection)


@pytest.fixture(
    params=[(2, USUAL, False), (20, USUAL, True), (20, CHUNKED, True), (20, CHUNKED, False)],
    ids=["heads alike", "each head new", "a chunk, each head new", "a chunk, heads alike"],
)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    number, usual, is_ever_new = request.param
    one = Server(number, usual, is_ever_new=is_ever_new)
    yield one
    one.close()


class Asking(murmur.Scenario):
    """A user asks for the same, one request after the other."""

    url = Unicode("", help="of the server")
    number = Int(5, help="of requests")

    async def init(self) -> None:
        self.http = Options(base_url=self.url, timeout=0.3)

    async def start(self, user: murmur.User) -> None:
        for _ in range(self.number):
            answer = await user.http.get("/")
            user.count(f"seen {answer.status} {answer.content if answer.status else None!r}")


@pytest.mark.parametrize("how", CASES)
def test_an_answer_is_taken_for_what_it_is_after_usual_ones(server: Server, how: str) -> None:
    case = CASES[how]
    server.answer, number = case.answer, server.number + 3
    with murmur.Session() as session:
        run = session.do(Asking, 1, url=server.url, number=number, end_when_idle=True)
        run.wait()
        results = run.results
    windows = results.windows
    counters = results.counters.groupby("name", observed=True)["value"].sum()

    good = server.number + case.statuses.count(200)
    assert int(windows["count"].sum()) == number
    assert int(windows["failed"].sum()) == number - good
    assert counters["seen 200 b'ok'"] == good
    assert counters["http.status.200"] == good
    assert counters.get("http.status.404", 0) == case.statuses.count(404)
    assert server.connections == case.connections
