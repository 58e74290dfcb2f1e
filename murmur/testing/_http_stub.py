"""An HTTP server that is a function: no socket, and as fast or slow as virtual time allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import anyio

from murmur.http import Options, Patience, Reply, Request

Answer: TypeAlias = "int | tuple[int, Mapping[str, str], bytes] | Exception"
"""A status; or status, header fields and body; or why there is no answer."""


class HttpStub:
    """Answers the requests of `murmur.http` without a network, in virtual time as well.

    Parameters
    ----------
    answer : callable
        Called with each `murmur.http.Request`; returns a status, a tuple of status, header
        fields and body, or an `murmur.errors.HttpError` to fail with.
    latency : float or callable, default 0.0
        Seconds until an answer is there, or a function of the request that returns them.

    Attributes
    ----------
    requests : list of Request
        What was asked so far.

    Examples
    --------
    >>> import anyio, murmur.http
    >>> from murmur.testing import HttpStub
    >>> stub = HttpStub(lambda request: 200 if request.target == "/" else 404)
    >>> async def look():
    ...     options = murmur.http.Options(base_url="http://shop.test", transport=stub)
    ...     async with murmur.http.Client(options=options) as client:
    ...         return (await client.get("/")).status, (await client.get("/no")).failure
    >>> anyio.run(look)
    (200, 'HTTP 404')
    """

    def __init__(
        self,
        answer: Callable[[Request], Answer],
        *,
        latency: float | Callable[[Request], float] = 0.0,
    ) -> None:
        self._answer = answer
        self._latency = latency
        self.requests: list[Request] = []
        self.is_closed: bool = False

    def __call__(self, options: Options) -> HttpStub:
        """Return this, as what `murmur.http.Options` takes for ``transport``."""
        return self

    async def exchange(self, request: Request, patience: Patience) -> Reply:
        """Answer one request, when it is time to, within `patience`."""
        self.requests.append(request)
        latency = self._latency(request) if callable(self._latency) else self._latency
        patience.hurry()
        left = patience.deadline - patience.native.now()
        await anyio.sleep(max(0.0, min(latency, left)))
        if latency > left:
            patience.give_up("no answer")
        answer = self._answer(request)
        if isinstance(answer, Exception):
            raise answer
        status, fields, body = (answer, {}, b"") if isinstance(answer, int) else answer
        pairs = [(name.encode(), value.encode()) for name, value in fields.items()]
        reply = Reply.of(status, pairs, body)
        reply.first_byte_at = patience.native.now()
        return reply

    def close(self) -> None:
        """Take note that the client closed."""
        self.is_closed = True
