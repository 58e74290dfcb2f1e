"""The cookies of one user, by the rules of RFC 6265 that matter to a load test.

`http.cookiejar` of the standard library knows more rules and costs more than the whole
request.  Left out here: lists of public suffixes, and third-party policies.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import NamedTuple

__all__ = ["Cookies"]

_WHOLE = re.compile(r"-?[0-9]+")


class _Key(NamedTuple):
    domain: str
    path: str
    name: str


@dataclass(slots=True)
class _Cookie:
    value: str
    is_for_host_only: bool
    is_secure: bool
    expires_at: float


class Cookies:
    """Cookies that one client keeps; iterating gives (name, value).

    Examples
    --------
    >>> cookies = Cookies()
    >>> cookies.set("theme", "dark", domain="shop.test")
    >>> cookies.header("shop.test", "/", is_secure=False, now=0.0)
    'theme=dark'
    """

    __slots__ = ("_by_key",)

    def __init__(self) -> None:
        self._by_key: dict[_Key, _Cookie] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._by_key)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Iterate over names and values."""
        return ((key.name, cookie.value) for key, cookie in self._by_key.items())

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the value of a cookie, whatever its domain and path."""
        return next((value for known, value in self if known == name), default)

    def set(self, name: str, value: str, *, domain: str, path: str = "/") -> None:
        """Keep a cookie for `domain` and its subdomains, until it is cleared."""
        key = _Key(domain.lstrip(".").lower(), path, name)
        self._by_key[key] = _Cookie(value, False, False, math.inf)

    def clear(self) -> None:
        """Forget all."""
        self._by_key.clear()

    def header(self, host: str, path: str, *, is_secure: bool, now: float) -> str:
        """Return the ``Cookie`` field for a request; empty if none fits.

        Parameters
        ----------
        host, path : str
            Where the request goes.
        is_secure : bool
            Whether over TLS.
        now : float
            Wall time, in UNIX seconds.
        """
        path = path.partition("?")[0]
        fitting = []
        for key, cookie in list(self._by_key.items()):
            if cookie.expires_at <= now:
                del self._by_key[key]
            elif (
                _covers(key.domain, host, cookie.is_for_host_only)
                and _leads_to(key.path, path)
                and (is_secure or not cookie.is_secure)
            ):
                fitting.append((key, cookie))
        fitting.sort(key=lambda pair: -len(pair[0].path))
        return "; ".join(f"{key.name}={cookie.value}" for key, cookie in fitting)

    def take(self, field: str, host: str, path: str, now: float) -> None:
        """Keep what one ``Set-Cookie`` field says; one that makes no sense is ignored."""
        pair, *attributes = field.split(";")
        name, equals, value = pair.partition("=")
        name = name.strip()
        if not equals or not name:
            return
        said = {}
        for attribute in attributes:
            title, _, text = attribute.partition("=")
            said[title.strip().lower()] = text.strip()
        domain = said.get("domain", "").lstrip(".").lower()
        if domain and not _covers(domain, host, False):
            return
        directory = said.get("path", "")
        if not directory.startswith("/"):
            directory = path.partition("?")[0].rpartition("/")[0] or "/"
        key = _Key(domain or host, directory, name)
        expires_at = _expiry(said, now)
        if expires_at <= now:
            self._by_key.pop(key, None)
        else:
            self._by_key[key] = _Cookie(value.strip(), not domain, "secure" in said, expires_at)


def _expiry(said: dict[str, str], now: float) -> float:
    """Return when a cookie ends, in UNIX seconds; ``Max-Age`` counts before ``Expires``."""
    seconds = said.get("max-age", "")
    if _WHOLE.fullmatch(seconds):
        return now + float(seconds)  # infinite if it has too many digits
    return _date(said.get("expires", ""))


def _date(text: str) -> float:
    if not text:
        return math.inf
    with suppress(ValueError, TypeError, OverflowError):
        return parsedate_to_datetime(text.replace("-", " ")).timestamp()
    return math.inf


def _covers(domain: str, host: str, is_for_host_only: bool) -> bool:
    if host == domain:
        return True
    is_address = host.replace(".", "").isdigit() or ":" in host
    return not is_for_host_only and not is_address and host.endswith(f".{domain}")


def _leads_to(directory: str, path: str) -> bool:
    if path == directory:
        return True
    return path.startswith(directory if directory.endswith("/") else f"{directory}/")
