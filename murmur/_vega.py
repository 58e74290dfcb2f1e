"""Vega, Vega-Lite and Vega-Embed as one script: what reports and panels draw their charts with.

vl-convert carries them, and a JavaScript engine besides, which lets no other thread of its
process run while it works: 1.3 s for the script, 0.4 s for a picture.  So whatever it has to
do, it does in a process of its own.  The script (0.9 MB) is in the wheel, put there by its
build; an installation that is editable, or that has another Vega-Lite, builds it once into
the user's cache.  Neither asks the network for anything.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

BUILT = Path(__file__).parent / "_vega.js"
"""Where the wheel has the script; absent from the repository."""

# Charts wait for the promise, whichever comes first: they or the library.
_PUBLISH = """
const slot = (globalThis.__murmur_vega ??= (() => {
  let resolve;
  return { promise: new Promise((r) => (resolve = r)), resolve };
})());
slot.resolve(vegaEmbed);
"""

_NOTICE = """/*! Vega, Vega-Lite {version} and Vega-Embed.
Copyright (c) 2015-2026, University of Washington Interactive Data Lab and contributors.
All rights reserved.  BSD-3-Clause: redistribution and use in source and binary forms, with or
without modification, are permitted provided that this notice, the list of conditions and the
disclaimer of the licence are kept: https://github.com/vega/vega/blob/main/LICENSE
THIS SOFTWARE IS PROVIDED "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES ARE DISCLAIMED. */
"""

_BUILD = """
import sys, vl_convert
version = sys.argv[1] or vl_convert.get_vegalite_versions()[-1]
made = vl_convert.javascript_bundle(sys.stdin.read(), version)
sys.stdout.buffer.write(f"{version}\\n{made}".encode())
"""
_DRAW = """
import json, sys, vl_convert
asked = json.load(sys.stdin)
sys.stdout.buffer.write(vl_convert.vegalite_to_svg(**asked).encode())
"""

_logger = logging.getLogger(__name__)


@cache
def script() -> str:
    """Return the script that publishes Vega as ``__murmur_vega``; built, and kept, if need be.

    It fits the installed Altair, which writes the charts.
    """
    version = vega_lite_version()
    if BUILT.exists():
        shipped = BUILT.read_text(encoding="utf-8")
        if shipped.startswith(_NOTICE.format(version=version)):
            return shipped
    built_by = metadata.version("vl-convert-python")
    kept = _cache_directory() / f"vega-{version}-{built_by}-2.js"  # 2: of this edition of _PUBLISH
    if kept.exists():
        return kept.read_text(encoding="utf-8")
    _logger.info("building the script of the charts, once, into %s", kept)
    text = build_script(version)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        beside = kept.with_name(f".{kept.name}.{os.getpid()}")
        beside.write_text(text, encoding="utf-8")
        beside.replace(kept)  # at once: another kernel may be reading
    except OSError as error:
        _logger.warning("it cannot be kept there (%s); the next kernel builds it again", error)
    return text


def build_script(
    # of Vega-Lite, such as `"6.4"`; the newest that vl-convert carries if not given
    version: str = "",
) -> str:
    """Return the script as vl-convert makes it."""
    version, _, made = _apart(_BUILD, version, given=_PUBLISH).partition("\n")
    return _NOTICE.format(version=version) + made


def picture(
    chart: dict[str, Any],  # in Vega-Lite
    **options: object,  # what else `vl_convert.vegalite_to_svg` takes
) -> str:
    """Return a chart as a picture in SVG."""
    asked = {"vl_spec": chart, "vl_version": vega_lite_version(), **options}
    return _apart(_DRAW, given=json.dumps(asked))


def vega_lite_version() -> str:
    """Return major and minor version of the Vega-Lite that the installed Altair writes."""
    from murmur._altair import import_altair  # not above: the build of a wheel takes this module

    version: str = import_altair().SCHEMA_VERSION
    return ".".join(version.removeprefix("v").split(".")[:2])


def _apart(program: str, *arguments: str, given: str) -> str:
    """Return what a process of its own writes, which finds packages where this one does."""
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, *arguments],
        input=given.encode(),
        capture_output=True,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"vl-convert failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode()


def _cache_directory() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "murmur"
