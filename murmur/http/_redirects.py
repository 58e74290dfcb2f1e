"""Request that follows a redirect: as browsers do it, and RFC 9110 (15.4) allows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from murmur.errors import HttpProtocolError, InvalidRequestError

from ._headers import with_login
from ._url import authority_of, redirected

if TYPE_CHECKING:
    from ._exchange import Reply, Request

REDIRECTS = {301, 302, 303, 307, 308}
OF_BODY = {"content-encoding", "content-language", "content-location", "content-type"}
SECRETS = {"authorization", "cookie", "proxy-authorization"}  # for the first server alone


def is_redirect(reply: Reply) -> bool:
    """Whether a reply leads elsewhere."""
    return reply.status in REDIRECTS and _location(reply) is not None


def next_request(request: Request, reply: Reply) -> Request:
    """Return the request that a redirect asks for.

    Raises `HttpProtocolError` if it leads nowhere, or asks to repeat a body that is spent.
    """
    try:
        where = redirected(request.origin, request.target, _location(reply) or b"")
    except (InvalidRequestError, ValueError) as error:
        raise HttpProtocolError("a redirect leads nowhere") from error
    origin, target, login = where
    method, body, headers = request.method, request.body, request.headers
    becomes_get = method == "POST" if reply.status in {301, 302} else method != "HEAD"
    if reply.status in {301, 302, 303} and becomes_get:
        method, body = "GET", None
        headers = tuple(pair for pair in headers if pair[0].lower() not in OF_BODY)
    elif body is not None and not isinstance(body, bytes):
        raise HttpProtocolError("a redirect asks for a stream once more")
    authority = request.authority
    if origin != request.origin:
        authority = authority_of(origin)
        headers = tuple(pair for pair in headers if pair[0].lower() not in SECRETS)
    if login:
        headers = with_login(headers, login)
    return replace(
        request, method=method, origin=origin, target=target, authority=authority, headers=headers,
        body=body,
    )  # fmt: skip


def _location(reply: Reply) -> bytes | None:
    for name, value in reply.fields:
        if name.lower() == b"location":
            return value
    return None
