"""The account against an integrator of its own, whatever happens to the rate and the loop."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from murmur.throttles import EvenPacing, Pieces, Rate

Phase = tuple[float, float, str]  # seconds, permits per second, what the caller does

phases = st.lists(
    st.tuples(
        st.floats(0.1, 4.0),
        st.one_of(st.just(0.0), st.floats(0.5, 300.0)),
        st.sampled_from(["waits", "is busy", "is held"]),
    ),
    min_size=1,
    max_size=6,
)


@dataclass
class Driver:
    """Drives a pacing through phases, as a loop with one caller and a sampler would."""

    pacing: EvenPacing
    now: float = 0.0
    granted: int = 0
    booked: dict[int, Counter[str]] = field(default_factory=dict)

    def go(self, until: float, does: str) -> None:
        while self.now < until:
            end = min(until, math.floor(self.now) + 1.0)
            if does == "waits":
                self.wait(end)
            elif does == "is held":  # asks, and the loop comes back at the end
                self.ask()
                self.now = end
                self.ask()
            self.now = end
            self.sample(is_waited_for=does != "is busy")

    def wait(self, end: float) -> None:
        while True:
            self.ask()
            wake = max(self.pacing.next_at(self.now, self.now), math.nextafter(self.now, math.inf))
            if wake >= end:
                return
            self.pacing.note_asked(wake)
            self.now = wake

    def ask(self) -> None:
        due_at = self.pacing.take(self.now, self.now)
        if due_at is not None:
            self.pacing.settle(due_at, self.now)
            self.granted += 1

    def sample(self, *, is_waited_for: bool) -> None:
        if is_waited_for:
            self.pacing.note_asked(self.now)
        for window, row in self.pacing.drain(self.now, is_waited_for=is_waited_for).items():
            counts = row.counts
            assert min(counts.values()) >= 0
            self.booked.setdefault(window, Counter()).update(counts)

    def due_by(self, window: int) -> int:
        return sum(row["due"] for number, row in self.booked.items() if number < window)


def permits_by(script: list[Phase], at: float) -> float:
    """Integrate the rates of a script up to a time, by hand."""
    total, start = 0.0, 0.0
    for seconds, rate, _ in script:
        total += rate * max(0.0, min(seconds, at - start))
        start += seconds
    return total


@settings(max_examples=150)
@given(phases)
def test_every_permit_that_the_rate_comes_to_is_booked_once(script: list[Phase]) -> None:
    driver = Driver(EvenPacing(Pieces.constant(Rate(script[0][1], 1.0)), 0.0))
    end = 0.0
    for seconds, rate, does in script:
        driver.pacing.change(Pieces.constant(Rate(rate, 1.0)), driver.now)
        end += seconds
        driver.go(end, does)
    driver.pacing.end_plan(end, is_waited_for=script[-1][2] != "is busy")
    driver.sample(is_waited_for=script[-1][2] != "is busy")

    rates = [rate for _, rate, _ in script]
    # After a pause a grid begins anew, with a permit at once: each may shift the sum by one.
    resumed = sum(before == 0 < after for before, after in pairwise(rates))
    for window in range(1, math.ceil(end) + 1):
        expected = permits_by(script, min(float(window), end))
        assert driver.due_by(window) == pytest.approx(expected, abs=1.001 + resumed)
    total: Counter[str] = sum(driver.booked.values(), Counter())
    lost = total["unasked"] + total["withheld"] + total["skipped"]
    assert total["granted"] == driver.granted
    assert total["due"] == driver.granted + lost
