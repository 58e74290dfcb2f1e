"""Log of the requests of one user, line by line as they come to an end: to see what it does."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Self

from murmur.telemetry import on

if TYPE_CHECKING:
    from murmur.telemetry import Event, Subscription

MOST = 1_000
"""Lines that wait to be taken; of more the oldest are left out, and that is said."""


class RequestLog:
    """Hears of the requests of one user in this process while it is entered."""

    def __init__(self, user_id: int) -> None:
        self._user_id = user_id
        self._heard: deque[Event] = deque(maxlen=MOST)
        self._left_out = 0
        self._has_heard = False
        self._subscription: Subscription | None = None

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._subscription = on("amoc.http.request", self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        if self._subscription is not None:
            self._subscription.cancel()

    def take(self) -> list[str]:
        """Return a line for each request since the last call."""
        lines = [_line(self._heard.popleft()) for _ in range(len(self._heard))]
        left_out, self._left_out = self._left_out, 0
        return [*([f"{left_out:,} requests are left out here"] if left_out else []), *lines]

    def silence(self) -> str:
        """Return a sentence if no request was heard of at all, and nothing otherwise."""
        if self._has_heard:
            return ""
        return (
            f"no request of user {self._user_id} ended: it is not here, made none, or not through "
            "user.http"
        )

    def _hear(self, event: Event) -> None:
        if event.metadata["user_id"] == self._user_id:
            self._has_heard = True
            self._left_out += len(self._heard) == MOST
            self._heard.append(event)


def _line(event: Event) -> str:
    measured, told = event.measurements, event.metadata
    moment = time.strftime("%H:%M:%S", time.gmtime(event.wall_at))
    is_answered = bool(told["status"])  # a head without the whole body has none either
    parts = [
        f"{moment}.{int(event.wall_at % 1 * 1e3):03}",
        f"user {told['user_id']}",
        f"{told['method']} {told['url']}",
        f"-> {told['status'] if is_answered else 'no complete answer'}",
        f"{measured['seconds'] * 1e3:,.1f} ms",
        *([f"{measured['received_bytes']:,.0f} B"] * is_answered),
    ]
    if measured["redirects"]:
        parts.append(f"after redirects: {measured['redirects']:.0f}")
    if told["failure"]:
        parts.append(f"FAILED: {told['failure']}")
    return "  ".join(parts)
