"""Charts of a run: a frame in, an Altair chart out, nothing kept.

Each function takes a frame of `murmur.results.Results`, or any frame with the columns it
names, and returns a chart to show, change, join or save.  Nothing here needs a run.

In a kernel, importing this package lets Altair draw as SVG, which needs no network, unless
another renderer was chosen.

Examples
--------
>>> import pandas as pd
>>> from murmur import charts
>>> frame = pd.DataFrame({"window_at": [0, 1], "waiting": [9, 4], "running": [1, 6], "leaving": 0})
>>> chart = charts.population(frame).properties(title="My run", width=900)
"""

from __future__ import annotations

from murmur._altair import import_altair
from murmur.errors import MissingExtraError

try:
    import_altair()
except ImportError as _error:
    raise MissingExtraError("murmur.charts", "notebook", "altair") from _error

from . import _theme
from ._capacity import capacity
from ._comparison import comparison, effects
from ._counts import errors, outcomes, users
from ._draw import CHARTS, draw, in_place_of
from ._draw import has_rows as has_rows
from ._generator import health, shaded
from ._joined import joined
from ._renderer import disable_offline_charts as disable_offline_charts
from ._renderer import enable_offline_charts as enable_offline_charts
from ._specification import whole as whole
from ._spread import distribution, heatmap
from ._theme import plain, together
from ._time import percentiles, population, service_and_response, throttles, throughput

theme = _theme  # the panel's charts look the same

# What users may rely on; the other names above are for murmur's own packages.
__all__ = [
    "CHARTS",
    "capacity",
    "comparison",
    "distribution",
    "draw",
    "effects",
    "errors",
    "health",
    "heatmap",
    "joined",
    "outcomes",
    "percentiles",
    "plain",
    "population",
    "service_and_response",
    "shaded",
    "throttles",
    "throughput",
    "together",
    "users",
]


def __getattr__(name: str) -> object:
    """Say what to write in place of a name that is not here."""
    problem = f"module {__name__!r} has no attribute {name!r}{in_place_of(name, __all__)}"
    raise AttributeError(problem, name=name)
