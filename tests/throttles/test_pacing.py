"""The pace is even, reaches the rate, repays no stall; the window never gives way."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from murmur import Ramp
from murmur.errors import InvalidArgumentError
from murmur.throttles import (
    Curve,
    DrawnPacing,
    EvenPacing,
    Pacing,
    Piece,
    Pieces,
    Rate,
    Slots,
    WindowRule,
    capacity,
)


def pace(permits: float, interval: float = 1.0, now: float = 0.0) -> EvenPacing:
    return EvenPacing(Pieces.constant(Rate(permits, interval)), now)


@dataclass
class Crowd:
    """Always wants a permit: drives a pacing through time and notes every grant."""

    pacing: Pacing
    now: float = 0.0
    granted: list[float] = field(default_factory=list)
    due: list[float] = field(default_factory=list)

    def run(self, seconds: float, late: float = 0.0, draw: random.Random | None = None) -> None:
        end = self.now + seconds
        while self.now < end:
            due_at = self.pacing.take(0.0, self.now)
            if due_at is not None:
                self.pacing.settle(due_at, self.now)
                self.granted.append(self.now)
                self.due.append(due_at)
                continue
            wake = self.pacing.next_at(0.0, self.now)
            wake = max(wake, self.now) + (draw.uniform(0, late) if draw else late)
            self.now = min(max(wake, math.nextafter(self.now, math.inf)), end)


def fullest(times: list[float], interval: float) -> int:
    """Count the fullest closed window, by looking at every one that starts at a grant."""
    return max(sum(a <= b <= a + interval for b in times) for a in times)


def test_permits_are_spread_evenly():
    crowd = Crowd(pace(4))

    crowd.run(1.2)

    assert crowd.granted == pytest.approx([0, 0.25, 0.5, 0.75, 1.0])
    assert crowd.due == crowd.granted


@pytest.mark.parametrize(
    ("permits", "interval", "seconds"),
    [(1, 60.0, 600), (7, 0.1, 3), (2.5, 1.0, 40), (1, 0.001, 1), (1000, 1.0, 3), (20_000, 1.0, 2)],
)
@pytest.mark.parametrize("late", [0.0, 0.001])
def test_no_window_holds_more_than_the_rate_and_almost_all_of_it_is_reached(
    permits, interval, seconds, late
):
    """Lateness of up to a hundredth of the interval, or of none, costs no more than that."""
    late = min(late, interval / 100)
    crowd = Crowd(pace(permits, interval))

    crowd.run(seconds, late, random.Random(1))

    most = math.ceil(permits)
    after = zip(crowd.granted, crowd.granted[most:], strict=False)
    assert all(later - earlier >= interval for earlier, later in after)
    assert len(crowd.granted) >= 0.99 * permits * seconds / interval


def test_a_fraction_of_a_permit_is_kept_on_average_and_rounded_up_in_a_window():
    crowd = Crowd(pace(2.5))

    crowd.run(39.9)

    assert len(crowd.granted) == 100
    assert fullest(crowd.granted, 0.999) == 3


def test_a_rate_below_one_per_interval_is_exact():
    crowd = Crowd(pace(0.5, 60.0))

    crowd.run(500)

    assert crowd.granted == pytest.approx([0, 120, 240, 360, 480])


def test_a_long_rest_saves_nothing_up():
    pacing = pace(10)
    pacing.take(0.0, 0.0)

    first = pacing.take(100.0, 100.0)
    second = pacing.take(100.0, 100.0)

    assert first == 100.0
    assert second is None
    assert pacing.next_at(100.0, 100.0) == pytest.approx(100.1)


def test_a_permit_is_due_when_it_is_requested_and_not_before():
    assert pace(10).take(5.0, 5.003) == 5.0


def test_a_timer_that_is_a_little_late_costs_no_permit():
    crowd = Crowd(pace(100))

    crowd.run(10, late=0.004)

    assert len(crowd.granted) >= 995


@pytest.mark.parametrize("permits", [10, 100, 1000, 20_000])
def test_a_stall_is_not_repaid(permits):
    crowd = Crowd(pace(permits))
    crowd.run(0.5)
    crowd.now += 0.3
    before = len(crowd.granted)
    stalled_until = crowd.now

    crowd.run(0.1)

    assert len(crowd.granted) - before <= 0.1 * permits + 1
    assert crowd.granted[before] == stalled_until
    assert crowd.due[before] < stalled_until  # and the permit that was due then says so


def test_a_permit_that_waited_for_room_in_its_window_is_due_when_there_is_room():
    pacing = pace(2)
    assert pacing.take(0.0, 0.0) == 0.0
    pacing.settle(0.0, 0.2)  # used late
    assert pacing.take(0.0, 0.5) == 0.5
    pacing.settle(0.5, 0.5)

    assert pacing.take(0.0, 1.0) is None
    assert pacing.take(0.0, 1.21) == pytest.approx(1.2, abs=1e-4)


def test_a_permit_whose_use_is_not_known_yet_keeps_its_place_in_the_window():
    pacing = pace(1)
    pacing.take(0.0, 0.0)

    assert pacing.take(0.0, 50.0) is None
    assert pacing.next_at(0.0, 50.0) == math.inf

    pacing.settle(0.0, 50.0)
    assert pacing.next_at(0.0, 50.0) == pytest.approx(51.0, abs=1e-3)


def test_a_permit_that_is_given_back_can_be_taken_at_once():
    pacing = pace(1, 60.0)
    due_at = pacing.take(0.0, 0.0)
    pacing.give_back(due_at)

    assert pacing.take(15.0, 15.0) == 15.0
    pacing.settle(15.0, 15.0)
    assert pacing.next_at(15.0, 15.0) == pytest.approx(75.0)


def test_permits_that_are_given_back_together_are_not_a_bank():
    pacing = pace(100)
    taken = [pacing.take(0.0, at) for at in (0.0, 0.01, 0.02)]
    for due_at in taken:
        pacing.give_back(due_at)

    assert pacing.take(9.0, 9.0) == 9.0
    assert pacing.take(9.0, 9.0) is None


def test_rate_0_holds_and_an_unlimited_rate_does_not():
    assert pace(0).take(0.0, 1e6) is None
    assert pace(0).next_at(0.0, 5.0) == math.inf
    unlimited = pace(math.inf)
    assert [unlimited.take(3.0, 3.0) for _ in range(5)] == [3.0] * 5


def test_a_change_keeps_the_share_of_a_permit_that_has_come():
    pacing = pace(1, 60.0)
    pacing.settle(pacing.take(0.0, 0.0), 0.0)

    pacing.change(Pieces.constant(Rate(1, 30.0)), 30.0)

    assert pacing.next_at(0.0, 30.0) == pytest.approx(45.0)


def test_a_lower_rate_is_reached_without_a_silence():
    crowd = Crowd(pace(100))
    crowd.run(2)
    crowd.pacing.change(Pieces.constant(Rate(10, 1.0)), 2.0)
    before = len(crowd.granted)

    crowd.run(2)

    assert len(crowd.granted) - before in (20, 21)


def rising() -> Pieces:
    """Return 1 permit a minute that becomes 6,000 a minute within 30 s."""
    return Pieces.through([(0.0, 1.0), (30.0, 6000.0)], 60.0)


@pytest.mark.parametrize("kind", ["plain", "catches up", "admits users"])
def test_a_ramp_from_next_to_nothing_begins_at_once(kind):
    """Its first permit fills the window that it begins with, which soon has room for more."""
    crowd = Crowd(EvenPacing(rising(), 0.0, catch_up=kind == "catches up"))
    if kind == "admits users":
        crowd.pacing.want(0.0, wanted=True)

    crowd.run(30.0)

    second = (math.sqrt(1 + 4 * (5999 / 60) * 60) - 1) / (2 * (5999 / 60))  # 0.77 s
    assert crowd.granted[:2] == pytest.approx([0.0, second], abs=0.006)
    assert len(crowd.granted) == pytest.approx(1501, abs=2)  # 30 s at the mean of both rates
    booked = crowd.pacing.drain(30.0, is_waited_for=True).values()
    assert sum(each.due for each in booked) == len(crowd.granted)


def test_a_ramp_that_begins_after_many_permits_waits_for_room_and_says_so():
    crowd = Crowd(pace(6000, 60.0))
    crowd.run(10.0)
    crowd.pacing.change(Pieces.through([(10.0, 0.0), (40.0, 6000.0)], 60.0), 10.0)
    before = len(crowd.granted)

    crowd.run(30.0)

    lateness = [at - due for at, due in zip(crowd.granted, crowd.due, strict=True)][before:]
    assert max(lateness) <= 0.006
    booked = list(crowd.pacing.drain(40.0, is_waited_for=True).values())
    assert sum(each.skipped for each in booked) == 0
    assert sum(each.due for each in booked) == pytest.approx(1000 + 1500, abs=2)
    assert 0 < sum(each.withheld for each in booked) < 60


def test_a_longer_interval_does_not_hold_what_was_granted_before_against_the_new_one():
    crowd = Crowd(pace(100))
    crowd.run(2)
    crowd.pacing.change(Pieces.constant(Rate(100, 10.0)), 2.0)
    before = len(crowd.granted)

    crowd.run(10)

    assert len(crowd.granted) - before in (99, 100, 101)


def test_a_shorter_interval_is_obeyed_at_once():
    crowd = Crowd(pace(100, 10.0))
    crowd.run(20)
    crowd.pacing.change(Pieces.constant(Rate(100, 1.0)), 20.0)
    before = len(crowd.granted)

    crowd.run(2)

    assert len(crowd.granted) - before in (199, 200, 201)


def test_lowering_a_rate_and_raising_it_again_does_not_double_it():
    crowd = Crowd(pace(100))
    crowd.run(1)
    crowd.pacing.change(Pieces.constant(Rate(1, 1.0)), 1.0)
    crowd.run(0.001)
    crowd.pacing.change(Pieces.constant(Rate(100, 1.0)), crowd.now)

    crowd.run(1)

    assert fullest(crowd.granted, 1.0) <= 100


@pytest.mark.parametrize(("permits", "interval"), [(50, 1.0), (3000, 60.0), (180_000, 3600.0)])
def test_poisson_counts_vary_as_much_as_their_mean(permits, interval):
    """The window has no say: variance over mean is 1 within four standard errors."""
    draw = random.Random(7)
    rate = Pieces.constant(Rate(permits, interval))
    crowd = Crowd(DrawnPacing(rate, 0.0, lambda: draw.expovariate(1.0)))

    crowd.run(400)

    for length in (0.1, 1.0, 4.0):
        counts = Counter(int(at / length) for at in crowd.granted)
        windows = int(400 / length)
        mean = len(crowd.granted) / windows
        variance = sum((counts[n] - mean) ** 2 for n in range(windows)) / (windows - 1)
        assert variance / mean == pytest.approx(1, abs=4 * math.sqrt(2 / windows))
    assert len(crowd.granted) == pytest.approx(50 * 400, abs=4 * math.sqrt(50 * 400))


def test_a_poisson_slot_that_nobody_waits_for_is_gone():
    gaps = iter([1.0, 1.0, 0.5, 1.0])
    pacing = DrawnPacing(Pieces.constant(Rate(1, 1.0)), 0.0, lambda: next(gaps))

    assert pacing.take(10.0, 10.0) is None  # the slot at 1 s is past, another is drawn
    assert pacing.next_at(10.0, 10.0) == 11.0
    assert pacing.take(10.0, 11.0) == 11.0


def test_memory_follows_demand_and_not_the_rate():
    window = WindowRule(1.0, 10**9)
    for number in range(10_000):
        window.take(number * 1.0)
        window.settle(number * 1.0)

    assert len(window._used) < 10


def test_an_unlimited_rate_forgets_what_was_counted_before():
    window = WindowRule(1.0, 1)
    window.take(0.0)
    window.resize(math.inf, 0.5)
    window.settle(0.5)
    window.resize(1, 0.6)

    assert window.capacity == 1
    assert window.take(0.6) == -math.inf


def test_many_tokens_share_their_times():
    window = WindowRule(60.0, 1_200_000)
    for number in range(2000):
        window.take(number / 20_000)
        window.settle(number / 20_000)

    assert len({id(at) for at in window._used}) <= 2000 / 20_000 / (60 / 100_000) + 2


def test_a_limit_counts_permits_that_are_out():
    slots = Slots(2, 0.0)
    slots.hold()
    assert slots.take(1.0, 1.0) == 1.0
    slots.hold()

    assert slots.take(2.0, 2.0) is None
    assert slots.next_at(2.0, 2.0) == math.inf

    slots.free(3.0)
    assert slots.take(2.0, 3.5) == 3.0


@pytest.mark.parametrize(
    ("permits", "most"),
    [
        (0, 0),
        (0.2, 1),
        (1, 1),
        (2.5, 3),
        (60 / 0.05, 1200),
        (60 / 0.007, 8572),
        (math.inf, math.inf),
    ],
)
def test_a_window_holds_the_whole_number_above_a_rate(permits, most):
    assert capacity(permits) == most


@pytest.mark.parametrize("permits", [-1, math.nan, "10", None, True])
def test_a_rate_that_makes_no_sense_is_refused(permits):
    with pytest.raises(InvalidArgumentError):
        Rate(permits)


def test_a_piece_integrates_a_straight_line():
    rise = Piece(0.0, 10.0, 0.0, 100.0, 1.0)

    assert rise.permits(0.0, 10.0) == 500
    assert rise.reach(0.0, 125) == pytest.approx(5.0)
    assert rise.reach(0.0, 501) == math.inf
    assert Piece(0.0, 10.0, 100.0, 0.0, 1.0).reach(0.0, 500) == pytest.approx(10.0)


@dataclass
class History:
    """Which rates were in force, and the promise about every window."""

    curves: list[tuple[float, Curve]]
    granted: list[float]
    interval: float

    def most(self, start: float, end: float) -> float:
        """Return the largest rate in force in a closed window, by looking at all pieces."""
        rates = [0.0]
        ends = [at for at, _ in self.curves[1:]] + [math.inf]
        for (since, curve), until in zip(self.curves, ends, strict=True):
            first, last = max(since, start), min(until, end)
            if first > last:
                continue
            corners = [p.start for p in curve.pieces if first < p.start < last]
            for at in (first, *corners, last):
                rates += [curve.piece(at).rate_at(at), curve.piece(at).first]
                before = curve.piece(math.nextafter(at, -math.inf))
                rates.append(before.rate_at(at) if at > first else 0.0)
        return max(rates)

    def check(self) -> None:
        """Compare all windows that end at a grant or start at a change with their rate."""
        for end in self.granted:
            self._check_window(end - self.interval, end)
        for start, _ in self.curves:
            self._check_window(start, start + self.interval)

    def _check_window(self, start: float, end: float) -> None:
        held = sum(start < at <= end for at in self.granted)
        assert held <= capacity(max(self.most(start, end), 1e-9) if held else 0), (start, end)


rates = st.one_of(st.just(0.0), st.integers(1, 60).map(float), st.floats(0.1, 60))
steps = st.one_of(
    st.tuples(st.just("rate"), rates),
    st.tuples(st.just("line"), rates, rates, st.floats(0.05, 3)),
    st.tuples(st.just("steps"), rates, rates, st.integers(1, 5), st.floats(0.05, 1)),
    st.tuples(st.just("pause"), st.floats(0.0, 2)),
    st.tuples(st.just("stall"), st.floats(0.0, 2)),
    st.tuples(st.just("return"), st.integers(1, 3)),
)


@settings(max_examples=300)
@given(
    first=rates,
    script=st.lists(st.tuples(steps, st.floats(0.0, 1.5)), max_size=8),
    late=st.sampled_from([0.0, 0.0005, 0.02, 0.3]),
    seed=st.integers(0, 1000),
)
def test_whatever_happens_no_window_holds_more_than_its_largest_rate(first, script, late, seed):
    draw = random.Random(seed)
    curve: Curve = Pieces.constant(Rate(first, 1.0))
    crowd = Crowd(EvenPacing(curve, 0.0))
    curves = [(0.0, curve)]
    for (what, *numbers), seconds in script:
        match what:
            case "pause":
                crowd.pacing.change(Pieces.constant(Rate(0.0, 1.0)), crowd.now)
                crowd.now += numbers[0]
                crowd.pacing.change(curve, crowd.now)
            case "stall":
                crowd.now += numbers[0]
            case "return":
                taken = [crowd.pacing.take(0.0, crowd.now) for _ in range(numbers[0])]
                for due_at in filter(None, taken):
                    crowd.pacing.give_back(due_at)
            case _:
                curve = _curve(what, numbers, crowd.now)
                crowd.pacing.change(curve, crowd.now)
                curves.append((crowd.now, curve))
        crowd.run(seconds, late, draw)

    History(curves, crowd.granted, 1.0).check()
    assert crowd.granted == sorted(crowd.granted)
    assert all(due <= at for due, at in zip(crowd.due, crowd.granted, strict=True))


def _curve(what: str, numbers: list[float], now: float) -> Curve:
    if what == "rate":
        return Pieces.constant(Rate(numbers[0], 1.0))
    first, last, *length = numbers
    if what == "line":
        ramp = Ramp(first=first, last=last, interval=1.0, duration=length[0])
    else:
        ramp = Ramp(
            first=first,
            last=last,
            interval=1.0,
            steps=int(length[0]),
            duration=length[0] * length[1],
        )
    return ramp.curve(now)
