"""Lets Altair charts show without network.

Altair's default renderer loads its JavaScript from a CDN.  As SVG a chart shows in every
front end, stays in the saved notebook and needs nothing; `alt.renderers.enable` may choose
another one at any time.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec


def enable_offline_charts() -> bool:
    """Draw charts as SVG, unless a renderer was chosen; return whether that changed it."""
    if find_spec("altair") is None or find_spec("vl_convert") is None:
        return False
    import altair as alt

    if alt.renderers.active != "default":
        return False
    alt.renderers.enable("svg")
    return True


def disable_offline_charts() -> None:
    """Put Altair's default back, unless another renderer was chosen meanwhile."""
    import altair as alt

    if alt.renderers.active == "svg":
        alt.renderers.enable("default")


def _is_kernel_here() -> bool:
    """Return whether this process is a kernel, whose cells show what they end with."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


if _is_kernel_here():
    enable_offline_charts()
