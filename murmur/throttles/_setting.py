"""The setting of a throttle over time, and the verbs that change it.

One pure state of "rate and verbs": the throttle of one node has one, and the steering kernel
has one for a throttle of many nodes.  Nothing here knows of permits, of callers or of nodes;
times are monotonic seconds handed in by the caller.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from murmur._given import truth_given
from murmur.errors import InvalidArgumentError, RampInProgressError, ThrottleStoppedError

from ._config import Terms
from ._curve import Curve, Pieces
from ._ramp import Ramp
from ._rate import Rate
from ._shape import Followed

VERBS = ("change_rate", "ramp", "unlock", "pause", "resume", "stop")
"""What may be done to a throttle."""

POINT = 0.01
"""Seconds between two points of a shape that is a function."""


class Setting:
    """A rate, limit, ramp or shape that people change.

    Parameters
    ----------
    name : str
        Of the throttle.
    terms : Terms
        What it starts with.
    now : float
        When it starts.
    curve : Curve, optional
        What the rate follows, where that is more than the terms tell: a function of here.

    Attributes
    ----------
    curve : Curve
        Permits per interval over time; of a limit, of no meaning.
    limit : int or None
        How many permits may be out at a time.
    is_paused, is_stopped : bool
        Whether it is.
    points : Followed or None
        The shape, where it is a function.
    """

    def __init__(self, name: str, terms: Terms, now: float, curve: Curve | None = None) -> None:
        self.name = name
        self.terms = terms
        self.is_paused = False
        self.is_stopped = False
        self.limit: float | None = None
        self.points: Followed | None = None
        self._started_at = now
        self._steps: list[float] = []  # when a ramp takes its next steps, and ends
        self._ramp_pace = ""  # of the last ramp
        self.curve: Curve = Pieces.constant(Rate(0.0, 1.0))
        self._begin(Rate(terms.permits, terms.interval), curve)

    @property
    def interval(self) -> float:
        """Seconds that the rate is counted over; 0 of a limit."""
        return self.curve.interval if self.limit is None else 0.0

    @property
    def next_step_at(self) -> float:
        """When a ramp takes its next step or ends."""
        return self._steps[0] if self._steps else math.inf

    @property
    def is_open(self) -> bool:
        """Whether it holds nobody."""
        return self._is_constant and self._constant == math.inf

    @property
    def is_held(self) -> bool:
        """Whether it holds everybody for now."""
        return self.is_paused or self.is_stopped or (self._is_constant and self._constant == 0)

    def rate_at(self, now: float) -> float:
        """Return the permits per interval at `now`; of a limit, the limit."""
        return self.curve.piece(now).rate_at(now) if self.limit is None else self.limit

    def slope_at(self, now: float) -> float:
        """Return by how many permits per interval the rate changes in a second."""
        if self.limit is not None or not self._steps:
            return 0.0
        piece = self.curve.piece(now)
        return 0.0 if piece.is_flat else (piece.last - piece.first) / (piece.end - piece.start)

    def is_ramping(self, now: float) -> bool:
        """Whether a ramp is under way."""
        return bool(self._steps) and now < self._steps[-1]

    def ramp_at(self, now: float) -> str:
        """Return the ramp that is under way, in words; empty if there is none."""
        return self._ramp_pace if self.is_ramping(now) else ""

    def has(self, terms: Terms, now: float) -> bool:
        """Whether these are the terms it was started with, or its rate at this moment."""
        if terms.identity == self.terms.identity:
            return True
        is_plain = not terms.shape and terms.arrivals == self.terms.arrivals
        present = (self.rate_at(now), self.interval)
        return is_plain and (terms.permits, terms.interval) == present

    def pass_steps(self, now: float) -> str:
        """Count the steps of a ramp that have come; return what to say of it."""
        while self._steps and self._steps[0] <= now:
            del self._steps[0]
            if not self._steps:
                return "ramp ended"
        return ""

    def call(
        self, verb: str, arguments: Mapping[str, Any], now: float, *, has_plain: bool = False
    ) -> str:
        """Do what a verb asks for; return what to say of it.

        Raises
        ------
        ThrottleError
            What the verb of a throttle on one node raises.
        """
        if verb not in VERBS:
            raise InvalidArgumentError(
                f"invalid verb {verb!r}", f"one of {', '.join(VERBS)} would do"
            )
        if verb == "stop":
            self.is_stopped = True
            return "stopped"
        if self.is_stopped:
            raise ThrottleStoppedError(self.name)
        if verb in ("pause", "resume"):
            was, self.is_paused = self.is_paused, verb == "pause"
            return "" if was == self.is_paused else f"{verb}d"
        if verb == "unlock":
            arguments = {"rate": math.inf, **arguments}
        arguments = dict(arguments)
        cancel = truth_given("cancel_ramp", arguments.pop("cancel_ramp", False))
        if verb == "ramp":
            return self._ramp(arguments, now, cancel=cancel)
        return self._change(arguments, now, cancel=cancel, has_plain=has_plain)

    @property
    def _is_constant(self) -> bool:
        is_constant = isinstance(self.curve, Pieces) and len(self.curve.pieces) == 1
        return self.limit is None and is_constant

    @property
    def _constant(self) -> float:
        return self.rate_at(0.0)

    def _begin(self, rate: Rate, curve: Curve | None) -> None:
        """Follow the terms from the start on."""
        shape, start = self.terms.shape, self._started_at
        if rate.is_limit:
            self.limit = rate.permits
        elif curve is not None:
            self.curve = curve
        elif not shape:
            self.curve = Pieces.constant(rate)
        elif shape[0] == "points":
            points = [(start + at, Rate(value, rate.interval).permits) for at, value in shape[1]]
            self.curve = Pieces.through(points, rate.interval)
        else:
            self.curve = self.points = Followed(start, rate.interval, step=POINT)

    def _change(
        self, arguments: dict[str, Any], now: float, *, cancel: bool, has_plain: bool
    ) -> str:
        if arguments.get("rate") is not None and arguments.get("interval") is None:
            arguments["interval"] = self.interval or None
        new = Rate.of(**arguments)
        if new.is_limit and has_plain:
            raise InvalidArgumentError(
                f"invalid change to {new}",
                "callers of wait() are in line; a limit needs `async with`",
            )
        was_ramping = self._make_way("change", now, cancel=cancel)
        self.points = None
        if new.is_limit:
            self.limit = new.permits
        else:
            self.limit, self.curve = None, Pieces.constant(new)
        return "ramp cancelled" if was_ramping else ""

    def _ramp(self, arguments: dict[str, Any], now: float, *, cancel: bool) -> str:
        if arguments.get("from_rate") is not None and arguments.get("interval") is None:
            arguments["interval"] = self.interval or None
        new = Ramp.of(**arguments)
        if self.limit is not None:
            raise InvalidArgumentError("invalid ramp of a limit", "change it to a rate first")
        self._make_way("ramp", now, cancel=cancel)
        self.points, self.curve = None, new.curve(now)
        number = new.steps or 1
        self._steps = [now + new.duration * step / number for step in range(1, number + 1)]
        self._ramp_pace = new.pace
        return str(new)

    def _make_way(self, verb: str, now: float, *, cancel: bool) -> bool:
        """End a ramp, or refuse to; return whether there was one."""
        was_ramping = self.is_ramping(now)
        if was_ramping and not cancel:
            raise RampInProgressError(self.name, verb)
        self._steps = []
        return was_ramping
