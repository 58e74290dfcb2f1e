"""A rate that follows a function of time, or the points of a series.

`preview` shows such a rate, or a ramp, before it runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from murmur._given import SHOWN
from murmur._guard import error_text, heard, tame, text_of
from murmur.errors import InvalidArgumentError

from ._curve import Curve, Piece, Pieces
from ._ramp import Ramp
from ._rate import DEFAULT_INTERVAL, Rate

Shape = Any
"""A function of seconds, or an object with ``index`` and ``values``, as a pandas Series."""

_STEP = 0.01
"""Seconds between two looks at a function; the rate is a straight line in between."""


class Sampled(Curve):
    """The curve of a function that is looked at every 10 ms."""

    def __init__(
        self,
        # takes seconds since `start`, returns permits per interval
        function: Callable[[float], float],
        *,
        start: float,
        interval: float,
        # told when the function fails; the rate stays what it was then
        on_failure: Callable[[Exception], None] | None = None,
    ) -> None:
        self.interval = interval
        self._function = function
        self._start = start
        self._on_failure = on_failure
        self._looked_at, self._value = 0, self._rate(0.0)
        self._piece = self._sample(0)

    def piece(self, at: float) -> Piece:
        """Return the piece in force at the time `at`."""
        if not (self._piece.start <= at < self._piece.end):
            number = max(0, math.floor((at - self._start) / _STEP))
            if self._start + (number + 1) * _STEP <= at:
                number += 1  # the division rounded down what the product does not
            self._piece = self._sample(number)
        return self._piece

    def _sample(self, number: int) -> Piece:
        first, last = self._look(number), self._look(number + 1)
        start, end = (self._start + n * _STEP for n in (number, number + 1))
        return Piece(start, end, first, last, self.interval)

    def _look(self, number: int) -> float:
        """Return the function's value, or the last good one if it has none."""
        if number != self._looked_at:
            self._looked_at = number
            value, error = heard(self._rate, number * _STEP)  # a user's function
            if error is None:
                self._value = value
            elif self._on_failure is not None:
                self._on_failure(tame(error))
        return self._value

    def _rate(self, seconds: float) -> float:
        return Rate(float(self._function(seconds)), self.interval).permits


class Followed(Curve):
    """The curve of a function that lives elsewhere and is told point by point.

    Where no point is known the rate stays what it was.
    """

    def __init__(
        self,
        start: float,
        interval: float,
        *,
        step: float,  # seconds between two points
    ) -> None:
        self.interval = interval
        self._start = start
        self._step = step
        self._first = 0
        self._rates: list[float] = []

    @property
    def known(self) -> int:
        """Number of the first point that is missing."""
        return self._first + len(self._rates)

    def tell(self, first: int, rates: list[float]) -> None:
        """Take in the points from number `first` on; what is known already stays."""
        if rates and first > self.known:
            self._rates += [rates[0]] * (first - self.known)
        self._rates += rates[self.known - first :]

    def forget(self, before: float) -> None:
        """Drop the points of times that are over."""
        number = self._number(before) - self._first - 1
        if number > 100:
            del self._rates[:number]
            self._first += number

    def piece(self, at: float) -> Piece:
        """Return the piece in force at the time `at`."""
        number = self._number(at)
        first, last = self._rate(number), self._rate(number + 1)
        start, end = (self._start + n * self._step for n in (number, number + 1))
        return Piece(start, max(end, math.nextafter(at, math.inf)), first, last, self.interval)

    def _number(self, at: float) -> int:
        number = max(0, math.floor((at - self._start) / self._step))
        return number + 1 if self._start + (number + 1) * self._step <= at else number

    def _rate(self, number: int) -> float:
        if not self._rates:
            return 0.0
        return self._rates[min(max(0, number - self._first), len(self._rates) - 1)]


