"""The reference page of the frames, written from the schema."""

from __future__ import annotations

from ._compare import COMPARISON
from ._frame import Frame
from ._schema import FRAMES

__all__ = ["to_markdown"]

_HEAD = """\
# Frames

Every property of `Results` named here returns a new pandas frame: change it as you like.
The names, units and dtypes are the same while the run goes on, after it, and when nothing
happened at all.

* Durations are float seconds. Columns `*_at` are seconds since the run started, on the
  monotonic clock, except `wall_*`, which are dates and times in UTC.
* *Service time* runs from the start of an action to its end. *Response time* runs from the
  moment it was **due**: when the system under test stalls, the actions that should have begun
  meanwhile count with their waiting time.
* Missing numbers are NaN, missing text is missing (`isna()`).
"""


def to_markdown() -> str:
    """Return the reference page of all frames."""
    return "\n".join([_HEAD, *(_section(frame) for frame in (*FRAMES.values(), COMPARISON))])


def _section(frame: Frame) -> str:
    lines = [f"## {frame.name}", "", frame.row, ""]
    if frame.notes:
        lines += [frame.notes, ""]
    lines += ["| column | dtype | unit | meaning |", "|---|---|---|---|"]
    lines += [
        f"| `{column.name}` | {column.dtype} | {column.unit} | {column.meaning} |"
        for column in frame.columns
    ]
    return "\n".join(lines) + "\n"
