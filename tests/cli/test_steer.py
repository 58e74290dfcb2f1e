"""A load is followed, stage by stage."""

from __future__ import annotations

from murmur._cli._load import Load, read_stages
from murmur._cli._perform import Steering
from murmur.errors import RunStateError


class FakeSession:
    """Remembers what it is asked to do."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.users = {"waiting": 0, "running": 0, "leaving": 0, "gone": 0}
        self.throttles = {"user_rate": self}
        self.is_over = False

    def add(self, n: int, *, planned: bool) -> None:
        if self.is_over:
            raise RunStateError("add users", "finished")
        self.calls.append(("add", n, planned))
        self.users["running"] += n

    def remove(self, n: int) -> None:
        self.calls.append(("remove", n))
        self.users["running"] -= n

    def change_rate(self, rate: float, **_: object) -> None:
        self.calls.append(("change_rate", rate))

    def ramp(self, *, from_rate: float, to_rate: float, duration: float, **_: object) -> None:
        self.calls.append(("ramp", from_rate, to_rate, duration))


def follow(load: Load, moments: list[float], session: FakeSession) -> list[tuple[object, ...]]:
    steering = Steering(session, load)
    for moment in moments:
        steering.tick(moment, session.users)
    return session.calls


def test_users_come_as_the_line_rises_and_go_as_it_falls():
    load = Load.of(stages=read_stages("10s:10,10s:10,10s:0"))
    calls = follow(load, [0, 0.5, 5, 10, 15, 21, 21.5, 25, 30], FakeSession())

    assert calls == [
        ("add", 5, True),
        ("add", 5, True),
        ("remove", 1),
        ("remove", 4),  # what 21.5 s asked for waited for a second to pass
        ("remove", 5),
    ]


def test_who_is_done_is_replaced():
    session = FakeSession()
    load = Load.of(users=10, stages=read_stages("10s:10"))
    session.users["running"] = 10
    steering = Steering(session, load)
    steering.tick(1, session.users)
    session.users["running"] = 7
    steering.tick(2, session.users)

    assert session.calls == [("add", 3, True)]


def test_a_rate_is_ramped_by_its_throttle_in_users_a_minute():
    load = Load.of(stages=read_stages("10s:5/s,10s:5/s,10s:0/s"))
    calls = follow(load, [0.1, 5, 10.5, 20, 25], FakeSession())

    assert calls == [("ramp", 0, 300, 9.9), ("change_rate", 300), ("ramp", 300, 0, 10.0)]


def test_a_run_that_is_over_is_left_alone():
    session = FakeSession()
    session.is_over = True

    assert follow(Load.of(stages=read_stages("10s:10")), [5], session) == []


def test_a_load_without_stages_needs_no_steering():
    session = FakeSession()
    steering = Steering(session, Load.of(users=5))

    assert not steering.is_needed
