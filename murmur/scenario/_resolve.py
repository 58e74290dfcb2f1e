"""Values for the settings of a run: argument, then environment, then default."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from murmur.errors import ConfigError, UnknownSettingError, combine

from ._callbacks import callbacks
from ._declarations import MASK, is_local, is_secret, settings_of, variable_of
from ._environment import EnvironmentReading, EnvironmentWarning, Stray, read_environment
from ._insides import lock, put_values
from ._scenario import Scenario
from ._verification import Verification

Source = Literal["argument", "environment", "default", "node"]


@dataclass(frozen=True, slots=True)
class Resolved:
    """Verified values for all settings of a class."""

    values: dict[str, object]  # value by the name of its setting, in the order of the declarations
    # where each came from: `"argument"`, `"environment"`, `"default"`, or `"node"` for the
    # environment of the node that it is for
    sources: dict[str, Source]
    warnings: tuple[EnvironmentWarning, ...] = ()  # environment variables that could not be read
    strays: tuple[Stray, ...] = ()  # environment variables that were probably misspelt
    secrets: frozenset[str] = frozenset()  # names of the settings whose values must not be shown

    def __repr__(self) -> str:
        """Return values and sources; secrets are masked."""
        rows = (
            f"{name}={MASK if name in self.secrets else repr(value)} ({self.sources[name]})"
            for name, value in self.values.items()
        )
        return f"Resolved({', '.join(rows)})"


def resolve(
    cls: type[Scenario],
    given: Mapping[str, object],  # arguments.  None is a value like any other.
    *,
    environment: Mapping[str, str] | None = None,  # in place of `os.environ`
    # turns the text of an environment variable into a value, in place of the trait. If it raises,
    # the default is used and a warning returned.
    parse: Callable[[str], object] | None = None,
    # what was given the arguments, beside some of its own: one of these may have been meant.
    call: Callable[..., object] | None = None,
) -> Resolved:
    """Return verified values for all settings, or refuse with every problem at once.

    Raises `InvalidScenarioError` if the class is not fit to run; `UnknownSettingError` or
    `InvalidSettingError` with every problem; of both kinds at once if need be.

    Examples
    --------
    >>> import murmur.scenario as ms
    >>> class Chat(ms.Scenario):
    ...     async def start(self, user):
    ...         ...
    >>> resolved = ms.resolve(Chat, {"grace": 5}, environment={"AMOC_USER_RATE": "60"})
    >>> resolved.values
    {'user_rate': 60.0, 'grace': 5.0}
    >>> resolved.sources
    {'user_rate': 'environment', 'grace': 'argument'}
    """
    callbacks(cls)
    settings = settings_of(cls)
    reading = read_environment(
        settings,
        os.environ if environment is None else environment,
        skip=given.keys(),
        parse=parse,
    )
    supplied = reading.values | {name: given[name] for name in given if name in settings}
    verification = Verification(cls, origins={n: variable_of(n) for n in reading.values})
    for name, value in supplied.items():
        verification.propose(name, value)
    verification.fill(name for name in settings if name not in supplied)
    verification.cross_validate(settings)
    _refuse(given, verification, call)
    return Resolved(
        values={name: verification.value(name) for name in settings},
        sources={name: _source(name, given, reading) for name in settings},
        warnings=reading.warnings,
        strays=reading.strays,
        secrets=frozenset(name for name, trait in settings.items() if is_secret(trait)),
    )


def localize(
    cls: type[Scenario],
    resolved: Resolved,
    *,
    environment: Mapping[str, str] | None = None,  # that of the node; `os.environ` if not given
) -> Resolved:
    """Return the values for one node: local settings are read from its own environment.

    A setting is local if it is tagged ``local=True``.  One that was given as an argument, or
    changed since, is the same everywhere; one that this node's environment does not have takes
    its default, whatever the environment of the session said.

    Raises `InvalidSettingError` if a value does not fit; names the variable.

    Examples
    --------
    >>> import murmur.scenario as ms, traitlets
    >>> class Chat(ms.Scenario):
    ...     interface = traitlets.Unicode("eth0", help="to send by").tag(local=True)
    ...     async def start(self, user):
    ...         ...
    >>> resolved = ms.resolve(Chat, {}, environment={"AMOC_INTERFACE": "eth1"})
    >>> ms.localize(Chat, resolved, environment={"AMOC_INTERFACE": "eth2"}).values["interface"]
    'eth2'
    """
    settings = {
        name: trait
        for name, trait in settings_of(cls).items()
        if is_local(trait) and resolved.sources[name] != "argument"
    }
    if not settings:
        return resolved
    reading = read_environment(settings, os.environ if environment is None else environment)
    like = cls.__new__(cls)
    put_values(like, {n: value for n, value in resolved.values.items() if n not in settings})
    origins = {name: variable_of(name) for name in reading.values}
    verification = Verification(cls, origins=origins, like=like)
    for name, value in reading.values.items():
        verification.propose(name, value)
    verification.fill(name for name in settings if name not in reading.values)
    verification.cross_validate(settings)
    _refuse({}, verification, None)
    own: dict[str, Source] = {n: "node" if n in reading.values else "default" for n in settings}
    return replace(
        resolved,
        values=resolved.values | {name: verification.value(name) for name in settings},
        sources=resolved.sources | own,
        warnings=(*resolved.warnings, *reading.warnings),
    )


def build(cls: type[Scenario], resolved: Resolved) -> Scenario:
    """Return the instance of a run.

    It holds the resolved values before its ``__init__`` is called; no observer hears of
    them, and those that are not live can no longer be assigned.

    Examples
    --------
    >>> from murmur.demo import Chat
    >>> from murmur.scenario import resolve
    >>> build(Chat, resolve(Chat, {"port": 9000}, environment={})).port
    9000
    """
    scenario = cls.__new__(cls)
    # The values are verified: setting them through the traits would ask the validators
    # again, one by one, and a validator that rewrites need not accept its own result.
    put_values(scenario, resolved.values)
    lock(scenario)
    scenario.__init__()  # type: ignore[misc]  # as type.__call__ does
    return scenario


def refuse_unknown(cls: type[Scenario], given: Iterable[str], call: Callable[..., object]) -> None:
    """Raise `UnknownSettingError` for names that no setting of a class has.

    `call` is as of `resolve`.
    """
    if problems := _unknown(given, settings_of(cls), call):
        raise problems[0]


def _unknown(
    given: Iterable[str], declared: Iterable[str], call: Callable[..., object] | None
) -> list[ConfigError]:
    declared = list(declared)
    unknown = [name for name in given if name not in declared]
    if not unknown:
        return []
    if call is None:
        return [UnknownSettingError(unknown, declared)]
    own = [
        name
        for name, argument in inspect.signature(call).parameters.items()
        if argument.default is not argument.empty or argument.kind is argument.KEYWORD_ONLY
    ]
    return [UnknownSettingError(unknown, declared, call=call.__name__, takes=", ".join(own))]


def _refuse(
    given: Mapping[str, object], verification: Verification, call: Callable[..., object] | None
) -> None:
    problems = _unknown(given, verification.settings, call)
    if invalid := verification.error():
        problems.append(invalid)
    if problems:
        raise combine(problems)


def _source(name: str, given: Mapping[str, object], reading: EnvironmentReading) -> Source:
    if name in given:
        return "argument"
    return "environment" if name in reading.values else "default"
