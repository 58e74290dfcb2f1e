"""Old homes of names that moved: they still answer, and say where the name lives now."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["old_names"]


def old_names(module: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a module's ``__getattr__`` that finds what has moved, for one edition.

    Parameters
    ----------
    module : str
        The module that had the names.
    homes : mapping of str to str
        Name, and the module that has it now.
    """

    def getattr_moved(name: str) -> Any:  # noqa: ANN401 - whatever goes by the name
        if name not in homes:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home = homes[name]
        warnings.warn(
            f"{module}.{name} has moved to {home}.{name}", DeprecationWarning, stacklevel=2
        )
        return getattr(import_module(home), name)

    return getattr_moved
