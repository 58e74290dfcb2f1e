"""HAR, as browsers and proxies write it: which of its entries a user would make again."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

from murmur.errors import MurmurError

from ._flow import Entry, Flow, Pairs

STATIC = {
    ".avif", ".bmp", ".css", ".gif", ".ico", ".jpeg", ".jpg", ".js", ".map", ".mjs", ".mp4",
    ".otf", ".png", ".svg", ".ttf", ".webm", ".webp", ".woff", ".woff2",
}  # fmt: skip
STATIC_KINDS = ("audio/", "font/", "image/", "text/css", "video/")
SCRIPT = "javascript"


def read_har(har: Mapping[str, Any], source: str) -> Flow:
    """Return the requests of a HAR file that a user makes; `is_static` tells files apart.

    Raises `MurmurError` if it is no HAR file.
    """
    log = har.get("log")
    entries = log.get("entries") if isinstance(log, Mapping) else None
    if not isinstance(entries, list):
        raise MurmurError(f"{source}: no HAR file: it has no log.entries")
    flow, left = Flow(source), Counter[str]()
    began_at = min((_moment(each) for each in entries), default=0.0)
    for raw in sorted(entries, key=_moment):
        try:
            entry = _entry(raw, began_at)
        except (AttributeError, KeyError, TypeError, ValueError):
            left["entries that cannot be read"] += 1
            continue
        why = _left_out(entry, raw)
        if why:
            left[why] += 1
        elif not _follows(flow, entry):
            flow.entries.append(entry)
    flow.notes += [f"left out: {count} {what}" for what, count in left.items()]
    return flow


def is_static(entry: Entry) -> bool:
    """Return whether a browser fetched this for a page: style, script, picture, font."""
    if entry.method != "GET":
        return False
    kind = entry.kind.lower()
    ending = entry.path.rpartition(".")[2].lower()
    return f".{ending}" in STATIC or kind.startswith(STATIC_KINDS) or SCRIPT in kind


def _moment(raw: Mapping[str, Any]) -> float:
    try:
        return datetime.fromisoformat(raw["startedDateTime"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return 0.0


def _entry(raw: Mapping[str, Any], zero: float) -> Entry:
    request, response = raw["request"], raw.get("response") or {}
    content = response.get("content") or {}
    post = request.get("postData") or {}
    headers, body = _pairs(request.get("headers")), post.get("text") or ""
    kind = str(post.get("mimeType") or "")
    if kind and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", kind))
    began_at = _moment(raw) - zero
    return Entry(
        method=str(request["method"]).upper(),
        url=str(request["url"]).partition("#")[0],
        headers=headers,
        body=body,
        form=_form(post, kind, body),
        status=int(response.get("status") or 0),
        fields=_pairs(response.get("headers")),
        kind=str(content.get("mimeType") or "").partition(";")[0].strip(),
        content=_text(content),
        began_at=began_at,
        ended_at=began_at + max(0.0, float(raw.get("time") or 0.0)) / 1000,
    )


def _pairs(raw: object) -> Pairs:
    found = raw if isinstance(raw, list) else []
    return [
        (str(each["name"]), str(each["value"]))
        for each in found
        if not str(each["name"]).startswith(":")
    ]


def _form(post: Mapping[str, Any], kind: str, body: str) -> Pairs | None:
    if "application/x-www-form-urlencoded" not in kind:
        return None
    if body:
        return parse_qsl(body, keep_blank_values=True)
    return [(str(each["name"]), str(each.get("value", ""))) for each in post.get("params") or []]


def _text(content: Mapping[str, Any]) -> str:
    text = content.get("text") or ""
    if content.get("encoding") == "base64":
        with suppress(ValueError):
            return base64.b64decode(text).decode("utf-8", "replace")
        return ""
    return str(text)


def _left_out(entry: Entry, raw: Mapping[str, Any]) -> str:
    """Return why a user does not make this request; empty if one does."""
    if urlsplit(entry.url).scheme not in {"http", "https"} or not entry.host:
        return "of another scheme, such as data: and wss:"
    if raw.get("_webSocketMessages") or entry.status == 101:
        return "WebSockets"
    if entry.method == "OPTIONS" and entry.header("access-control-request-method"):
        return "questions of the browser before a request to another origin"
    if not entry.status:
        return "that got no answer"
    return ""


def _follows(flow: Flow, entry: Entry) -> bool:
    """Take an entry for the end of the redirect before it, which the client follows itself."""
    for before in _latest(flow):
        where = next((v for name, v in before.fields if name.lower() == "location"), "")
        if 300 <= before.status < 400 and where and urljoin(before.url, where) == entry.url:
            before.status, before.content, before.kind = entry.status, entry.content, entry.kind
            is_other = entry.status >= 300 and entry.status < 400
            cookies = [pair for pair in before.fields if pair[0].lower() == "set-cookie"]
            before.fields = cookies + entry.fields
            before.ended_at = max(before.ended_at, entry.ended_at)
            if is_other:  # relative to where this one was
                before.fields = cookies + [
                    (name, urljoin(entry.url, value) if name.lower() == "location" else value)
                    for name, value in entry.fields
                ]
            return True
    return False


def _latest(flow: Flow) -> Iterator[Entry]:
    yield from reversed(flow.entries[-10:])
