"""Results of a run, as pandas frames with one documented schema.

Importing this package imports pandas, which is why ``import murmur`` does not.
"""

from murmur.recording import FRAMES, OUTCOMES, Column, Frame

from ._compare import compare
from ._effects import told_effects as told_effects
from ._join import ProcessFigures, Prometheus
from ._json_schema import JSON_KINDS as JSON_KINDS
from ._json_schema import json_schema
from ._manifest import Manifest
from ._paces import PaceSummary
from ._report import missing_for_report as missing_for_report
from ._results import Results
from ._summary import ActionSummary, Summary
from ._summary import duration_text as duration_text
from ._verdict import Evidence, Verdict, judge
from ._verdict import NodeHealth as NodeHealth
from ._verdict import Permits as Permits
from .archive._archive import load
from .archive._run_directory import RunDirectory as RunDirectory
from .capacity._capacity import Capacity
from .checks._check import Check
from .checks._judge import CheckResult
from .checks._table import Checks
from .checks._text import parse_check

# What users may rely on; the other names above are for murmur's own packages.
__all__ = [
    "FRAMES",
    "OUTCOMES",
    "ActionSummary",
    "Capacity",
    "Check",
    "CheckResult",
    "Checks",
    "Column",
    "Evidence",
    "Frame",
    "Manifest",
    "PaceSummary",
    "ProcessFigures",
    "Prometheus",
    "Results",
    "Summary",
    "Verdict",
    "compare",
    "json_schema",
    "judge",
    "load",
    "parse_check",
]
