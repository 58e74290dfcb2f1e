"""Call that a session hands to its loop, and what is told if no answer comes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from murmur.errors import SessionClosedError

if TYPE_CHECKING:
    from murmur.cluster import Cluster

__all__ = ["Call"]

T = TypeVar("T")


class Call(Generic[T]):
    """A function to call on the loop, unless it is withdrawn before.

    Each side first says what it does and then looks at what the other says, so that a call
    of which `withdraw` says that nothing was done is never done.

    Parameters
    ----------
    fn : callable
        What to await.
    """

    def __init__(self, fn: Callable[..., Awaitable[T]]) -> None:
        self._fn = fn
        self._has_begun = False
        self._is_withdrawn = False

    async def begin(self, *args: object) -> T:
        """Call the function; runs on the loop."""
        self._has_begun = True
        if self._is_withdrawn:
            raise SessionClosedError("the call was withdrawn")
        return await self._fn(*args)

    def withdraw(self, cluster: Cluster | None) -> str:
        """Give up; return what becomes of the call, and of the run."""
        self._is_withdrawn = True
        run = cluster.fate if cluster is not None else "no run is on"
        if self._has_begun:
            return f"what was asked may still be done; {run}"
        return f"what was asked is not done; {run}"
