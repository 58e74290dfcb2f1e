"""Closing a session beside its first call leaves no thread, whichever comes first."""

from __future__ import annotations

import threading
import time

import murmur
from murmur.errors import SessionClosedError

TRIES = 50


class Hello(murmur.Scenario):
    """Users come and go."""

    async def start(self, user: murmur.User) -> None:
        user.count("hello")


def test_closing_beside_the_first_do_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    outcomes: list[str] = []

    def begin(session: murmur.Session) -> None:
        try:
            session.do(Hello, 1)
        except SessionClosedError:
            outcomes.append("refused")
        else:
            outcomes.append("begun")

    for attempt in range(TRIES):
        session = murmur.Session()
        other = threading.Thread(target=begin, args=(session,))
        other.start()
        time.sleep(attempt * 0.0001)  # up to 5 ms: before, while and after the loop starts
        session.close()
        other.join(20)
        assert not other.is_alive()

    deadline = time.monotonic() + 10
    while (left := set(threading.enumerate()) - before) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not left
    assert len(outcomes) == TRIES
