"""The panel: one widget by which a session is steered and watched while it runs.

Python holds what is true and the page only shows it.  One publisher for each session sends
the whole state, at most four times a second; a click sends one message back, which becomes
one call on the session.  So two panels agree, a page that was reloaded catches up, and a
message that is lost is made good by the next.

`Session.panel` and ``%amoc panel`` open one.
"""

from ._charts import specs as live_charts
from ._charts import specs as specs
from ._code import CodeLog as CodeLog
from ._code import call as call
from ._code import start as start
from ._code import update as update
from ._commands import COMMANDS as COMMANDS
from ._commands import carry_out as carry_out
from ._form import fields as fields
from ._form import problems as problems
from ._form import read as read
from ._frozen import Frozen as Frozen
from ._panel import Cell as Cell
from ._panel import Panel as Panel
from ._publisher import Publisher as Publisher
from ._rows import charts as charts
from ._rows import target as target
from ._snapshot import snapshot as snapshot
from ._subject import Subject as Subject
from ._text import TextOutput as TextOutput
from ._text import words as words
from ._view import Library as Library
from ._view import View as View

__all__ = [
    "COMMANDS",
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
