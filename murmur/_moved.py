"""Names that a module answers to without holding them: imported late, moved, or amoc's.

What is imported late comes as if it were there, what moved comes with a warning, and a name
of amoc is an error that has the new one.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, TypeVar

C = TypeVar("C", bound=type)

MODULES_OF_AMOC: Mapping[str, str] = {
    "amoc": "murmur.Session",
    "amoc_cluster": "Session.open and murmur.join",
    "amoc_code_server": "nothing: the code of a scenario travels by itself",
    "amoc_config": "the traits of a murmur.Scenario",
    "amoc_controller": "murmur.Session",
    "amoc_coordinator": "murmur.coordinator",
    "amoc_dist": "murmur.Session",
    "amoc_metrics": "murmur.count, murmur.gauge and murmur.timer",
    "amoc_scenario": "murmur.Scenario",
    "amoc_telemetry": "murmur.on",
    "amoc_throttle": "murmur.throttle",
    "amoc_user": "murmur.User and Session.remove",
}
"""Modules of amoc, and what has their place."""

VERBS_OF_AMOC: Mapping[str, str] = {
    "all_nodes": "nodes",
    "change_rate": "throttle",
    "change_rate_gradually": "ramp",
    "connect_nodes": "open",
    "get_state": "status",
    "get_status": "status",
    "remove_users": "remove",
    "set_master_node": "open",
    "slave_nodes": "nodes",
    "start": "do",
    "start_scenario": "do",
    "stop_scenario": "stop",
    "update_settings": "update",
}
"""Functions of amoc that steer, and the verb of ``%amoc`` that has their place."""


def amoc_names(
    names: Mapping[str, str],  # a name of amoc, and what the class calls it
    elsewhere: Mapping[str, str] = MappingProxyType({}),  # a name, and what has it
) -> Callable[[C], C]:
    """Return a decorator by which a class answers to amoc's names, with an error.

    Examples
    --------
    >>> @amoc_names({"get_status": "status"})
    ... class Run: ...
    >>> Run().get_status
    Traceback (most recent call last):
      ...
    AttributeError: 'Run' object has no attribute 'get_status'; amoc's get_status is status here
    """

    def getattr_unknown(self: object, name: str) -> Any:  # noqa: ANN401 - raises
        if hasattr(type(self), name):  # a property, which raised an AttributeError of its own
            return object.__getattribute__(self, name)
        hint = f"; amoc's {name} is {names[name]} here" if name in names else ""
        hint = f"; write {elsewhere[name]}" if name in elsewhere else hint
        problem = f"{type(self).__name__!r} object has no attribute {name!r}{hint}"
        raise AttributeError(problem, name=name, obj=self)

    def decorate(owner: C) -> C:
        owner.__getattr__ = getattr_unknown  # type: ignore[attr-defined]
        return owner

    return decorate


def late_names(
    package: str,  # the package that has the names
    homes: Mapping[str, str],  # name, and its module inside the package
) -> Callable[[str], Any]:
    """Return a package's ``__getattr__`` that imports a name when it is first used."""

    def getattr_late(name: str) -> Any:  # noqa: ANN401 - whatever goes by the name
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return getattr_late


def old_names(
    module: str,  # the module that had the names
    homes: Mapping[str, str],  # name, and the module that has it now
) -> Callable[[str], Any]:
    """Return a module's ``__getattr__`` that finds what has moved, for one edition."""

    def getattr_moved(name: str) -> Any:  # noqa: ANN401 - whatever goes by the name
        if name not in homes:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home = homes[name]
        warnings.warn(
            f"{module}.{name} has moved to {home}.{name}", DeprecationWarning, stacklevel=2
        )
        return getattr(import_module(home), name)

    return getattr_moved
