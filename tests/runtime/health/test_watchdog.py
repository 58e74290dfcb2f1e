from __future__ import annotations

import itertools
import math
import threading
from types import SimpleNamespace

import pytest

from murmur.runtime.health import _watchdog
from murmur.runtime.health._watchdog import _Hold, _Place


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Return a run whose loop gives no sign of life, on a clock that `pass_time` moves."""
    time_now = [100.0]

    def pass_time(seconds: float) -> None:
        time_now[0] += seconds

    clock = SimpleNamespace(monotonic=lambda: time_now[0], sleep=pass_time)
    monkeypatch.setattr(_watchdog, "time", clock)
    monkeypatch.setattr(_watchdog, "CoreWait", lambda: SimpleNamespace(seconds=lambda _: math.nan))
    here = SimpleNamespace(thread=threading.get_ident())  # the loop's, at a line of this file
    users = SimpleNamespace(wrapper=None)
    return SimpleNamespace(native=here, users=users, problems=[], pass_time=pass_time)


def look_often(run: SimpleNamespace) -> None:
    watchdog = _watchdog.Watchdog(run, SimpleNamespace(overdue=0.0))
    for _ in range(20):
        watchdog._look()
        run.pass_time(0.1)


@pytest.mark.parametrize(("waits_for_a_core", "blamed"), [(0.0, 1), (math.nan, 1), (1.0, 0)])
def test_a_line_is_not_to_blame_while_its_thread_waits_for_a_core(
    monkeypatch: pytest.MonkeyPatch, run: SimpleNamespace, waits_for_a_core: float, blamed: int
) -> None:
    waited = SimpleNamespace(seconds=lambda now: (now - 100.0) * waits_for_a_core)
    monkeypatch.setattr(_watchdog, "CoreWait", lambda: waited)

    look_often(run)

    assert len(run.problems) == blamed
    assert all("test_watchdog.py" in problem for problem in run.problems)


@pytest.mark.parametrize(("looks_at_each", "blamed"), [(1, 0), (2, 1)])
def test_users_whose_steps_are_over_at_the_next_moment_only_fill_the_loop_together(
    monkeypatch: pytest.MonkeyPatch, run: SimpleNamespace, looks_at_each: int, blamed: int
) -> None:
    looks = itertools.count(looks_at_each)
    seen = lambda *_: (next(looks) // looks_at_each, "shop.py:12")  # noqa: E731
    monkeypatch.setattr(_watchdog, "culprit", seen)

    look_often(run)

    assert len(run.problems) == blamed


def test_one_user_at_two_looks_has_to_answer() -> None:
    hold = _Hold(0.0)

    assert [hold.note(7, "a.py:1"), hold.note(8, "a.py:2"), hold.note(8, "a.py:3")] == [
        False,
        False,
        True,
    ]


def test_many_users_at_one_line_have_to_answer_and_of_many_lines_nobody() -> None:
    same, other = _Hold(0.0), _Hold(0.0)
    blamed = [same.note(user, "a.py:1") for user in range(1, 5)]
    nobody = [other.note(user, f"a.py:{user}") for user in range(1, 9)]

    assert blamed == [False, False, True, True]
    assert not any(nobody)


def test_the_sentence_counts_users_and_times_and_says_what_helps() -> None:
    place = _Place("shop.py:12")
    place.meet([62])
    assert place.sentence().startswith("user 62 has blocked the loop for over 0.5 s at shop.py:12")
    place.meet(range(1, 41))
    place.seconds, place.times = 12.4, 3

    assert place.sentence() == (
        "user 62 and 40 others have blocked the loop for 12 s in 3 times at shop.py:12; await "
        "there instead, call it with anyio.to_thread.run_sync, or make start a plain def"
    )


def test_the_sentence_about_a_line_of_murmur_asks_nobody_to_change_it() -> None:
    place = _Place(f"{_watchdog.__file__}:12")

    assert "murmur's own work has blocked" in place.sentence()
    assert "fewer users" in place.sentence()
    assert "await" not in place.sentence()
