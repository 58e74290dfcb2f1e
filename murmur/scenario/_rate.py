"""Rates with a unit, as people type them: ``10/s``, ``600/min``, ``7200/h``.

The one reader of such text: of settings, of throttles, of checks and of the command line.
"""

from __future__ import annotations

import math
import re

NUMBER = r"(?:\d[\d_]*(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?"
"""A number as people type it, as a regular expression."""

_PER = {"s": 1.0, "sec": 1.0, "second": 1.0, "m": 60.0, "min": 60.0, "minute": 60.0, "h": 3600.0}


def read_rate(
    text: str,  # such as `"10/s"`, `"600/min"` or `"inf"`
    *,
    bare: bool = True,  # whether a number without a unit will do; it is per second then
) -> float:
    """Return how many a second `text` stands for.

    Raises `ValueError` if it is no rate; the text says what would do.

    Examples
    --------
    >>> [read_rate(text) for text in ("95", "10/s", "600/min", "inf")]
    [95.0, 10.0, 10.0, inf]
    """
    if text == "inf":
        return math.inf
    number, slash, unit = (part.strip() for part in text.partition("/"))
    if not re.fullmatch(NUMBER, number):
        raise ValueError(f"{text!r} is no rate; write 10/s or 600/min")
    if not slash and not bare:
        raise ValueError(f"{text!r} does not say per what; write {text}/s or {text}/min")
    if slash and unit not in _PER:
        raise ValueError(f"{unit!r} is no unit of a rate; it is /s, /min or /h")
    return float(number) / (_PER[unit] if slash else 1.0)


def arrivals(name: str, value: object) -> object:
    """Return users per minute where `value` is a ``user_rate`` with a unit, else `value`.

    Raises `ValueError` if the unit, or the number before it, is none.
    """
    if name != "user_rate" or not isinstance(value, str) or "/" not in value:
        return value
    return 60.0 * read_rate(value)


def unit_missing(name: str, value: object) -> str:
    """Return what would do in place of a ``user_rate`` that is text without a unit, else nothing.

    Examples
    --------
    >>> unit_missing("user_rate", "100")
    ", or text that says per what: '100/min' or '100/s'"
    """
    if name != "user_rate" or not isinstance(value, str) or "/" in value:
        return ""
    number = value.strip() if re.fullmatch(NUMBER, value.strip()) else "100"
    return f", or text that says per what: '{number}/min' or '{number}/s'"
