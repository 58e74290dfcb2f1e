"""The timer of a client outside of any run: it has nowhere to record to."""

from __future__ import annotations

__all__ = ["Unrecorded"]


class Unrecorded:
    """What `murmur.runtime.Timer` offers, without effect."""

    def __init__(
        self,
        started_at: float,  # monotonic seconds
    ) -> None:
        self.started_at: float = started_at
        self.ended_at: float | None = None

    def begin(self) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""

    def fail(self, reason: BaseException | str) -> None:
        """Do nothing."""

    def __enter__(self) -> Unrecorded:
        """Return this."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let what was raised pass."""
