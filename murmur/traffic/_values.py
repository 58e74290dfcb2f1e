"""Values that come from one answer and go into a later request, and those nobody should read."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import unquote

from murmur.scenario import Scenario

from ._flow import Entry

Path: TypeAlias = tuple[str | int, ...]
"""Keys and places that lead to a value in JSON."""

_KEY = re.compile(
    r"(?i)(^|[_-])(id|uuid|guid|key|token|code|csrf|xsrf|nonce|number|ref|sku|hash|session|state|"
    r"href)s?$|[a-z](Id|ID|Key|Token|Code|Number)$"
)
_SECRET = re.compile(
    r"(?i)^(.*[_-])?(pass(wd|word|code|phrase)?|secret|api[_-]?key|(access|refresh|id)?[_-]?token|"
    r"client[_-]?secret|authorization|pin|otp)$|Password$|Secret$|ApiKey$"
)
_LOGIN = re.compile(r"(?i)^(user|user_?name|e-?mail|login|account)$")
_SCHEME = re.compile(r"(Bearer|Basic|Token|Digest|ApiKey) +(.+)", re.IGNORECASE)
_RESERVED = {
    "answer", "check", "data", "expect", "files", "form", "headers", "http", "json", "leaving",
    "method", "name", "params", "self", "stream", "timeout", "url", "user", "re", "anyio", "murmur",
}  # fmt: skip
_SPECIAL, _ESCAPED = re.compile(r"([\\.^$*+?{}\[\]|()-])"), r"\\\1"

BEFORE = 40
"""Characters before a value in a page by which it is found again."""


@dataclass(frozen=True, slots=True)
class Found:
    """A value that an answer gave, the variable it goes to, and how it is read."""

    name: str
    entry: int
    code: str
    kind: type


@dataclass(frozen=True, slots=True)
class Setting:
    """A value that is no part of a scenario: who runs it gives it."""

    name: str
    default: str
    help: str
    is_secret: bool


def is_reserved(name: str) -> bool:
    """Return whether a request takes a keyword of that name."""
    return name in _RESERVED


class Names:
    """Names that are still free, for variables and settings."""

    def __init__(self) -> None:
        self._taken: set[str] = set(_RESERVED)

    def free(self, text: str) -> str:
        """Return an identifier that resembles `text`, and that nothing has yet."""
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
        name = re.sub(r"\W+", "_", snake, flags=re.ASCII).strip("_").lower() or "value"
        if name[0].isdigit() or keyword.iskeyword(name):
            name = f"n_{name}" if name[0].isdigit() else f"{name}_"
        number, made = 1, name
        while made in self._taken or hasattr(Scenario, made):
            number += 1
            made = f"{name}_{number}"
        self._taken.add(made)
        return made


def consumed(entry: Entry) -> Iterator[tuple[str, object]]:
    """Yield names and values that a request carries, of whatever part."""
    before = "path"
    for segment in entry.path.split("/"):
        if segment:
            yield before, unquote(segment)
        before = segment or before
    yield from entry.query
    yield from entry.form or ()
    for path, value in _leaves(entry.sent_json):
        yield next((part for part in reversed(path) if isinstance(part, str)), ""), value
    for name, text in entry.headers:
        if name.lower() == "authorization" or name.lower().startswith("x-"):
            yield name, split_scheme(text)[1]


def split_scheme(text: str) -> tuple[str, str]:
    """Return what stands before the secret of an ``Authorization`` field, and the secret."""
    said = _SCHEME.fullmatch(text)
    return (f"{said[1]} ", said[2]) if said else ("", text)


def extracted(entries: list[Entry], names: Names) -> dict[str, Found]:
    """Return the values that come from an answer, by their texts.

    A value that a request held before any answer had it is the user's own.
    """
    found: dict[str, Found] = {}
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        for key, value in consumed(entry):
            text = str(value)
            if isinstance(value, bool) or text in seen:
                continue
            seen.add(text)
            source = _source(entries[:number], key, text) if _may_be_found(key, text) else None
            if source is not None:
                place, name, code, kind = source
                found[text] = Found(names.free(name), place, code, kind)
    return found


def secrets(entries: list[Entry], found: dict[str, Found], names: Names) -> dict[str, Setting]:
    """Return the settings that take the place of passwords, keys and logins, by their values."""
    settings: dict[str, Setting] = {}
    for entry in entries:
        pairs = [(key, str(value)) for key, value in consumed(entry) if isinstance(value, str)]
        hidden = [(key, value) for key, value in pairs if _SECRET.search(key.removeprefix("X-"))]
        for key, value in hidden:
            if value and value not in found and value not in settings:
                text = f"{key} of {entry.method} {entry.path}"
                settings[value] = Setting(names.free(key.removeprefix("X-")), "", text, True)
        for key, value in pairs if hidden else ():
            if _LOGIN.match(key) and value and value not in found and value not in settings:
                text = f"{key} of {entry.method} {entry.path}"
                name = "user_name" if key.lower() == "user" else key
                settings[value] = Setting(names.free(name), value, text, False)
    return settings


def _may_be_found(key: str, text: str) -> bool:
    """Whether a value can be one that a server made up: not `1`, `true` or a word."""
    if len(text) < 2 and not text.isdigit():
        return False
    has_digit = any(each.isdigit() for each in text)
    is_long = len(text) >= 20 or (len(text) >= 6 and has_digit)
    return text.isdigit() or is_long or any(each.search(key) for each in (_KEY, _SECRET))


def _source(entries: list[Entry], key: str, text: str) -> tuple[int, str, str, type] | None:
    """Return place, name, expression and type of the first answer that has a value."""
    for number, entry in enumerate(entries):
        for path, value in _leaves(entry.answer_json):
            last = next((part for part in reversed(path) if isinstance(part, str)), "")
            if str(value) == text and (len(text) >= 8 or _KEY.search(last)):
                steps = "".join(f"[{json.dumps(part)}]" for part in path)
                return number, _named(path, last, entry), f"answer.json(){steps}", type(value)
        source = _in_fields(entry, text) or _in_page(entry, text, key)
        if source is not None:
            return number, *source, str
    return None


def _named(path: Path, last: str, entry: Entry) -> str:
    """Return a name for the value at `path`: an id says of what."""
    if last.lower() not in {"id", "uuid", "key", "code", "number", "href"}:
        return last or "value"
    words = [part for part in path[:-1] if isinstance(part, str)]
    parts = [part for part in entry.path.split("/") if part and not any(c.isdigit() for c in part)]
    of = (words or parts or ["item"])[-1]
    return f"{of.removesuffix('s')}_{last}"


def _in_fields(entry: Entry, text: str) -> tuple[str, str] | None:
    for name, value in entry.fields:
        title = name.lower()
        if title == "set-cookie":
            cookie, _, held = value.partition(";")[0].partition("=")
            if len(text) >= 6 and text in {held, unquote(held)}:
                read = f'http.cookies.get("{cookie}", "")'
                return cookie, f"unquote({read})" if held != text else read
        elif value == text and len(text) >= 6:
            return title, f'answer.headers["{title}"]'
        elif title == "location" and value.rstrip("/").rpartition("/")[2] == text:
            code = f'answer.headers["{title}"].rstrip("/").rpartition("/")[2]'
            return f"{entry.path.strip('/').rpartition('/')[2].removesuffix('s')}_id", code
    return None


def _in_page(entry: Entry, text: str, key: str) -> tuple[str, str] | None:
    """Return how a value is found in a page: by what stands before it."""
    place = entry.content.find(text) if len(text) >= 6 and "json" not in entry.kind else -1
    if place < 0 or entry.kind.startswith(("image/", "text/css")):
        return None
    after = entry.content[place + len(text) : place + len(text) + 1] or " "
    line = entry.content[:place].rpartition("\n")[2]
    for before in (line[line.rfind("<") :][-BEFORE:], line[-3 * BEFORE :]):
        if before.strip() and entry.content.find(before) + len(before) == place:
            pattern = f"{_SPECIAL.sub(_ESCAPED, before)}([^{_SPECIAL.sub(_ESCAPED, after)}]+)"
            shown = repr(pattern) if "'" in pattern or '"' not in pattern else f"r'{pattern}'"
            return key.strip("_") or "value", f"re.search({shown}, answer.text)[1]"
    return None


def _leaves(value: object, path: Path = ()) -> Iterator[tuple[Path, str | int]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _leaves(each, (*path, name))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _leaves(each, (*path, number))
    elif isinstance(value, (str, int)) and not isinstance(value, bool):
        yield path, value
