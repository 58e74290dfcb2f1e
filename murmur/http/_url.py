"""Target of a request, and the name of its action.

A path may hold placeholders, ``/items/{id}``.  Their values make the path; the template
makes the name, so that ten thousand items are one row of a table.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple, TypeAlias
from urllib.parse import SplitResult, quote, unquote, urlencode, urljoin, urlsplit

from murmur._backend import ascii_host
from murmur.errors import InvalidRequestError

Pieces: TypeAlias = "Mapping[str, object] | Iterable[tuple[str, object]]"
"""Names and values of a query, or of a form."""

PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
SECURE = {"https", "wss"}
AS_IS = "!$%&'()*+,/:;=@~-._"  # what a path may hold; a percent sign is taken for an escape
AS_IS_IN_QUERY = AS_IS + "?"

ODD = (Mapping, list, tuple, set, frozenset)
"""What would be sent as Python writes it, which nobody means."""

_BESIDE_A_PATH = re.compile(r"[?#]")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_BRACES = str.maketrans({"{": "%7B", "}": "%7D"})
_BREAKS = str.maketrans({"\t": "%09", "\n": "%0A", "\r": "%0D"})  # `urlsplit` drops them
_NO_HOST = re.compile(r"[\x00-\x20\"#%/<>?@\\^`{|}\x7f]")
_PASSWORD = re.compile(r"(?<=//)[^/?#@]*(?:@[^/?#@]*)*@")


class Origin(NamedTuple):
    """A server as connections know it."""

    scheme: str  # `http` or `https`, also for WebSockets
    host: str  # name or address, without brackets
    port: int

    @property
    def is_secure(self) -> bool:
        """Whether it speaks TLS."""
        return self.scheme == "https"

    def __str__(self) -> str:
        """Return it as the beginning of a URL."""
        return f"{self.scheme}://{authority_of(self)}"


@lru_cache(maxsize=4096)
def authority_of(origin: Origin) -> str:
    """Return host and port as the ``Host`` header has them: a zone is of this machine alone.

    Examples
    --------
    >>> authority_of(Origin("http", "::1", 8080)), authority_of(Origin("https", "a.test", 443))
    ('[::1]:8080', 'a.test')
    >>> authority_of(Origin("http", "fe80::1%eth0", 8080))
    '[fe80::1]:8080'
    """
    host = f"[{origin.host.partition('%')[0]}]" if ":" in origin.host else origin.host
    return host if origin.port == PORTS[origin.scheme] else f"{host}:{origin.port}"


@lru_cache(maxsize=4096)
def host_of(authority: str) -> str:
    """Return the name in what a ``Host`` field says: what cookies go by.

    Examples
    --------
    >>> host_of("Shop.test:8080"), host_of("[::1]:80")
    ('shop.test', '::1')
    """
    host = authority.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


class Template(NamedTuple):
    """A URL, split once and used for every request."""

    origin: Origin
    authority: str  # its host and port, as the `Host` field has them
    parts: tuple[str, ...]  # text and names of placeholders, in turns
    label: str  # the path as it was written, without the query: what a name is made of
    login: str = ""  # what `Authorization` says by the name and password in the URL; empty without

    def fill(self, values: Mapping[str, object]) -> str:
        """Return path and query with the placeholders filled in.

        Raises `InvalidRequestError` if a placeholder has no value, or a value no placeholder.
        """
        if len(self.parts) == 1 and not values:
            return self.parts[0]
        names = self.parts[1::2]
        if set(names) != values.keys():
            raise InvalidRequestError(_mismatch(self.label, names, values))
        try:
            return "".join(
                quote(_plain(part, values[part]), safe="") if number % 2 else part
                for number, part in enumerate(self.parts)
            )
        except UnicodeEncodeError as error:
            raise InvalidRequestError(f"{self.label!r}: {_half(error)}") from error


@lru_cache(maxsize=4096)
def template_of(base_url: str, url: str) -> Template:
    """Return `url`, which may be relative to `base_url`, as a template.

    A path is added to the base's path: ``/items`` to ``http://host/api`` is
    ``http://host/api/items``.

    Raises `InvalidRequestError` if it leads nowhere.

    Examples
    --------
    >>> template = template_of("http://shop.test/api", "/items/{id}?full=1")
    >>> template.label, template.fill({"id": "a b"})
    ('/items/{id}', '/api/items/a%20b?full=1')
    """
    if not isinstance(url, str):
        raise InvalidRequestError(f"{url!r} is not a URL: give text")
    is_absolute = _ABSOLUTE.match(url) is not None  # a query may hold another URL
    if not is_absolute:
        checked_base(base_url)
    whole = url if is_absolute else f"{base_url.rstrip('/')}/{url.lstrip('/')}"
    split = _split(whole)
    origin, login = _origin(whole, split)
    try:
        target = quote(split.path or "/", safe=AS_IS + "{}")
        if split.query:
            target += "?" + quote(split.query, safe=AS_IS_IN_QUERY + "{}")
    except UnicodeEncodeError as error:
        raise InvalidRequestError(f"{url!r}: {_half(error)}") from error
    parts = _PLACEHOLDER.split(target)
    parts[::2] = [part.translate(_BRACES) for part in parts[::2]]
    label = (split.path or "/") if is_absolute else _BESIDE_A_PATH.split(url)[0] or "/"
    return Template(origin, authority_of(origin), tuple(parts), label, login)


def checked_base(base_url: str) -> None:
    """Refuse a base whose end would swallow the paths behind it.

    Raises `InvalidRequestError` if it has a query or a fragment.
    """
    if _BESIDE_A_PATH.search(base_url):
        shown = without_password(base_url)
        raise InvalidRequestError(
            f"base_url={shown!r}: give it without a query or fragment; a query goes to params"
        )


def location_of(url: str) -> tuple[Origin, str]:
    """Return where a URL leads, and what ``Authorization`` says by the login in it.

    Raises `InvalidRequestError` if it leads nowhere.

    Examples
    --------
    >>> location_of("http://ann:p%40ss@shop.test/")
    (Origin(scheme='http', host='shop.test', port=80), 'Basic YW5uOnBAc3M=')
    """
    return _origin(url, _split(url))


def without_password(url: str) -> str:
    """Return a URL without what only its owner should read.

    Examples
    --------
    >>> without_password("http://ann:secret@shop.test/a@b")
    'http://***@shop.test/a@b'
    """
    return _PASSWORD.sub("***@", url, count=1)


def query_of(params: Pieces | None) -> str:
    """Return `params` as the query of a URL; a list gives its name several values.

    Raises `InvalidRequestError` if it is neither a mapping nor a list of pairs, or a value is None
    or a container.

    Examples
    --------
    >>> query_of({"a": [1, 2], "b": "x y"}), query_of([("a", 1), ("a", 2)])
    ('a=1&a=2&b=x+y', 'a=1&a=2')
    """
    if params is None:
        return ""
    try:
        if isinstance(params, (str, bytes)):
            raise TypeError
        pairs = [(name, value) for name, value in _pairs(params)]
    except (TypeError, ValueError):
        kind = type(params).__name__
        raise InvalidRequestError(f"{kind} has no names and values: give a dict") from None
    for name, value in pairs:
        _check_name(name)
        for each in value if isinstance(value, (list, tuple)) else (value,):
            if _is_odd(each):
                raise InvalidRequestError(_odd(name, each))
    try:
        return urlencode(pairs, doseq=True)
    except UnicodeEncodeError as error:
        raise InvalidRequestError(_half(error)) from error


def redirected(origin: Origin, target: str, location: bytes) -> tuple[Origin, str, str]:
    """Return origin, path with query, and login of where a redirect leads.

    What is not ASCII in it stays the bytes that they were.

    Raises `ValueError` if it leads nowhere.
    """
    text = location.strip(b" \t").decode("utf-8", "surrogateescape").translate(_BREAKS)
    split = urlsplit(urljoin(f"{origin}{target}", text))
    if split.scheme not in {"http", "https"}:
        raise ValueError(text)
    path = quote(split.path or "/", safe=AS_IS, errors="surrogateescape")
    query = quote(split.query, safe=AS_IS_IN_QUERY, errors="surrogateescape")
    where, login = _origin(text, split)
    return where, f"{path}?{query}" if query else path, login


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url.translate(_BREAKS))
    except ValueError as error:
        raise InvalidRequestError(f"{without_password(url)!r} is not a URL: {error}") from error


def _origin(url: str, split: SplitResult) -> tuple[Origin, str]:
    shown = without_password(url)
    try:
        host, port = split.hostname, split.port
        if host is not None:
            host = ascii_host(unquote(host))
        login = _login(split)
    except ValueError as error:
        raise InvalidRequestError(f"{shown!r} is not a URL: {error}") from error
    if split.scheme not in PORTS or not host:
        raise InvalidRequestError(
            f"{shown!r} does not say where to: give http://host/..., or set base_url"
        )
    if ":" not in host and _NO_HOST.search(host):
        raise InvalidRequestError(f"{shown!r} is not a URL: no host is called {host!r}")
    scheme = "https" if split.scheme in SECURE else "http"
    return Origin(scheme, host, PORTS[scheme] if port is None else port), login


def _login(split: SplitResult) -> str:
    """Return name and password of a URL as a field of HTTP has them (RFC 7617)."""
    if not split.username and not split.password:
        return ""
    name, password = unquote(split.username or ""), unquote(split.password or "")
    if ":" in name:
        raise ValueError("no name of a login has a colon in it")
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode("ascii")


def _pairs(params: Pieces) -> Iterable[tuple[str, object]]:
    return params.items() if isinstance(params, Mapping) else params


def _plain(name: str, value: object) -> str:
    """Return the value of a placeholder as text, if it has a text that a path can hold."""
    if isinstance(value, bytes) or _is_odd(value):
        raise InvalidRequestError(_odd(name, value))
    return str(value)


def _check_name(name: object) -> None:
    """Refuse what cannot be the name of a value."""
    if _is_odd(name):
        raise InvalidRequestError(f"{name!r} is no name of a value: give text")


def _is_odd(value: object) -> bool:
    """Whether a value has no text of its own that a server could read.

    Such are containers, iterators, functions, and objects that Python shows by their address.
    """
    kind = type(value)
    if kind is str or kind is int:
        return False
    return (
        value is None
        or isinstance(value, (bytearray, memoryview, Iterator, *ODD))
        or callable(value)
        or (kind.__str__ is object.__str__ and kind.__repr__ is object.__repr__)
    )


def _odd(name: object, value: object) -> str:
    hint = "leave it out, or give ''" if value is None else "give text or a number"
    return f"the value of {name!r} is {value!r}: {hint}"


def _half(error: UnicodeEncodeError) -> str:
    return f"{error.object[error.start]!r} is half a character, and cannot be sent"


def _mismatch(label: str, names: tuple[str, ...], values: Mapping[str, object]) -> str:
    missing = [name for name in names if name not in values]
    if missing:
        listed = ", ".join(f"{name}=..." for name in missing)
        return f"{label!r} has placeholders without a value: give {listed}"
    unknown = ", ".join(sorted(values.keys() - set(names)))
    return f"{label!r} has no placeholder for {unknown}; for a query give params={{...}}"
