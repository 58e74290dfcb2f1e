"""Slots lie so far apart that no use of them exceeds the rate; shares and pools divide them."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from murmur import Ramp
from murmur.throttles import Followed, Pieces, Rate
from murmur.throttles.shared import LATENESS, PLENTY, EvenSlots, Grid, Pool, Wanted, allowance
from murmur.throttles.shared._shares import fair, owns, shares


def grid(rate: float, interval: float = 1.0, *, late: float = 0.01, **how) -> Grid:
    return Grid(Pieces.constant(Rate(rate, interval)), 0.0, late=late, **how)


def times(runs: list[EvenSlots]) -> list[float]:
    return [at for run in runs for at in run.times()]


def test_slots_are_so_far_apart_that_late_uses_fit_into_the_window():
    """100 in 1 s, each up to 10 ms late: 10.1 ms apart."""
    slots = times(grid(100).take(1.0))

    assert slots[0] == 0.0
    assert [b - a for a, b in pairwise(slots)] == pytest.approx([0.0101] * 99)
    assert len(slots) == 100


def test_slots_go_on_where_they_ended_however_they_are_taken():
    whole, parts = grid(37), grid(37)
    slots = times(whole.take(5.0))

    pieces = [at for end in range(1, 51) for at in times(parts.take(end / 10))]

    assert pieces == pytest.approx(slots)
    assert whole.number == parts.number == len(slots)


def test_no_more_slots_are_given_than_asked_for():
    slots = grid(100)

    assert len(times(slots.take(10.0, most=3))) == 3
    assert times(slots.take(10.0, most=1)) == pytest.approx([3 * 0.0101])


def test_of_slots_that_nobody_wanted_one_is_kept():
    slots = grid(10)
    slots.take(0.0, most=1)
    slots.skip(5.0)

    assert times(slots.take(5.2)) == pytest.approx([5.0, 5.101])


def test_a_change_keeps_what_has_come_of_a_permit():
    """At 1 a second, half a permit after 0.5 s; at 10 a second the rest takes 0.05 s."""
    slots = grid(1, late=0.0)
    assert times(slots.take(0.5)) == [0.0]
    slots.change(Pieces.constant(Rate(10, 1.0)))

    assert slots.next_at() == pytest.approx(0.55)
    assert times(slots.take(0.7)) == pytest.approx([0.55, 0.65])


def test_a_rate_of_0_has_no_slots():
    slots = grid(0)

    assert slots.take(10.0) == []
    assert slots.next_at() == math.inf


def test_less_lateness_costs_a_pause_as_long_as_what_earlier_slots_may_still_do():
    slots = grid(10, late=0.05)
    (first,) = times(slots.take(0.05))
    slots.allow(0.01)

    (second,) = times(slots.take(0.2))

    assert second - first >= 0.101 + 0.04 - 0.003


def test_a_ramp_has_as_many_slots_as_its_rate_comes_to():
    curve = Ramp.of(from_rate=0, to_rate=100, interval=1, duration=10).curve(0.0)
    slots = Grid(curve, 0.0, late=0.0)

    assert len(times(slots.take(10.0))) == pytest.approx(500, abs=2)


@given(
    seed=st.integers(0, 10**6),
    steps=st.lists(
        st.tuples(
            st.sampled_from(["take", "skip", "rate", "late"]),
            st.floats(0.001, 0.6),
            st.sampled_from([3, 10, 50, 200]),
        ),
        min_size=3,
        max_size=40,
    ),
)
@settings(max_examples=60)
def test_no_window_exceeds_the_largest_rate_whenever_within_their_time_slots_are_used(seed, steps):
    draw = random.Random(seed)
    slots = grid(50)
    largest, used = 50, []
    for what, amount, rate in steps:
        if what == "rate":
            largest = max(largest, rate)
            slots.change(Pieces.constant(Rate(rate, 1.0)))
        elif what == "late":
            slots.allow(amount / 4)
        elif what == "skip":
            slots.skip(slots.at + amount)
        else:
            used += [
                at + draw.choice([0.0, slots.late]) for at in times(slots.take(slots.at + amount))
            ]
    used.sort()

    assert all(b - a > 1.0 for a, b in zip(used, used[largest:], strict=False))


def test_a_function_that_lives_elsewhere_is_followed_as_far_as_it_is_known():
    curve = Followed(100.0, 1.0, step=0.01)
    assert curve.piece(100.0).rate_at(100.0) == 0.0
    curve.tell(0, [10.0, 20.0])
    curve.tell(1, [99.0, 30.0])  # the second point is known already
    curve.tell(5, [50.0])  # a gap

    assert [curve.piece(at).rate_at(at) for at in (100.0, 100.005, 100.02, 100.05, 200.0)] == (
        pytest.approx([10.0, 15.0, 30.0, 50.0, 50.0])
    )


def test_points_that_are_over_are_forgotten():
    curve = Followed(0.0, 1.0, step=0.01)
    curve.tell(0, [float(number) for number in range(1000)])
    curve.forget(5.0)

    assert curve.known == 1000
    assert curve.piece(5.0).rate_at(5.0) == pytest.approx(500.0)


@given(
    demand=st.dictionaries(st.text("abc", min_size=1), st.floats(0, 1e4), max_size=6),
    slots=st.integers(0, 5000),
    first=st.integers(0, 10**9),
)
def test_each_slot_is_leased_to_one_node_and_no_more(demand, slots, first):
    divided = shares(demand, slots)
    for number in range(first, first + 50):
        owners = [name for name, share in divided.items() if owns(number, *share)]
        assert len(owners) == (1 if sum(demand.values()) else 0)


def test_the_slots_of_a_share_are_evenly_spread():
    """Of 30 % no gap is above 5 slots: three distances only, says Steinhaus' theorem."""
    numbers = [number for number in range(10_000) if owns(number, 0.2, 0.5)]

    assert len(numbers) == pytest.approx(3000, abs=3)
    assert {b - a for a, b in pairwise(numbers)} <= {2, 3, 5}


