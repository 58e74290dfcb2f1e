"""Writes one page for each public namespace before the pages are read.

Which they are is said once, in ``pyproject.toml``.

The pages go to ``reference/api/``, which is not committed.  An object that can be reached
by several names is described once, where a user meets it first; its other names point there.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import tomllib
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from sphinx.pycode import ModuleAnalyzer

from murmur.errors import MissingExtraError

if TYPE_CHECKING:
    from sphinx.application import Sphinx

FOLDER = Path("reference", "api")
PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages when the builder is ready and no page has been looked for yet."""
    app.connect("builder-inited", _write)
    app.connect("autodoc-process-signature", _signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _signature(  # noqa: PLR0913, PLR0917 - Sphinx's arguments
    app: Sphinx,
    what: str,
    name: str,
    value: object,
    options: object,
    signature: str | None,
    returns: str | None,
) -> tuple[str, str] | None:
    """Show how to make an object only if its docstring says so: murmur hands out the rest."""
    says_how = "\nParameters\n" in (inspect.getdoc(value) or "")
    if signature and what in {"class", "exception"} and not says_how:
        return "", ""
    return None


def public_modules() -> dict[str, ModuleType]:
    """Return the public modules by name, ``murmur`` first, that can be imported here."""
    names = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["tool"]["murmur"]["namespaces"]
    try:
        return {name: importlib.import_module(name) for name in names}
    except MissingExtraError as error:
        raise SystemExit(f"these pages need every extra: {error}") from error


def home(name: str, value: object, modules: dict[str, ModuleType]) -> str:
    """Return the module whose page describes `value`, which some module calls `name`."""
    offered = [
        module
        for module, it in modules.items()
        if name in it.__all__ and getattr(it, name) is value
    ]
    defined = getattr(value, "__module__", None) or ""
    if defined == "murmur.errors" or not offered:
        return "murmur.errors"
    if "murmur" in offered:
        return "murmur"
    return next((module for module in offered if defined.startswith(module)), offered[0])


def _write(app: Sphinx) -> None:
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    modules = public_modules()
    pages = {f"{name}.md": _page(name, modules) for name in modules}
    for stale in {path.name for path in folder.glob("*.md")} - pages.keys():
        (folder / stale).unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _page(module: str, modules: dict[str, ModuleType]) -> str:
    here, elsewhere = [], []
    for name in modules[module].__all__:
        value = getattr(modules[module], name)
        lives = home(name, value, modules)
        if lives == module:
            here.append(name)
        else:
            elsewhere.append(f"{{py:obj}}`{lives}.{name}`")
    parts = [f"# {module}\n", _rst(f".. automodule:: {module}\n   :no-members:")]
    if elsewhere:
        parts.append(f"Also here: {', '.join(elsewhere)}.\n")
    parts += [f"## {name}\n\n{_rst(_description(modules[module], name))}" for name in here]
    return "\n".join(parts)


def _description(module: ModuleType, name: str) -> str:
    value = getattr(module, name)
    path = f"{module.__name__}.{name}"
    if inspect.isclass(value):
        kind = "autoexception" if issubclass(value, BaseException) else "autoclass"
        bases = "\n   :show-inheritance:" if value.__bases__ != (object,) else ""
        return f".. {kind}:: {path}\n   :members:{bases}"
    if inspect.isroutine(value):
        return f".. autofunction:: {path}"
    said = [f"   {line}" for line in _constant_doc(module, name)]
    return "\n".join([f".. py:data:: {name}\n   :module: {module.__name__}", "", *said])


def _constant_doc(module: ModuleType, name: str) -> list[str]:
    """Return what is written below a constant, in the module that it comes from in the end."""
    tree = ast.parse(inspect.getsource(module))
    for node in ast.walk(tree):
        names = node.names if isinstance(node, ast.ImportFrom) else []
        there = {alias.asname or alias.name: alias.name for alias in names}
        if isinstance(node, ast.ImportFrom) and name in there:
            package = module.__package__ or ""
            source = f"{package}.{node.module}" if node.level else str(node.module)
            return _constant_doc(importlib.import_module(source), there[name])
    return ModuleAnalyzer.for_module(module.__name__).find_attr_docs().get(("", name), [])


def _rst(text: str) -> str:
    return f"```{{eval-rst}}\n{text}\n```\n"
