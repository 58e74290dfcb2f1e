"""Rules about two runs: ``p99(echo) > +10%``, judged on a comparison with its intervals.

A rule is met only if the whole interval of the difference lies beyond its limit, and not met
only if it lies on this side of it as a whole.  Else nobody can tell, and what is not known is
never taken for good.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import pandas as pd

from murmur.errors import closest

from ._check import matching
from ._text import Reader
from ._units import read_share

_STATISTICS = ("rate", "failed", "mean", "p50", "p95", "p99", "service_p50", "service_p99")


@dataclass(frozen=True, slots=True)
class Difference:
    """A rule about how a second run differs from a first."""

    text: str  # as it was written
    statistic: str  # as in the comparison: `"rate"`, `"failed"`, `"response_p99"`
    name: str | None  # the action; `*` stands for any text; None for every action
    # relative to the first run: 0.1 for `+10%`, -0.05 for `-5%`; of failures, if `is_absolute`, a
    # share of all actions: 0.001 for `+0.1 points`
    change: float
    direction: Literal[">", "<"]  # ">" or "<": whether more, or less, than that meets the rule
    is_absolute: bool = False  # whether `change` is a difference of shares


@dataclass(frozen=True, slots=True)
class DifferenceResult:
    """What came of a rule for one action."""

    rule: Difference  # the rule
    # whether the runs differ as it says: surely so, surely not; None if nobody can tell
    is_met: bool | None
    reason: str  # the change and its interval, or why nothing is known

    def __str__(self) -> str:
        word = "cannot tell" if self.is_met is None else ("met" if self.is_met else "not met")
        return f"{self.rule.text}: {word} ({self.reason})"


def parse_difference(text: str) -> Difference:
    """Return the rule that `text` says.

    Raises `InvalidCheckError` if it cannot be read; the message points at the place.

    Examples
    --------
    >>> parse_difference("p99(echo) > +10%").change
    0.1
    >>> parse_difference("failed > +0.1 points").change
    0.001
    """
    return _Reader(" ".join(text.split())).difference()


def judge_difference(rule: Difference, comparison: pd.DataFrame) -> list[DifferenceResult]:
    """Return what comes of a rule, for each action that it is about."""
    known = comparison["name"].astype(str).unique().tolist()
    names = matching(rule.name, known)
    if not names:
        hint = closest(rule.name or "", known, "actions")
        return [DifferenceResult(rule, None, f"no action is called {rule.name!r}{hint}")]
    rows = comparison[comparison["statistic"] == rule.statistic].to_dict("records")
    by_name = {row["name"]: row for row in rows}
    return [_judged(rule, name, by_name[name]) for name in names]


def _judged(rule: Difference, name: str, row: Mapping[Hashable, Any]) -> DifferenceResult:
    if rule.statistic == "failed" and row["a"] == row["b"] == 0 and not rule.is_absolute:
        return DifferenceResult(rule, _lies(rule, 0.0, 0.0), f"{name}: nothing failed in either")
    if rule.is_absolute:
        change, low, high = row["difference"], row["difference_low"], row["difference_high"]
        said = [f"{100 * value:+.3g}" for value in (change, low, high)]
        text = f"{name}: {said[0]} points, between {said[1]} and {said[2]}"
    else:
        change, low, high = row["ratio"] - 1, row["ratio_low"] - 1, row["ratio_high"] - 1
        text = f"{name}: {change:+.1%}, between {low:+.1%} and {high:+.1%}"
        if math.isinf(high):
            text = f"{name}: surely {low:+.1%} and more, with actions that never ended"
    if math.isnan(low) or math.isnan(high):
        return DifferenceResult(rule, None, f"{name}: {_gap(rule, row)}")
    is_met = _lies(rule, low, high)
    if is_met and abs(rule.change) and row["outcome"] not in {"higher", "lower"}:
        return DifferenceResult(rule, None, f"{text}; among so many rows that may be chance")
    return DifferenceResult(rule, is_met, text)


def _gap(rule: Difference, row: Mapping[Hashable, Any]) -> str:
    """Return why there is no interval."""
    sides = [side.upper() for side in ("a", "b") if math.isnan(row[side])]
    if sides:
        return f"nothing was measured in {' and '.join(sides)}"
    if not row["a"] and not rule.is_absolute:
        return "there was none in A, of which a share could be taken"
    return "too little was measured"


def _lies(rule: Difference, low: float, high: float) -> bool | None:
    """Whether all of an interval lies beyond the limit of a rule; None if it holds the limit."""
    if rule.direction == "<":
        low, high = -high, -low
    limit = rule.change if rule.direction == ">" else -rule.change
    if low > limit:
        return True
    return False if high <= limit else None


class _Reader(Reader):
    """Reads a rule as a check is read, up to the comparison."""

    def difference(self) -> Difference:
        at = self._at
        word = self._match(r"[A-Za-z_][\w.]*").removeprefix("response_")
        if word not in _STATISTICS:
            problem = f"no statistic {word!r}" if word else "a rule begins with a statistic"
            raise self._error(problem + closest(word, _STATISTICS, "there are"), at)
        name = self._name() if self._take("(") else None
        at = self._at
        sign = self._comparison()
        if sign not in {">", "<"}:
            raise self._error("a difference is compared by > or <", at)
        at = self._at
        plus = self._match("[+-]")
        if not plus:
            raise self._error("write the change with its sign: +10% or -5%", at)
        most = 100.0 if plus == "-" else math.inf
        number = self._match(r"[\d.]+(?=\s*points?\b)")
        if number:
            change = self._points(number, word, at)
        else:
            change = self._quantity(lambda text: read_share(text, most=most))
        self._end()
        is_time = word in {"mean", "p50", "p95", "p99"}
        return Difference(
            self._text,
            f"response_{word}" if is_time else word,
            name,
            -change if plus == "-" else change,
            ">" if sign == ">" else "<",
            is_absolute=bool(number),
        )

    def _points(self, number: str, word: str, at: int) -> float:
        self._match("points?")
        if word != "failed":
            raise self._error("points are of `failed`, a share; write +10% of others", at)
        try:
            return float(Decimal(number) / 100)
        except ArithmeticError:
            raise self._error(f"{number!r} is no number", at) from None

    def _end(self) -> None:
        if self._at < len(self._text):
            raise self._error("nothing is expected after the change", self._at)
