"""Sources of the modules that a scenario uses and that are not installed.

A helper beside the notebook, a generated module, a project that is edited while its runs go
on: a node may lack them, or may have imported them before the last edit.  Their sources
travel with the scenario, and on the node they come before whatever has the same name there.
"""

from __future__ import annotations

import ast
import dis
import importlib.util
import site
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import CodeType, ModuleType
from typing import NamedTuple


class Source(NamedTuple):
    """One module: its file on the steering kernel, its text, and whether it is a package."""

    path: str
    text: str
    is_package: bool


def sources_of(
    # dotted names; those that are unknown, installed or built in are passed over
    names: Iterable[str],
    *,
    skip: Callable[[str], bool] = lambda _: False,  # whether a module of that name goes another way
) -> dict[str, Source]:
    """Return the sources of modules and of all that these import, if not installed."""
    found: dict[str, Source] = {}
    seen: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name in seen or skip(name):
            continue
        seen.add(name)
        parent = name.rpartition(".")[0]
        if parent:
            todo.append(parent)
        if source := _source_of(name):
            package = name if source.is_package else parent
            with suppress(SyntaxError, ValueError):  # else it is no Python
                todo += _names_in_text(source.text, package)
                found[name] = source
    return found


def names_imported(code: CodeType) -> Iterator[str]:
    """Yield the names of modules that a function imports when it runs."""
    instructions = list(dis.get_instructions(code))
    for at, one in enumerate(instructions):
        if one.opname == "IMPORT_NAME":
            yield one.argval
            listed = instructions[at - 1].argval  # of `from package import a, b`
            if isinstance(listed, tuple):
                yield from (f"{one.argval}.{each}" for each in listed)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_imported(constant)


def _names_in_text(text: str, package: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            name = node.module or ""
            if node.level:
                with suppress(ImportError):
                    name = importlib.util.resolve_name("." * node.level + name, package)
            yield name
            yield from (f"{name}.{each.name}" for each in node.names)


def _source_of(name: str) -> Source | None:
    """Return the source of a module that is not installed; None if it is, or is not found."""
    spec = _spec_of(name)
    if spec is None:
        return None
    places = list(spec.submodule_search_locations or ())
    if spec.origin is None and places and not _is_installed(places[0]):
        return Source(places[0], "", is_package=True)  # a folder without __init__.py
    if not (spec.origin or "").endswith(".py") or _is_installed(str(spec.origin)):
        return None
    text = _text_of(str(spec.origin))
    return None if text is None else Source(str(spec.origin), text, bool(places))


def _spec_of(name: str) -> ModuleSpec | None:
    """Return where a module is, without importing the packages that it is in."""
    if name in sys.modules:
        return getattr(sys.modules[name], "__spec__", None)
    parent = name.rpartition(".")[0]
    try:
        if not parent:
            return importlib.util.find_spec(name)
        above = _spec_of(parent)
        if above is None or above.submodule_search_locations is None:
            return None
        return PathFinder.find_spec(name, list(above.submodule_search_locations))
    except (ImportError, AttributeError, ValueError):
        return None


def _text_of(path: str) -> str | None:
    """Return the text of a file; None if it cannot be read, or is no text.

    It is not parsed: nodes that share a process come here at once, and `ast.parse` of CPython
    3.11 fails now and then when two threads are in it.
    """
    try:
        return importlib.util.decode_source(Path(path).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None


def _is_installed(path: str) -> bool:
    """Return whether pip or Python put it there, or it is murmur's own."""
    return any(
        place in (*Path(path).parents, *Path(path).resolve().parents) for place in _INSTALLED
    )


_INSTALLED = {
    Path(__file__).resolve().parents[1],
    *(Path(sysconfig.get_path(kind)) for kind in ("stdlib", "platstdlib", "purelib", "platlib")),
    *(Path(place) for place in (*site.getsitepackages(), site.getusersitepackages())),
}


class TravelledModules(MetaPathFinder, ExecutionLoader):
    """Importer of the modules whose sources came with a scenario, before all other importers."""

    def __init__(self) -> None:
        self._sources: dict[str, Source] = {}

    def take(self, sources: Mapping[str, Source]) -> None:
        """Import these from now on; forget the modules of these names if one has changed.

        All of them are forgotten, because a module keeps what it imported from another.
        """
        if any(self._is_stale(name, source) for name, source in sources.items()):
            for name in {*sources, *self._sources}:
                sys.modules.pop(name, None)
        self._sources = dict(sources)
        if sources and self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def _is_stale(self, name: str, source: Source) -> bool:
        """Return whether what is imported under the name comes from another text."""
        module = sys.modules.get(name)
        if module is None:
            return False
        if name in self._sources:
            return self._sources[name].text != source.text
        origin = getattr(module, "__file__", None)
        return (_text_of(origin) if origin else "") != source.text

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        """Return where a module that came along is; None for others."""
        del path, target
        if fullname not in self._sources:
            return None
        source = self._sources[fullname]
        return importlib.util.spec_from_file_location(
            fullname,
            source.path,
            loader=self,
            submodule_search_locations=[] if source.is_package else None,
        )

    def get_source(self, fullname: str) -> str:
        """Return the text, for the import and for tracebacks."""
        return self._source(fullname).text

    def get_filename(self, fullname: str) -> str:
        """Return the path on the steering kernel; there need be no such file here."""
        return self._source(fullname).path

    def is_package(self, fullname: str) -> bool:
        """Return whether it has modules below it."""
        return self._source(fullname).is_package

    def _source(self, name: str) -> Source:
        try:
            return self._sources[name]
        except KeyError:
            raise ImportError(f"{name} did not come with the scenario", name=name) from None


travelled = TravelledModules()
"""The importer of this process."""
