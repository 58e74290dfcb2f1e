"""Rate of a throttle: permits per interval, or permits at a time.

Values only: nothing here knows of time passing or of who waits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real

from murmur._guard import text_of
from murmur.errors import InvalidArgumentError
from murmur.scenario import read_rate

DEFAULT_INTERVAL = 60.0
"""Seconds that a rate is counted over when nobody says so: rates are per minute."""

MOST = 1e12
"""Permits a second beyond which a rate is no pace: numbers cannot count them one by one."""

_ROUNDING = 1e-12
"""How far, relatively, a quotient may lie from the whole number it stands for."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A number of permits per interval.

    Raises `InvalidArgumentError` if a number is negative, NaN or no number, or `interval` is
    infinite.

    Examples
    --------
    >>> Rate.of(interarrival=0.05)
    Rate(permits=1200.0, interval=60.0)
    >>> Rate.of(limit=36).is_limit
    True
    """

    permits: float  # permits per `interval`; 0 holds everyone, `math.inf` holds nobody
    # seconds that `permits` are counted over.  With 0 there is no pace: `permits`, a whole
    # number, may be out at a time.
    interval: float = DEFAULT_INTERVAL

    def __post_init__(self) -> None:
        if not _is_amount(self.permits):
            raise InvalidArgumentError(
                f"invalid rate {text_of(self.permits, repr)}",
                "give permits per interval, from 0 to math.inf",
            )
        if not _is_amount(self.interval) or math.isinf(self.interval):
            raise InvalidArgumentError(
                f"invalid interval {text_of(self.interval, repr)}",
                "give seconds, more than 0, or 0 to limit how many permits are out at a time",
            )
        for field in ("permits", "interval"):
            if not isinstance(value := getattr(self, field), int | float):
                object.__setattr__(self, field, float(value))  # a fraction, or numpy's
        if not self.is_limit and MOST * self.interval < self.permits < math.inf:
            raise InvalidArgumentError(
                f"invalid rate {text_of(self.permits, repr)}",
                f"give at most {MOST:g} permits a second, or math.inf, which holds nobody",
            )
        if self.is_limit and self.permits != math.inf and self.permits != int(self.permits):
            raise InvalidArgumentError(
                f"invalid limit {self.permits!r}", "give a whole number of permits that may be out"
            )

    @classmethod
    def of(
        cls,
        rate: float | str | None = None,
        *,
        interval: float | None = None,
        interarrival: float | None = None,
        limit: float | None = None,
    ) -> Rate:
        """Return the one rate that the arguments describe.

        Raises `InvalidArgumentError` if not exactly one of `rate`, `interarrival` and `limit` is
        given, or the one given makes no sense.
        """
        given = {"rate": rate, "interarrival": interarrival, "limit": limit}
        chosen = [name for name, value in given.items() if value is not None]
        if len(chosen) != 1:
            nothing = "interval alone" if interval else "empty configuration"
            raise InvalidArgumentError(
                f"invalid {' with '.join(chosen) or nothing}",
                "give exactly one of rate (with or without interval), interarrival and limit",
            )
        if interval is not None and rate is None:
            raise InvalidArgumentError(
                f"invalid interval with {chosen[0]}", "an interval belongs to a rate"
            )
        if rate is not None:
            length = DEFAULT_INTERVAL if interval is None else interval
            return cls(permits_in(length, rate), length)
        if interarrival is not None:
            return cls(permits_apart(interarrival))
        assert limit is not None
        return cls(limit, 0.0)

    @property
    def is_limit(self) -> bool:
        """Whether it counts permits that are out, not permits per time."""
        return self.interval == 0

    def __str__(self) -> str:
        if self.is_limit:
            return f"limit {self.permits:g}"
        return f"rate {self.permits:g} per {self.interval:g} s"


def permits_in(interval: float, rate: float | str) -> float:
    """Return the permits per `interval` that a rate means, which may be text with a unit."""
    if not isinstance(rate, str):
        return rate
    try:
        per_second = read_rate(rate, bare=False)
    except ValueError as error:
        raise InvalidArgumentError(f"invalid rate {rate!r}", str(error)) from None
    if interval == 0:
        raise InvalidArgumentError(f"invalid limit {rate!r}", "a limit is a number and has no unit")
    return _unrounded(per_second * interval)


def permits_apart(seconds: float) -> float:
    """Return the permits per 60 s that lie `seconds` apart."""
    if not _is_amount(seconds):
        raise InvalidArgumentError(
            f"invalid interarrival {text_of(seconds, repr)}",
            "give seconds between two permits, from 0 to math.inf",
        )
    if seconds == 0:
        return math.inf
    return _unrounded(DEFAULT_INTERVAL / seconds)


def _unrounded(permits: float) -> float:
    """Return the whole number that a quotient or a product of floats stands for, if it does."""
    whole = round(permits) if permits < math.inf else permits
    return float(whole) if abs(permits - whole) <= _ROUNDING * permits else permits


def capacity(permits: float) -> float:
    """Return how many permits one window may hold at `permits` per interval.

    The whole number above a fraction: 2.5 permits per second, evenly spaced, are 2 in
    some seconds and 3 in others.
    """
    return permits if permits == math.inf else math.ceil(permits * (1 - _ROUNDING))


def _is_amount(value: object) -> bool:
    """Whether `value` is a number from 0 to infinity."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return float(value) >= 0
    except (OverflowError, ValueError):  # an integer beyond all floats, a signalling NaN
        return False
