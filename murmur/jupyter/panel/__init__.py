"""The panel: one widget by which a session is steered and watched while it runs.

Python holds what is true and the page only shows it.  One publisher for each session sends
the whole state, at most four times a second; a click sends one message back, which becomes
one call on the session.  So two panels agree, a page that was reloaded catches up, and a
message that is lost is made good by the next.

`Session.panel` and ``%amoc panel`` open one.
"""

from ._charts import specs as live_charts
from ._frozen import Frozen as Frozen
from ._panel import Panel as Panel
from ._publisher import Publisher as Publisher
from ._subject import Subject as Subject
from ._view import View as View

__all__ = [
    "Frozen",
    "Panel",
    "Publisher",
    "Subject",
    "View",
    "live_charts",
]
