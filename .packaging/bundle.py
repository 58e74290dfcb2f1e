"""Puts the script of the charts into the wheel: reports and panels need not build it.

An editable installation goes without: its first report or panel builds the script into the user's
cache, and says so.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUNDLE = "murmur/_vega.py"
TARGET = "murmur/_vega.js"


class BundleHook(BuildHookInterface):
    """Builds Vega, Vega-Lite and Vega-Embed into one file of the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the file beside the archive, and have it taken in."""
        if version == "editable":
            return
        made = Path(self.directory) / "vega.js"
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text(_module().build_script(), encoding="utf-8")
        build_data["force_include"][str(made)] = TARGET

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Leave nothing but the archive behind."""
        (Path(self.directory) / "vega.js").unlink(missing_ok=True)


def _module() -> ModuleType:
    """Return murmur's own module, without importing murmur and what it needs."""
    spec = importlib.util.spec_from_file_location("_vega", BUNDLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
