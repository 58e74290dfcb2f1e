"""Travel of code from the steering kernel to its nodes.

A scenario that lives where nodes cannot import it, such as in a notebook, travels by value,
and with it what it uses from there (cloudpickle).  Others travel by name, and modules that
are not installed as sources, see `_sources`.  A scenario may name modules that travel by
value too (``modules = [...]``), and data files (``files = [...]``).  Each run sends all of it
anew, so a class that was defined again, or a module that was edited and reloaded, just works.
"""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import FunctionType, ModuleType
from typing import Any

from murmur._guard import error_text
from murmur.errors import InvalidScenarioError, MissingExtraError
from murmur.scenario import Mix, Scenario, files_of, is_from_file

try:
    import cloudpickle
except ImportError:
    raise MissingExtraError("a cluster", "cluster", "cloudpickle") from None

from ._files import arrived
from ._sources import names_imported, sources_of, travelled


def pack_call(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> bytes:
    """Return the arguments of a call as bytes; code in them travels by value if it must."""
    packed: bytes = cloudpickle.dumps((arguments, keywords))
    return packed


@lru_cache(maxsize=1)
def pack_code(run_id: str, scenario: type[Scenario]) -> bytes:
    """Return the scenario class of a run as bytes, the same for all of its nodes.

    Raises `InvalidScenarioError` if it cannot travel; says what is in the way.
    """
    files = [_contents(each) for each in _classes(scenario)]
    try:
        with _by_value(_modules_of(scenario)):
            written = io.BytesIO()
            pickler = _Pickler(written)
            pickler.dump(scenario)
            others = cloudpickle.list_registry_pickle_by_value()
            sources = sources_of(pickler.modules, skip=lambda name: name in others)
    except Exception as error:
        reason = (
            f"it cannot travel to another node: {error_text(error)}; "
            "make in init what cannot be copied, such as sockets, locks and files"
        )
        raise InvalidScenarioError(scenario.__name__, [reason]) from error
    return pickle.dumps((sources, written.getvalue(), files))


def unpack(data: bytes) -> Any:  # noqa: ANN401 - whatever was packed
    """Return what the steering kernel packed.  Never called with what a node sent."""
    return pickle.loads(data)


def unpack_code(data: bytes) -> type[Scenario]:
    """Return a scenario class that the steering kernel packed.

    Raises `InvalidScenarioError` if it needs a module that this node does not have, or its code
    raises here.
    """
    try:
        sources, packed, files = pickle.loads(data)
        travelled.take(sources)
        scenario: type[Scenario] = pickle.loads(packed)
    except ModuleNotFoundError as error:
        raise InvalidScenarioError(
            "the scenario",
            [
                f"there is no module {error.name!r} on a node; install it there, or let it "
                f"travel: modules = [{error.name!r}] in the class"
            ],
        ) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        reason = f"its code cannot be loaded here: {error_text(error)}"
        raise InvalidScenarioError("the scenario", [reason]) from error
    arrived.take(dict(zip(_classes(scenario), files, strict=True)))
    return scenario


def _classes(scenario: type[Scenario]) -> list[type[Scenario]]:
    """Return the classes that name files: the scenario, or of a mix those it is made of."""
    if issubclass(scenario, Mix):
        return [part.scenario for part in scenario.parts]
    return [scenario]


def _contents(scenario: type[Scenario]) -> dict[str, bytes]:
    """Return what is in the files that a class names, by their places on a node."""
    try:
        return {place: path.read_bytes() for place, path in files_of(scenario).items()}
    except OSError as error:
        reason = f"`files` names {error.filename!r}, which cannot be read: {error.strerror}"
        raise InvalidScenarioError(scenario.__name__, [reason]) from error


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc] # cloudpickle has no types
    """Pickler that notes the modules that are needed to load what it writes, and to run it."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.modules: set[str] = set()

    def reducer_override(self, obj: object) -> Any:  # noqa: ANN401 - pickle's
        if isinstance(obj, ModuleType):
            self.modules.add(obj.__name__)
        elif isinstance(obj, (type, FunctionType)):
            self.modules.add(obj.__module__)
        if isinstance(obj, FunctionType):
            self.modules.update(names_imported(obj.__code__))
        return super().reducer_override(obj)


def _modules_of(scenario: type[Scenario]) -> Iterator[ModuleType]:
    """Yield the modules that go along: those named, and the one that was read from a file."""
    named: Iterable[object] = getattr(scenario, "modules", ())
    for given in named:
        module = sys.modules.get(given) if isinstance(given, str) else given
        if not isinstance(module, ModuleType):
            reason = f"modules names {given!r}, which is no module that is imported here"
            raise InvalidScenarioError(scenario.__name__, [reason])
        yield module
    for kind in scenario.__mro__:
        if is_from_file(kind):
            yield sys.modules[kind.__module__]


@contextmanager
def _by_value(modules: Iterable[ModuleType]) -> Iterator[None]:
    """Let what these modules define travel by value; cloudpickle's list is the process's."""
    before = set(cloudpickle.list_registry_pickle_by_value())
    added = [module for module in dict.fromkeys(modules) if module.__name__ not in before]
    for module in added:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in added:
            cloudpickle.unregister_pickle_by_value(module)
