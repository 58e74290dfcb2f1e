"""Syntax trees of murmur's own files, for tests that read how it is written."""

from __future__ import annotations

import ast
import gc
from pathlib import Path


def tree_of(path: Path) -> ast.Module:
    """Parse a file while no collection runs.

    One calls what is written in Python, runs and hypothesis have such calls, and there threads
    take turns: CPython 3.11 raises `SystemError` ("recursion depth mismatch") where another one
    parses meanwhile, and be it to print a traceback.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    finally:
        if was_enabled:
            gc.enable()
