"""A ramp in steps follows amoc's rule exactly; one with a duration changes all the time."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from murmur import Ramp
from murmur.errors import InvalidArgumentError
from murmur.throttles import EvenPacing, step_rate


@pytest.mark.parametrize(
    ("ends", "steps", "rates"),
    [
        ({"from_rate": 10, "to_rate": 0}, 4, (10, 7, 5, 2, 0)),
        ({"from_rate": 0, "to_rate": 10}, 3, (0, 3, 7, 10)),
        ({"from_rate": 10, "to_rate": 11}, 4, (10, 10, 11, 11, 11)),
        ({"from_interarrival": 0.1, "to_interarrival": 1.0}, 3, (600, 420, 240, 60)),
        ({"from_rate": 1, "to_rate": 2}, 2, (1, 2, 2)),
    ],
)
def test_step_vectors_are_those_of_appendix_b(ends, steps, rates):
    assert Ramp.of(**ends, steps=steps, step_interval=1).rates == rates


UP, DOWN = (100, 700), (700, 100)


@pytest.mark.parametrize(("first", "last"), [UP, DOWN])
@pytest.mark.parametrize("form", ["interval", "default interval", "interarrival"])
@pytest.mark.parametrize("length", [{"steps": 6, "step_interval": 5.0}, {"duration": 30.0}])
def test_thr_18_twelve_descriptions_give_their_rates_in_order(first, last, form, length):
    """THR-18: with a duration, murmur changes all the time instead of every 100 ms."""
    ends = {"from_rate": first, "to_rate": last}
    if form == "interarrival":
        ends = {"from_interarrival": 60 / first, "to_interarrival": 60 / last}
    if form == "interval":
        ends["interval"] = 1.0

    ramp = Ramp.of(**ends, **length)

    assert ramp.interval == (1.0 if form == "interval" else 60.0)
    assert ramp.duration == 30.0
    assert ramp.rates[0] == first
    assert ramp.rates[-1] == last
    assert len(ramp.rates) == (7 if "steps" in length else 2)
    assert list(ramp.rates) == sorted(ramp.rates, reverse=first > last)


@pytest.mark.parametrize(("steps", "rates"), [(6000, 6001), (18_000, 18_001), (984, 985)])
def test_a_ramp_has_one_rate_more_than_steps(steps, rates):
    assert len(Ramp.of(from_rate=1, to_rate=50, steps=steps, step_interval=0.1).rates) == rates


@given(
    first=st.integers(0, 2**61),
    last=st.integers(0, 2**61),
    steps=st.integers(1, 2**24),
    data=st.data(),
)
def test_thr_p0_steps_start_and_end_exactly_and_never_turn_back(first, last, steps, data):
    """THR-P0."""
    step = data.draw(st.integers(0, steps - 1))
    here, there = (step_rate(first, last, steps, n) for n in (step, step + 1))

    assert step_rate(first, last, steps, 0) == first
    assert step_rate(first, last, steps, steps) == last
    assert here <= there if first <= last else here >= there


def test_a_fractional_ramp_is_not_rounded():
    assert Ramp.of(from_rate=0.5, to_rate=1, steps=2, step_interval=1).rates == (0.5, 0.75, 1)


@pytest.mark.parametrize(
    "plan",
    [
        {},
        {"duration": 1},
        {"from_rate": 1, "to_rate": 2},
        {"from_rate": 1, "duration": 1},
        {"from_rate": 1, "to_rate": math.inf, "duration": 1},
        {"from_rate": -1, "to_rate": 1, "duration": 1},
        {"from_interarrival": 0, "to_interarrival": 1, "duration": 1},
        {"from_rate": 1, "to_interarrival": 1, "duration": 1},
        {"from_rate": 1, "to_rate": 2, "from_interarrival": 1, "to_interarrival": 1, "duration": 1},
        {"from_interarrival": 1, "to_interarrival": 2, "interval": 1, "duration": 1},
        {"from_rate": 1, "to_rate": 2, "duration": 0},
        {"from_rate": 1, "to_rate": 2, "duration": -1},
        {"from_rate": 1, "to_rate": 2, "duration": math.inf},
        {"from_rate": 1, "to_rate": 2, "steps": 2},
        {"from_rate": 1, "to_rate": 2, "step_interval": 2},
        {"from_rate": 1, "to_rate": 2, "steps": 0, "step_interval": 1},
        {"from_rate": 1, "to_rate": 2, "steps": 1.5, "step_interval": 1},
        {"from_rate": 1, "to_rate": 2, "steps": 2, "step_interval": 0},
        {"from_rate": 1, "to_rate": 2, "steps": 2, "step_interval": 1, "duration": 2},
        {"from_rate": 1, "to_rate": 2, "interval": 0, "duration": 2},
    ],
)
def test_a_ramp_that_makes_no_sense_is_refused(plan):
    with pytest.raises(InvalidArgumentError):
        Ramp.of(**plan)


def grants(ramp: Ramp, until: float) -> list[float]:
    pacing, now, granted = EvenPacing(ramp.curve(0.0), 0.0), 0.0, []
    while now < until:
        due_at = pacing.take(0.0, now)
        if due_at is None:
            now = pacing.next_at(0.0, now)
        else:
            pacing.settle(due_at, now)
            granted.append(now)
    return granted


def test_a_straight_ramp_grants_what_its_rate_integrates_to():
    granted = grants(Ramp.of(from_rate=0, to_rate=100, interval=1, duration=10), 10.0)

    # The permit number n comes when 5 t^2 = n.
    assert granted == pytest.approx([math.sqrt(n / 5) for n in range(1, len(granted) + 1)])
    assert len(granted) in (499, 500)


def test_a_straight_ramp_down_to_0_ends_in_silence():
    granted = grants(Ramp.of(from_rate=100, to_rate=0, interval=1, duration=10), 20.0)

    assert len(granted) in (500, 501)
    assert granted[-1] <= 10


def test_a_ramp_in_steps_grants_each_rate_in_its_time():
    granted = grants(Ramp.of(from_rate=10, to_rate=30, interval=1, steps=2, step_interval=1), 3.0)

    per_step = [sum(n <= at - 1e-9 < n + 1 for at in granted) for n in range(3)]
    assert per_step == pytest.approx([10, 20, 30], abs=1)


def test_edge_12_a_ramp_that_starts_slow_is_not_silent():
    """Sharp edge 12: amoc grants 0 of 75 permits here, for every step restarts its timers."""
    steps = Ramp.of(from_rate=600, to_rate=1200, steps=50, step_interval=0.1)
    line = Ramp.of(from_rate=600, to_rate=1200, duration=5)

    assert len(grants(steps, 5.0)) in (75, 76)
    assert len(grants(line, 5.0)) in (75, 76)


def test_a_ramp_reads_as_it_was_given():
    ramp = Ramp.of(from_rate=10, to_rate=0, steps=4, step_interval=0.5)

    assert str(ramp) == "ramp from 10 to 0 per 60 s over 2 s in 4 steps"
    assert all(a >= b for a, b in itertools.pairwise(ramp.rates))