@given(limit=st.integers(0, 100), wanted=st.dictionaries(st.text("abcd"), st.integers(0, 99)))
def test_permits_are_divided_to_the_last_one(limit, wanted):
    divided = fair(limit, wanted)

    assert sum(divided.values()) == min(limit, sum(wanted.values()))
    assert all(0 <= divided[name] <= wanted[name] for name in wanted)


def test_as_much_lateness_is_allowed_as_costs_least():
    """Of 1,000 uses 990 took 2 ms and 10 took 30: to wait for those would cost 3 %."""
    counts = [0] * (len(LATENESS) + 1)
    counts[1], counts[7] = 990, 10

    assert allowance(counts, 1.0, 0.0) == 0.002
    assert allowance(counts, 60.0, 0.0) == 0.03
    assert allowance(counts, 1.0, 0.004) == pytest.approx(0.006)
    assert allowance((), 1.0, 0.0) == 0.012


def test_few_uses_do_not_prove_that_none_comes_late():
    """Of a rate a minute 50 ms cost 0.08 %; one use of ten that comes later costs 10 %."""
    five_at_once = [5] + [0] * len(LATENESS)

    assert allowance((), 60.0, 0.0) == 0.05
    assert allowance(five_at_once, 60.0, 0.0) == 0.05
    assert allowance(five_at_once, 1.0, 0.0) == 0.012


def wanted(waiting: int, *, out: int = 0, returned: int = 0) -> Wanted:
    return Wanted(1, waiting, 0.0, 0, 0, returned, out, False, [0] * (len(LATENESS) + 1))


def test_a_permit_under_way_counts_as_held():
    """The node says that it holds nothing, as the message has not come yet."""
    pool = Pool(5)
    for node in "ab":
        pool.join(node)
    pool.report("a", wanted(5))
    assert list(pool.lease(0.0)) == [("a", 5, PLENTY)]
    pool.report("a", wanted(5))
    pool.report("b", wanted(5))

    told = list(pool.lease(0.0))

    assert told == [("a", 5, 3)]
    assert pool.held == 5


def test_a_permit_moves_when_it_was_given_back():
    pool = Pool(4)
    for node in "ab":
        pool.join(node)
    pool.report("a", wanted(4))
    list(pool.lease(0.0))
    pool.report("b", wanted(4))
    list(pool.lease(0.0))
    pool.report("a", wanted(0, out=2, returned=2))

    assert ("b", 2, PLENTY) in list(pool.lease(0.0))
    assert pool.held == 4


def test_permits_of_a_lost_node_come_back_at_their_time():
    pool = Pool(4)
    for node in "ab":
        pool.join(node)
    pool.report("a", wanted(4))
    list(pool.lease(0.0))
    pool.lose("a", free_at=8.0)
    pool.report("b", wanted(4))

    assert list(pool.lease(7.9)) == []
    assert pool.free_at == 8.0
    assert list(pool.lease(8.0)) == [("b", 4, PLENTY)]
