"""Route of a connection: the address it leads to, the one it comes from, the proxy between."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from murmur._backend import HIGHEST_PORT, ascii_host, is_address
from murmur.errors import InvalidRequestError

from ._url import PORTS, authority_of, location_of, without_password

if TYPE_CHECKING:
    from ._url import Origin

_PLACE = re.compile(r"(\[[^\]]+\]|[^:\[\]/\s]+)(?::([0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class Route:
    """How one connection is made."""

    host: str
    port: int
    source: str = ""  # address of this machine to connect from; empty for whichever
    # what the proxy is asked first; empty without one, or if it forwards requests
    tunnel: bytes = b""
    is_proxied: bool = False  # whether a proxy stands between


class Routes:
    """The routes that options allow; see `Options`.

    Raises `InvalidRequestError` if one of them makes no sense.
    """

    def __init__(
        self,
        proxy: str,  # URL of an HTTP proxy; empty for none
        # from `host` or `host:port` to the same of where to connect instead
        connect_to: Mapping[str, str],
        local_addresses: Sequence[str],  # addresses of this machine to connect from
    ) -> None:
        self._proxy: Origin | None = None
        self.proxy_field = ""
        if proxy:
            try:
                self._proxy, login = location_of(proxy)
            except InvalidRequestError as error:
                raise InvalidRequestError(
                    f"proxy={without_password(proxy)!r}: give http://host:port"
                ) from error
            if self._proxy.is_secure:
                raise InvalidRequestError(f"proxy: {self._proxy} is reached over http:// alone")
            self.proxy_field = login
        self.has_proxy: bool = self._proxy is not None
        self._connect_to = _checked(connect_to)
        self._sources = _addresses(local_addresses)

    def forwards(self, origin: Origin) -> bool:
        """Whether requests to `origin` are handed to a proxy as they are."""
        return self._proxy is not None and not origin.is_secure

    def to(
        self,
        origin: Origin,
        user_id: int,  # whose they are: users take the local addresses in turns
        *,
        through: bool = False,  # whether a proxy has to let bytes through, even those without TLS
    ) -> Route:
        """Return the route that connections of a user to `origin` take."""
        source = self._sources[user_id % len(self._sources)] if self._sources else ""
        if self._proxy is None:
            host, port = self._instead(origin.host, origin.port)
            return Route(host, port, source)
        proxy_host, proxy_port = self._instead(self._proxy.host, self._proxy.port)
        tunnel = b""
        if through or origin.is_secure:
            host = authority_of(origin._replace(port=PORTS[origin.scheme]))
            where = f"{host}:{origin.port}"
            login = f"Proxy-Authorization: {self.proxy_field}\r\n" if self.proxy_field else ""
            tunnel = f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n{login}\r\n".encode("ascii")
        return Route(proxy_host, proxy_port, source, tunnel, is_proxied=True)

    def _instead(self, host: str, port: int) -> tuple[str, int]:
        for key in (f"{host}:{port}", host):
            found = self._connect_to.get(key)
            if found is not None:
                return found[0], found[1] or port
        return host, port


def _checked(connect_to: Mapping[str, str]) -> dict[str, tuple[str, int]]:
    if not isinstance(connect_to, Mapping):
        raise InvalidRequestError(f"connect_to={connect_to!r}: give {{'host': 'address'}}")
    checked = {}
    for host, instead in connect_to.items():
        from_host, from_port = _host_and_port("connect_to", host)
        key = f"{from_host}:{from_port}" if from_port else from_host
        checked[key] = _host_and_port("connect_to", instead)
    return checked


def _host_and_port(option: str, text: str) -> tuple[str, int]:
    """Return host and port of such as ``shop.test:8080``; 0 for no port."""
    if isinstance(text, str):
        if is_address(text):
            return text, 0
        found = _PLACE.fullmatch(text)
        if found is not None and int(found[2] or 0) <= HIGHEST_PORT:
            return ascii_host(found[1].strip("[]")), int(found[2] or 0)
    raise InvalidRequestError(
        f"{option}: {text!r} is no host, such as 'shop.test' or '10.0.0.7:81'"
    )


def _addresses(given: Sequence[str]) -> tuple[str, ...]:
    is_list = isinstance(given, (list, tuple))
    if not is_list or not all(isinstance(each, str) for each in given):
        raise InvalidRequestError(f"local_addresses={given!r}: give a list of addresses")
    wrong = [each for each in given if not is_address(each)]
    if wrong:
        raise InvalidRequestError(
            f"local_addresses: {', '.join(map(repr, wrong))} is no address, such as '10.0.0.7'"
        )
    return tuple(given)
