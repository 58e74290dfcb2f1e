"""Lines of access logs: the common and the combined format of Apache, nginx and their kin.

A line says who asked for what, and when.  Reading waits for nothing and knows no file.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote_from_bytes, urlsplit

_QUOTED = r'"(?P<{}>(?:[^"\\]|\\.)*)"'
_LINE = re.compile(
    r"(?:\S+:\d+ (?!- ))?"  # vhost_combined begins with the name and port of the server
    r"(?P<host>\S+) \S+ (?P<user>.*?) \[(?P<time>[^\]]+)\] "
    rf"{_QUOTED.format('request')} (?P<status>\d{{3}}|-) (?:\d+|-)"
    rf"(?: {_QUOTED.format('referrer')} {_QUOTED.format('agent')})?"
)
_REQUEST = re.compile(r"(?P<method>[A-Z]+) (?P<target>\S.*?)(?: HTTP/[\d.]+)?")
_MONTHS = {
    name: number
    for number, name in enumerate(re.findall("...", "JanFebMarAprMayJunJulAugSepOctNovDec"), 1)
}
_TIME = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)")
_ESCAPED = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|(.))")
_CONTROLS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v", b"b": b"\b"}

_PLAIN = "!$%&'()*+,-./:;=?@[]_~"
"""What stays as it is in a path; braces do not: a client takes them as placeholders."""

_ID = re.compile(r"\d+|(?=[0-9a-fA-F-]*\d)[0-9a-fA-F-]{8,}")
"""A segment that names one thing of many: a number, a UUID, a hash."""

_LATEST = 1e11
"""Seconds since 1970 in the year 5138; larger numbers are milliseconds."""


class LineError(ValueError):
    """A line, or a row, that is left out; its text is the reason, the same for all such."""


class Asked(NamedTuple):
    """One request of a log."""

    time: float  # seconds since 1970
    path: str  # with its query, as it goes over the wire
    user: str  # the name that was logged in with; else address and browser together
    method: str
    status: int


def read_line(line: str) -> Asked:
    """Return what a line says.

    Raises `LineError` if it says something else.

    Examples
    --------
    >>> read_line('::1 - ann [29/Nov/2026:10:00:01 +0100] "GET /a HTTP/1.1" 200 5').time
    1795942801.0
    """
    found = _LINE.match(line)
    if found is None:
        raise LineError("no line of a common or combined log")
    request = _REQUEST.fullmatch(found["request"])
    if request is None:
        raise LineError("no request in it")
    user = found["user"]
    if user in ("-", '""', ""):
        user = f"{found['host']} {found['agent'] or ''}".strip()
    status = found["status"]
    return Asked(
        moment_of(found["time"]),
        wire_path(request["target"]),
        user,
        request["method"],
        0 if status == "-" else int(status),
    )


@lru_cache(maxsize=16)  # a second of a log is the same text again and again
def moment_of(text: str) -> float:
    """Return a time in seconds: of a log, in ISO 8601 (UTC unless it says), or a number.

    Raises `LineError` if it is none.
    """
    if found := _TIME.fullmatch(text):
        day, month, year, hour, minute, second, sign, hours, minutes = found.groups()
        ahead = timedelta(hours=int(hours), minutes=int(minutes))
        zone = timezone(-ahead if sign == "-" else ahead)
        try:
            numbers = (int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second))
            return datetime(*numbers, tzinfo=zone).timestamp()
        except (KeyError, ValueError):
            raise LineError("no time in it") from None
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise LineError("no time in it") from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not -_LATEST < seconds < _LATEST:  # false of NaN as well
        raise LineError("a time that is no number of seconds (milliseconds?)")
    return seconds


def wire_path(target: str) -> str:
    r"""Return the path of a request as it goes over the wire, without what logs add.

    Raises `LineError` if it is no path.

    Examples
    --------
    >>> wire_path(r"/caf\xC3\xA9?q=\x22a\x22"), wire_path("http://shop/a?b")
    ('/caf%C3%A9?q=%22a%22', '/a?b')
    """
    raw = _ESCAPED.sub(_unescaped, target.encode("utf-8", "surrogateescape"))
    path = quote_from_bytes(raw, safe=_PLAIN)
    if path.lower().startswith(("http://", "https://")):
        split = urlsplit(path)
        path = (split.path or "/") + (f"?{split.query}" if split.query else "")
    if not path.startswith("/"):
        raise LineError("no path asked for")
    return path


def _unescaped(found: re.Match[bytes]) -> bytes:
    if found[1]:
        return bytes([int(found[1], 16)])
    return _CONTROLS.get(found[2], found[2])


def label_of(method: str, path: str) -> str:
    """Return a name under which like requests are one action.

    Examples
    --------
    >>> label_of("GET", "/items/7?page=2"), label_of("GET", "/a/0d6f1a52-93aa-4e1b")
    ('GET /items/{id}', 'GET /a/{id}')
    """
    segments = path.partition("?")[0].split("/")
    return f"{method} " + "/".join("{id}" if _ID.fullmatch(each) else each for each in segments)
