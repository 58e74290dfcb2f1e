"""Closing a session beside its first call leaves no thread, whichever comes first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

import murmur
from murmur.errors import SessionClosedError

TRIES = 20


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
        other.join(60)
        assert not other.is_alive()

    deadline = time.monotonic() + 60
    while (left := set(threading.enumerate()) - before) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not left
    assert len(outcomes) == TRIES


@pytest.fixture
def interrupted(press_ctrl_c: Callable[[], None]) -> murmur.Session:
    """Return a session whose loop was starting when somebody pressed Ctrl-C."""
    press_ctrl_c()
    session = murmur.Session()
    with pytest.raises(KeyboardInterrupt):
        session.do(Hello, 1)
    return session


def test_a_session_works_after_a_ctrl_c_while_its_loop_started(interrupted) -> None:
    with interrupted as session:
        run = session.do(Hello, 1, end_when_idle=True)
        run.wait(timeout=60)

        assert run.results.summary().users == {"finished": 1}


def test_a_session_can_be_closed_after_a_ctrl_c_while_its_loop_started(interrupted) -> None:
    interrupted.close()

    assert not [one for one in threading.enumerate() if one.name == "murmur-loop"]
