"""Travel of code from the steering kernel to its nodes.

A scenario that lives where nodes cannot import it, such as in a notebook, travels by value,
and with it what it uses from there (cloudpickle).  Others travel by name, for a node has
them.  Modules that only the steering kernel has are named by the scenario
(``modules = [...]``) and travel by value too.  Each run sends its code anew, so a class
that was defined again just works.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from murmur.errors import InvalidScenarioError, MissingExtraError
from murmur.scenario import Scenario, is_from_file

try:
    import cloudpickle
except ImportError:
    raise MissingExtraError("a cluster", "cluster", "cloudpickle") from None

__all__ = ["pack_call", "pack_code", "unpack", "unpack_code"]


def pack_call(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> bytes:
    """Return the arguments of a call as bytes; code in them travels by value if it must."""
    packed: bytes = cloudpickle.dumps((arguments, keywords))
    return packed


def pack_code(scenario: type[Scenario]) -> bytes:
    """Return a scenario class as bytes.

    Raises
    ------
    InvalidScenarioError
        If it cannot travel; says what is in the way.
    """
    try:
        with _by_value(_modules_of(scenario)):
            packed: bytes = cloudpickle.dumps(scenario)
    except Exception as error:
        reason = (
            f"it cannot travel to another node: {type(error).__name__}: {error}; "
            "make in init what cannot be copied, such as sockets, locks and files"
        )
        raise InvalidScenarioError(scenario.__name__, [reason]) from error
    return packed


def unpack(data: bytes) -> Any:  # noqa: ANN401 - whatever was packed
    """Return what the steering kernel packed.  Never called with what a node sent."""
    return pickle.loads(data)


def unpack_code(data: bytes) -> type[Scenario]:
    """Return a scenario class that the steering kernel packed.

    Raises
    ------
    InvalidScenarioError
        If it needs a module that this node does not have.
    """
    try:
        scenario: type[Scenario] = pickle.loads(data)
    except ModuleNotFoundError as error:
        raise InvalidScenarioError(
            "the scenario",
            [
                f"there is no module {error.name!r} on a node; install it there, or let it "
                f"travel: modules = [{error.name!r}] in the class"
            ],
        ) from error
    return scenario


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
