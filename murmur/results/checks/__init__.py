"""Checks of results: what one says, and whether a run holds it."""

from murmur.scenario import read_rate as read_rate

from ._check import Check as Check
from ._check import Statistic as Statistic
from ._check import Windows as Windows
from ._check import matching as matching
from ._data import Measured as Measured
from ._difference import Difference as Difference
from ._difference import DifferenceResult as DifferenceResult
from ._difference import judge_difference as judge_difference
from ._difference import parse_difference as parse_difference
from ._judge import CheckResult as CheckResult
from ._judge import judge_check as judge_check
from ._table import Checks as Checks
from ._table import checked as checked
from ._table import noted as noted
from ._text import parse_check as parse_check
from ._units import TEXTS as TEXTS
from ._units import rate_text as rate_text
from ._units import read_count as read_count
from ._units import read_duration as read_duration
from ._units import read_share as read_share

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
    "noted",
    "parse_check",
    "parse_difference",
    "rate_text",
    "read_count",
    "read_duration",
    "read_rate",
    "read_share",
]
