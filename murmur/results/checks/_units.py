"""Numbers with a unit, as people type them: ``200ms``, ``1m30s``, ``0.1%``, ``600/min``.

Every reader takes text and returns a float in the unit murmur counts in, or raises a
ValueError whose text says what would do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal

from murmur.results._summary import digits_text, duration_text
from murmur.scenario import NUMBER

_PARTS = re.compile(rf"({NUMBER})([^\d.\s]+)")
_SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_UNITS = "us, ms, s, min or h"

BARE_LIMIT = 10.0
"""Seconds from which a limit has to name its unit: elsewhere, bare limits are milliseconds."""


def read_duration(
    text: str,  # such as `"0.2"`, `"200ms"`, `"90s"` or `"1m30s"`
    *,
    below: float = math.inf,  # bare numbers have to be below it
) -> float:
    """Return the seconds that `text` stands for; a bare number is seconds.

    Examples
    --------
    >>> [read_duration(text) for text in ("0.2", "200ms", "1m30s", "2h")]
    [0.2, 0.2, 90.0, 7200.0]
    """
    if re.fullmatch(NUMBER, text):
        seconds = float(text)
        if seconds >= below:
            raise ValueError(
                f"{text} is seconds here; write {text}ms or {text}s, so that nobody mistakes it"
            )
        return seconds
    parts = _PARTS.findall(text)
    if not parts or "".join(map("".join, parts)) != text:
        raise ValueError(f"{text!r} is no time; write 0.2, 200ms, 30s or 1m30s")
    for _, unit in parts:
        if unit not in _SECONDS:
            raise ValueError(f"{unit!r} is no unit of time; it is {_UNITS}")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def read_share(
    text: str,  # such as `"0.1%"`
    *,
    most: float = 100.0,  # what the percentage must not exceed
) -> float:
    """Return the share, 1 for all, that a percentage stands for.

    Examples
    --------
    >>> read_share("2.5%")
    0.025
    """
    number = text.removesuffix("%").strip()
    if not text.endswith("%") or not re.fullmatch(NUMBER, number):
        raise ValueError(f"{text!r} is no share; write a percentage, such as 0.1%")
    if float(number) > most:
        raise ValueError(f"{text} is more than all; a share is at most 100%")
    return float(Decimal(number) / 100)  # 0.07 is wanted, and not what a division leaves


def read_count(text: str) -> float:
    """Return the whole number that `text` stands for."""
    if not re.fullmatch(NUMBER, text):
        raise ValueError(f"{text!r} is no number of actions; write a whole number")
    if not float(text).is_integer():
        raise ValueError(f"{text} is no whole number")
    return float(text)


def rate_text(rate: float, digits: int = 4) -> str:
    """Return a rate as a person would write it, with so many digits that count."""
    return f"{digits_text(rate, digits)}/s"


def _share_text(share: float, digits: int = 3) -> str:
    return f"{100 * share:.{digits}g} %"


def _count_text(number: float, _: int = 0) -> str:
    return f"{number:,.0f}"


TEXTS: dict[str, Callable[..., str]] = {
    "time": duration_text,
    "rate": rate_text,
    "share": _share_text,
    "count": _count_text,
}
"""How the values of each kind are written; a second argument is how many digits count."""
