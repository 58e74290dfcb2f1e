"""Finds the scenario class that somebody means: by class, name, module or file."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import linecache
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from traceback import walk_tb
from types import ModuleType
from typing import TypeGuard

from murmur._given import needed
from murmur._guard import error_text, text_of
from murmur.errors import InvalidScenarioError, UnknownScenarioError, closest, few

from ._read import read_file
from ._scenario import Scenario

_FILE = re.compile(r"(?P<path>.+\.(?:py|ipynb))(?::(?P<name>[^:/\\]*))?", re.DOTALL)
_MODULE_PREFIX = "_murmur_file_"


def find(
    # a class; a name in `namespace`; `"package.module:Class"`; `"path/to/file.py"`, if there is
    # one scenario in it; or `"path/to/file.py:Class"`.  A file is run anew each time.
    reference: object,
    # where plain names are looked up, such as the variables of a notebook
    namespace: Mapping[str, object],
) -> type[Scenario]:
    """Return the scenario class that `reference` means.

    Raises `UnknownScenarioError` if there is no such scenario; says what was probably meant, or
    what went wrong on the way; `InvalidScenarioError` if a class is given that is no scenario.

    Examples
    --------
    >>> import murmur.scenario
    >>> class Chat(murmur.scenario.Scenario):
    ...     async def start(self, user):
    ...         ...
    >>> murmur.scenario.find("Chat", {"Chat": Chat}) is Chat
    True
    """
    if isinstance(reference, type):
        return _checked(reference)
    if isinstance(reference, Scenario):
        name = type(reference).__qualname__
        raise InvalidScenarioError(name, [f"give the class {name}, not an instance of it"])
    if not isinstance(reference, str | PathLike):
        raise UnknownScenarioError(*_neither_class_nor_name(reference))
    text = str(reference).strip()
    if location := split_reference(text):
        return _in_file(text, *location)
    if ":" in text:
        return _in_module(text)
    return _in_namespace(text, namespace)


def _neither_class_nor_name(reference: object) -> tuple[str, str]:
    """Return what was given, and what would do in its place."""
    if not isinstance(reference, ModuleType):
        return text_of(reference, repr), (
            "give a class, its name, 'package.module:Class' or 'path/to/file.py'"
        )
    name = reference.__name__
    classes = list(scenarios_in(vars(reference))) or ["Class"]
    return (
        name,
        f"it is a module; give a class of it: {' or '.join(f'{name}.{c}' for c in classes)}",
    )


def scenarios_in(namespace: Mapping[str, object]) -> dict[str, type[Scenario]]:
    """Return the scenarios among some variables, by the name of their variable.

    Those are the subclasses of `Scenario` that have a ``start``.  Names that begin with
    an underscore are left out: IPython keeps the outputs of cells there.

    Parameters
    ----------
    namespace : mapping of str to object
        Such as the variables of a notebook or module.

    Examples
    --------
    >>> import murmur
    >>> class Hello(murmur.Scenario):
    ...     '''Users say hello and go.'''
    ...     async def start(self, user): ...
    >>> murmur.scenarios_in({"Hello": Hello, "number": 3})
    {'Hello': <class '...Hello'>}
    """
    needed(isinstance(namespace, Mapping), "namespace", namespace, "give a mapping, as globals()")
    return {
        name: value
        for name, value in list(namespace.items())
        if not name.startswith("_") and _is_scenario(value) and _has_start(value)
    }


def is_from_file(cls: type) -> bool:
    """Return whether `find` read the class from a file.

    Its module cannot be imported by name anywhere else, so the class has to travel to
    other processes by value.

    Examples
    --------
    >>> from murmur.demo import Chat
    >>> is_from_file(Chat)
    False
    """
    return cls.__module__.startswith(_MODULE_PREFIX)


def split_reference(text: str) -> tuple[Path, str | None] | None:
    """Return path and class of ``"file.py[:Class]"``, or None if it is no such reference."""
    match = _FILE.fullmatch(text)
    return (Path(match["path"]), match["name"]) if match else None


def absence(name: str, place: str, present: Iterable[str]) -> str:
    """Return in words that a scenario is not there, and which one may be meant."""
    return f"{place} has no {name!r}{closest(name, sorted(present), 'scenarios there')}"


def _checked(cls: type) -> type[Scenario]:
    if not issubclass(cls, Scenario) or cls is Scenario:
        raise InvalidScenarioError(cls.__qualname__, ["derive the class from murmur.Scenario"])
    return cls


def _is_scenario(value: object) -> TypeGuard[type[Scenario]]:
    return isinstance(value, type) and issubclass(value, Scenario) and value is not Scenario


def _has_start(cls: type) -> bool:
    return getattr(cls, "start", None) is not None


def _in_namespace(name: str, namespace: Mapping[str, object]) -> type[Scenario]:
    if name not in namespace and "." in name:
        module, _, attribute = name.rpartition(".")
        reason = f"write the class of a module as '{module}:{attribute}'"
        raise UnknownScenarioError(name, reason)
    if name not in namespace and Path(f"{name}.py").is_file():
        raise UnknownScenarioError(name, f"no scenario of that name; did you mean '{name}.py'?")
    if name not in namespace:
        raise UnknownScenarioError(name, known=scenarios_in(namespace))
    return _scenario_or_refusal(name, namespace[name])


def _scenario_or_refusal(reference: str, value: object) -> type[Scenario]:
    if _is_scenario(value):
        return value
    kind = "class" if isinstance(value, type) else f"{type(value).__name__} object"
    reason = f"that is a {kind}, and no class derived from murmur.Scenario"
    raise UnknownScenarioError(reference, reason)


def _in_module(reference: str) -> type[Scenario]:
    name, _, attribute = reference.partition(":")
    if not (name and attribute):
        reason = "write 'package.module:Class' or 'path/to/file.py:Class'"
        raise UnknownScenarioError(reference, reason)
    try:
        module = importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise UnknownScenarioError(reference, _failure(f"importing {name}", error)) from error
    value: object = module
    for part in attribute.split("."):
        if not hasattr(value, part):
            reason = absence(attribute, name, scenarios_in(vars(module)))
            raise UnknownScenarioError(reference, reason)
        value = getattr(value, part)
    return _scenario_or_refusal(reference, value)


def _no_start(path: Path, module: ModuleType) -> str:
    """Return in words that no scenario of a file can be run, and what each of them lacks."""
    classes = {value for value in vars(module).values() if _is_scenario(value)}
    lacking = sorted(cls.__name__ for cls in classes if cls.__module__ == module.__name__)
    verb = "needs" if len(lacking) == 1 else "need"
    hint = f"; {few(lacking)} {verb} `async def start(self, user)`" if lacking else ""
    return f"there is no scenario with a `start` in {path}{hint}"


def _in_file(reference: str, path: Path, name: str | None) -> type[Scenario]:
    if path.suffix == ".ipynb":
        reason = "a notebook can be described, but only a .py file can be run from its path"
        raise UnknownScenarioError(reference, reason)
    module = _load(reference, path)
    present = scenarios_in(vars(module))
    own = {key: cls for key, cls in present.items() if cls.__module__ == module.__name__}
    candidates = own or present
    if name is not None:
        if name in vars(module):
            return _scenario_or_refusal(reference, vars(module)[name])
        raise UnknownScenarioError(reference, absence(name, str(path), candidates))
    classes = set(candidates.values())
    if len(classes) == 1:
        return classes.pop()
    if not classes:
        raise UnknownScenarioError(reference, _no_start(path, module))
    choices = " or ".join(f"{path}:{key}" for key in candidates)
    raise UnknownScenarioError(reference, f"the file has several; give {choices}")


def _load(reference: str, path: Path) -> ModuleType:
    """Run a file as a module of its own.

    The module is entered in `sys.modules`, where inspect, pickle and dataclasses look
    for it, under a name that no import uses and that is the same for the same file.  It
    is compiled here and not by the import system, whose cache tells versions apart by
    size and whole seconds: an edit within the second would go unseen.
    """
    location = path.expanduser().resolve()
    name = _module_name(location)
    spec = importlib.util.spec_from_file_location(name, location)
    if spec is None:
        raise UnknownScenarioError(reference, f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    previous = sys.modules.get(name)
    source = _read(reference, location)
    try:
        code = compile(source, str(location), "exec", dont_inherit=True)
        sys.modules[name] = module
        with _siblings_importable(location):
            exec(code, module.__dict__)
    except BaseException as error:
        _restore(name, previous)
        if isinstance(error, KeyboardInterrupt):
            raise
        raise UnknownScenarioError(reference, _failure(f"running {path}", error)) from error
    linecache.checkcache(str(location))
    return module


def _module_name(location: Path) -> str:
    digest = hashlib.sha256(str(location).encode()).hexdigest()[:8]
    stem = re.sub(r"\W", "_", location.stem)
    return f"{_MODULE_PREFIX}{stem}_{digest}"


def _read(reference: str, location: Path) -> bytes:
    try:
        return read_file(location)
    except (OSError, ValueError) as error:
        reason = f"the file cannot be read: {getattr(error, 'strerror', None) or error}"
        raise UnknownScenarioError(reference, reason) from error


def _restore(name: str, previous: ModuleType | None) -> None:
    if previous is None:
        sys.modules.pop(name, None)
    else:
        sys.modules[name] = previous


@contextmanager
def _siblings_importable(path: Path) -> Iterator[None]:
    """Let a file import its neighbours, as it can when it is run by ``python file.py``."""
    folder = str(path.parent)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def _failure(doing: str, error: BaseException) -> str:
    """Return in one sentence what failed and at which line; the chained exception has the rest."""
    return f"{doing} failed with {' '.join(error_text(error).split())}{_lines_of(error)}"


def _lines_of(error: BaseException) -> str:
    """Return in brackets the line of the scenario's file, and that of a file which it imports.

    What the import system does between them is nobody's line.
    """
    frames = [
        (frame.f_code.co_filename, line)
        for frame, line in walk_tb(error.__traceback__)
        if frame.f_code.co_filename not in {__file__, importlib.__file__}
        and not frame.f_code.co_filename.startswith("<frozen")
    ]
    if not frames:  # it could not be found, or not be compiled: the text of a SyntaxError has it
        return ""
    own = [place for place in frames if place[0] == frames[0][0]][-1]
    told = [f"line {line} of {Path(file).name}" for file, line in dict.fromkeys((own, frames[-1]))]
    return f" ({', then '.join(told)})"
