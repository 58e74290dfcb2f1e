"""What a run measured, as pandas frames with one documented schema.

Importing this package imports pandas, which is why ``import murmur`` does not.
"""

from ._archive import load as load
from ._check import Check as Check
from ._check_judge import CheckResult as CheckResult
from ._check_table import Checks as Checks
from ._check_text import parse_check as parse_check
from ._compare import compare as compare
from ._frame import Column as Column
from ._frame import Frame as Frame
from ._results import Results as Results
from ._run_directory import RunDirectory as RunDirectory
from ._schema import FRAMES as FRAMES
from ._schema import OUTCOMES as OUTCOMES
from ._summary import ActionSummary as ActionSummary
from ._summary import Summary as Summary
from ._verdict import Evidence as Evidence
from ._verdict import Verdict as Verdict
from ._verdict import judge as judge

__all__ = [
    "FRAMES",
    "OUTCOMES",
    "ActionSummary",
    "Check",
    "CheckResult",
    "Checks",
    "Column",
    "Evidence",
    "Frame",
    "Results",
    "RunDirectory",
    "Summary",
    "Verdict",
    "compare",
    "judge",
    "load",
    "parse_check",
]
