"""The scripts and the style sheet that a panel's page is made of.

Our own modules in ``front/`` are small; they share one scope and are put together here.
Vega is large, so it is a module of its own, sent once for all charts.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from murmur import _vega

__all__ = ["SCRIPTS", "script", "style", "vega"]

_HERE = Path(__file__).parent

SCRIPTS = (
    "elements.js",
    "format.js",
    "fields.js",
    "controls.js",
    "settings.js",
    "throttles.js",
    "tables.js",
    "figures.js",
    "charts.js",
    "parts.js",
    "panel.js",
)
"""The parts of the panel's script, in the order in which they are put together."""


@cache
def script() -> str:
    """Return the panel's own ES module."""
    return "\n".join((_HERE / "front" / name).read_text(encoding="utf-8") for name in SCRIPTS)


@cache
def style() -> str:
    """Return the panel's style sheet."""
    return (_HERE / "front" / "panel.css").read_text(encoding="utf-8")


@cache
def vega() -> str:
    """Return the ES module that hands Vega to the charts."""
    return f"{_vega.script()}\nexport default {{}};\n"
