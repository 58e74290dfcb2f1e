"""A run as a TOML file: the same words as the options of ``murmur run``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from murmur.errors import ConfigError, closest
from murmur.scenario import read_file as read_text_file

_PATHS = ("out", "report", "junit")


_TEXT, _WHOLE, _QUANTITY = (str,), (int,), (str, int, float)
_KINDS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "scenario": (_TEXT, "text"),
    "users": (_WHOLE, "a whole number"),
    "rate": (_TEXT, 'text with a unit, such as "600/min"'),
    "ramp": (_QUANTITY, 'seconds, or text such as "30s"'),
    "duration": (_QUANTITY, 'seconds, or text such as "1m"'),
    "stage": ((list,), 'a list of text, such as ["30s:100", "1m:100"]'),
    "check": ((list,), "a list of text"),
    "abort_on": ((list,), "a list of text"),
    "strict": ((bool,), "true or false"),
    "seed": (_WHOLE, "a whole number"),
    "nodes": (_WHOLE, "a whole number"),
    "allow": ((list,), "a list of text"),
    "callback_timeout": (_QUANTITY, 'seconds, or text such as "30s"'),
    "out": (_TEXT, "text"),
    "report": (_TEXT, "text"),
    "junit": (_TEXT, "text"),
    "settings": ((dict,), "a table, [settings]"),
}

KEYS = tuple(_KINDS)
"""What a file may hold."""


def read_file(path: str | Path) -> dict[str, Any]:
    """Return what a file says, by the names of the options.

    Paths in it are relative to the file.

    Raises `ConfigError` if it cannot be read, or holds what it should not; with every problem.
    """
    file = Path(path)
    try:
        found = tomllib.loads(read_text_file(file, is_regular=False).decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError([f"{file} cannot be read: {error.strerror or error}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{file} is no TOML file: {error}"]) from error
    except RecursionError as error:
        raise ConfigError([f"{file} is nested too deeply"]) from error
    except ValueError as error:  # it is too large, or a number in it has thousands of digits
        reason = "a number in it is too long" if "digits" in str(error) else error
        raise ConfigError([f"{file} cannot be read: {reason}"]) from error
    problems = _problems(file, found)
    if problems:
        raise ConfigError(problems)
    return {key: _from(file, key, value) for key, value in found.items()}


def _from(file: Path, key: str, value: Any) -> Any:  # noqa: ANN401 - as its key demands
    """Return a value as the option takes it; paths lead from where the file is."""
    if key in {"ramp", "duration", "callback_timeout"}:
        return str(value)
    is_path = key in _PATHS or (key == "scenario" and value.partition(":")[0].endswith(".py"))
    return str(file.parent / value) if is_path else value


def _problems(file: Path, found: Mapping[str, object]) -> list[str]:
    problems = []
    for key, value in found.items():
        if key not in _KINDS:
            problems.append(f"{file}: no key {key!r}{closest(key, KEYS, 'keys')}")
        elif not _is_one(value, _KINDS[key][0]):
            problems.append(f"{file}: {key} has to be {_KINDS[key][1]}, not {value!r}")
    return problems


def _is_one(value: object, kinds: tuple[type, ...]) -> bool:
    """Whether a value is of one of these kinds: a truth is no number, and a list is of text."""
    if isinstance(value, bool):
        return bool in kinds
    is_text = not isinstance(value, list) or all(isinstance(each, str) for each in value)
    return isinstance(value, kinds) and is_text
