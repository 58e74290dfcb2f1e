"""Configuration that a throttle is started with."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from murmur.errors import InvalidRateError

from ._curve import Curve, Pieces
from ._rate import DEFAULT_INTERVAL, Rate
from ._shape import Shape, shape_curve

__all__ = ["Arrivals", "ThrottleConfig"]

Arrivals = Literal["even", "poisson"]
"""How permits are spread: on a grid, or with exponential gaps."""


@dataclass(frozen=True, slots=True, eq=False)
class ThrottleConfig:
    """What a throttle is started with.

    Attributes
    ----------
    rate : Rate
        Permits per interval, or at a time; of a shape, only the interval counts.
    shape : callable or pandas.Series or None
        What the rate follows.
    arrivals : {"even", "poisson"}
        How permits are spread.
    seed : int or None
        What the gaps of Poisson arrivals are drawn from.
    """

    rate: Rate
    shape: Shape | None = None
    arrivals: Arrivals = "even"
    seed: int | None = None

    @classmethod
    def of(  # noqa: PLR0913 - one keyword for each way to say it
        cls,
        rate: float | None = None,
        *,
        interval: float | None = None,
        interarrival: float | None = None,
        limit: float | None = None,
        shape: Shape | None = None,
        arrivals: Arrivals = "even",
        seed: int | None = None,
    ) -> ThrottleConfig:
        """Return the configuration that the arguments describe.

        Raises
        ------
        InvalidRateError
            If they do not describe one; the message says what would do.
        """
        if shape is not None:
            if not (rate is interarrival is limit is None):
                raise InvalidRateError("shape with a rate", "the shape is the rate")
            base = Rate(0.0, DEFAULT_INTERVAL if interval is None else interval)
            shape_curve(shape, start=0.0, interval=base.interval)
        else:
            base = Rate.of(rate, interval=interval, interarrival=interarrival, limit=limit)
        if arrivals not in ("even", "poisson"):
            raise InvalidRateError(f"arrivals {arrivals!r}", 'give "even" or "poisson"')
        if base.is_limit and arrivals != "even":
            raise InvalidRateError("arrivals of a limit", "only a rate has arrivals")
        return cls(base, shape, arrivals, seed)

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

    def matches(self, other: ThrottleConfig) -> bool:
        """Whether the other configuration asks for the same."""
        mine = (self.rate, self.arrivals, self.seed)
        theirs = (other.rate, other.arrivals, other.seed)
        return mine == theirs and _is_same_shape(self.shape, other.shape)

    def __str__(self) -> str:
        if self.shape is None:
            what = str(self.rate)
        else:
            what = f"shape {self.shape!r} per {self.rate.interval:g} s"
        return what if self.arrivals == "even" else f"{what}, {self.arrivals} arrivals"


def _is_same_shape(one: Shape | None, other: Shape | None) -> bool:
    """Whether two shapes are one object, equal series, or made by the same line of code."""
    if one is other:
        return True
    if one is not None and hasattr(one, "equals"):
        return bool(one.equals(other))
    code = getattr(one, "__code__", None)
    return code is not None and code is getattr(other, "__code__", None)
