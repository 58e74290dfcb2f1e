"""Reads the text of a check: ``p95(login) < 0.3 in 95% of 10s windows after 30s``.

The grammar::

    check     = statistic ["(" name ")"] comparison limit {clause}
    statistic = "count" | "rate" | "failed" | "users"
              | ["service_" | "response_"] time
    time      = "mean" | "min" | "max" | "p" number
    clause    = "in" ("every" | "any" | share "of") duration "windows"
              | "after" duration | "before" duration

It is read by hand, from left to right, so that an error can point at the character.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Literal, TypeVar

from murmur.errors import InvalidCheckError, closest
from murmur.recording import OUTCOMES
from murmur.scenario import read_rate

from ._check import COMPARISONS, Check, Kind, Statistic, Windows
from ._units import BARE_LIMIT, read_count, read_duration, read_share

T = TypeVar("T")

_WORDS = ("count", "rate", "failed", "users", "mean", "min", "max", "p50", "p95", "p99")
_ELSEWHERE = {
    "avg": "mean",
    "average": "mean",
    "med": "p50",
    "median": "p50",
    "errors": "failed",
    "error_rate": "failed",
    "rps": "rate",
    "http_req_duration": "p95",
    "http_req_failed": "failed",
}
"""What other tools call it."""

_TIME = re.compile(r"(?:(service|response)_)?(?:(mean|min|max)|p(\d+(?:\.\d+)?))")
_QUANTITY = re.compile(r"(?:[\d.](?:[\w.]|(?<=[eE])[+-])*|inf\b)(?:\s*%|\s*/\s*\w*)?")


def parse_check(text: str) -> Check:
    """Return the check that `text` says.

    Parameters
    ----------
    text : str
        Such as ``"p99(echo) < 200ms"``; see the reference page of checks.

    Raises
    ------
    InvalidCheckError
        If it cannot be read; the message points at the place.

    Examples
    --------
    >>> check = parse_check("p95(login) < 0.3 in 95% of 10s windows after 30s")
    >>> check.name, check.limit, check.windows.length, check.start
    ('login', 0.3, 10.0, 30.0)
    """
    return Reader(" ".join(text.split())).check()


class Reader:
    """A text, and how far it has been read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def check(self) -> Check:
        statistic = self._statistic()
        at = self._at + 1
        name = self._name() if self._take("(") else None
        if statistic.word == "users" and name is not None and name not in OUTCOMES:
            raise self._error(f"no outcome {name!r}{closest(name, OUTCOMES, 'outcomes')}", at)
        comparison = self._comparison()
        limit, kind = self._limit(statistic)
        windows, start, end = self._clauses(statistic)
        return Check(
            self._text, statistic, name, comparison, limit, kind, windows, start=start, end=end
        )

    def _statistic(self) -> Statistic:
        at = self._at
        word = self._match(r"[A-Za-z_][\w.]*")
        time = _TIME.fullmatch(word)
        if time is not None:
            which: Literal["response", "service"] = (
                "service" if time[1] == "service" else "response"
            )
            if time[3] is None:
                return Statistic(time[2], which)
            quantile = Decimal(time[3]) / 100  # 0.999 as a float is wanted, not 99.9 / 100
            if not 0 < quantile < 1:
                raise self._error("a percentile lies between 0 and 100, as p99.9", at)
            return Statistic(f"p{time[3]}", which, float(quantile))
        if word in _WORDS:
            return Statistic(word)
        if word == "p":
            raise self._error("write p95 for p(95)", at)
        if word in _ELSEWHERE:
            raise self._error(f"{word!r} is called {_ELSEWHERE[word]!r} here", at)
        problem = f"no statistic {word!r}" if word else "a check begins with a statistic"
        raise self._error(problem + closest(word, _WORDS, "there are"), at)

    def _name(self) -> str:
        """Return what stands between the brackets, the first of which was taken."""
        at = self._at
        quote = self._match("[\"']")
        end = self._text.find(quote or ")", self._at)
        if end < 0:
            raise self._error(f"{quote or '('} is not closed", at if quote else at - 1)
        name = self._text[self._at : end].strip()
        self._skip(end + 1 - self._at)
        if quote and not self._take(")"):
            raise self._error("a closing bracket is missing", self._at)
        if not name:
            raise self._error("the name of an action is missing; leave out () to mean all", at)
        return name

    def _comparison(self) -> str:
        for sign in COMPARISONS:
            if self._take(sign):
                return sign
        signs = "<, <=, >, >= or =="
        if self._text.startswith("=", self._at):
            raise self._error(f"write == for 'equals'; the comparisons are {signs}", self._at)
        raise self._error(f"a comparison is expected: {signs}", self._at)

    def _limit(self, statistic: Statistic) -> tuple[float, Kind]:
        if statistic.time is not None:
            return self._quantity(lambda text: read_duration(text, below=BARE_LIMIT)), "time"
        if statistic.word == "rate":
            return self._quantity(read_rate), "rate"
        if statistic.word == "count":
            return self._quantity(read_count), "count"
        at = self._at
        text = self._peek()
        if text.endswith("%"):
            return self._quantity(read_share), "share"
        try:
            return self._quantity(read_count), "count"
        except InvalidCheckError:
            hint = f"{statistic.word} is compared with a share such as 0.1%, or a whole number"
            raise self._error(hint, at) from None

    def _clauses(self, statistic: Statistic) -> tuple[Windows | None, float, float]:
        found: dict[str, float | Windows] = {}
        while self._at < len(self._text):
            at = self._at
            word = self._match(r"\w+")
            if word not in {"in", "after", "before"}:
                what = repr(word) if word else "this"
                hint = closest(word, ("in", "after", "before"), "clauses") if word else ""
                raise self._error(f"{what} is no clause of a check{hint}", at)
            if word in found:
                raise self._error(f"a second {word!r}", at)
            if statistic.word == "users":
                raise self._error("users are judged over the whole run, without clauses", at)
            found[word] = self._windows() if word == "in" else self._seconds()
        windows, start, end = (found.get(word) for word in ("in", "after", "before"))
        first = start if isinstance(start, float) else 0.0
        last = end if isinstance(end, float) else math.inf
        if first >= last:
            raise self._error("nothing lies after the one and before the other", 0)
        return windows if isinstance(windows, Windows) else None, first, last

    def _windows(self) -> Windows:
        at = self._at
        if self._take("every"):
            share = 1.0
        elif self._take("any"):
            share = 0.0
        elif self._peek().endswith("%"):
            share = self._quantity(read_share)
            self._expect("of")
        else:
            hint = "in 95% of 10s windows, in every 10s window, or in any 10s window"
            raise self._error(f"write {hint}", at)
        length = self._seconds()
        if not self._take("windows"):
            self._expect("window")
        return Windows(length, share)

    def _seconds(self) -> float:
        at = self._at
        seconds = self._quantity(read_duration)
        if seconds < 1 or not seconds.is_integer():
            raise self._error(
                "results are kept second by second; give whole seconds, 1s at least", at
            )
        return seconds

    def _quantity(self, read: Callable[[str], T]) -> T:
        at = self._at
        text = self._peek()
        if not text:
            raise self._error("a number is expected", at)
        try:
            value = read(text.replace(" ", ""))
        except ValueError as error:
            raise self._error(str(error), at) from None
        self._skip(len(text))
        return value

    def _peek(self) -> str:
        """Return the number with its unit that comes next."""
        match = _QUANTITY.match(self._text, self._at)
        return match[0].rstrip() if match else ""

    def _match(self, pattern: str) -> str:
        match = re.compile(pattern).match(self._text, self._at)
        if match is None:
            return ""
        self._skip(len(match[0]))
        return match[0]

    def _take(self, text: str) -> bool:
        """Read `text` if it comes next, a word only as a whole."""
        if not self._text.startswith(text, self._at):
            return False
        after = self._text[self._at + len(text) :]
        if text.isalpha() and re.match(r"\w", after):
            return False
        self._skip(len(text))
        return True

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise self._error(f"{word!r} is expected", self._at)

    def _skip(self, length: int) -> None:
        self._at += length
        while self._at < len(self._text) and self._text[self._at] == " ":
            self._at += 1

    def _error(self, problem: str, at: int) -> InvalidCheckError:
        return InvalidCheckError(self._text, at, problem)
