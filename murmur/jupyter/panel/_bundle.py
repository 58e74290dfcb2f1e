"""The scripts and the style sheet that a panel's page is made of.

Our own modules in ``front/`` are small; they share one scope and are put together here.
Vega is large (0.9 MB), so it is a file of its own, built from what vl-convert carries: into
the wheel by its build, or into the user's cache by the first panel of an installation that
is editable.  Neither asks the network for anything.
"""

from __future__ import annotations

import logging
import os
from functools import cache
from importlib import metadata
from pathlib import Path

__all__ = ["BUILT", "SCRIPTS", "build_vega", "script", "style", "vega"]

_HERE = Path(__file__).parent

BUILT = _HERE / "front" / "vega.js"
"""Where the wheel has the bundle; absent from the repository."""

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

# Charts wait for the promise, whichever comes first: they or the library.
_PUBLISH = """
const slot = (globalThis.__murmur_vega ??= (() => {
  let resolve;
  return { promise: new Promise((r) => (resolve = r)), resolve };
})());
slot.resolve(vegaEmbed);
export default {};
"""

_NOTICE = """/*! Vega, Vega-Lite and Vega-Embed.
Copyright (c) 2015-2026, University of Washington Interactive Data Lab and contributors.
All rights reserved.  BSD-3-Clause: redistribution and use in source and binary forms, with or
without modification, are permitted provided that this notice, the list of conditions and the
disclaimer of the licence are kept: https://github.com/vega/vega/blob/main/LICENSE
THIS SOFTWARE IS PROVIDED "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES ARE DISCLAIMED. */
"""

_logger = logging.getLogger(__name__)


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
    """Return the ES module that hands Vega to the charts; built, and kept, if need be."""
    if BUILT.exists():
        return BUILT.read_text(encoding="utf-8")
    built_by = metadata.version("vl-convert-python")
    kept = _cache_directory() / f"vega-{vega_lite_version()}-{built_by}.js"
    if kept.exists():
        return kept.read_text(encoding="utf-8")
    _logger.warning("building the script of the charts, once, into %s", kept)
    text = build_vega(vega_lite_version())
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        beside = kept.with_name(f".{kept.name}.{os.getpid()}")
        beside.write_text(text, encoding="utf-8")
        beside.replace(kept)  # at once: another kernel may be reading
    except OSError as error:
        _logger.warning("it cannot be kept there (%s); the next kernel builds it again", error)
    return text


def build_vega(version: str | None = None) -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one ES module that needs no network.

    Parameters
    ----------
    version : str, optional
        Of Vega-Lite, such as ``"6.4"``; the newest that vl-convert carries if not given.
    """
    import vl_convert

    version = version or vl_convert.get_vegalite_versions()[-1]
    return _NOTICE + str(vl_convert.javascript_bundle(_PUBLISH, version))


def vega_lite_version() -> str:
    """Return major and minor version of the Vega-Lite that the installed Altair writes."""
    import altair as alt

    return ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])


def _cache_directory() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "murmur"
