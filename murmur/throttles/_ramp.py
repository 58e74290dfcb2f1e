"""A gradual change of a rate: in steps, or along a straight line.

Pure values: a ramp knows its rates and how long they last; a curve makes times of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral

from murmur._given import amount_given, needed
from murmur._guard import heard, text_of
from murmur.errors import InvalidArgumentError

from ._curve import Piece, Pieces
from ._rate import DEFAULT_INTERVAL, Rate, permits_apart, permits_in

MOST_STEPS = 100_000
"""Steps of a ramp, each of which is kept; a ramp without steps has none."""

_FORMS = "give a duration, or steps with step_interval"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """A change from one rate to another.

    Parameters
    ----------
    first, last : float
        Permits per `interval` at the start and at the end; the last rate stays.
    interval : float, default 60.0
        Seconds that the permits are counted over.
    duration : float
        Seconds from the first rate to the last.
    steps : int, optional
        How many equal steps lead there; without, the rate changes all the time.

    Examples
    --------
    >>> Ramp.of(from_rate=10, to_rate=0, steps=4, step_interval=1).rates
    (10, 7, 5, 2, 0)
    >>> Ramp.of(from_rate=0, to_rate=600, duration=60).curve(start=0.0).piece(30.0).rate_at(30.0)
    300.0
    """

    first: float
    last: float
    interval: float = DEFAULT_INTERVAL
    duration: float
    steps: int | None = None

    def __post_init__(self) -> None:
        for name in ("first", "last"):
            permits = Rate(getattr(self, name), self.interval).permits
            object.__setattr__(self, name, permits)
            if math.isinf(permits):
                raise InvalidArgumentError(
                    "invalid ramp to or from an unlimited rate", "give finite rates"
                )
        if self.interval == 0:
            raise InvalidArgumentError("invalid ramp of a limit", "only a rate can be ramped")
        seconds, _ = heard(float, self.duration)
        if seconds is None or not (0 < seconds < math.inf) or isinstance(self.duration, str):
            raise InvalidArgumentError(
                f"invalid ramp over {text_of(self.duration, repr)} s", _FORMS + ", more than 0"
            )
        object.__setattr__(self, "duration", seconds)

    @classmethod
    def of(  # noqa: PLR0913 - one keyword for each way to say it
        cls,
        *,
        from_rate: float | str | None = None,
        to_rate: float | str | None = None,
        from_interarrival: float | None = None,
        to_interarrival: float | None = None,
        interval: float | None = None,
        duration: float | None = None,
        steps: int | None = None,
        step_interval: float | None = None,
    ) -> Ramp:
        """Return the one ramp that the arguments describe.

        Parameters
        ----------
        from_rate, to_rate : float, optional
            Permits per `interval` at the start and at the end; or text such as ``"10/s"``.
        from_interarrival, to_interarrival : float, optional
            The same as seconds between two permits.  The *rate* changes linearly.
        interval : float, optional
            Seconds that the rates are counted over, 60 unless given.
        duration : float, optional
            Seconds, for a ramp that changes all the time.
        steps : int, optional
            How many steps, for a ramp of ``steps + 1`` rates; whole rates stay whole.
        step_interval : float, optional
            Seconds between two steps.

        Raises
        ------
        InvalidArgumentError
            If the arguments are too few, too many, or make no sense.
        """
        by_rate = from_rate is not None and to_rate is not None
        by_interarrival = from_interarrival is not None and to_interarrival is not None
        ends = (from_rate, to_rate, from_interarrival, to_interarrival)
        if by_rate == by_interarrival or sum(end is not None for end in ends) != 2:
            raise InvalidArgumentError(
                "invalid ramp",
                "give from_rate and to_rate, or from_interarrival and to_interarrival",
            )
        if by_interarrival and interval is not None:
            raise InvalidArgumentError(
                "invalid interval with interarrival", "an interval belongs to a rate"
            )
        length, count = _length(duration, steps, step_interval)
        if from_rate is not None and to_rate is not None:
            length_of = DEFAULT_INTERVAL if interval is None else interval
            first, last = permits_in(length_of, from_rate), permits_in(length_of, to_rate)
        else:
            assert from_interarrival is not None
            assert to_interarrival is not None
            first, last = permits_apart(from_interarrival), permits_apart(to_interarrival)
        return cls(
            first=first,
            last=last,
            interval=DEFAULT_INTERVAL if interval is None else interval,
            duration=length,
            steps=count,
        )

    @property
    def rates(self) -> tuple[float, ...]:
        """The rates of all steps, the first one included; both ends if there are none."""
        if self.steps is None:
            return (self.first, self.last)
        return tuple(step_rates(self.first, self.last, self.steps))

    def curve(self, start: float) -> Pieces:
        """Return the rate over time of a ramp that starts at `start`."""
        if self.steps is None:
            end = start + self.duration
            return Pieces.through([(start, self.first), (end, self.last)], self.interval)
        each = self.duration / self.steps
        times = [-math.inf, *(start + n * each for n in range(1, self.steps + 1)), math.inf]
        return Pieces(
            Piece(times[n], times[n + 1], rate, rate, self.interval)
            for n, rate in enumerate(self.rates)
        )

    @property
    def pace(self) -> str:
        """What it is in few words, as for the label at a change in a chart."""
        return f"ramp {self.first:g} to {self.last:g}/{self.interval:g} s {self._how_long}"

    def __str__(self) -> str:
        return f"ramp from {self.first:g} to {self.last:g} per {self.interval:g} s {self._how_long}"

    @property
    def _how_long(self) -> str:
        return f"over {self.duration:g} s" + (f" in {self.steps} steps" if self.steps else "")


def step_rate(first: float, last: float, steps: int, step: int) -> float:
    """Return the rate after `step` of `steps` equal steps from `first` to `last`.

    Between whole rates all rates are whole, and halves round away from `first`: that is
    amoc's rule, and not that of `round`, which goes to the even neighbour.
    """
    if not (_is_whole(first) and _is_whole(last)):
        return last if step == steps else first + step * (last - first) / steps
    start, change = int(first), int(last) - int(first)
    size = (2 * step * abs(change) + steps) // (2 * steps)
    return start + size if change >= 0 else start - size


def step_rates(first: float, last: float, steps: int) -> Iterator[float]:
    """Yield the ``steps + 1`` rates of a ramp in steps."""
    return (step_rate(first, last, steps, step) for step in range(steps + 1))


def _length(
    duration: float | None, steps: int | None, step_interval: float | None
) -> tuple[float, int | None]:
    """Return duration and number of steps, from whichever way they were given."""
    if duration is not None and steps is None and step_interval is None:
        return duration, None
    if duration is not None or steps is None or step_interval is None:
        raise InvalidArgumentError("invalid length of a ramp", _FORMS)
    is_whole = isinstance(steps, Integral) and not isinstance(steps, bool)
    usable = is_whole and 1 <= steps <= MOST_STEPS
    needed(usable, "steps", steps, f"give a whole number, from 1 to {MOST_STEPS:,}")
    return int(steps) * amount_given("step_interval", step_interval), int(steps)


def _is_whole(rate: float) -> bool:
    return float(rate).is_integer()
