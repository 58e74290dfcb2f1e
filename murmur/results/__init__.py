"""Results of a run, as pandas frames with one documented schema.

Importing this package imports pandas, which is why ``import murmur`` does not.
"""

from murmur.recording import FRAMES as FRAMES
from murmur.recording import OUTCOMES as OUTCOMES
from murmur.recording import Column as Column
from murmur.recording import Frame as Frame

from ._compare import compare as compare
from ._effects import told_effects as told_effects
from ._join import ProcessFigures as ProcessFigures
from ._join import Prometheus as Prometheus
from ._json_schema import JSON_KINDS as JSON_KINDS
from ._json_schema import json_schema as json_schema
from ._manifest import Manifest as Manifest
from ._paces import PaceSummary as PaceSummary
from ._report import missing_for_report as missing_for_report
from ._results import Results as Results
from ._summary import ActionSummary as ActionSummary
from ._summary import Summary as Summary
from ._summary import duration_text as duration_text
from ._verdict import Evidence as Evidence
from ._verdict import NodeHealth as NodeHealth
from ._verdict import Permits as Permits
from ._verdict import Verdict as Verdict
from ._verdict import judge as judge
from .archive._archive import load as load
from .archive._run_directory import RunDirectory as RunDirectory
from .capacity._capacity import Capacity as Capacity
from .checks._check import Check as Check
from .checks._judge import CheckResult as CheckResult
from .checks._table import Checks as Checks
from .checks._text import parse_check as parse_check

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
