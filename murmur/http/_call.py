"""A request that is to be made: awaited, or entered to look at the answer first."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

from ._body import UNSET, Data
from ._url import without_password

if TYPE_CHECKING:
    from murmur.runtime import Timer

    from ._client import Client
    from ._ledger import Spans
    from ._multipart import Files
    from ._response import Response
    from ._url import Pieces

__all__ = ["Call", "Check", "Expected", "Wish"]

Check: TypeAlias = "Callable[[Response], object]"
"""Returns whether the answer is as it should be, or what is wrong with it."""

Expected: TypeAlias = "int | Collection[int]"
"""Statuses that are no failure."""


@dataclass(slots=True)
class Wish:
    """What was asked for, as it was given; see `Client.request`."""

    method: str
    url: str
    path: Mapping[str, object]
    name: str | None = None
    params: Pieces | None = None
    headers: Mapping[str, str] | None = None
    data: Data | None = None
    json: object = UNSET
    form: Pieces | None = None
    files: Files | None = None
    timeout: float | None = None
    expect: Expected | None = None
    check: Check | None = None
    stream: bool = False
    leaving: bool = False


class Call:
    """A request that is to be made; what `Client.get` and its like return.

    ``response = await call`` makes it, and records it when the answer is complete.
    ``async with call as response:`` also makes it, and records it at the end of the block,
    so that checks in the block count; the time is that of the request alone.
    """

    __slots__ = ("_client", "_is_made", "_response", "_spans", "_timer", "wish")

    def __init__(self, client: Client, wish: Wish) -> None:
        self._client = client
        self._is_made = False
        self._timer: Timer
        self._response: Response
        self._spans: Spans | None = None
        self.wish: Wish = wish

    def __await__(self) -> Generator[Any, Any, Response]:
        """Make the request and return the response."""
        self._is_made = True
        return self._client._make(self.wish).__await__()

    async def __aenter__(self) -> Response:
        """Make the request; checks of the response count until the block ends."""
        self._is_made = True
        client, wish = self._client, self.wish
        await client._admit(leaving=wish.leaving)
        request = client._request(wish)
        self._timer = client._timer(wish)
        self._timer.__enter__()
        self._spans = client._spans(wish)
        try:
            self._response = await client._perform(request, wish, self._timer)
        except BaseException:
            self._end(*sys.exc_info())
            raise
        self._response._timer, self._response._spans = self._timer, self._spans
        if self._spans is not None and self._response.error is None:
            self._spans.answered()
        return self._response

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """Record the request.  An answer that broke off while it was read ends no user."""
        response = self._response
        response._timer = None
        response._release()
        self._end(kind, error, traceback)
        return error is not None and error is response.error

    def _end(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._spans is not None:
            self._spans.end()
        self._timer.__exit__(kind, error, traceback)

    def __del__(self) -> None:
        """Warn of a request that nobody made: it would go unnoticed."""
        if not self._is_made:
            url = without_password(str(self.wish.url))
            warnings.warn(
                f"{self.wish.method} {url} was never sent: await it",
                RuntimeWarning,
                stacklevel=1,
                source=self,
            )
