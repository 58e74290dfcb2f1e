"""Lets Altair charts show without network, and without stopping a run.

Altair's default renderer loads its JavaScript from a CDN.  As SVG a chart shows in every
front end, stays in the saved notebook and needs nothing.  Altair's own ``svg`` draws in the
kernel's process, and no user of a run goes on meanwhile: 1.4 s at the first chart.  So this
one draws in another.  `alt.renderers.enable` may choose any renderer at any time.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

from murmur._vega import picture

RENDERER = "murmur"


def enable_offline_charts() -> bool:
    """Draw charts as SVG, unless a renderer was chosen; return whether that changed it."""
    if find_spec("altair") is None or find_spec("vl_convert") is None:
        return False
    import altair as alt

    if alt.renderers.active != "default":
        return False
    alt.renderers.register(RENDERER, _draw_apart)
    alt.renderers.enable(RENDERER)
    return True


def disable_offline_charts() -> None:
    """Put Altair's default back, unless another renderer was chosen meanwhile."""
    import altair as alt

    if alt.renderers.active == RENDERER:
        alt.renderers.enable("default")


def _draw_apart(chart: dict[str, Any], **options: Any) -> Any:  # noqa: ANN401 - as Altair has it
    import altair as alt

    if alt.data_transformers.active == "vegafusion":  # its data are in this process
        with alt.renderers.enable("svg", **options):
            return alt.renderers.get()(chart)  # type: ignore[misc]
    embed = options.get("embed_options", {})
    locales = {"format_locale": "formatLocale", "time_format_locale": "timeFormatLocale"}
    drawn = picture(chart, **{ours: embed.get(theirs) for ours, theirs in locales.items()})
    return {"image/svg+xml": drawn}


def _is_kernel_here() -> bool:
    """Return whether this process is a kernel, whose cells show what they end with."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


if _is_kernel_here():
    enable_offline_charts()
