"""The cookies of one user, as RFC 6265 has them and no more than browsers keep.

`http.cookiejar` of the standard library knows more rules and costs more than the whole
request.  Left out here: lists of public suffixes (a domain of one word is refused, though),
and third-party policies.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from numbers import Real

from murmur._backend import is_address
from murmur.errors import InvalidRequestError

PER_DOMAIN = 180
IN_ALL = 3_000
"""Cookies that are kept, as in Chromium; beyond, the oldest goes."""

SIZE = 4_096
"""Bytes that name and value of a cookie may have together, as in browsers."""

_WHOLE = re.compile(r"-?[0-9]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NO_NAME = re.compile(r"[\x00-\x20\x7f=;,]")
_NO_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f;]")
_UNSENDABLE = re.compile(r"[^\x00-\xff]")
_DELIMITER = re.compile(r"[\t\x20-/;-@\[-`{-~]+")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PARTS = (  # of a date, each the first token of its kind
    ("time", re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])")),
    ("day", re.compile(r"([0-9]{1,2})(?![0-9])")),
    ("month", re.compile(f"({'|'.join(_MONTHS)})", re.IGNORECASE)),
    ("year", re.compile(r"([0-9]{2,4})(?![0-9])")),
)


@dataclass(slots=True)
class _Cookie:
    value: str
    is_for_host_only: bool
    is_secure: bool
    expires_at: float
    number: int = 0


class Cookies:
    """Cookies that one client keeps; iterating gives (name, value).

    There are at most 180 of a domain and 3,000 in all; beyond, the oldest is dropped.

    Examples
    --------
    >>> cookies = Cookies()
    >>> cookies.set("theme", "dark", domain="shop.test")
    >>> cookies.header("shop.test", "/", is_secure=False, now=0.0)
    'theme=dark'
    """

    __slots__ = ("_by_domain", "_count", "_made")

    def __init__(self) -> None:
        self._by_domain: dict[str, dict[tuple[str, str], _Cookie]] = {}
        self._count = 0
        self._made = 0

    def __len__(self) -> int:
        """Return how many there are."""
        return self._count

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Iterate over names and values."""
        for kept in self._by_domain.values():
            for (_, name), cookie in kept.items():
                yield name, cookie.value

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the value of the cookie `name`, whatever its domain and path; else `default`."""
        return next((value for known, value in self if known == name), default)

    def set(self, name: str, value: str, *, domain: str, path: str = "/") -> None:
        """Keep the cookie `name` with `value` for `path` of `domain` and its subdomains.

        Raises
        ------
        InvalidRequestError
            If it cannot be sent.
        """
        if isinstance(value, Real) and not isinstance(value, bool):
            value = str(value)  # of an id, say
        _check(name, value)
        cookie = _Cookie(value, False, False, math.inf)
        self._keep(domain.lstrip(".").lower(), (path, name), cookie)

    def clear(self) -> None:
        """Forget all."""
        self._by_domain.clear()
        self._count = 0

    def header(self, host: str, path: str, *, is_secure: bool, now: float) -> str:
        """Return the ``Cookie`` field for a request; empty if none fits.

        Parameters
        ----------
        host, path : str
            Where the request goes: the name by which the server is asked, which is that
            of the ``Host`` field.
        is_secure : bool
            Whether over TLS.
        now : float
            Wall time, in UNIX seconds.
        """
        path = path.partition("?")[0]
        fitting = []
        for domain in _domains(host):
            for (directory, name), cookie in list(self._by_domain.get(domain, {}).items()):
                if cookie.expires_at <= now:
                    self._drop(domain, (directory, name))
                elif (
                    (is_secure or not cookie.is_secure)
                    and (domain == host or not cookie.is_for_host_only)
                    and _leads_to(directory, path)
                ):
                    fitting.append((directory, name, cookie))
        fitting.sort(key=lambda found: (-len(found[0]), found[2].number))
        return "; ".join(f"{name}={cookie.value}" for _, name, cookie in fitting)

    def take(self, field: str, host: str, path: str, now: float) -> None:
        """Keep what a ``Set-Cookie`` field says that came from `host` and `path` at `now`.

        One that makes no sense is ignored.
        """
        pair, *attributes = field.split(";")
        name, equals, value = pair.partition("=")
        name, value = name.strip(" \t"), value.strip(" \t")
        if not equals or not name or len(name) + len(value) > SIZE or _CONTROL.search(field):
            return
        said = _attributes(attributes)
        if not _is_as_promised(name.lower(), said):
            return
        domain = said.get("domain", "").removeprefix(".").lower()
        if domain and domain != host and not ("." in domain and domain in _domains(host)):
            return
        directory = said.get("path", "")
        if not directory.startswith("/"):
            directory = path.partition("?")[0].rpartition("/")[0] or "/"
        expires_at = _expiry(said, now)
        if expires_at <= now:
            self._drop(domain or host, (directory, name))
        else:
            cookie = _Cookie(value, not domain, "secure" in said, expires_at)
            self._keep(domain or host, (directory, name), cookie)

    def _keep(self, domain: str, key: tuple[str, str], cookie: _Cookie) -> None:
        kept = self._by_domain.setdefault(domain, {})
        before = kept.get(key)
        if before is None:
            self._count += 1
            self._made += 1
        cookie.number = self._made if before is None else before.number  # its age (RFC 6265, 5.3)
        kept[key] = cookie
        if len(kept) > PER_DOMAIN:
            self._drop(domain, next(iter(kept)))
        elif self._count > IN_ALL:
            first = next(iter(self._by_domain))
            self._drop(first, next(iter(self._by_domain[first])))

    def _drop(self, domain: str, key: tuple[str, str]) -> None:
        kept = self._by_domain.get(domain, {})
        if kept.pop(key, None) is not None:
            self._count -= 1
            if not kept:
                del self._by_domain[domain]


def _check(name: object, value: object) -> None:
    """Refuse what cannot be sent, or would be read as several cookies."""
    problem = ""
    if not isinstance(name, str) or not name or _NO_NAME.search(name):
        problem = "give a name without blanks, '=' and ';'"
    elif not isinstance(value, str):
        problem = f"its value is {value!r}: give text"
    elif _NO_VALUE.search(value):
        problem = "a value has no ';' and no line break in it: escape them"
    elif _UNSENDABLE.search(f"{name}{value}"):
        problem = "a field of HTTP has bytes alone: escape what is not of Latin-1"
    if problem:
        raise InvalidRequestError(f"cookie {name!r}: {problem}")


def _is_as_promised(name: str, said: dict[str, str]) -> bool:
    """Whether a cookie is what its name promises; browsers keep no other (RFC 6265bis, 4.1.3)."""
    if name.startswith("__host-"):
        return "secure" in said and "domain" not in said and said.get("path") == "/"
    return "secure" in said or not name.startswith("__secure-")


def _attributes(texts: list[str]) -> dict[str, str]:
    said: dict[str, str] = {}
    for text in texts:
        title, _, value = text.partition("=")
        title, value = title.strip(" \t").lower(), value.strip(" \t")
        # What cannot be read counts as not said (5.2), and does not undo what was said before.
        if title == "expires" and _date(value) is None:
            continue
        if title == "max-age" and not _WHOLE.fullmatch(value):
            continue
        if title == "domain" and not value:
            continue
        said[title] = value
    return said


def _expiry(said: dict[str, str], now: float) -> float:
    """Return when a cookie ends, in UNIX seconds; ``Max-Age`` counts before ``Expires``."""
    seconds = said.get("max-age")
    if seconds is not None:
        return now + float(seconds)  # infinite if it has too many digits
    ends_at = _date(said.get("expires", ""))
    return math.inf if ends_at is None else ends_at


def _date(text: str) -> float | None:
    """Return a date as RFC 6265 (5.1.1) reads it, in whatever order and always UTC."""
    found: dict[str, re.Match[str]] = {}
    for token in _DELIMITER.split(text):
        for part, pattern in _PARTS:
            if part not in found and (match := pattern.match(token)):
                found[part] = match
                break
    if len(found) < len(_PARTS):
        return None
    year, day = int(found["year"][1]), int(found["day"][1])
    if year < 100:
        year += 1900 if year >= 70 else 2000
    month = _MONTHS.index(found["month"][1].lower()) + 1
    hour, minute, second = (int(part) for part in found["time"].groups())
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return moment.timestamp() if year > 1600 else None


def _domains(host: str) -> list[str]:
    """Return the domains whose cookies a host gets: its own, and those above it."""
    if is_address(host):
        return [host]
    parts = host.split(".")
    return [".".join(parts[start:]) for start in range(min(len(parts), 64))]


def _leads_to(directory: str, path: str) -> bool:
    if path == directory:
        return True
    return path.startswith(directory if directory.endswith("/") else f"{directory}/")
