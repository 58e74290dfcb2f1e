"""Names that the text of a scenario needs: imports, helpers and constants, written as a text.

The source of a class says nothing of what stood above it in its file or notebook.  Here that
is written again from the values themselves, so that an archive can be read, and run, without
the file.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from textwrap import dedent
from types import ModuleType
from typing import Any

_LONGEST = 10_000
"""Characters of a constant: tables of data are no part of a scenario's text."""

_TELLING = ("pass", "secret", "token", "key", "auth", "cred")
"""Parts of names whose values nobody wants in an archive."""


class Surroundings:
    """What a class needs to be defined again."""

    def __init__(
        self,
        text: str,  # the source of the class
        owner: type,
    ) -> None:
        self.missing: list[str] = []  # names whose values cannot be written, or should not
        self._module = owner.__module__
        self._names = _globals_of(owner)
        self._written: dict[str, str] = {}
        self._seen = {owner.__name__}
        self._take(text)

    @property
    def text(self) -> str:
        """Lines that are to stand above the class."""
        return "".join(self._written.values())

    def _take(self, text: str) -> None:
        """Write what a text needs, before whatever needs it."""
        for name in _needed(text):
            if name in self._names and name not in self._seen:
                self._seen.add(name)
                self._write(name, self._names[name])

    def _write(self, name: str, value: object) -> None:
        line = _imported(name, value, self._module)
        if line is None and _is_own(value, self._module):
            line = _source(value)
            if line is not None:
                self._take(line)
        elif line is None and not any(part in name.lower() for part in _TELLING):
            line = _constant(name, value)
        if line is None:
            self.missing.append(name)
        else:
            self._written[name] = line


def _globals_of(owner: type) -> Mapping[str, Any]:
    """Return the names that code of a class sees."""
    for each in vars(owner).values():
        function = inspect.unwrap(each) if callable(each) else None
        if inspect.isfunction(function) and function.__module__ == owner.__module__:
            return function.__globals__
    return vars(sys.modules[owner.__module__]) if owner.__module__ in sys.modules else {}


def _needed(text: str) -> Iterator[str]:
    """Yield the names that a text reads, in their order."""
    try:
        tree = ast.parse(dedent(text))
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id


def _imported(name: str, value: object, own: str) -> str | None:
    """Return the line that imports a value; None if none does."""
    if isinstance(value, ModuleType):
        return f"import {value.__name__} as {name}\n"
    home, named = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(home, str) or not isinstance(named, str) or home in {own, "__main__"}:
        return None
    top = home.partition(".")[0]
    for module in (top, home):
        if getattr(sys.modules.get(module), named, None) is value:
            return f"from {module} import {named} as {name}\n"
    return None


def _is_own(value: object, own: str) -> bool:
    is_code = inspect.isfunction(value) or inspect.isclass(value)
    return is_code and getattr(value, "__module__", None) == own


def _source(value: Any) -> str | None:  # noqa: ANN401 - a class or a function
    try:
        return "\n\n" + dedent(inspect.getsource(value)) + "\n\n"
    # In threads Python 3.11 may raise SystemError; the text is a nicety.
    except Exception:  # noqa: BLE001
        return None


def _constant(name: str, value: object) -> str | None:
    """Return the line that assigns a plain value; None if it is none, or large."""
    text = repr(value) if isinstance(value, bool | int | float | str | tuple | list | dict) else ""
    if value is None:
        text = "None"
    if not text or len(text) > _LONGEST:
        return None
    try:
        same = bool(ast.literal_eval(text) == value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return f"{name} = {text}\n" if same else None
