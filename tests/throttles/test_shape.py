"""A rate follows a function of time or a series, and can be looked at before it runs."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from murmur import Ramp, preview
from murmur.errors import InvalidArgumentError
from murmur.throttles import Curve, EvenPacing, shape_curve


def grants(curve: Curve, until: float, start: float = 0.0) -> list[float]:
    pacing, now, granted = EvenPacing(curve, start), start, []
    while now < until:
        due_at = pacing.take(0.0, now)
        if due_at is None:
            now = pacing.next_at(0.0, now)
        else:
            pacing.settle(due_at, now)
            granted.append(now)
    return granted


def test_a_function_of_time_is_the_rate():
    wave = shape_curve(lambda t: 100 - 50 * math.cos(t), start=5.0, interval=1.0)

    granted = grants(wave, 5.0 + 2 * math.pi, start=5.0)

    assert len(granted) == pytest.approx(100 * 2 * math.pi, abs=1.5)


def test_a_series_is_joined_by_straight_lines_and_level_outside():
    series = pd.Series([10.0, 30.0], index=[1.0, 3.0])
    curve = shape_curve(series, start=100.0, interval=1.0)

    found = [curve.piece(100 + at).rate_at(100 + at) for at in (0, 1, 2, 3, 9)]

    assert found == [10, 10, 20, 30, 30]


def test_a_series_over_timedeltas_is_one_over_seconds():
    series = pd.Series([10.0, 30.0], index=pd.to_timedelta(["1s", "3s"]))

    assert preview(series, step=1) == ([0, 1, 2, 3], [10, 10, 20, 30])


def test_two_points_at_the_same_time_are_a_jump():
    series = pd.Series([10.0, 10.0, 50.0, 50.0], index=[0, 2, 2, 4])

    granted = grants(shape_curve(series, start=0.0, interval=1.0), 4.0)

    assert sum(at < 2 for at in granted) in (20, 21)
    assert sum(at >= 2 for at in granted) in (99, 100, 101)


def test_a_shape_that_rests_at_0_goes_on_afterwards():
    series = pd.Series([10.0, 10.0, 0.0, 0.0, 10.0, 10.0], index=[0, 1, 1, 50, 50, 51])

    granted = grants(shape_curve(series, start=0.0, interval=1.0), 51.0)

    assert not [at for at in granted if 1.0 < at < 50]
    assert len(granted) in (20, 21, 22)


def test_a_function_at_0_for_long_is_not_looked_at_for_all_that_time():
    looks = []

    def never(seconds: float) -> float:
        looks.append(seconds)
        return 0.0

    pacing = EvenPacing(shape_curve(never, start=0.0), 0.0)

    assert pacing.take(1e6, 1e6) is None
    assert len(looks) < 3000


def test_a_function_that_fails_later_keeps_its_last_rate_and_says_so():
    failures: list[Exception] = []

    def broken(seconds: float) -> float:
        if seconds > 1:
            raise RuntimeError("no rate")
        return 10.0

    curve = shape_curve(broken, start=0.0, interval=1.0, on_failure=failures.append)

    assert len(grants(curve, 3.0)) in (30, 31)
    assert str(failures[0]) == "no rate"


@pytest.mark.parametrize(
    "shape",
    [
        "sine",
        lambda t: -1.0,
        lambda t: math.nan,
        lambda t: 1 / t,
        lambda: 5.0,
        pd.Series([], dtype=float),
        pd.Series([1.0, math.nan], index=[0, 1]),
        pd.Series([1.0, -2.0], index=[0, 1]),
        pd.Series([1.0, 2.0], index=[1, 0]),
        pd.Series([1.0, 2.0], index=[0, math.inf]),
    ],
)
def test_a_shape_that_makes_no_sense_is_refused(shape):
    with pytest.raises(InvalidArgumentError):
        shape_curve(shape, start=0.0)


def test_a_shape_of_a_limit_is_refused():
    with pytest.raises(InvalidArgumentError, match="interval of more than 0"):
        shape_curve(lambda t: 1.0, start=0.0, interval=0.0)


def test_a_preview_shows_a_ramp_before_it_runs():
    steps = Ramp.of(from_rate=10, to_rate=0, steps=4, step_interval=1)

    assert preview(steps, step=1) == ([0, 1, 2, 3, 4], [10, 7, 5, 2, 0])


def test_a_preview_of_a_function_needs_an_end():
    with pytest.raises(InvalidArgumentError, match="until"):
        preview(lambda t: 1.0)
