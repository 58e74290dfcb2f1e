"""Options of requests: one object for all users of a scenario."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from murmur.errors import InvalidRequestError

from ._headers import merge, render
from ._patience import checked_timeout
from ._route import Routes
from ._tls import context_of, tls_problems
from ._url import checked_base, location_of, without_password

if TYPE_CHECKING:
    import ssl

    from ._exchange import Transport


@dataclass(frozen=True, kw_only=True, repr=False)
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
        Connections a client has at most; a request waits until one is free, which
        is part of its response time and not of its service time.
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
    password : str, optional
        Of the key, if it is encrypted.  Nobody is ever asked for it.
    local_addresses : sequence of str, optional
        Addresses of this machine to connect from: users take them in turns, by their ids.
        One address has about 28,000 ports for connections to one server.
    connect_to : mapping of str to str, optional
        Where to connect instead, by host: ``{"shop.test": "10.0.0.7:8080"}``.  ``Host``,
        TLS and cookies keep to the name.
    proxy : str, optional
        URL of an HTTP proxy, such as ``"http://name:password@proxy.test:3128"``.
    trace : float, default 0.0
        Share of requests, 0 to 1, that carry a ``traceparent`` (W3C trace context).
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

    Raises
    ------
    InvalidRequestError
        If an option cannot be meant, or a file cannot be used; it names all of them.
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
    password: str | None = field(default=None, repr=False)
    local_addresses: Sequence[str] = ()
    connect_to: Mapping[str, str] = field(default_factory=dict)
    proxy: str = ""
    trace: float = 0.0
    phases: bool = False
    transport: Callable[[Options], Transport] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, before any user starts."""
        problems = [*self._wrong_numbers(), *self._wrong_types(), *self._wrong_routes()]
        problems += tls_problems(self)
        if problems:
            raise InvalidRequestError("; ".join(problems))

    def __repr__(self) -> str:
        """Return what differs from the defaults, without secrets."""
        shown = []
        for each in fields(self):
            value = getattr(self, each.name)
            default = each.default_factory() if callable(each.default_factory) else each.default
            if not each.repr or value == default:
                continue
            if each.name in {"base_url", "proxy"}:
                value = without_password(value)
            shown.append(f"{each.name}={value!r}")
        return f"Options({', '.join(shown)})"

    def _wrong_numbers(self) -> Iterator[str]:
        for name in ("timeout", "connect_timeout"):
            try:
                checked_timeout(getattr(self, name), name)
            except InvalidRequestError as error:
                yield str(error)
        for name, least in (("max_connections", 1), ("max_redirects", 0), ("max_body_bytes", 1)):
            value: object = getattr(self, name)
            is_whole = isinstance(value, int) and not isinstance(value, bool)
            if value != math.inf and not (is_whole and getattr(self, name) >= least):
                wanted = "more than 0" if least else "0 or more"
                yield f"{name}={value!r}: give {wanted}"
        trace: object = self.trace
        is_number = isinstance(trace, Real) and not isinstance(trace, bool)
        if not is_number or not 0 <= float(self.trace) <= 1:
            yield f"trace={trace!r}: give a share from 0 to 1"

    def _wrong_types(self) -> Iterator[str]:
        for name in ("base_url", "proxy"):
            yield from _no_text(self, name)
        for name in ("share_connections", "http2", "verify", "phases"):
            if not isinstance(getattr(self, name), bool):
                hint = "True or False" + ("; the file goes to ca" if name == "verify" else "")
                yield f"{name}={getattr(self, name)!r}: give {hint}"
        try:
            render(merge(self.headers, {}))
        except InvalidRequestError as error:
            yield str(error)

    def _wrong_routes(self) -> Iterator[str]:
        """Yield what is wrong with where connections lead, part by part."""
        base, proxy = self.base_url, self.proxy
        steps: list[tuple[str, Callable[[], object]]] = [
            ("", lambda: Routes("", self.connect_to, ())),
            ("", lambda: Routes("", {}, self.local_addresses)),
        ]
        if base and not list(_no_text(self, "base_url")):
            steps.append(("base_url: ", lambda: location_of(base)))
            steps.append(("", lambda: checked_base(base)))
        if proxy and not list(_no_text(self, "proxy")):
            steps.append(("", lambda: Routes(proxy, {}, ())))
        for prefix, step in steps:
            try:
                step()
            except InvalidRequestError as error:
                yield f"{prefix}{error}"
        if self.transport is not None and not callable(self.transport):
            yield f"transport={self.transport!r} cannot be called with the options"

    @cached_property
    def routes(self) -> Routes:
        """How connections are made; read once."""
        return Routes(self.proxy, self.connect_to, self.local_addresses)

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """What TLS is agreed on with; made when it is first needed."""
        return self._context(["h2", "http/1.1"] if self.http2 else ["http/1.1"])

    @cached_property
    def tls_for_websockets(self) -> ssl.SSLContext:
        """The same, but for HTTP/2, over which no WebSocket is asked for."""
        return self._context(["http/1.1"])

    def _context(self, protocols: list[str]) -> ssl.SSLContext:
        context = context_of(self)
        context.set_alpn_protocols(protocols)
        return context

    @cached_property
    def _shared(self) -> dict[int, _Shared]:
        return {}  # by the identity of the run, which lives as long as what is shared

    def make_transport(self, run: object = None) -> Transport:
        """Return what one more client is put on.

        Runs share nothing with each other: each has a loop, and a guard, of its own.

        Parameters
        ----------
        run : object, optional
            The run that the client is made in; clients outside of runs share among themselves.
        """
        if not self.share_connections:
            return self._made()
        if id(run) not in self._shared:
            self._shared[id(run)] = _Shared(self._made(), lambda: self._shared.pop(id(run), None))
        return self._shared[id(run)].lend()

    def _made(self) -> Transport:
        if self.transport is not None:
            return self.transport(self)
        from ._pool import Pool

        return Pool(self)

    def __getstate__(self) -> dict[str, Any]:
        """Travel without the connections and what TLS made of the files."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def _no_text(options: Options, name: str) -> Iterator[str]:
    value: object = getattr(options, name)
    if not isinstance(value, str):
        yield f"{name}={value!r}: give text"


class _Shared:
    """A transport for many clients, closed when the last of them is."""

    def __init__(self, transport: Transport, forget: Callable[[], object]) -> None:
        self._transport, self._forget = transport, forget
        self._clients = 0
        self.exchange = transport.exchange
        self.pool = getattr(transport, "pool", None)

    def lend(self) -> _Shared:
        self._clients += 1
        return self

    def close(self) -> None:
        self._clients -= 1
        if not self._clients:
            self._forget()
            self._transport.close()
