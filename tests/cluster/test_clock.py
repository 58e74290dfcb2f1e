"""Clocks of nodes against that of the steering kernel: by hand, and for any delays."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from murmur.cluster import ClockOffset
from murmur.cluster._clock import DRIFT, SPAN

DELAYS = st.floats(0.0, 2.0)


def test_nothing_is_known_at_first() -> None:
    clock = ClockOffset()

    assert (clock.is_known, clock.offset, clock.error) == (False, 0.0, math.inf)


def test_the_quickest_answer_is_believed() -> None:
    clock = ClockOffset()
    clock.take(sent_at=10.0, steering_at=0.9, received_at=12.0)
    clock.take(sent_at=12.0, steering_at=2.05, received_at=12.1)
    clock.take(sent_at=12.5, steering_at=2.6, received_at=13.5)

    assert clock.offset == pytest.approx(10.0)
    assert clock.error == pytest.approx(0.05 + 1.4 * DRIFT)


def test_an_old_answer_is_forgotten() -> None:
    clock = ClockOffset()
    clock.take(sent_at=0.0, steering_at=0.0, received_at=0.001)
    late = SPAN + 1.0
    clock.take(sent_at=late, steering_at=late, received_at=late + 0.4)

    assert clock.error == pytest.approx(0.2)


def test_a_node_that_slept_believes_no_answer_from_before() -> None:
    """Its clock stood still for 3 s, as that of a laptop or a virtual machine does."""
    clock = ClockOffset()
    clock.take(sent_at=10.0, steering_at=0.001, received_at=10.002)
    clock.take(sent_at=10.5, steering_at=3.52, received_at=10.54)

    assert clock.offset == pytest.approx(7.0)
    assert clock.error == pytest.approx(0.02)


def test_a_slow_answer_forgets_no_quicker_one() -> None:
    clock = ClockOffset()
    clock.take(sent_at=10.0, steering_at=0.001, received_at=10.002)
    clock.take(sent_at=10.5, steering_at=1.49, received_at=11.5)

    assert clock.offset == pytest.approx(10.0)
    assert clock.error < 0.002


@given(st.floats(-1e5, 1e5), st.lists(st.tuples(DELAYS, DELAYS), min_size=1, max_size=20))
def test_the_error_is_never_larger_than_it_says(
    offset: float, delays: list[tuple[float, float]]
) -> None:
    """However lopsided the way there and back is."""
    clock, now = ClockOffset(), 0.0
    for there, back in delays:
        clock.take(
            sent_at=now + offset, steering_at=now + there, received_at=now + there + back + offset
        )
        now += there + back + 0.5

        assert abs(clock.offset - offset) <= clock.error + 1e-6
