"""Parts of the panel as widgets of their own, for any box: one for each thing to steer or see.

Each takes a session, shows what it does and goes wherever widgets of ipywidgets go: into
``HBox``, ``Tab``, ``GridspecLayout``, a Voila page.  Its traits hold numbers, so that
``traitlets.link`` and ``ipywidgets.jslink`` join it to widgets of yours.  `Session.panel` is
all of them, laid out.  They need the extra ``notebook``.

Examples
--------
>>> import murmur
>>> from ipywidgets import HBox, VBox
>>> from murmur.widgets import Chart, Controls, Figures
>>> session = murmur.Session()
>>> dashboard = VBox([Figures(session), HBox([Controls(session), Chart(session, "latency")])])
>>> session.close()
"""

from __future__ import annotations

from murmur.errors import MissingExtraError

try:
    import anywidget  # noqa: F401 - only to say what is missing
except ImportError as _error:
    raise MissingExtraError("murmur.widgets", "notebook", "anywidget") from _error

import murmur.charts  # noqa: F401 - first: it imports Altair in the shorter way

from ._chart import Chart
from ._controls import Arrivals, Controls, Settings, ThrottleControl
from ._figures import Figures, Log
from ._part import Part

__all__ = [
    "Arrivals",
    "Chart",
    "Controls",
    "Figures",
    "Log",
    "Part",
    "Settings",
    "ThrottleControl",
]
