"""Target of a request, and the name of its action.

A path may hold placeholders, ``/items/{id}``.  Their values make the path; the template
makes the name, so that ten thousand items are one row of a table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urlencode, urljoin, urlsplit

from murmur.errors import InvalidRequestError

__all__ = ["Origin", "Template", "authority_of", "query_of", "redirected", "template_of"]

PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
SECURE = {"https", "wss"}
AS_IS = "!$%&'()*+,/:;=@~-._"  # what a path may hold; a percent sign is taken for an escape
AS_IS_IN_QUERY = AS_IS + "?"

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class Origin(NamedTuple):
    """A server as connections know it.

    Attributes
    ----------
    scheme : str
        ``http`` or ``https``, also for WebSockets.
    host : str
        Name or address, without brackets.
    port : int
        Its port.
    """

    scheme: str
    host: str
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
    """Return host and port as the ``Host`` header has them.

    Examples
    --------
    >>> authority_of(Origin("http", "::1", 8080)), authority_of(Origin("https", "a.test", 443))
    ('[::1]:8080', 'a.test')
    """
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return host if origin.port == PORTS[origin.scheme] else f"{host}:{origin.port}"


class Template(NamedTuple):
    """A URL, split once and used for every request.

    Attributes
    ----------
    origin : Origin
        Where it leads.
    authority : str
        Its host and port, as the ``Host`` field has them.
    parts : tuple of str
        Text and names of placeholders, in turns.
    label : str
        The path as it was written, without the query: what a name is made of.
    """

    origin: Origin
    authority: str
    parts: tuple[str, ...]
    label: str

    def fill(self, values: Mapping[str, object]) -> str:
        """Return path and query with the placeholders filled in.

        Raises
        ------
        InvalidRequestError
            If a placeholder has no value, or a value no placeholder.
        """
        if len(self.parts) == 1 and not values:
            return self.parts[0]
        names = self.parts[1::2]
        if set(names) != values.keys():
            raise InvalidRequestError(_mismatch(self.label, names, values))
        return "".join(
            quote(str(values[part]), safe="") if number % 2 else part
            for number, part in enumerate(self.parts)
        )


@lru_cache(maxsize=4096)
def template_of(base_url: str, url: str) -> Template:
    """Return `url`, which may be relative to `base_url`, as a template.

    A path is added to the base's path: ``/items`` to ``http://host/api`` is
    ``http://host/api/items``.

    Raises
    ------
    InvalidRequestError
        If it leads nowhere.

    Examples
    --------
    >>> template = template_of("http://shop.test/api", "/items/{id}?full=1")
    >>> template.label, template.fill({"id": "a b"})
    ('/items/{id}', '/api/items/a%20b?full=1')
    """
    is_absolute = _ABSOLUTE.match(url) is not None  # a query may hold another URL
    whole = url if is_absolute else f"{base_url.rstrip('/')}/{url.lstrip('/')}"
    split = _split(whole)
    origin = _origin(whole, split)
    target = quote(split.path or "/", safe=AS_IS + "{}")
    if split.query:
        target += "?" + quote(split.query, safe=AS_IS_IN_QUERY + "{}")
    label = (split.path or "/") if is_absolute else url.partition("?")[0] or "/"
    return Template(origin, authority_of(origin), tuple(_PLACEHOLDER.split(target)), label)


def query_of(params: Mapping[str, object] | None) -> str:
    """Return `params` as the query of a URL; a list gives its name several values."""
    return urlencode(params, doseq=True) if params else ""


def redirected(origin: Origin, target: str, location: str) -> tuple[Origin, str]:
    """Return origin, and path with query, of where a redirect leads.

    Raises
    ------
    ValueError
        If it leads nowhere.
    """
    split = urlsplit(urljoin(f"{origin}{target}", location))
    if split.scheme not in {"http", "https"}:
        raise ValueError(location)
    path = quote(split.path or "/", safe=AS_IS)
    query = f"?{quote(split.query, safe=AS_IS_IN_QUERY)}" if split.query else ""
    return _origin(location, split), path + query


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise InvalidRequestError(f"{url!r} is not a URL: {error}") from error


def _origin(url: str, split: SplitResult) -> Origin:
    try:
        host, port = split.hostname, split.port
        if host is not None and not host.isascii():
            host = host.encode("idna").decode("ascii")
    except ValueError as error:
        raise InvalidRequestError(f"{url!r} is not a URL: {error}") from error
    if split.scheme not in PORTS or not host:
        raise InvalidRequestError(
            f"{url!r} does not say where to: give http://host/..., or set base_url"
        )
    scheme = "https" if split.scheme in SECURE else "http"
    return Origin(scheme, host, PORTS[scheme] if port is None else port)


def _mismatch(label: str, names: tuple[str, ...], values: Mapping[str, object]) -> str:
    missing = [name for name in names if name not in values]
    if missing:
        listed = ", ".join(f"{name}=..." for name in missing)
        return f"{label!r} has placeholders without a value: give {listed}"
    unknown = ", ".join(sorted(values.keys() - set(names)))
    return f"{label!r} has no placeholder for {unknown}; for a query give params={{...}}"
