"""Source of a scenario, line by line, from requests and the values between them."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote

from ._flow import Entry, Flow
from ._har import is_static
from ._values import Found, Names, Setting, extracted, is_reserved, secrets, split_scheme

WIDTH = 96
PAUSE = 0.3
"""Seconds between requests below which nobody thinks."""

OURS = {
    "accept-encoding", "connection", "content-length", "cookie", "dnt", "host", "if-match",
    "if-modified-since", "if-none-match", "keep-alive", "pragma", "priority", "proxy-connection",
    "referer", "te", "transfer-encoding", "upgrade-insecure-requests",
}  # fmt: skip
"""Fields that the client sets itself, or that say what a browser had kept."""

VERBS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class Writer:
    """Writes one flow."""

    def __init__(self, flow: Flow, name: str) -> None:
        self.notes: list[str] = []  # what a person should look at
        self._flow, self._name, self._names = flow, name, Names()
        entries = flow.entries
        self._base = entries[0].origin
        self._others = {
            origin: self._names.free(f"{entry.host.partition(':')[0]}_url")
            for entry in entries
            if (origin := entry.origin) != self._base
        }
        self._found = extracted(entries, self._names)
        self._settings = secrets(entries, self._found, self._names)
        self._common = _common(entries, set(self._settings) | set(self._found))
        self._note_all()

    def text(self) -> str:
        """Return the module."""
        body = list(self._steps())
        files = self._files() if any("self.fetch_files(" in line for line in body) else []
        whole = "\n".join([*self._class(), *body, *files])
        imports = ["import anyio"] if files else []
        imports += ["import re"] if "re.search(" in whole else []
        imports += ["from urllib.parse import unquote"] if "unquote(" in whole else []
        count = len(self._flow.entries)
        head = [
            f'"""{count} request{"s"[: count > 1]}, written by murmur from {self._flow.source}."""',
            "",
            *imports,
            *([""] if imports else []),
            "import murmur",
            "from murmur.http import Options",
            "from traitlets import Float, Unicode",
            "",
            "",
            "",
        ]
        return "\n".join(head) + whole + "\n"

    def _class(self) -> Iterator[str]:
        yield f"class {self._name}(murmur.Scenario):"
        yield f'    """Users do what {self._flow.source} says."""'
        yield ""
        yield f'    base_url = Unicode({_text(self._base)}, help="server to test")'
        for origin, name in self._others.items():
            yield f'    {name} = Unicode({_text(origin)}, help="another server")'
        yield '    think = Float(1.0, min=0, help="share of the recorded pauses").tag(live=True)'
        for each in self._settings.values():
            tag = ".tag(secret=True)" if each.is_secret else ""
            yield f"    {each.name} = Unicode({_text(each.default)}, help={_text(each.help)}){tag}"
        yield ""
        yield "    async def init(self):"
        yield "        self.http = Options("
        yield "            base_url=self.base_url,"
        if self._common:
            yield f"            headers={self._literal(dict(self._common), 12)},"
        yield "        )"
        yield ""
        yield "    async def start(self, user):"
        yield "        http = user.http"

    def _steps(self) -> Iterator[str]:
        ended_at = self._flow.entries[0].began_at
        files: list[str] = []
        for number, entry in enumerate(self._flow.entries):
            if is_static(entry) and entry.origin == self._base:
                files.append(_literal_path(entry))
                ended_at = max(ended_at, entry.ended_at)
                continue
            yield from _files_line(files)
            files = []
            pause = entry.began_at - ended_at
            if pause >= PAUSE:
                yield f"        await user.sleep({pause:.1f} * self.think)"
            ended_at = max(ended_at, entry.ended_at)
            yield from self._step(number, entry)
        yield from _files_line(files)

    def _step(self, number: int, entry: Entry) -> Iterator[str]:
        wanted = [each for each in self._found.values() if each.entry == number]
        call = self._call(entry)
        if not wanted:
            yield f"        await {call}"
            return
        yield f"        async with {call} as answer:"
        yield "            answer.raise_for_failure()"
        for each in wanted:
            yield f"            {each.name} = {each.code}"

    def _call(self, entry: Entry) -> str:
        path, values = self._path(entry)
        verb = entry.method.lower() if entry.method in VERBS else "request"
        arguments = [path] if verb != "request" else [_text(entry.method), path]
        arguments += [f"{name}={value}" for name, value in values.items()]
        operation = entry.sent_json
        if isinstance(operation, dict) and isinstance(operation.get("operationName"), str):
            label = f"{entry.method} {entry.path} {operation['operationName']}"
            arguments.append(f"name={_text(label)}")
        if entry.query:
            arguments.append(f"params={self._pairs(entry.query)}")
        arguments += self._body(entry)
        headers = self._headers(entry)
        if headers:
            arguments.append(f"headers={self._literal(headers, 16)}")
        if entry.status >= 400:
            arguments.append(f"expect={entry.status}")
        line = f"http.{verb}({', '.join(arguments)})"
        if len(line) + 24 <= WIDTH and "\n" not in line:
            return line
        inner = "".join(f"            {each},\n" for each in arguments)
        return f"http.{verb}(\n{inner}        )"

    def _path(self, entry: Entry) -> tuple[str, dict[str, str]]:
        """Return the path as code, and the values of its placeholders."""
        values, segments = {}, []
        for segment in entry.path.split("/"):
            given = re.fullmatch(r"\{(.+)\}", segment)
            found = self._found.get(unquote(segment)) if segment else None
            if given and given[1] in entry.values:
                name = re.sub(r"\W", "_", given[1])
                name = f"{name}_" if keyword.iskeyword(name) or is_reserved(name) else name
                values[name] = repr(entry.values[given[1]])
                segments.append(f"{{{name}}}")
            elif found is not None:
                values[found.name] = found.name
                segments.append(f"{{{found.name}}}")
            else:
                segments.append(segment.replace("{", "%7B").replace("}", "%7D"))
        code = _text("/".join(segments))
        other = self._others.get(entry.origin)
        return (f"self.{other} + {code}" if other else code), values

    def _body(self, entry: Entry) -> list[str]:
        if entry.form is not None:
            return [f"form={self._pairs(entry.form)}"]
        if entry.sent_json is not None:
            return [f"json={self._literal(entry.sent_json, 12)}"]
        return [f"data={entry.body!r}"] if entry.body else []

    def _headers(self, entry: Entry) -> dict[str, str]:
        is_written = entry.form is not None or entry.sent_json is not None
        return {
            name: value
            for name, value in entry.headers
            if _is_kept(name)
            and (name, value) not in self._common
            and not (is_written and name.lower() == "content-type")
        }

    def _pairs(self, pairs: list[tuple[str, str]]) -> str:
        names = [name for name, _ in pairs]
        if len(set(names)) == len(names):
            return self._literal(dict(pairs), 12)
        return "[" + ", ".join(f"({_text(k)}, {self._value(v)})" for k, v in pairs) + "]"

    def _literal(self, value: Any, indent: int) -> str:  # noqa: ANN401 - any JSON
        """Return JSON as code, with variables and settings where their values were."""
        if isinstance(value, dict):
            parts = [f"{_text(k)}: {self._literal(v, indent + 4)}" for k, v in value.items()]
            return _bracketed("{", parts, "}", indent)
        if isinstance(value, list):
            parts = [self._literal(each, indent + 4) for each in value]
            return _bracketed("[", parts, "]", indent)
        return self._value(value)

    def _value(self, value: object) -> str:
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            return repr(value)
        scheme, bare = split_scheme(value) if isinstance(value, str) else ("", str(value))
        known: Found | Setting | None = self._found.get(bare) or self._settings.get(bare)
        if known is None:
            return _text(value) if isinstance(value, str) else repr(value)
        code = f"self.{known.name}" if isinstance(known, Setting) else known.name
        if scheme:
            return f'f"{scheme}{{{code}}}"'
        if isinstance(known, Found) and known.kind is not type(value):
            return f"{type(value).__name__}({code})"
        return code

    def _files(self) -> list[str]:
        return [
            "",
            "    async def fetch_files(self, user, *paths):",
            '        """Fetch the files of a page, side by side as browsers do."""',
            "",
            "        async def fetch(path):",
            '            await user.http.get(path, name="files")',
            "",
            "        async with anyio.create_task_group() as group:",
            "            for path in paths:",
            "                group.start_soon(fetch, path)",
        ]

    def _note_all(self) -> None:
        secret = [each.name for each in self._settings.values() if each.is_secret]
        if secret:
            self.notes.append(f"to be set before it runs: {', '.join(secret)}")
        for each in self._found.values():
            entry = self._flow.entries[each.entry]
            self.notes.append(f"{each.name} comes from the answer to {entry.method} {entry.path}")
        first = self._flow.entries[0].header("cookie")
        if first:
            held = ", ".join(part.partition("=")[0].strip() for part in first.split(";"))
            self.notes.append(f"cookies from before the recording are left out: {held}")


def _common(entries: list[Entry], dynamic: set[str]) -> tuple[tuple[str, str], ...]:
    """Return the fields that all requests share."""
    shared = None
    for entry in entries:
        own = {
            (name, value)
            for name, value in entry.headers
            if _is_kept(name)
            and name.lower() != "content-type"
            and split_scheme(value)[1] not in dynamic
        }
        shared = own if shared is None else shared & own
    return tuple(sorted(shared or ()))


def _is_kept(name: str) -> bool:
    return name.lower() not in OURS and not name.lower().startswith(("sec-", ":"))


def _literal_path(entry: Entry) -> str:
    whole = entry.url[len(entry.origin) :] or "/"
    return _text(whole.replace("{", "%7B").replace("}", "%7D"))


def _files_line(files: list[str]) -> Iterator[str]:
    if files:
        yield "        await self.fetch_files(user, " + ", ".join(files) + ")"


def _text(value: str) -> str:
    """Return text as code, in double quotes."""
    shown = repr(value)
    if shown.startswith("'") and '"' not in value:
        return f'"{shown[1:-1]}"'.replace("\\'", "'")
    return shown


def _bracketed(opening: str, parts: Iterable[str], closing: str, indent: int) -> str:
    listed = list(parts)
    line = f"{opening}{', '.join(listed)}{closing}"
    if len(line) + indent <= WIDTH - 12 and "\n" not in line:
        return line
    inner = "".join(f"{' ' * (indent + 4)}{each},\n" for each in listed)
    return f"{opening}\n{inner}{' ' * indent}{closing}"
