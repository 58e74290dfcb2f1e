"""The code that clicks stand for: copied into a cell and run, it does the same again."""

from __future__ import annotations

import re
from collections.abc import Mapping

from murmur.scenario import Scenario, is_from_file, settings_of

_LINES = 200


class CodeLog:
    """The calls that the panels of a session made, in their order."""

    def __init__(
        self,
        opening: str,  # the line that names the session
    ) -> None:
        self._lines: list[str] = [opening]
        self._dropped = 0

    def add(self, line: str) -> None:
        """Note a call that was made; beyond 200, the oldest are left out."""
        self._lines.append(line)
        if len(self._lines) > _LINES + 1:
            self._dropped += 1
            del self._lines[1]

    @property
    def text(self) -> str:
        """The lines, with what they import."""
        opening, *calls = self._lines
        imports = ["import murmur"]
        if any("getpass(" in line for line in calls):
            imports.insert(0, "from getpass import getpass")
        if any(re.search(r"\binf\b", line) for line in calls):
            imports.insert(0, "from math import inf")
        note = [f"# {self._dropped} earlier calls are left out"] if self._dropped else []
        return "\n".join([*imports, "", opening, *note, *calls])


def call(target: str, *arguments: object, **keywords: object) -> str:
    """Return the call as one would type it.

    Examples
    --------
    >>> call("session.remove", 20, force=True)
    'session.remove(20, force=True)'
    """
    words = [literal(argument) for argument in arguments]
    words += [f"{name}={literal(value)}" for name, value in keywords.items()]
    return f"{target}({', '.join(words)})"


def start(scenario: type[Scenario], name: str, users: int, settings: Mapping[str, object]) -> str:
    """Return the call that starts a run; a secret is asked for, not written down."""
    keywords = _keywords(scenario, settings)
    return f"run = session.do({_reference(scenario, name)}, {users}{keywords})"


def update(scenario: type[Scenario], settings: Mapping[str, object]) -> str:
    """Return the call that changes settings; a secret is asked for, not written down."""
    return f"session.update({_keywords(scenario, settings).removeprefix(', ')})"


def _keywords(scenario: type[Scenario], settings: Mapping[str, object]) -> str:
    traits = settings_of(scenario)
    return "".join(
        f", {name}=getpass({name!r})"
        if name in traits and traits[name].metadata.get("secret")
        else f", {name}={literal(value)}"
        for name, value in settings.items()
    )


def _reference(scenario: type[Scenario], name: str) -> str:
    """Return how the class is named where the notebook has no variable for it."""
    if name or is_from_file(scenario):
        return name or scenario.__name__
    return repr(f"{scenario.__module__}:{scenario.__qualname__}")


def literal(value: object) -> str:
    """Return a value as one would type it."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value)
