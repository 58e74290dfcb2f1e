"""Configuration that a throttle is started with."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from murmur._given import integer_given, needed, truth_given
from murmur._guard import heard
from murmur.errors import InvalidArgumentError

from ._curve import Curve, Pieces
from ._rate import DEFAULT_INTERVAL, Rate
from ._shape import Shape, series_points, shape_curve

Arrivals = Literal["even", "poisson"]
"""How permits are spread: on a grid, or with exponential gaps."""


class Terms(NamedTuple):
    """How a throttle is asked for, in plain values: what travels, and is compared."""

    permits: float  # permits, interval: its rate; of a shape, only the interval counts
    interval: float
    arrivals: str  # "even" or "poisson"
    seed: str  # what the gaps of Poisson arrivals are drawn from
    # nothing; or "points" and (seconds, rate) pairs; or "function" and what tells it from others
    shape: list[Any]
    text: str  # the configuration in words

    @property
    def identity(self) -> tuple[object, ...]:
        """What is the same in two that ask for the same."""
        return (self.permits, self.interval, self.arrivals, self.seed, self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class ThrottleConfig:
    """What a throttle is started with."""

    rate: Rate  # permits per interval, or at a time; of a shape, only the interval counts
    shape: Shape | None = None
    arrivals: Arrivals = "even"
    seed: int | str | None = None  # what the gaps of Poisson arrivals are drawn from
    catch_up: bool = False  # whether delays of up to one interval are made good

    @classmethod
    def of(  # noqa: PLR0913 - one keyword for each way to say it
        cls,
        rate: float | str | None = None,
        *,
        interval: float | None = None,
        interarrival: float | None = None,
        limit: float | None = None,
        shape: Shape | None = None,
        arrivals: Arrivals = "even",
        seed: int | str | None = None,
        catch_up: bool = False,
    ) -> ThrottleConfig:
        """Return the configuration that the arguments describe.

        Raises `InvalidArgumentError` if they do not describe one; the message says what would do.
        """
        if shape is not None:
            if not (rate is interarrival is limit is None):
                raise InvalidArgumentError("invalid shape with a rate", "the shape is the rate")
            base = Rate(0.0, DEFAULT_INTERVAL if interval is None else interval)
            shape_curve(shape, start=0.0, interval=base.interval)
        else:
            base = Rate.of(rate, interval=interval, interarrival=interarrival, limit=limit)
        known = heard(("even", "poisson").__contains__, arrivals).value
        needed(known, "arrivals", arrivals, 'give "even" or "poisson"')
        if base.is_limit and arrivals != "even":
            raise InvalidArgumentError("invalid arrivals of a limit", "only a rate has arrivals")
        if truth_given("catch_up", catch_up) and (base.is_limit or arrivals != "even"):
            raise InvalidArgumentError(
                "invalid catch_up", "only an even pace has a grid to catch up with"
            )
        if seed is not None and not isinstance(seed, str):
            seed = integer_given("seed", seed, "give a whole number, such as 7, or a text")
            needed(abs(seed) < 2**1024, "seed", seed, "give a whole number of fewer digits")
        return cls(base, shape, arrivals, seed, truth_given("catch_up", catch_up))

    def curve(self, start: float, on_failure: Callable[[Exception], None]) -> Curve:
        """Return the rate over time of a throttle that is started at `start`."""
        if self.shape is None:
            return Pieces.constant(self.rate)
        return shape_curve(
            self.shape, start=start, interval=self.rate.interval, on_failure=on_failure
        )

    def gap(self, seed: str) -> Callable[[], float] | None:
        """Return what draws the gaps between permits, or None if they are even."""
        if self.arrivals == "even":
            return None
        draw = random.Random(seed if self.seed is None else self.seed)
        return lambda: draw.expovariate(1.0)

    @property
    def terms(self) -> Terms:
        """The configuration as it travels."""
        shape: list[Any] = []
        if hasattr(self.shape, "to_list"):
            shape = ["points", [list(point) for point in series_points(self.shape)]]
        elif self.shape is not None:
            shape = ["function", _identity(self.shape)]
        seed = "" if self.seed is None else str(self.seed)
        rate = self.rate
        return Terms(
            float(rate.permits), float(rate.interval), self.arrivals, seed, shape, str(self)
        )

    def __str__(self) -> str:
        if self.shape is None:
            what = str(self.rate)
        else:
            what = f"shape {self.shape!r} per {self.rate.interval:g} s"
        return what if self.arrivals == "even" else f"{what}, {self.arrivals} arrivals"


def _identity(function: Callable[[float], float]) -> str:
    """Return what tells a function from others, on any node: where its code is, and what."""
    code = getattr(function, "__code__", None)
    if code is None:
        return type(function).__qualname__
    return f"{code.co_qualname} {code.co_firstlineno} {code.co_code.hex()} {code.co_names}"
