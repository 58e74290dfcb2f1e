"""The callbacks of a scenario, brought to one signature each.

A scenario may leave out parameters it does not need.  Here its signature is read once,
before anything runs, so that the runtime can call every scenario alike.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from traitlets import HasTraits

from murmur.errors import InvalidScenarioError

from ._declarations import declaration_faults, refuse_duplicates
from ._files import file_faults
from ._scenario import Scenario

_PARAMETERS = {"init": (), "start": ("user",), "terminate": (), "changed": ("name", "old", "new")}
_TAKES_STATE = frozenset({"start", "terminate"})
_TAKEN = frozenset(dir(Scenario)) - frozenset(Scenario.class_traits()) | frozenset(_PARAMETERS)


@dataclass(frozen=True, slots=True)
class Callback:
    """One callback of a scenario class."""

    name: str  # `"init"`, `"start"`, `"terminate"` or `"changed"`
    is_async: bool  # whether calling it gives a coroutine
    takes_state: bool  # whether it wants the state that `init` returned

    def method(self, scenario: Scenario) -> Callable[..., Any]:
        """Return the callback of one instance, as its class has it."""
        method: Callable[..., Any] = getattr(scenario, self.name)
        return method

    def bind(self, scenario: Scenario) -> Callable[..., Any]:
        """Return the callback of one instance, with the full signature.

        That is ``()`` for init, ``(user, state)`` for start, ``(state)`` for terminate
        and ``(name, old, new)`` for changed.  An asynchronous one returns a coroutine.
        """
        bound = self.method(scenario)
        call = bound if self.is_async else _refusing_coroutines(bound, self.name)
        if self.takes_state or self.name not in _TAKES_STATE:
            return call
        if self.name == "start":
            return lambda user, _state: call(user)
        return lambda _state: call()


@dataclass(frozen=True, slots=True)
class Callbacks:
    """All callbacks of a scenario class; None for those it does not define."""

    start: Callback
    init: Callback | None = None
    terminate: Callback | None = None
    changed: Callback | None = None


def callbacks(cls: type[Scenario]) -> Callbacks:
    """Return the callbacks of a scenario class that is fit to run.

    Raises `InvalidScenarioError` with every reason why the class cannot run, of callbacks and
    settings alike; `DuplicateSettingError` if two unrelated bases declare the same setting.

    Returns
    -------
    Callbacks
        With a `Callback` for each one that the class defines.

    Examples
    --------
    >>> import murmur.scenario
    >>> class Chat(murmur.scenario.Scenario):
    ...     async def start(self, user, state):
    ...         ...
    >>> murmur.scenario.callbacks(Chat).start
    Callback(name='start', is_async=True, takes_state=True)
    """
    refuse_duplicates(cls)
    # An instance made without __init__ binds methods of every kind and runs no user code.
    specimen = cls.__new__(cls)
    faults: list[str] = []
    found: dict[str, Callback] = {}
    for name in _PARAMETERS:
        value = getattr(specimen, name, None)
        if value is None:
            continue
        reasons = _faults(name, value)
        faults += reasons
        if not reasons:
            found[name] = Callback(name, _is_async(value), _takes_state(name, value))
    if getattr(specimen, "start", None) is None:
        faults.insert(0, "it has no `start`: write `async def start(self, user)`")
    faults += _constructor_faults(cls, specimen)
    if cls.leftovers not in ("tell", "cancel"):
        faults.append(f"`leftovers` must be 'tell' or 'cancel', not {cls.leftovers!r}")
    faults += file_faults(cls)
    faults += declaration_faults(cls, taken=_TAKEN)
    if faults:
        raise InvalidScenarioError(cls.__qualname__, faults)
    return Callbacks(**found)


def _faults(name: str, value: object) -> list[str]:
    """Return why the value cannot serve as the callback."""
    if not callable(value):
        return [f"`{name}` must be a method, not {value!r}"]
    function = _function(value)
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        return [f"`{name}` must not contain `yield`: it would be a generator that nobody drives"]
    signature = _signature(value)
    if signature is None:
        return []  # a callable of C tells nothing; it has to be tried
    wanted = [*_PARAMETERS[name]]
    if _takes_state(name, value):
        wanted.append("state")
    try:
        signature.bind(*wanted)
    except TypeError as error:
        return [f"`{name}` must accept {_spelling(name)}: {error}"]
    return []


def _spelling(name: str) -> str:
    short = f"({', '.join(('self', *_PARAMETERS[name]))})"
    if name not in _TAKES_STATE:
        return short
    return f"{short} or ({', '.join(('self', *_PARAMETERS[name], 'state'))})"


def _takes_state(name: str, value: Callable[..., Any]) -> bool:
    """Return whether the parameter after the usual ones is meant for the state.

    It is if it has to be given, is called ``state``, or is ``*args``.  Any other
    parameter with a default, as in ``start(self, user, pause=1)``, keeps its default.
    """
    signature = _signature(value)
    if name not in _TAKES_STATE or signature is None:
        return False
    positional = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.kind in {parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD}
    ]
    position = len(_PARAMETERS[name])
    if len(positional) > position:
        candidate = positional[position]
        return candidate.default is candidate.empty or candidate.name.lstrip("_") == "state"
    return any(p.kind is p.VAR_POSITIONAL for p in signature.parameters.values())


def _signature(value: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(value)
    except (TypeError, ValueError):
        return None


def _function(value: Any) -> Any:  # noqa: ANN401 - anything that can be called
    """Return what is called in the end: below partials, or the `__call__` of an object."""
    while hasattr(value, "func") and not inspect.isroutine(value):
        value = value.func
    return value if inspect.isroutine(value) else getattr(value, "__call__", value)  # noqa: B004 - the method is wanted


def _is_async(value: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(_function(value))


def _refusing_coroutines(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Wrap a plain function: a coroutine it returned would be dropped, its work undone."""

    def call(*arguments: object) -> object:
        result = function(*arguments)
        if inspect.iscoroutine(result):
            result.close()
            message = f"`{name}` is a plain def and returned a coroutine: write `async def {name}`"
            raise TypeError(message)
        return result

    return call


def refuse_coroutine(result: object, name: str) -> None:
    """Refuse what an ``async def`` returned, if it is a coroutine that it forgot to await."""
    if inspect.iscoroutine(result):
        result.close()
        what = getattr(result, "__qualname__", "what it returns")
        raise TypeError(f"`{name}` returned a coroutine: write `await` before the call of {what}")


def _constructor_faults(cls: type[HasTraits], specimen: HasTraits) -> list[str]:
    """Return a fault if a run could not make an instance."""
    try:
        inspect.signature(specimen.__init__).bind()  # type: ignore[misc]  # as type.__call__ does
    except TypeError as error:
        return [f"`__init__` of {cls.__qualname__} must work without arguments: {error}"]
    return []
