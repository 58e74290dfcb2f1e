"""Requests of one user, line by line."""

from __future__ import annotations

import re
from contextlib import suppress

import murmur
from murmur._session import RequestLog
from murmur.errors import ConnectionLostError
from murmur.http import Options
from murmur.testing import HttpStub


class Looking(murmur.Scenario):
    """Users look at a page that moved, and at one that is not there."""

    async def init(self) -> None:
        def answer(request):
            moved = {
                "/old": (302, {"location": "/"}, b""),
                "/": (200, {}, b"welcome"),
                "/cut": ConnectionLostError("the connection ended in the body of the answer"),
            }
            return moved.get(request.target, 404)

        self.http = Options(
            base_url="http://shop.test", transport=HttpStub(answer), max_redirects=3
        )

    async def start(self, user: murmur.User) -> None:
        await user.http.get("/old")
        await user.http.post("/nope")
        with suppress(ConnectionLostError):
            await user.http.get("/cut")


def perform(scenario: type[murmur.Scenario], users: int) -> None:
    with murmur.Session() as session:
        run = session.do(scenario, users, user_rate=float("inf"), end_when_idle=True)
        run.wait(timeout=60)


def test_it_has_a_line_for_each_request_of_that_user_and_no_other():
    with RequestLog(2) as log:
        perform(Looking, 3)
        lines = [re.sub(r"^\d\d:\d\d:\d\d\.\d\d\d  |[\d.,]+ ms  ", "", line) for line in log.take()]
        again = log.take()

    assert lines == [
        "user 2  GET http://shop.test/  -> 200  7 B  after redirects: 1",
        "user 2  POST http://shop.test/nope  -> 404  0 B  FAILED: HTTP 404",
        "user 2  GET http://shop.test/cut  -> no complete answer  "
        "FAILED: the connection ended in the body of the answer",
    ]
    assert again == []
    assert log.silence() == ""


def test_nobody_listens_when_it_is_left():
    with RequestLog(1) as log:
        pass
    perform(Looking, 1)

    assert log.take() == []


def test_that_nothing_was_heard_is_said():
    with RequestLog(9) as log:
        perform(Looking, 1)

    assert log.take() == []
    assert log.silence().startswith("no request of user 9 ended")


class Asking(Looking):
    """Users ask more often than anybody reads."""

    async def start(self, user: murmur.User) -> None:
        for _ in range(1_005):
            await user.http.get("/")


def test_it_says_what_it_left_out():
    with RequestLog(1) as log:
        perform(Asking, 1)
        first, *lines = log.take()

    assert first == "5 requests are left out here"
    assert len(lines) == 1_000
