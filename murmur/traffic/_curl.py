"""Lines of curl, as browsers copy them and documentation shows them."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote

from murmur.errors import MurmurError

from ._flow import Entry, Flow

_LINES = re.compile(r"\\\r?\n")
DATA = {"-d", "--data", "--data-raw", "--data-ascii", "--data-binary", "--data-urlencode", "--json"}
FIELDS = {"-A": "User-Agent", "--user-agent": "User-Agent", "-e": "Referer", "--referer": "Referer"}
WITH_VALUE = DATA | set(FIELDS) | {
    "-X", "--request", "-H", "--header", "-u", "--user", "--url", "-b", "--cookie", "-F", "--form",
    "-o", "--output", "-m", "--max-time", "--connect-timeout", "-w", "--write-out", "-c",
    "--cookie-jar", "-x", "--proxy", "--cacert", "--cert", "--key", "--resolve", "--retry", "-T",
    "--upload-file",
}  # fmt: skip
UNREAD = {"-F", "--form", "-T", "--upload-file"}


@dataclass(slots=True)
class _Line:
    """What one line of curl says."""

    url: str = ""
    method: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)


def looks_like_curl(text: str) -> bool:
    """Return whether a text begins with a command of curl."""
    return re.match(r"\s*(?:#.*\n\s*|\$\s*)*curl\s", text) is not None


def read_curl(text: str, source: str) -> Flow:
    """Return the requests that lines of curl make.

    Raises `MurmurError` if a line cannot be read.
    """
    flow = Flow(source)
    for line in _LINES.sub(" ", text).splitlines():
        try:
            words = shlex.split(line.strip().removeprefix("$"), comments=True)
        except ValueError as error:
            raise MurmurError(f"{source}: {line.strip()[:60]!r}: {error}") from error
        for command in _commands(words):
            flow.entries.append(_entry(_read(command, flow), source))
    return flow


def _commands(words: list[str]) -> Iterator[list[str]]:
    """Yield what stands behind each ``curl``."""
    command: list[str] | None = None
    for word in [*words, ";"]:
        if word in {";", "&&", "||", "|", "&"}:
            if command is not None:
                yield command
            command = None
        elif command is not None:
            command.append(word)
        elif word == "curl":
            command = []


def _read(words: list[str], flow: Flow) -> _Line:
    said, rest = _Line(), iter(words)
    for word in rest:
        option, value = word, ""
        if re.match(r"-[A-Za-z].", word) and word[:2] in WITH_VALUE:
            option, value = word[:2], word[2:]
        elif word.startswith("--") and "=" in word:
            option, _, value = word.partition("=")
        elif word in WITH_VALUE:
            value = next(rest, "")
        if not word.startswith("-"):
            said.url = word
        elif option in UNREAD:
            flow.notes.append(f"{option} {value}: give files={{...}} or data=... to the request")
        else:
            _note(said, option, value)
    return said


def _note(said: _Line, option: str, value: str) -> None:
    if option in DATA:
        said.data.append(_quoted(value) if option == "--data-urlencode" else value)
        if option == "--json":
            said.headers += [("Content-Type", "application/json"), ("Accept", "application/json")]
    elif option in {"-X", "--request"}:
        said.method = value
    elif option == "--url":
        said.url = value
    elif option in FIELDS:
        said.headers.append((FIELDS[option], value))
    elif option in WITH_VALUE:
        said.headers += _fields(option, value)
    else:
        said.flags |= {option} if option.startswith("--") else {f"-{each}" for each in option[1:]}


def _quoted(value: str) -> str:
    name, equals, rest = value.partition("=")
    return f"{name}={quote(rest, safe='')}" if equals else quote(value, safe="")


def _fields(option: str, value: str) -> Iterator[tuple[str, str]]:
    if option in {"-H", "--header"}:
        name, _, text = value.partition(":")
        yield name.strip(), text.strip()
    elif option in {"-u", "--user"}:
        yield "Authorization", f"Basic {base64.b64encode(value.encode()).decode('ascii')}"
    elif option in {"-b", "--cookie"}:
        yield "Cookie", value


def _entry(said: _Line, source: str) -> Entry:
    if not said.url:
        raise MurmurError(f"{source}: a line of curl has no URL")
    url = said.url if "://" in said.url else f"http://{said.url}"
    body, method = "&".join(said.data), said.method.upper()
    if said.flags & {"-G", "--get"}:
        url, body = f"{url}{'&' if '?' in url else '?'}{body}", ""
    if said.flags & {"-I", "--head"}:
        method = method or "HEAD"
    entry = Entry(method or ("POST" if said.data and body else "GET"), url, said.headers, body)
    kind = entry.header("content-type")
    if body and (not kind or "x-www-form-urlencoded" in kind):
        pairs = parse_qsl(body, keep_blank_values=True)
        entry.form = pairs or None
        if not kind:
            entry.headers.append(("Content-Type", "application/x-www-form-urlencoded"))
    return entry
