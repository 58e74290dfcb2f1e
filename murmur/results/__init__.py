"""What a run measured, as pandas frames with one documented schema.

Importing this package imports pandas, which is why ``import murmur`` does not.
"""

from ._archive import load as load
from ._page import to_markdown as to_markdown
from ._results import Results as Results
from ._schema import FRAMES as FRAMES
from ._schema import OUTCOMES as OUTCOMES
from ._schema import Column as Column
from ._schema import Frame as Frame
from ._summary import ActionSummary as ActionSummary
from ._summary import Summary as Summary
from ._verdict import Evidence as Evidence
from ._verdict import Verdict as Verdict
from ._verdict import judge as judge

__all__ = [
    "FRAMES",
    "OUTCOMES",
    "ActionSummary",
    "Column",
    "Evidence",
    "Frame",
    "Results",
    "Summary",
    "Verdict",
    "judge",
    "load",
    "to_markdown",
]
