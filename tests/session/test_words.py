"""Words of a session about single users and about settings, on real loops."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from traitlets import Float, Unicode

import murmur
from murmur.errors import InvalidArgumentError, RunStateError


class Listens(murmur.Scenario):
    """Users count what they are sent; those that are told so ignore being asked to leave."""

    pace = Float(1.0, help="seconds").tag(live=True)
    key = Unicode("abc", help="a secret").tag(live=True, secret=True)
    grace = Float(0.1, help="seconds")

    async def start(self, user: murmur.User) -> None:
        while True:
            message = await user.receive()
            user.count(f"{user.id} {message}")


@pytest.fixture
def session() -> Iterator[murmur.Session]:
    with murmur.Session() as session:
        yield session


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_message_reaches_the_user_it_is_for(session: murmur.Session) -> None:
    with pytest.raises(RunStateError):
        session.send(1, "early")
    run = session.do(Listens, 2, user_rate=float("inf"))
    until(lambda: session.status().users["running"] == 2)

    assert session.send(2, "hello")
    assert not session.send(99, "nobody")
    until(lambda: "2 hello" in set(run.results.counters["name"]))


def test_one_user_is_removed_and_looked_at(session: murmur.Session) -> None:
    session.do(Listens, 3, user_rate=float("inf"))
    until(lambda: session.status().users["running"] == 3)
    assert session.user(2).state == "here"

    assert session.remove_user(2)
    until(lambda: session.user(2).state == "gone")

    assert session.user(2).outcome == "left"
    assert not session.remove_user(2)
    assert [session.user(n).state for n in (1, 3)] == ["here", "here"]
    with pytest.raises(InvalidArgumentError, match="no user 9"):
        session.user(9)


def test_a_waiting_user_is_dropped_out_of_the_middle(session: murmur.Session) -> None:
    session.do(Listens, 5, user_rate=0)

    assert session.remove_user(3, force=True)
    assert not session.remove_user(3)
    assert session.status().users == {"waiting": 4, "running": 0, "leaving": 0, "gone": 1}
    assert session.user(3).outcome == "dropped"
    session.update(user_rate=float("inf"))
    until(lambda: session.status().users["running"] == 4)


def test_settings_are_those_of_now(session: murmur.Session) -> None:
    run = session.do(Listens, 1, pace=2.0)
    session.update(pace=0.5, key="another")

    assert (run.settings["pace"], run.settings_at_start["pace"]) == (0.5, 2.0)
    assert "another" not in str(run.settings)
    session.stop()
    run.wait(60)
    assert run.settings["pace"] == 0.5


class Waits(murmur.Scenario):
    """Users act at a throttle that the notebook starts."""

    async def start(self, user: murmur.User) -> None:
        pace = await murmur.throttle("pace")
        while True:
            await pace.wait()
            user.count("acts")


def test_a_throttle_is_started_from_the_notebook_and_found_by_users() -> None:
    with murmur.Session() as session:
        run = session.do(Waits, user_rate=float("inf"))

        started = session.throttle("pace", rate="20/s", interval=1)
        again = session.throttle("pace", rate=20, interval=1)
        with pytest.raises(murmur.errors.ThrottleConflictError):
            session.throttle("pace", rate=5, interval=1)
        session.add(2)
        deadline = time.monotonic() + 60
        while started.statistics().granted < 5:
            assert time.monotonic() < deadline
            time.sleep(0.05)

        assert again.statistics().rate == 20
        assert "throttle pace" in set(run.results.changes["what"])
        with pytest.raises(murmur.errors.UnknownThrottleError):
            session.throttle("nobody")
    with pytest.raises(murmur.MurmurError):
        session.throttle("pace", rate=1)