def guarded(
    function: Callable[[float], float], *, interval: float, on_failure: Callable[[Exception], None]
) -> Callable[[float], float]:
    """Return a function of seconds that gives its last good rate where `function` fails."""
    last = 0.0

    def rate(seconds: float) -> float:
        nonlocal last
        given, error = heard(lambda: Rate(float(function(seconds)), interval).permits)
        if error is None:
            last = given
        else:
            on_failure(tame(error))
        return last

    return rate


def shape_curve(
    # a function from seconds since the throttle started to permits per interval; or a series of
    # such rates whose index holds the seconds, or timedeltas.  Between two points of a series the
    # rate is a straight line, before the first and after the last it is level; two points at the
    # same time are a jump.
    shape: Shape,
    *,
    start: float,  # when the shape's time begins
    interval: float = DEFAULT_INTERVAL,
    # told when the function fails later on; the rate stays what it was then
    on_failure: Callable[[Exception], None] | None = None,
) -> Curve:
    """Return the rate over time that a shape describes.

    Raises `InvalidArgumentError` if the shape is neither, its time runs backwards, or a rate makes
    no sense.
    """
    if Rate(1, interval).is_limit:
        raise InvalidArgumentError("invalid shape of a limit", "give an interval of more than 0")
    if hasattr(shape, "index") and hasattr(shape, "to_list"):
        points = [(start + at, rate) for at, rate in series_points(shape)]
        for _, rate in points:
            Rate(rate, interval)
        return Pieces.through(points, interval)
    if callable(shape):
        try:
            return Sampled(shape, start=start, interval=interval, on_failure=on_failure)
        except BaseException as error:  # whatever the class: it is the user's function
            why = f"it must return permits per interval, but at 0 s: {error_text(error)}"
            raise InvalidArgumentError(f"invalid shape {text_of(shape, repr)}", why) from error
    raise InvalidArgumentError(
        f"invalid shape {text_of(shape, repr)[:SHOWN]}",
        "give a function of seconds, or a pandas Series over seconds",
    )


def preview(
    what: Shape | Ramp, *, until: float | None = None, step: float = 0.1
) -> tuple[list[float], list[float]]:
    """Return the rates of a shape or a ramp over time, to look at before it runs.

    Parameters
    ----------
    what : callable, pandas.Series or Ramp
        What the rate is to follow.
    until : float, optional
        Seconds to look at; those of a ramp unless given, and of a series.
    step : float, default 0.1
        Seconds between two points.

    Returns
    -------
    tuple of (list of float, list of float)
        Seconds since the start, and permits per interval at each.

    Examples
    --------
    >>> preview(Ramp.of(from_rate=0, to_rate=100, duration=2), step=1)
    ([0.0, 1.0, 2.0], [0.0, 50.0, 100.0])
    >>> preview(lambda t: 100 + 10 * t, until=2, step=1)
    ([0.0, 1.0, 2.0], [100.0, 110.0, 120.0])
    """
    curve: Curve
    if isinstance(what, Ramp):
        curve = what.curve(0.0)
        until = what.duration if until is None else until
    else:
        curve = shape_curve(what, start=0.0)
        if until is None and isinstance(curve, Pieces):
            until = curve.pieces[-1].start
    if until is None or not step > 0:
        raise InvalidArgumentError(
            f"invalid preview until {until!r} by {step!r}", "give until and step in seconds"
        )
    times = [float(number * step) for number in range(math.floor(until / step + 1e-9) + 1)]
    return times, [float(curve.piece(at).rate_at(at)) for at in times]


def series_points(series: Any) -> list[tuple[float, float]]:  # noqa: ANN401 - duck-typed pandas
    """Return the (seconds, rate) points of a series, in order of time."""
    rates = [float(rate) for rate in series.to_list()]
    times = [
        float(at.total_seconds()) if hasattr(at, "total_seconds") else float(at)
        for at in series.index.to_list()
    ]
    if not times or any(b < a for a, b in pairwise(times)):
        raise InvalidArgumentError("invalid shape", "give points in order of time, at least one")
    if not all(math.isfinite(at) for at in times):
        raise InvalidArgumentError("invalid shape", "give finite times")
    return list(zip(times, rates, strict=True))
