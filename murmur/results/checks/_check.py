"""A check: one sentence about a run that holds or does not.

Values only.  How the sentence is read stands in `_text`, how it is judged in `_judge`.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from murmur.telemetry import Histogram

from ._units import TEXTS

Kind: TypeAlias = Literal["time", "rate", "share", "count"]
"""What a value is, and so how it is typed and shown."""

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}


TOLERANCE = 1e-9
"""Relative difference from which on a value and a limit are not equal."""

_ALL_DIGITS = 10
"""As many as tell values apart that are not equal."""


@dataclass(frozen=True, slots=True)
class Statistic:
    """The number that a check is about.

    Attributes
    ----------
    word : str
        ``"count"``, ``"rate"``, ``"failed"``, ``"users"``, or how a time is summed up:
        ``"mean"``, ``"min"``, ``"max"``, ``"p99"``.
    time : {"response", "service", None}
        Which time of the actions; None if it is about no time.
    quantile : float or None
        Between 0 and 1, of a percentile.
    """

    word: str
    time: Literal["response", "service"] | None = None
    quantile: float | None = None

    def of(self, times: Histogram) -> float:
        """Return what it comes to over the times of some actions, in seconds."""
        if self.quantile is not None:
            return times.quantile(self.quantile)
        value: float = getattr(times, self.word)
        return value


@dataclass(frozen=True, slots=True)
class Windows:
    """In how many spans of one length a check has to hold."""

    length: float  # seconds of each span
    share: float  # which share of them, from 0 to 1; 0 stands for at least one

    def suffice(self, held: int, total: int) -> bool:
        """Whether `held` of `total` spans are enough."""
        return held >= max(1, math.ceil(self.share * total - 1e-9))


@dataclass(frozen=True, slots=True)
class Check:
    """One check, read from its text by `parse_check`.

    Attributes
    ----------
    text : str
        As it was written.
    statistic : Statistic
        The number it is about.
    name : str or None
        Actions of that name; ``*`` stands for any text; None for all actions together.
        The outcome, if it is about users.
    comparison : {"<", "<=", ">", ">=", "=="}
        How the number has to compare.
    limit : float
        With what: seconds, actions per second, a share from 0 to 1, or a number.
    kind : {"time", "rate", "share", "count"}
        Which of those.
    windows : Windows or None
        Spans that are judged one by one; None to judge the run as a whole.
    start, end : float
        Which part of the run counts, in seconds since its start.

    Examples
    --------
    >>> from murmur.results import parse_check
    >>> check = parse_check("p99(echo) < 200ms after 10s")
    >>> check.name, check.limit, check.start
    ('echo', 0.2, 10.0)
    """

    text: str
    statistic: Statistic
    name: str | None
    comparison: str
    limit: float
    kind: Kind
    windows: Windows | None = None
    start: float = 0.0
    end: float = math.inf

    def accepts(self, value: float) -> bool:
        """Whether `value` compares as it has to; NaN never does.

        Values that differ by a billionth are equal: sums of floats are not exact.
        """
        seen = self.limit if self._is_limit(value) else value
        return COMPARISONS[self.comparison](seen, self.limit)

    def written(self, value: float) -> str:
        """Return a value with its unit, in as many digits as tell it from the limit.

        A failed ``p99 < 200ms`` is not said to have come to 200 ms, but to 200.4 ms.
        """
        if math.isnan(value):
            return "-"
        write = TEXTS[self.kind]
        if write(value) != write(self.limit):
            return write(value)
        if self._is_limit(value):
            return write(self.limit, _ALL_DIGITS)
        texts = ((write(value, d), write(self.limit, d)) for d in range(4, _ALL_DIGITS))
        return next((own for own, limit in texts if own != limit), write(value, _ALL_DIGITS))

    def _is_limit(self, value: float) -> bool:
        return math.isclose(value, self.limit, rel_tol=TOLERANCE)

    def worse(self, one: float, other: float) -> float:
        """Return which of the values `one` and `other` is further from being accepted."""
        if math.isnan(one):
            return other
        if self.comparison in {"<", "<="}:
            return max(one, other)
        if self.comparison in {">", ">="}:
            return min(one, other)
        return max(one, other, key=lambda value: abs(value - self.limit))

    def __str__(self) -> str:
        return self.text


def matching(pattern: str | None, names: Iterable[str]) -> list[str]:
    """Return the names that are meant: all of them, the one of that name, or those that fit.

    Examples
    --------
    >>> matching("GET *", ["GET /a", "GET /b", "POST /a"])
    ['GET /a', 'GET /b']
    """
    known = list(names)
    if pattern is None:
        return known
    if pattern in known or "*" not in pattern:
        return [name for name in known if name == pattern]
    fits = re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
    return [name for name in known if fits.fullmatch(name)]
