"""A request that is to be made: awaited, or entered to look at the answer first."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Collection, Generator, Mapping
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeAlias

from ._body import UNSET, Data
from ._url import without_password

if TYPE_CHECKING:
    from murmur.runtime import Timer

    from ._courier import Courier
    from ._ledger import Spans
    from ._multipart import Files
    from ._response import Response
    from ._url import Pieces

Check: TypeAlias = "Callable[[Response], object]"
"""Returns whether the answer is as it should be, or what is wrong with it."""

Expected: TypeAlias = "int | Collection[int]"
"""Statuses that are no failure."""


class Block(NamedTuple):
    """A request whose answer is looked at: what is recorded of it when the block ends."""

    response: Response
    timer: Timer
    spans: Spans | None

    def end(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Record it."""
        if self.spans is not None:
            self.spans.end()
        self.timer.__exit__(kind, error, traceback)


class Call:
    """A request that is to be made; what `Client.get` and its like return.

    ``response = await call`` makes it, and records it when the answer is complete.
    ``async with call as response:`` also makes it, and records it at the end of the block,
    so that checks in the block count; the time is that of the request alone.

    Its other attributes are what was asked for, as it was given; see `Client.request`.
    """

    # What was not asked for stays with the class: most requests are a method and a URL.
    path: Mapping[str, object] = MappingProxyType({})
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
    due_at: float = math.nan  # due_at, started_at: while it is under way without a timer
    started_at: float = math.nan
    is_part = False
    _block: Block

    def __init__(self, courier: Courier, method: str, url: str, name: str | None) -> None:
        self._courier = courier
        self.method: str = method
        self.url: str = url
        self.name: str | None = name
        self.is_plain: bool = True  # whether it is no more than a method and a URL
        self.is_made: bool = False

    def asking(self, **asked: object) -> Self:
        """Return this request, of which more was asked for than method and URL."""
        for what, value in asked.items():
            if value is not getattr(Call, what) and (value or what != "path"):
                setattr(self, what, value)
                self.is_plain = False
        return self

    @property
    def is_void(self) -> bool:
        """Whether its user is gone, so that it will record nothing."""
        user = self._courier.user
        return user is not None and user.is_gone

    def __await__(self) -> Generator[Any, Any, Response]:
        """Make the request and return the response."""
        return self._courier.make(self)

    async def __aenter__(self) -> Response:
        """Make the request; checks of the response count until the block ends."""
        self.is_made = True
        self._block = await self._courier.enter(self)
        return self._block.response

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """Record the request.  An answer that broke off while it was read ends no user."""
        response = self._block.response
        response._timer = None
        response._release()
        self._block.end(kind, error, traceback)
        return error is not None and error is response.error

    def __del__(self) -> None:
        """Warn of a request that nobody made: it would go unnoticed."""
        if not self.is_made:
            url = without_password(str(self.url))
            warnings.warn(
                f"{self.method} {url} was never sent: await it",
                RuntimeWarning,
                stacklevel=1,
                source=self,
            )
