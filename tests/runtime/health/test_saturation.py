"""A window is saturated by what was late, and by what ran out; each rule by itself."""

from __future__ import annotations

import math
from typing import Any

import pytest

from murmur.runtime.health import (
    Vitals,
    high,
    is_crowded_out,
    is_held_back,
    reasons,
    schedule_lag,
    standstill,
    whose,
)

NAN = math.nan


@pytest.mark.parametrize(
    ("lags", "why"),
    [
        ([], ()),
        ([0.049], ()),
        ([0.051], ("loop lag",)),
        ([0.2] + [0.0] * 99, ()),
        ([0.2, 0.2] + [0.0] * 98, ("loop lag",)),
    ],
)
def test_a_window_is_saturated_by_its_99th_percentile(
    lags: list[float], why: tuple[str, ...]
) -> None:
    assert reasons(lags, NAN, Vitals()) == why


def test_permits_that_are_late_say_so_if_there_are_enough_of_them() -> None:
    assert schedule_lag([[0.2] * 10, [0.05] * 500, [9.0] * 9]) == 0.2
    assert math.isnan(schedule_lag([[9.0] * 9]))
    assert reasons([], 0.11, Vitals()) == ("schedule",)
    assert reasons([], 0.09, Vitals()) == ()


def test_files_and_ports_that_run_out_say_so() -> None:
    assert reasons([], NAN, Vitals(open_files=973, open_files_limit=1024)) == ("open files",)
    assert reasons([], NAN, Vitals(open_files=972, open_files_limit=1024)) == ()
    assert reasons([], NAN, Vitals(ports=26_900, ports_limit=28_232)) == ("ports",)
    assert reasons([], NAN, Vitals(ports=26_000, ports_limit=28_232)) == ()


def test_what_is_not_known_saturates_nothing() -> None:
    assert reasons([], NAN, Vitals(open_files=10_000, ports=60_000)) == ()


def test_whose_doing_a_late_loop_is_stands_behind_the_rule() -> None:
    def why(**facts: Any) -> tuple[str, ...]:
        return reasons([0.2], 0.2, Vitals(), whose(**facts))

    assert why(line="/srv/chat.py:7") == ("loop lag at chat.py:7", "schedule")
    assert why(line="/srv/chat.py:7", by_others=True)[0] == "loop lag by other programs"
    assert why(by_others=True, by_quota=True)[0] == "loop lag by a processor quota"
    assert reasons([0.01], NAN, Vitals(), whose(by_others=True)) == ()


@pytest.mark.parametrize(
    ("cpu", "machine", "queued", "is_theirs"),
    [
        (0.04, 1.0, 0.6, True),
        (0.04, 1.0, NAN, True),  # no schedstat here
        (0.04, 1.0, 0.02, False),  # it had a core whenever it wanted one: it slept
        (1.0, 1.0, 0.4, False),  # it uses up a core by itself
        (0.04, 0.3, 0.0, False),
        (NAN, NAN, NAN, False),
    ],
)
def test_others_are_blamed_if_they_have_the_cores_and_the_loop_queues_for_one(
    cpu: float, machine: float, queued: float, is_theirs: bool
) -> None:
    assert is_crowded_out(cpu, machine, queued) is is_theirs


@pytest.mark.parametrize(
    ("told", "is_its_doing"),
    [
        ({"cpu_held": 0.2}, True),
        ({"cpu_held": 0.2, "queued": NAN}, True),  # no schedstat here
        ({"cpu_held": 0.2, "queued": 0.02}, False),  # another thread was held back, or program
        ({"cpu_held": 0.05}, False),
        ({"cpu": 0.46}, True),  # Linux did not count for how long
        ({"machine_cpu": 0.4}, True),  # nor did it use up its quota, but others of its group
        ({"machine_cpu": 0.4, "queued": NAN}, False),
        ({"cpu_quota": NAN, "cpu_held": NAN, "machine_cpu": 0.4}, False),
    ],
)
def test_a_quota_is_blamed_if_it_is_used_up_and_the_loop_waits_for_a_core(
    told: dict[str, float], is_its_doing: bool
) -> None:
    facts = {"cpu": 0.2, "queued": 0.5, "cpu_quota": 0.5, "cpu_held": 0.0, "machine_cpu": 1.0}
    facts |= told
    cpu, queued = facts.pop("cpu"), facts.pop("queued")

    assert is_held_back(cpu, 1.0, Vitals(**facts), queued) is is_its_doing


def test_high_is_the_99th_percentile_by_nearest_rank() -> None:
    assert high(list(range(1, 101))) == 99
    assert high([5.0]) == 5.0
    assert math.isnan(high([]))


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ({}, 20.0),
        ({"queued": NAN}, 20.0),
        ({"watched": 21.0}, 0.0),  # time.sleep on the loop, which another thread saw
        ({"ran": 19.0}, 0.0),  # an extension that computes and lets no other thread run
        ({"queued": 19.0}, 0.0),  # other programs had the cores
        ({"lag": 0.5}, 0.0),
    ],
)
def test_a_process_stood_still_if_no_thread_of_it_did_anything(
    told: dict[str, float], seconds: float
) -> None:
    lag = told.get("lag", 20.0)
    facts = {"ran": 0.1, "queued": 0.1, "watched": 0.9, **told}
    facts.pop("lag", None)
    assert standstill(lag, 21.0, **facts) == seconds


def test_a_window_in_which_the_process_stood_still_is_nobody_elses() -> None:
    facts = {"by_others": True, "by_quota": True, "stood_still": True}

    assert whose(line="chat.py:7", **facts) == " while the process stood still"
