"""Altair, imported without a grammar that nobody asks for.

Altair imports jsonschema, and that imports rfc3987-syntax where it is installed (JupyterLab
brings it), which makes a parser of international addresses as it is imported: three quarters
of all that ``import altair`` takes.  No chart has an address to be checked.
"""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from types import ModuleType

GRAMMAR = "rfc3987_syntax"


def import_altair() -> ModuleType:
    """Import Altair and return it; the grammar is made when jsonschema checks an address.

    Nothing is different where jsonschema was imported before.

    Raises
    ------
    ImportError
        If Altair is not installed.
    """
    if not {"jsonschema", GRAMMAR} & sys.modules.keys() and find_spec(GRAMMAR) is not None:
        _import_jsonschema()
    return importlib.import_module("altair")


def _import_jsonschema() -> None:
    """Import jsonschema, and let it take a function for the grammar's that makes it at first."""

    def is_valid_syntax(term: str, text: str) -> bool:
        answer: bool = importlib.import_module(GRAMMAR).is_valid_syntax(term, text)
        return answer

    stand_in = ModuleType(GRAMMAR)
    stand_in.is_valid_syntax = is_valid_syntax  # type: ignore[attr-defined]
    sys.modules[GRAMMAR] = stand_in
    try:
        importlib.import_module("jsonschema")
    except ImportError:
        pass  # Altair says what is missing
    finally:
        del sys.modules[GRAMMAR]
