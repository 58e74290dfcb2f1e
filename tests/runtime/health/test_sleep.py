"""For how long a machine slept, from two clocks of which one stands still meanwhile."""

from __future__ import annotations

import math
from collections.abc import Callable

from murmur.runtime.health import slept_so_far


def reading(*values: float) -> Callable[[], float]:
    """Return a clock that shows these values, one after another."""
    return iter(values).__next__


def test_one_clock_is_ahead_by_how_long_the_machine_slept() -> None:
    assert slept_so_far(reading(100.0, 100.0), reading(420.0)) == 320.0


def test_a_process_that_stood_still_between_two_readings_reads_again() -> None:
    """Else its 30 seconds would be those of the machine."""
    monotonic = reading(100.0, 130.0, 130.0, 130.001)

    assert slept_so_far(monotonic, reading(130.0, 130.0)) == 0.0


def test_without_such_a_clock_it_is_unknown() -> None:
    assert math.isnan(slept_so_far(since_boot=lambda: math.nan))


def test_this_machine_has_slept_for_a_while_or_not_at_all() -> None:
    found = slept_so_far()

    assert math.isnan(found) or found > -0.1
