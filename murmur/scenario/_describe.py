"""Describes a scenario: a class by looking at it, a file without running it."""

from __future__ import annotations

import inspect
import os
from pathlib import Path

from traitlets import Enum, HasTraits

from murmur._given import path_given
from murmur.errors import InvalidScenarioError, UnknownScenarioError

from ._declarations import (
    MASK,
    Trait,
    default_of,
    is_computed,
    is_live,
    is_local,
    is_required,
    is_secret,
    settings_of,
    shown,
)
from ._description import Description, Descriptions, Setting, SourceText
from ._find import absence, split_reference
from ._notebook import statements_of
from ._scenario import Scenario
from ._static import Source
from ._verification import limits_of


def describe(
    what: type[Scenario] | str | os.PathLike[str],
) -> Description | Descriptions:
    """Return the settings of a scenario, with types, defaults, limits and help.

    Parameters
    ----------
    what : type of Scenario, str or path
        A class; a ``.py`` file or a notebook; or ``"path/to/file.py:Class"``.  A file is
        neither imported nor run: it is described even if its imports are missing.

    Returns
    -------
    Description or Descriptions
        Of the class; of all scenarios of a file if it has more than one.

    Raises
    ------
    UnknownScenarioError
        If the file cannot be read or has no such scenario.
    InvalidScenarioError
        If a class is given that is no scenario.

    Examples
    --------
    >>> import murmur.scenario as ms
    >>> ms.describe(ms.Scenario)["grace"].default
    2.0
    """
    if isinstance(what, type):
        if not issubclass(what, Scenario):
            raise InvalidScenarioError(what.__qualname__, ["derive the class from murmur.Scenario"])
        return describe_class(what)
    text = str(path_given("what", what, "shop.py:Visitor"))
    location = split_reference(text)
    if location is None:
        reason = "give a class, a .py file or a notebook, or file.py:Class"
        raise UnknownScenarioError(text, reason)
    return _describe_file(text, *location)


def describe_class(cls: type[Scenario]) -> Description:
    """Return the description of a class; none of its code is run."""
    doc = inspect.cleandoc(vars(cls).get("__doc__") or "").partition("\n")[0]
    settings = (_setting(cls, name, trait) for name, trait in settings_of(cls).items())
    return Description(cls.__name__, doc, tuple(settings))


def _describe_file(text: str, path: Path, name: str | None) -> Description | Descriptions:
    try:
        source = Source(statements_of(path.expanduser()), describe_class(Scenario).settings)
    except OSError as error:
        reason = f"the file cannot be read: {error.strerror or error}"
        raise UnknownScenarioError(text, reason) from error
    except (SyntaxError, ValueError) as error:
        raise UnknownScenarioError(text, f"the file cannot be read: {error}") from error
    scenarios = source.scenarios()
    if name is not None:
        if not source.has_class(name):
            raise UnknownScenarioError(text, absence(name, str(path), scenarios))
        return source.describe(name)
    if not scenarios:
        raise UnknownScenarioError(text, "there is no scenario in the file")
    descriptions = Descriptions(source.describe(each) for each in scenarios)
    return descriptions[0] if len(descriptions) == 1 else descriptions


def _setting(cls: type[HasTraits], name: str, trait: Trait) -> Setting:
    limits = limits_of(trait)
    secret = is_secret(trait)
    owner = trait.this_class
    return Setting(
        name=name,
        type=type(trait).__name__,
        default=_default(cls, name, trait),
        help=trait.help,
        live=is_live(trait),
        required=is_required(trait),
        secret=secret,
        limits=None if limits == (None, None) else limits,
        choices=tuple(trait.values or ()) if isinstance(trait, Enum) and not secret else None,
        declared_in=owner.__name__ if owner is not None else cls.__name__,
        local=is_local(trait),
    )


def _default(cls: type[HasTraits], name: str, trait: Trait) -> object:
    if is_required(trait):
        return None
    if is_secret(trait):
        return MASK
    if is_computed(cls, name):
        return SourceText("computed")
    return shown(trait, default_of(trait))
