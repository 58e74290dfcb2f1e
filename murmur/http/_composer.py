"""Composer of requests: the calls of one client become method, URL, header fields and body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from murmur.errors import InvalidRequestError

from ._body import encode
from ._codings import accepted
from ._exchange import Request
from ._headers import OwnFields, Pairs, merge, render, with_login
from ._patience import checked_timeout
from ._refusals import all_wrong, check_expectations, checked_method, checked_name
from ._trace import traced
from ._url import query_of, template_of

if TYPE_CHECKING:
    from ._call import Call
    from ._options import Options
    from ._url import Template

DEFAULT_HEADERS = {
    "User-Agent": "murmur",
    "Accept": "*/*",
    "Accept-Encoding": accepted(),
}

PLAIN = {"Accept-Encoding": "identity"}
"""What a body that is read part by part is asked for as: who packs may hold parts back."""

WRITTEN = 1_000
"""Requests that are kept for all clients with the same header fields."""

_Key: TypeAlias = "tuple[str, str, str | None]"
_Written: TypeAlias = "dict[_Key, tuple[Request, str]]"


@dataclass(frozen=True, slots=True)
class _Plain:
    """The header fields that all requests share, and what was made with them.

    `written` has the requests that say nothing but method and URL, by these and the name that
    was given: each with the name of its action.
    """

    host: str | None
    pairs: Pairs
    written: _Written


@lru_cache(maxsize=256)
def _written_with(base_url: str, host: str | None, pairs: Pairs) -> _Written:
    """Return where all clients keep such requests that have these fields."""
    return {}


class Composer:
    """Puts requests together for one client."""

    __slots__ = ("_plain", "_trace", "base_url", "headers")

    def __init__(self, options: Options, base_url: str | None) -> None:
        self.base_url: str = options.base_url if base_url is None else base_url
        # fields of every request, which whoever has the client changes
        self.headers: OwnFields = OwnFields({**DEFAULT_HEADERS, **options.headers})
        self._trace = options.trace
        self._plain = _Plain(None, (), {})

    def request(self, call: Call) -> Request:
        """Return the request that was asked for, and give `call` the name of its action.

        Raises `InvalidRequestError` that tells all that cannot be sent of it.
        """
        is_plain = call.is_plain and not self._trace
        if is_plain and not self.headers.is_changed:
            try:
                request, call.name = self._plain.written[call.method, call.url, call.name]
                return request
            except (KeyError, TypeError):
                pass  # a new one, or one with something that is no text
        try:
            key = call.method, call.url, call.name
            request, name = self._written(call), self.name(call)
            if is_plain:
                self._keep(key, request, name)
            return request
        except InvalidRequestError as error:
            raise all_wrong(call, self.base_url, error) from error.__cause__

    def name(self, call: Call) -> str:
        """Return the name of the action, by default method and path, which `call` has then."""
        if call.name is None:
            call.name = f"{call.method} {template_of(self.base_url, call.url).label}"
        return call.name

    def handshake(self, template: Template, more: Mapping[str, str] | None) -> tuple[str, Pairs]:
        """Return authority and header fields of a WebSocket's handshake.

        Raises `InvalidRequestError` if a field holds what no field may hold.
        """
        host, pairs = self._fields(more, None)
        if template.login:
            pairs = with_login(pairs, template.login)
        if host is not None:
            pairs = (("Host", host), *pairs)
        render(pairs)
        return template.authority if host is None else host, pairs

    def _keep(self, key: _Key, request: Request, name: str) -> None:
        """Keep a request that says nothing but method and URL: the next one is the same."""
        written = self._plain.written
        if len(written) >= WRITTEN:
            written.clear()
        written[key] = request, name

    def _written(self, call: Call) -> Request:
        """Return the request that was asked for, or raise the first thing wrong with it."""
        method = checked_method(call.method)
        if call.name is not None:
            checked_name(call.name)
        if call.timeout is not None:
            call.timeout = checked_timeout(call.timeout)
        if call.expect is not None or call.check is not None:
            check_expectations(call)
        template = template_of(self.base_url, call.url)
        target = template.fill(call.path)
        if call.params is not None and (query := query_of(call.params)):
            target += ("&" if "?" in target else "?") + query
        body, content_type = encode(call.data, call.json, call.form, call.files)
        more = {**PLAIN, **(call.headers or {})} if call.stream else call.headers
        host, headers = self._fields(more, content_type)
        if template.login:
            headers = with_login(headers, template.login)
        if self._trace:
            headers = traced(headers, self._trace)
        if headers is not self._plain.pairs:
            render(headers)  # finds what no field may hold, before anything is sent
        return Request(
            method=method,
            origin=template.origin,
            target=target,
            authority=template.authority if host is None else host,
            headers=headers,
            body=body,
            is_streamed=call.stream,
        )

    def _fields(
        self, more: Mapping[str, str] | None, content_type: str | None
    ) -> tuple[str | None, Pairs]:
        """Return the host that was asked for, if one was, and all other header fields."""
        if self.headers.is_changed:
            host, pairs = _without_host(merge(self.headers, {}))
            render(pairs)
            self._plain = _Plain(host, pairs, _written_with(self.base_url, host, pairs))
            self.headers.is_changed = False
        if not more and content_type is None:
            return self._plain.host, self._plain.pairs
        of_body = {} if content_type is None else {"Content-Type": content_type}
        return _without_host(merge(dict(merge(of_body, self.headers)), more or {}))


def _without_host(fields: Pairs) -> tuple[str | None, Pairs]:
    """Return the host that fields ask for, if they do, and the other fields."""
    hosts = [value for name, value in fields if name.lower() == "host"]
    render(tuple(("Host", host) for host in hosts))  # finds what no field may hold
    return (hosts[0] if hosts else None), tuple(
        pair for pair in fields if pair[0].lower() != "host"
    )
