"""Settings from ``AMOC_*`` environment variables, and from text in general."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from traitlets import Bytes, TraitError, TraitType, Unicode

from murmur._guard import heard, text_of
from murmur.errors import ConfigError, InvalidSettingError, UnknownSettingError, combine

from ._declarations import MASK, PREFIX, Trait, is_secret, settings_of, variable_of
from ._rate import arrivals
from ._scenario import Scenario
from ._verification import Verification


class EnvironmentWarning(UserWarning):
    """An environment variable could not be read, so the default is used.

    Attributes
    ----------
    name, variable : str
        The setting, and the environment variable.
    text, error : str
        What the variable holds, and why that is no value; masked for a secret.
    """

    def __init__(self, name: str, text: str, error: str) -> None:
        self.name = name
        self.variable: str = variable_of(name)
        self.text = text
        self.error = error
        super().__init__(name, text, error)

    def __str__(self) -> str:
        return (
            f"{self.variable}={self.text!r} is not usable ({self.error}); "
            f"setting {self.name!r} keeps its default"
        )


@dataclass(frozen=True, slots=True)
class EnvironmentReading:
    """What the environment says about the settings of a class."""

    # values that could be read, by the name of their setting
    values: dict[str, object] = field(default_factory=dict)
    warnings: tuple[EnvironmentWarning, ...] = ()  # variables that could not
    strays: tuple[Stray, ...] = ()  # variables that no setting has, and one may have been meant


@dataclass(frozen=True, slots=True)
class Stray:
    """A variable that is set, and read by no setting of the scenario."""

    variable: str
    # the variable of a setting that has no value, which may have been meant; empty if it is no
    # setting that was meant, but what a run is started with
    meant: str

    def __str__(self) -> str:
        """Return what to say of it."""
        if not self.meant:
            name = self.variable.upper().removeprefix(PREFIX).lower()
            return (
                f"no setting reads the variable {self.variable}; give {name}= to do(), or "
                f"--{name} to murmur run"
            )
        return (
            f"no setting reads the variable {self.variable}; {self.meant} is not set, and may "
            "have been meant"
        )


def read_environment(
    settings: Mapping[str, Trait],
    # usually `os.environ`.  A variable that is empty counts as not set.
    environment: Mapping[str, str],
    *,
    skip: Collection[str] = (),  # settings whose variables are not looked at
    # turns the text of a variable into a value, in place of the trait; called once for each
    # variable that is set
    parse: Callable[[str], object] | None = None,
) -> EnvironmentReading:
    """Read the variables of all settings."""
    values: dict[str, object] = {}
    warnings: list[EnvironmentWarning] = []
    for name, trait in settings.items():
        text = environment.get(variable_of(name), "")
        if name in skip or not text:
            continue
        # The parser is the user's, and the trait may be.
        value, error = heard(_read, name, trait, text) if parse is None else heard(parse, text)
        if error is None:
            values[name] = value
        else:
            secret = is_secret(trait)
            reason = "the reason would show the secret" if secret else _reason(error)
            warnings.append(EnvironmentWarning(name, MASK if secret else text, reason))
    unset = [variable_of(name) for name in settings if name not in skip]
    return EnvironmentReading(values, tuple(warnings), tuple(_strays(environment, settings, unset)))


def _strays(
    environment: Mapping[str, str], settings: Mapping[str, Trait], wanted: Sequence[str]
) -> Iterator[Stray]:
    """Yield variables whose names were probably misspelt: other scenarios have theirs as well."""
    own = {variable_of(name) for name in settings}
    unset = {each.removeprefix(PREFIX): each for each in wanted if not environment.get(each)}
    for variable in sorted(environment):
        name = variable.upper().removeprefix(PREFIX)
        is_foreign = variable in own or name == variable.upper() or name.startswith(_EXPORTERS)
        if is_foreign or not environment[variable]:
            continue
        if meant := _in_a_mix(name, unset) or get_close_matches(name, unset, cutoff=_ALIKE):
            yield Stray(variable, unset[meant[0]])
        elif name in _OF_THE_RUN:
            yield Stray(variable, "")


def _in_a_mix(name: str, unset: Iterable[str]) -> list[str]:
    """Return what a name is with its scenario before it, or without: a mix has both kinds."""
    bare = name.rpartition("__")[2]
    return [each for each in unset if each.rpartition("__")[2] == bare]


_EXPORTERS = "GRAPHITE_"
"""How the rest begins of variables that belong to exporters."""

_OF_THE_RUN = {"USERS", "DURATION", "SEED"}
"""What looks like a setting to who starts a run, and is none."""

_ALIKE = 0.7
"""Share of letters that a variable and the one that was meant have in common, at least."""


def parse_settings(cls: type[Scenario], texts: Mapping[str, str]) -> dict[str, object]:
    """Return values for settings that were typed as text, as on a command line.

    Text is read as it is from the environment; nothing is evaluated.

    Raises `UnknownSettingError` or `InvalidSettingError` with every problem at once.

    Examples
    --------
    >>> import murmur.scenario
    >>> murmur.scenario.parse_settings(murmur.scenario.Scenario, {"user_rate": "inf"})
    {'user_rate': inf}
    """
    settings = settings_of(cls)
    values: dict[str, object] = {}
    failures: list[tuple[str, object, str]] = []
    for name, text in texts.items():
        trait = settings.get(name)
        if trait is None:
            continue
        value, error = heard(_read, name, trait, text)  # the trait may be the user's
        if error is None:
            values[name] = value
        elif is_secret(trait):
            failures.append((name, MASK, "the text cannot be read"))
        else:
            failures.append((name, text, _reason(error)))
    unknown = [name for name in texts if name not in settings]
    if unknown or failures:  # then what could be read is judged too: nothing waits for a next try
        failures += _refused(cls, values)
    problems: list[ConfigError] = [UnknownSettingError(unknown, settings)] if unknown else []
    if failures:
        problems.append(InvalidSettingError(failures))
    if problems:
        raise combine(problems)
    return values


def _refused(
    cls: type[Scenario], values: Mapping[str, object]
) -> tuple[tuple[str, object, str], ...]:
    trial = Verification(cls)
    for name, value in values.items():
        trial.propose(name, value)
    error = trial.error()
    return () if error is None else error.failures


def _read(name: str, trait: Trait, text: str) -> object:
    value = arrivals(name, text)
    return read_text(trait, text) if value is text else value


def read_text(trait: Trait, text: str) -> object:
    """Return the value that a text stands for.

    The trait reads it; what the trait cannot read may still be a Python literal.  A
    trait that knows no text of its own (`Any`) takes a literal, or the text as it is.
    """
    reader: Callable[[Any, str], object] = type(trait).from_string
    if reader is Unicode.from_string and _is_quoted(text):
        # traitlets would strip the quotes under a deprecation warning, and read no escapes.
        literal = _literal(text, otherwise=text)
        return literal if isinstance(literal, str) else text
    if reader is Bytes.from_string:
        literal = _literal(text, otherwise=None)
        return literal if isinstance(literal, bytes) else text.encode()
    if reader is TraitType.from_string:
        return _literal(text, otherwise=text)
    value, error = heard(reader, trait, text)  # traits raise what they like
    if error is None:
        return value
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise ValueError(_unreadable(trait, error)) from None


def _literal(text: str, *, otherwise: object) -> Any:  # noqa: ANN401 - any literal
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return otherwise


def _is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] and text[0] in {"'", '"'}


def _unreadable(trait: Trait, error: BaseException) -> str:
    """Return what was expected; a trait's own error tells more only if it is a TraitError."""
    if isinstance(error, TraitError) and type(trait).__module__ != "traitlets.traitlets":
        return str(error)
    return f"expected {trait.info()}"


def _reason(error: BaseException) -> str:
    return text_of(error) or type(error).__name__
