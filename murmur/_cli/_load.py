"""Plan of the load: how many users there shall be, and when.  Pure arithmetic on the options.

Two kinds of load.  *Closed*: a number of users, which stages change over time.  *Open*: users
arrive at a rate, which stages change over time, however many are there already.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from murmur.results.checks import read_duration, read_rate

_MOST_DIGITS = 10
"""Of a number of users: ids go up to 2 ** 32."""

_STAGE_FORM = "write DURATION:USERS, such as 30s:100, or DURATION:RATE, such as 30s:10/s"


@dataclass(frozen=True, slots=True)
class Stage:
    """A straight line from what the stage before ended with to `target`."""

    duration: float  # seconds it takes; 0 jumps
    target: float  # users, or users per second
    kind: Literal["users", "rate"]  # "users" or "rate": which of them


@dataclass(frozen=True, slots=True)
class Load:
    """What users come, and for how long."""

    users: int = 1  # users announced at the start
    # users admitted per second from the start; None for the scenario's own `user_rate`
    rate: float | None = None
    duration: float | None = None  # seconds after which the run ends; None until all users are gone
    # all of one kind; empty for a load that does not change
    stages: tuple[Stage, ...] = field(default=())

    @classmethod
    def of(
        cls,
        *,
        users: int | None = None,
        rate: float | None = None,
        ramp: float | None = None,
        duration: float | None = None,
        stages: Sequence[Stage] = (),
    ) -> Load:
        """Return the load that the options describe.

        Raises `ValueError` if they contradict each other; the text says what would do.
        """
        if users is not None and users < 1 and not stages:
            raise ValueError("--users has to be at least 1")
        if duration is not None and not duration > 0:
            raise ValueError("--duration has to be more than 0")
        if stages:
            return cls._in_stages(users, rate, ramp, duration, tuple(stages))
        if ramp is not None:
            if rate is not None:
                raise ValueError("give --rate or --ramp: both say how fast users arrive")
            count = 1 if users is None else users
            return cls(count, count / ramp if ramp else math.inf, duration)
        if users is None and rate is not None and math.isfinite(rate):
            if duration is None:
                raise ValueError("--rate needs --users or --duration to know when to end")
            return cls(max(1, math.floor(rate * duration + 1e-9)), rate, duration)
        return cls(1 if users is None else users, rate, duration)

    @classmethod
    def _in_stages(
        cls,
        users: int | None,
        rate: float | None,
        ramp: float | None,
        duration: float | None,
        stages: tuple[Stage, ...],
    ) -> Load:
        for name, value in (("--duration", duration), ("--ramp", ramp)):
            if value is not None:
                raise ValueError(f"{name} does not go with --stage: the stages say how long")
        if len({stage.kind for stage in stages}) > 1:
            raise ValueError("stages are all of users (30s:100) or all of rates (30s:10/s)")
        length = sum(stage.duration for stage in stages)
        if not length:
            raise ValueError("the stages take no time; give one of them a duration")
        if stages[0].kind == "users":
            if rate is not None:
                raise ValueError("--rate does not go with stages of users: they say how fast")
            return cls(users or 0, math.inf, length, stages)
        if users is not None:
            raise ValueError("--users does not go with stages of a rate: they say how many")
        first = 0.0 if rate is None else rate
        return cls(max(1, math.floor(_arrivals(first, stages) + 1e-9)), first, length, stages)

    @property
    def steers_users(self) -> bool:
        """Whether the number of users has to be kept at `users_at`."""
        return bool(self.stages) and self.stages[0].kind == "users"

    def users_at(self, seconds: float) -> int:
        """Return how many users there shall be so many seconds after the start.

        Examples
        --------
        >>> load = Load.of(stages=read_stages("10s:100,10s:100,10s:0"))
        >>> [load.users_at(second) for second in (0, 5, 15, 25, 40)]
        [0, 50, 100, 50, 0]
        """
        before, began = float(self.users), 0.0
        for stage in self.stages:
            if seconds < began + stage.duration:
                passed = (seconds - began) / stage.duration
                return round(before + passed * (stage.target - before))
            before, began = stage.target, began + stage.duration
        return round(before)


def read_stages(text: str) -> list[Stage]:
    """Return the stages of ``"30s:100,1m:100,10s:0"``, or of ``"30s:10/s"``.

    Raises `ValueError` if one of them cannot be read.
    """
    return [_stage(part.strip()) for part in text.split(",")]


def _stage(text: str) -> Stage:
    length, colon, target = text.partition(":")
    if not colon or not target:
        raise ValueError(f"{text!r} is no stage; {_STAGE_FORM}")
    duration = read_duration(length.strip())
    if "/" in target:
        rate = read_rate(target.strip())
        return Stage(duration, rate, "rate")
    if not target.strip().isdecimal():
        raise ValueError(f"{text!r} is no stage; {_STAGE_FORM}")
    if len(target.strip()) > _MOST_DIGITS:
        raise ValueError(f"{text!r}: there are no ids for so many users")
    return Stage(duration, float(int(target)), "users")


def _arrivals(first: float, stages: Sequence[Stage]) -> float:
    """Return how many users arrive in all stages: the area below the line."""
    total, before = 0.0, first
    for stage in stages:
        total += stage.duration * (before + stage.target) / 2
        before = stage.target
    return total
