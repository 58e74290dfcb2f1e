from __future__ import annotations

import math
import threading
from types import SimpleNamespace

import pytest

from murmur.runtime.health import _watchdog
from murmur.runtime.health._watchdog import _Hold, _Place


@pytest.mark.parametrize(("waits_for_a_core", "blamed"), [(0.0, 1), (math.nan, 1), (1.0, 0)])
def test_a_line_is_not_to_blame_while_its_thread_waits_for_a_core(
    monkeypatch: pytest.MonkeyPatch, waits_for_a_core: float, blamed: int
) -> None:
    time_now = [100.0]
    monkeypatch.setattr(_watchdog, "time", SimpleNamespace(monotonic=lambda: time_now[0]))
    waited = SimpleNamespace(seconds=lambda now: (now - 100.0) * waits_for_a_core)
    monkeypatch.setattr(_watchdog, "CoreWait", lambda: waited)
    here = SimpleNamespace(thread=threading.get_ident())  # the loop's, at a line of this file
    run = SimpleNamespace(native=here, users=SimpleNamespace(wrapper=None), problems=[])
    watchdog = _watchdog.Watchdog(run, SimpleNamespace(overdue=0.0))

    for _ in range(10):
        watchdog._look()
        time_now[0] += 0.1

    assert len(run.problems) == blamed
    assert all("test_watchdog.py" in problem for problem in run.problems)


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
