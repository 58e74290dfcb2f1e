"""Declarations of a scenario class: which traits are settings, and what is wrong with them.

Knows traitlets and nothing of runs, values or the environment.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from traitlets import (
    DefaultHandler,
    HasTraits,
    ObserveHandler,
    TraitType,
    Undefined,
    ValidateHandler,
)

from murmur.errors import DuplicateSettingError, closest

MASK = "***"
"""What is shown in place of a secret."""

RESERVED = frozenset({"self", "scenario", "users", "seed", "duration", "end_when_idle", "nodes"})
"""Keywords of `Session.do`, which therefore cannot carry a setting."""

Trait = TraitType[Any, Any]
Handler = DefaultHandler | ObserveHandler | ValidateHandler


def settings_of(cls: type[HasTraits]) -> dict[str, Trait]:
    """Return the settings of a class: its own first, then those of its bases.

    Within one class they are in the order of the source.

    Examples
    --------
    >>> from murmur.scenario import Scenario
    >>> list(settings_of(Scenario))
    ['user_rate', 'grace']
    """
    found: dict[str, Trait] = {}
    for name in _declared_names(cls):
        trait = getattr(cls, name, None)
        if isinstance(trait, TraitType) and trait.metadata.get("setting", True):
            found[name] = trait
    return found


def is_live(trait: Trait) -> bool:
    """Return whether the setting may change while the scenario runs."""
    return bool(trait.metadata.get("live")) and not trait.read_only


def is_local(trait: Trait) -> bool:
    """Return whether each node reads the setting from its own environment."""
    return bool(trait.metadata.get("local"))


def is_required(trait: Trait) -> bool:
    """Return whether the setting has no default to fall back on."""
    return bool(trait.metadata.get("required"))


def is_secret(trait: Trait) -> bool:
    """Return whether the value must never be shown."""
    return bool(trait.metadata.get("secret"))


def live_names(cls: type[HasTraits]) -> list[str]:
    """Return the names of the settings that may change while the scenario runs."""
    return [name for name, trait in settings_of(cls).items() if is_live(trait)]


PREFIX = "AMOC_"
"""How the variables of all settings begin."""


def variable_of(name: str) -> str:
    """Return the environment variable that may hold the setting."""
    return f"{PREFIX}{name.upper()}"


def shown(trait: Trait, value: object) -> object:
    """Return the value, the mask when it is secret, or what its trait shows in its place.

    A trait whose values are large, or not for everybody's eyes, has a method ``shown``.
    """
    if is_secret(trait):
        return MASK
    show = getattr(trait, "shown", None)
    return value if show is None else show(value)


def masked(
    cls: type[HasTraits],
    # values by the name of their setting; other names are kept as they are
    values: Mapping[str, object],
) -> dict[str, object]:
    """Return a copy of the values of settings in which secrets are masked.

    Examples
    --------
    >>> import murmur.scenario as ms, traitlets
    >>> class Chat(ms.Scenario):
    ...     token = traitlets.Unicode(help="password").tag(secret=True)
    >>> ms.masked(Chat, {"token": "hunter2", "user_rate": 60.0})
    {'token': '***', 'user_rate': 60.0}
    """
    settings = settings_of(cls)
    return {
        name: shown(settings[name], value) if name in settings else value
        for name, value in values.items()
    }


def refuse_duplicates(cls: type[HasTraits]) -> None:
    """Raise `DuplicateSettingError` if two unrelated bases declare one setting.

    A class that redeclares the setting has chosen; one declaration that is inherited
    on two ways is one declaration.
    """
    for name in _declared_names(cls):
        owners = [base for base in cls.__mro__ if isinstance(vars(base).get(name), TraitType)]
        latest = [
            owner
            for owner in owners
            if not any(other is not owner and issubclass(other, owner) for other in owners)
        ]
        if len(latest) > 1:
            raise DuplicateSettingError(name, [owner.__qualname__ for owner in latest])


def declaration_faults(
    cls: type[HasTraits],
    *,
    taken: Iterable[str],  # names that mean something else on a scenario
) -> list[str]:
    """Return what is wrong with the declarations, one sentence for each fault."""
    settings = settings_of(cls)
    unusable = frozenset(taken)
    faults = [
        fault
        for name, trait in settings.items()
        for fault in _name_faults(name, unusable) + _trait_faults(name, trait)
    ]
    return [
        *faults,
        *_variable_faults(settings),
        *_hidden_faults(cls),
        *_old_style_faults(cls, settings),
        *_handler_faults(cls),
    ]


def _declared_names(cls: type[HasTraits]) -> Iterator[str]:
    """Yield each public name that some class of the hierarchy declares as a trait, once."""
    seen: set[str] = set()
    for base in cls.__mro__:
        for name, value in vars(base).items():
            if isinstance(value, TraitType) and not name.startswith("_") and name not in seen:
                seen.add(name)
                yield name


def _name_faults(name: str, taken: frozenset[str]) -> list[str]:
    if name in RESERVED:
        return [f"{name!r} cannot be a setting: it is a keyword of Session.do"]
    if name in taken:
        return [f"{name!r} cannot be a setting: the name has a meaning of its own on a scenario"]
    return []


def _trait_faults(name: str, trait: Trait) -> list[str]:
    faults = []
    if not trait.help.strip():
        faults.append(f"setting {name!r} needs a description: {type(trait).__name__}(help=...)")
    if trait.name is None:
        # Only the metaclass of HasTraits tells a trait its name, so it would hold no value.
        faults.append(
            f"setting {name!r} comes from a plain class: derive the mixin from traitlets.HasTraits"
        )
    if trait.metadata.get("live") and trait.read_only:
        faults.append(f"setting {name!r} cannot be both live and read_only")
    if is_local(trait) and is_required(trait):
        faults.append(
            f"setting {name!r} cannot be both local and required: a node that has no "
            f"{variable_of(name)} takes its default"
        )
    return faults


def _variable_faults(settings: Iterable[str]) -> list[str]:
    """Two settings that differ in case only would share an environment variable."""
    by_variable: dict[str, str] = {}
    faults = []
    for name in settings:
        other = by_variable.setdefault(variable_of(name), name)
        if other != name:
            faults.append(f"settings {other!r} and {name!r} would share {variable_of(name)}")
    return faults


def _hidden_faults(cls: type[HasTraits]) -> list[str]:
    """Find settings that are settings no more.

    ``port = 1`` in a subclass replaces the trait instead of changing its default.
    """
    faults = []
    for name in _declared_names(cls):
        first = next(base for base in cls.__mro__ if name in vars(base))
        if not isinstance(vars(first)[name], TraitType):
            owner = next(b for b in cls.__mro__ if isinstance(vars(b).get(name), TraitType))
            kind = type(vars(owner)[name]).__name__
            faults.append(
                f"{name!r} in {first.__qualname__} hides the setting that "
                f"{owner.__qualname__} declares; to change its default write "
                f"{name} = {kind}(..., help=...)"
            )
    return faults


def _old_style_faults(cls: type[HasTraits], settings: Iterable[str]) -> list[str]:
    """Refuse the handlers that traitlets finds by their names, deprecated since 4.1."""
    faults = []
    for name in settings:
        for suffix, decorator in (("changed", "observe"), ("validate", "validate")):
            method = f"_{name}_{suffix}"
            if callable(getattr(cls, method, None)) and not isinstance(
                inspect.getattr_static(cls, method), Handler
            ):
                faults.append(f"method {method!r} must be marked with @{decorator}({name!r})")
    return faults


def _handler_faults(cls: type[HasTraits]) -> list[str]:
    """Find handlers that could never do their work: traitlets accepts them in silence."""
    traits = sorted(cls.class_traits())
    validators: dict[str, str] = {}
    faults = []
    for method, handler in cls.trait_events().items():
        if not isinstance(handler, Handler):
            continue
        if inspect.iscoroutinefunction(getattr(handler, "func", None)):
            faults.append(f"{method!r} must be a plain def: traitlets does not await a handler")
        for name in _handled_names(handler):
            if name not in traits:
                faults.append(f"{method!r} is for {name!r}{closest(name, traits, 'declared')}")
            elif isinstance(handler, ValidateHandler) and name in validators:
                faults.append(
                    f"{validators[name]!r} and {method!r} both validate {name!r}; "
                    "only one of them would be called"
                )
            elif isinstance(handler, ValidateHandler):
                validators[name] = method
    return faults


def _handled_names(handler: Handler) -> list[str]:
    if isinstance(handler, DefaultHandler):
        return [handler.trait_name]
    return [name for name in handler.trait_names if isinstance(name, str)]


def default_of(trait: Trait) -> object:
    """Return the static default, None where there is none."""
    value: object = trait.default()
    return None if value is Undefined else value


def is_computed(cls: type[HasTraits], name: str) -> bool:
    """Return whether a method gives the default of a setting, which is the user's code."""
    for base in cls.__mro__:
        own = vars(base)
        if name in own.get("_trait_default_generators", {}) or f"_{name}_default" in own:
            return True
        if isinstance(own.get(name), TraitType):
            return False  # a redeclaration replaces the defaults of the bases before it
    return False
