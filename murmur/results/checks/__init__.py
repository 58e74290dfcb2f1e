"""Checks of results: what one says, and whether a run holds it."""

from murmur.scenario import read_rate

from ._check import Check, Statistic, Windows, matching
from ._data import Measured
from ._difference import Difference, DifferenceResult, judge_difference, parse_difference
from ._judge import CheckResult, judge_check
from ._table import Checks, checked
from ._text import parse_check
from ._units import TEXTS, rate_text, read_count, read_duration, read_share

__all__ = [
    "TEXTS",
    "Check",
    "CheckResult",
    "Checks",
    "Difference",
    "DifferenceResult",
    "Measured",
    "Statistic",
    "Windows",
    "checked",
    "judge_check",
    "judge_difference",
    "matching",
    "parse_check",
    "parse_difference",
    "rate_text",
    "read_count",
    "read_duration",
    "read_rate",
    "read_share",
]
