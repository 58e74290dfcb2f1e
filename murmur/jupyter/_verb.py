"""Verb of ``%amoc``: one record, read by the parser, the help and the completer.

Knows words and their kinds; what a verb does is its handler's business.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from IPython.core.error import UsageError

from murmur._session import Run, Session
from murmur.errors import closest
from murmur.results.checks import read_duration
from murmur.scenario import Scenario

_PAIR = re.compile(r"(?P<key>[^\W\d]\w*)=(?P<text>.*)", re.DOTALL)

_NOTHING_RAN = "nothing has run yet; start with: %amoc do NAME USERS"


class Kind(Enum):
    """How the text of a parameter is read; the value says what it has to be."""

    WHOLE = "a whole number"
    NUMBER = "a number"
    SECONDS = "seconds, or a time such as 1m30s"
    RATE = "a number, or a rate such as 10/s"
    SWITCH = "nothing"
    SCENARIO = "a scenario"
    THROTTLE = "a throttle"
    CHART = "a chart"
    FRAME = "a frame"
    COORDINATOR = "a coordinator"
    NODES = "nodes"
    TEXT = "text"

    def read(self, name: str, text: str) -> object:
        """Return the value that `text` stands for, or raise `UsageError`."""
        try:
            match self:
                case Kind.WHOLE:
                    return int(text)
                case Kind.NUMBER:
                    return float(text)
                case Kind.SECONDS:
                    return _seconds(text)
                case Kind.RATE:
                    return text if "/" in text else float(text)
        except ValueError as error:
            raise UsageError(f"{name} takes {self.value}, not {text!r}") from error
        return text


def _seconds(text: str) -> float:
    with suppress(ValueError):
        return float(text)  # `inf` too
    return read_duration(text)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One word, option or pair that a verb takes."""

    name: str  # `"USERS"` for a word, `"--seed"` for an option, `"rate"` for `rate=...`
    kind: Kind  # how its text is read, and what Tab offers for it
    summary: str  # what it means, in a few words
    unit: str = "N"  # what stands for the value in the usage: `N`, `SECONDS`
    required: bool = False  # whether the verb makes no sense without it

    @property
    def key(self) -> str:
        """Name of the value in a `Call`."""
        return self.name.removeprefix("--").replace("-", "_").lower()


