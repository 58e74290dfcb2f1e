"""Scenario of recorded traffic, as source that a person reads and changes."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from murmur.errors import MurmurError
from murmur.scenario import read_file

from ._curl import looks_like_curl, read_curl
from ._flow import Flow
from ._har import is_static, read_har
from ._openapi import read_openapi
from ._source import Writer

LARGEST = 512
"""Megabytes of a recording with what the server answered."""

STATIC = ("leave", "group")


@dataclass(frozen=True, slots=True)
class Written:
    """A scenario that was written from recorded traffic."""

    source: str  # Python, ready to run
    name: str
    # what was left out or changed, and should be looked at
    notes: tuple[str, ...] = field(default=())


def scenario_from(
    # a HAR file, an OpenAPI document in JSON or YAML, or a text with lines of curl
    file: str | Path,
    *,
    name: str | None = None,  # of the scenario's class; by default after the file
    # `"leave"` leaves styles, scripts, pictures and fonts out, `"group"` fetches those of a page
    # side by side, under one name
    static: str = "leave",
    # hosts whose requests are kept; by default that of the first request, and those of the same
    # domain
    hosts: tuple[str, ...] = (),
) -> Written:
    """Return a scenario that makes the requests that a file records.

    Requests come in their order, with the times between them.  Cookies are left to the
    client, values that come from one answer and go into a later request are taken from
    there, and passwords, keys and tokens become settings.

    Raises `MurmurError` if the file cannot be read, or holds nothing to do.

    Examples
    --------
    >>> from murmur.traffic import scenario_from
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     lines = pathlib.Path(folder, "shop.txt")
    ...     _ = lines.write_text("curl http://127.0.0.1:8000/items/7")
    ...     written = scenario_from(lines)
    >>> written.name, 'await http.get("/items/7")' in written.source
    ('Shop', True)
    """
    if static not in STATIC:
        raise MurmurError(f"static={static!r}: give one of {', '.join(STATIC)}")
    path = Path(file)
    flow = _read(path)
    _keep_hosts(flow, hosts)
    if static == "leave":
        kept = [entry for entry in flow.entries if not is_static(entry)]
        if len(kept) < len(flow.entries):
            count = len(flow.entries) - len(kept)
            flow.notes.append(f"left out: {count} styles, scripts, pictures and fonts")
        flow.entries = kept
    if not flow.entries:
        raise MurmurError(f"{flow.source}: no requests that a user would make")
    title = name or _class_name(path.stem)
    if not title.isidentifier():
        raise MurmurError(f"name={title!r}: give a name that a class can have")
    writer = Writer(flow, title)
    return Written(writer.text(), title, (*flow.notes, *writer.notes))


def _read(path: Path) -> Flow:
    try:
        text = read_file(path, is_regular=False, megabytes=LARGEST).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        is_text = not isinstance(error, UnicodeDecodeError)
        reason = (getattr(error, "strerror", None) or str(error)) if is_text else "no text"
        raise MurmurError(f"{path.name}: {reason.lower()}") from error
    if looks_like_curl(text):
        return read_curl(text, path.name)
    document = _document(text, path.name)
    if "log" in document:
        return read_har(document, path.name)
    if "openapi" in document or "swagger" in document:
        return read_openapi(document, path.name)
    raise MurmurError(
        f"{path.name}: no HAR file, no OpenAPI document, and no lines of curl; "
        "an access log is read by murmur.AccessLog"
    )


def _document(text: str, name: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        if text.lstrip().startswith("{"):
            raise MurmurError(f"{name}: no JSON: {error}") from error
        found = _yaml(text, name)
    return found if isinstance(found, Mapping) else {}


def _yaml(text: str, name: str) -> object:
    try:
        import yaml  # type: ignore[import-untyped]  # it has no types, nor is it ours
    except ImportError as error:
        raise MurmurError(f"{name}: to read YAML, pip install pyyaml; or give JSON") from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise MurmurError(f"{name}: neither JSON nor YAML") from error


def _keep_hosts(flow: Flow, hosts: tuple[str, ...]) -> None:
    """Leave out what goes to hosts of others, such as those that count visitors."""
    if not flow.entries:
        return
    first = flow.entries[0].host
    wanted = {each.lower() for each in hosts}
    left: Counter[str] = Counter()
    kept = []
    for entry in flow.entries:
        bare = entry.host.partition(":")[0]
        if {entry.host, bare} & wanted if wanted else _are_related(entry.host, first):
            kept.append(entry)
        else:
            left[entry.host] += 1
    flow.entries = kept
    flow.notes += [f"left out: {count} to {host}" for host, count in left.items()]


def _are_related(host: str, first: str) -> bool:
    if host == first:
        return True
    one, other = (each.partition(":")[0] for each in (host, first))
    if re.fullmatch(r"[\d.]+|localhost", other):
        return one == other
    return one.split(".")[-2:] == other.split(".")[-2:]


def _class_name(stem: str) -> str:
    words = re.findall(r"[A-Za-z0-9]+", stem)
    name = "".join(word[:1].upper() + word[1:] for word in words) or "Recorded"
    return name if name.isidentifier() else f"Recorded{name}"
