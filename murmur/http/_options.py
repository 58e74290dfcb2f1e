"""Options of requests: one object for all users of a scenario."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._exchange import Transport

__all__ = ["Options"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a client makes its requests.

    A scenario sets it as its attribute ``http``; one object serves all its users, so that
    certificates are read once.

    Parameters
    ----------
    base_url : str
        What relative URLs are relative to, such as ``"https://shop.test/api"``.
    headers : mapping of str to str
        Fields of every request; each client has a copy that it may change.
    timeout : float, default 60.0
        Seconds a request may take in all, redirects included.
    connect_timeout : float, default 10.0
        Seconds to connect, TLS included.
    max_connections : int, default 10
        Connections a client has at most; a request waits until one is free.
    share_connections : bool, default False
        Whether all clients of this object share one set of `max_connections`.  By default
        each user has its own, as people do.
    max_redirects : int, default 10
        Redirects that are followed; 0 hands the redirect itself over.
    max_body_bytes : int, default 64 Mi
        What a body may have that is not streamed.
    http2 : bool, default False
        Whether to offer HTTP/2 to servers that speak TLS.
    verify : bool, default True
        Whether to check the server's certificate.
    ca : str or Path, optional
        File with the authorities to trust, in PEM, instead of the system's.
    certificate, key : str or Path, optional
        The client's own certificate and its key, in PEM; the key may be in the first file.
    phases : bool, default False
        Whether to record the phases of a request as actions of their own:
        ``"<name> [connect]"``, ``[tls]`` and ``[first byte]``.
    transport : callable, optional
        Makes another stack: called with these options, returns a `Transport`.

    Examples
    --------
    A scenario's ``init`` says::

        self.http = murmur.http.Options(base_url=self.base_url, ca=self.ca, timeout=5)

    >>> from murmur.http import Options
    >>> Options(base_url="http://127.0.0.1:8080/", timeout=5).timeout
    5
    """

    base_url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 60.0
    connect_timeout: float = 10.0
    max_connections: int = 10
    share_connections: bool = False
    max_redirects: int = 10
    max_body_bytes: int = 64 << 20
    http2: bool = False
    verify: bool = True
    ca: str | Path | None = None
    certificate: str | Path | None = None
    key: str | Path | None = field(default=None, repr=False)
    phases: bool = False
    transport: Callable[[Options], Transport] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for name in ("timeout", "connect_timeout", "max_connections"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)!r}: give more than 0")

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """What TLS is agreed on with; made when it is first needed."""
        return self._context(["h2", "http/1.1"] if self.http2 else ["http/1.1"])

    @cached_property
    def tls_for_websockets(self) -> ssl.SSLContext:
        """The same, but for HTTP/2, over which no WebSocket is asked for."""
        return self._context(["http/1.1"])

    def _context(self, protocols: list[str]) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca)
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        context.set_alpn_protocols(protocols)
        return context

    @cached_property
    def _shared(self) -> _Shared:
        return _Shared(self._made())

    def make_transport(self) -> Transport:
        """Return what one more client is put on."""
        return self._shared.lend() if self.share_connections else self._made()

    def _made(self) -> Transport:
        if self.transport is not None:
            return self.transport(self)
        from ._pool import Pool

        return Pool(self)

    def __getstate__(self) -> dict[str, Any]:
        """Travel without the connections and what TLS made of the files."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


class _Shared:
    """A transport for many clients, closed when the last of them is."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._clients = 0
        self.exchange = transport.exchange

    def lend(self) -> _Shared:
        self._clients += 1
        return self

    def close(self) -> None:
        self._clients -= 1
        if not self._clients:
            self._transport.close()
