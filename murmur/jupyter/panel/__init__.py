"""The panel: one widget by which a session is steered and watched while it runs.

Python holds what is true and the page only shows it.  One publisher for each session sends
the whole state, at most four times a second; a click sends one message back, which becomes
one call on the session.  So two panels agree, a page that was reloaded catches up, and a
message that is lost is made good by the next.

`Session.panel` and ``%amoc panel`` open one.
"""

import murmur.charts  # noqa: F401 - first: it imports Altair in the shorter way

from ._charts import specs
from ._charts import specs as live_charts
from ._code import CodeLog, call, start, update
from ._commands import COMMANDS, carry_out
from ._form import fields, problems, read
from ._frozen import Frozen
from ._panel import Cell, Panel
from ._publisher import Publisher
from ._rows import charts, target
from ._snapshot import NO_NEWS, snapshot
from ._subject import Subject
from ._text import TextOutput, words
from ._view import Library, View

__all__ = [
    "COMMANDS",
    "NO_NEWS",
    "Cell",
    "CodeLog",
    "Frozen",
    "Library",
    "Panel",
    "Publisher",
    "Subject",
    "TextOutput",
    "View",
    "call",
    "carry_out",
    "charts",
    "fields",
    "live_charts",
    "problems",
    "read",
    "snapshot",
    "specs",
    "start",
    "target",
    "update",
    "words",
]
