"""A server of tokens to load-test, as a language model sends them: one event after the other.

Every POST is answered with server-sent events (``text/event-stream``), each with one token
as JSON, and ``[DONE]`` at the end.  The time to the first, the gaps and the place where it
breaks off are settings, so that what a client measured can be compared with the truth.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import nullcontext, suppress
from typing import cast

from ._listening import Listening

HEAD_LIMIT = 64 << 10

OK = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    b"Transfer-Encoding: chunked\r\nCache-Control: no-store\r\n\r\n"
)


class TokenServer(Listening):
    """Answers with tokens, at a pace that is set.

    Parameters
    ----------
    tokens : int, default 10
        Tokens of one answer.
    first : float, default 0.1
        Seconds to the first one.
    gap : float, default 0.02
        Seconds from each to the next.
    fails_after : int, optional
        Tokens after which the connection is cut; never if not given.
    slots : int, optional
        Answers under way at a time, as the batch of a model; who asks beyond that waits for the
        first token.  No limit if not given.
    host, port : str, int
        Where to listen; port 0 lets the system choose one.

    Attributes
    ----------
    answers : int
        Answers that were begun.
    turn : async context manager
        What an answer holds while it is under way.

    Examples
    --------
    >>> import anyio
    >>> async def listens():
    ...     async with TokenServer(tokens=20, first=0.3, gap=0.05) as server:
    ...         return server.port > 0  # http://127.0.0.1:{server.port}/
    >>> anyio.run(listens)
    True
    """

    def __init__(  # noqa: PLR0913 - each is a setting of its own, and all have a default
        self,
        tokens: int = 10,
        first: float = 0.1,
        gap: float = 0.02,
        *,
        fails_after: int | None = None,
        slots: int | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        super().__init__(host, port)
        self.tokens = tokens
        self.first = first
        self.gap = gap
        self.fails_after = fails_after
        self.answers = 0
        self.turn: asyncio.Semaphore | nullcontext[None] = (
            nullcontext() if slots is None else asyncio.Semaphore(slots)
        )
        self._open: set[_Talk] = set()

    def _welcome(self) -> asyncio.Protocol:
        return _Talk(self)

    def _dismiss(self) -> None:
        for talk in tuple(self._open):
            talk.close()

    def opened(self, talk: _Talk) -> None:
        """Note the connection `talk`."""
        self._open.add(talk)

    def closed(self, talk: _Talk) -> None:
        """Forget the connection `talk`."""
        self._open.discard(talk)


class _Talk(asyncio.Protocol):
    """One connection, with one answer at a time."""

    _transport: asyncio.Transport

    def __init__(self, server: TokenServer) -> None:
        self._server = server
        self._request = b""
        self._answer: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server.opened(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._server.closed(self)
        if self._answer is not None:
            self._answer.cancel()

    def close(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._request += data
        head, end, body = self._request.partition(b"\r\n\r\n")
        if not end:
            if len(self._request) > HEAD_LIMIT:
                self.close()
            return
        size = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                with suppress(ValueError):
                    size = int(value)
        if len(body) >= size and self._answer is None:
            self._request = body[size:]
            self._begin(self._say())

    def _begin(self, answer: Coroutine[None, None, None]) -> None:
        self._server.answers += 1
        self._answer = asyncio.get_running_loop().create_task(answer)

    async def _say(self) -> None:
        server = self._server
        self._transport.write(OK)
        async with server.turn:
            for number in range(server.tokens):
                if number == server.fails_after:
                    self.close()
                    return
                await asyncio.sleep(server.gap if number else server.first)
                self._chunk(b'id: %d\ndata: {"token": "t%d"}\n\n' % (number, number))
        self._chunk(b"data: [DONE]\n\n")
        self._transport.write(b"0\r\n\r\n")
        self._answer = None

    def _chunk(self, data: bytes) -> None:
        self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))