@dataclass(frozen=True, slots=True)
class Call:
    """A verb's words, read."""

    # what was given for declared parameters, by `Parameter.key`
    values: dict[str, Any] = field(default_factory=dict)
    # other `name=text` pairs, which only the scenario's traits can read
    settings: dict[str, str] = field(default_factory=dict)

    def given(self, *keys: str) -> dict[str, Any]:
        """Return those of `keys` that were given, so that defaults stay the session's."""
        return {key: self.values[key] for key in keys if key in self.values}


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb of the magic."""

    name: str  # the first word of the line
    summary: str  # what it does, one sentence
    # takes the `Context` and the `Call`, makes one call on the session, returns its answer
    handler: Callable[[Context, Call], object]
    words: tuple[Parameter, ...] = ()  # given by position
    pairs: tuple[Parameter, ...] = ()  # given as `name=value`
    options: tuple[Parameter, ...] = ()  # given as `--name value`, anywhere in the line
    # one of "", "any", "live": whether other pairs are settings of the scenario, and which of
    # them
    settings: str = ""
    example: str = ""  # a line that works

    @property
    def usage(self) -> str:
        """The line to type, with what may be left out in brackets."""
        parts = [f"%amoc {self.name}"]
        parts += [word.name if word.required else f"[{word.name}]" for word in self.words]
        parts += [f"[{pair.name}={pair.unit}]" for pair in self.pairs]
        if self.settings:
            parts.append("[setting=value ...]" if self.settings == "any" else "setting=value ...")
        parts += [f"[{_with_unit(option)}]" for option in self.options]
        return " ".join(parts)

    def hint(self, names: Iterable[str]) -> str:
        """Return how to give those of `names` that are not given as ``name=value``."""
        typed = {each.key: _with_unit(each) for each in self.options}
        typed |= {word.key: word.name for word in self.words}
        found = [typed[name] for name in names if name in typed]
        return f"; give {' and '.join(found)}, as in: {self.usage}" if found else ""

    def parameters(self) -> Iterator[tuple[str, str]]:
        """Yield each parameter, as it is typed, with its summary."""
        for word in self.words:
            yield word.name, word.summary
        for pair in self.pairs:
            yield f"{pair.name}={pair.unit}", pair.summary
        if self.settings:
            live = " that may change while it runs" if self.settings == "live" else ""
            yield "setting=value", f"a setting of the scenario{live}; quote values with spaces"
        for option in self.options:
            yield _with_unit(option), option.summary


def parse(verb: Verb, words: Sequence[str]) -> Call:
    """Return what `words`, those after the verb, say.

    Raises
    ------
    UsageError
        In one line: the first word that does not fit, and what would.
    """
    if any(word.startswith("=") for word in words):
        raise UsageError(f"write name=value without spaces around '='; usage: {verb.usage}")
    call = Call()
    expected = iter(verb.words)
    rest = iter(words)
    for word in rest:
        if word.startswith("--"):
            _take_option(verb, call, word, rest)
        elif pair := _PAIR.fullmatch(word):
            _take_pair(verb, call, pair["key"], pair["text"])
        elif parameter := next(expected, None):
            call.values[parameter.key] = parameter.kind.read(parameter.name, word)
        else:
            raise UsageError(
                f"{verb.name} has no use for {word!r}{_meant(verb, word)}; usage: {verb.usage}"
            )
    _check_complete(verb, call)
    return call


def _meant(verb: Verb, word: str) -> str:
    """Return how a word would have to be written that stands where none is expected."""
    option = "--force" if word == "true" else f"--{word}"  # amoc:remove(10, true)
    if option in {each.name for each in verb.options}:
        return f"; did you mean {option}?"
    if verb.settings and word[0] in "[{":  # amoc:do(chat, 10, [{port, 9000}])
        return "; write settings as name=value"
    if verb.pairs and word[0].isdigit():
        return f"; did you mean {verb.pairs[0].name}={word}?"
    if verb.settings and word.isidentifier():
        return f"; did you mean {word}=VALUE?"
    if any(parameter.kind is Kind.TEXT for parameter in verb.words):
        return "; put a text with blanks in quotes"
    return ""


def _take_option(verb: Verb, call: Call, word: str, rest: Iterator[str]) -> None:
    name, equals, text = word.partition("=")
    option = next((option for option in verb.options if option.name == name), None)
    if option is None:
        known = [option.name for option in verb.options] + ["--help"]
        raise UsageError(f"{verb.name} has no option {name}{closest(name, known, 'options')}")
    if option.kind is Kind.SWITCH:
        if equals:
            raise UsageError(f"{name} takes no value")
        call.values[option.key] = True
        return
    value = text if equals else next(rest, None)
    if value is None:
        raise UsageError(f"{name} takes {option.kind.value}: {_with_unit(option)}")
    call.values[option.key] = option.kind.read(name, value)


def _take_pair(verb: Verb, call: Call, key: str, text: str) -> None:
    if key in call.settings or any(key == pair.name and key in call.values for pair in verb.pairs):
        raise UsageError(f"{key} is given twice")
    for pair in verb.pairs:
        if pair.name == key:
            call.values[key] = pair.kind.read(key, text)
            return
    if not verb.settings:
        known = [pair.name for pair in verb.pairs]
        hint = verb.hint([key]) or closest(key, known, "it takes")
        raise UsageError(f"{verb.name} does not take {key}={hint}")
    call.settings[key] = text


def _check_complete(verb: Verb, call: Call) -> None:
    for word in verb.words:
        if word.required and word.key not in call.values:
            raise UsageError(f"{verb.name} needs {word.name} ({word.summary}); usage: {verb.usage}")
    if verb.settings == "live" and not call.settings:
        raise UsageError(f"{verb.name} needs a setting; usage: {verb.usage}")


def _with_unit(option: Parameter) -> str:
    return option.name if option.kind is Kind.SWITCH else f"{option.name} {option.unit}"


@dataclass(frozen=True, slots=True)
class Context:
    """The session, looked up when a verb needs it, and the notebook's namespace."""

    # returns the session to steer; may make the notebook's default one
    find_session: Callable[[], Session]
    namespace: Mapping[str, object]  # the variables that a line may name
    # takes the session that later lines steer; None is the one that was steered first
    steer: Callable[[Session | None], None] = lambda session: None

    @property
    def session(self) -> Session:
        """The session to steer."""
        return self.find_session()

    @property
    def run(self) -> Run:
        """The latest run of the session, or a `UsageError` that says how to start one."""
        run = self.session.run
        if run is None:
            raise UsageError(_NOTHING_RAN)
        return run

    @property
    def scenario(self) -> type[Scenario]:
        """The scenario of the latest run, or a `UsageError` that says how to start one."""
        scenario = self.session.scenario
        if scenario is None:
            raise UsageError(_NOTHING_RAN)
        return scenario
