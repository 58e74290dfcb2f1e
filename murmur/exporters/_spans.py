"""A sample of the actions of a run, to be sent as spans: never more than fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from murmur._backend import thread_lock
from murmur.recording import Follower

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from murmur.recording import RunRecord
    from murmur.telemetry import Chunk

MOST_SPANS = 2_000
"""Actions that are kept between two pushes."""


@dataclass(frozen=True, slots=True)
class Action:
    """One action of the sample."""

    run_id: str  # run_id, node: where it happened
    node: str
    user_id: int  # who acted; 0 when no user did
    name: str
    due_at: float  # due_at, started_at, ended_at: UNIX seconds
    started_at: float
    ended_at: float
    error: str  # type of what went wrong, or its reason; empty if nothing did


class SpanSample(Follower):
    """Keeps a random share of the actions of all nodes until they are drained."""

    def __init__(
        self,
        share: float,  # between 0 and 1
    ) -> None:
        self.share = share
        self.dropped = 0  # actions of the share that were thrown away for want of room
        self._kept: list[Action] = []
        self._lock = thread_lock()
        self._random: Any = None

    def take(self, record: RunRecord, chunk: Chunk) -> None:
        """Keep a share of the actions of a chunk."""
        if not self.share:
            return
        chosen = chunk.actions[self._draw(len(chunk.actions), record)]
        with self._lock:
            room = MOST_SPANS - len(self._kept)
            self.dropped += max(0, len(chosen) - room)
            self._kept += [_action(row, record, chunk) for row in chosen[:room].tolist()]

    def drain(self) -> list[Action]:
        """Return what was kept, and keep it no longer."""
        with self._lock:
            kept, self._kept = self._kept, []
        return kept

    def drop(self, number: int) -> None:
        """Count spans that were drained, and could not be sent; from any thread."""
        with self._lock:
            self.dropped += number

    def _draw(self, size: int, record: RunRecord) -> NDArray[Any]:
        """Return for each of `size` actions whether it is one of the share."""
        import numpy as np

        if self._random is None:
            self._random = np.random.default_rng(record.seed)
        drawn: NDArray[Any] = self._random.random(size) < self.share
        return drawn


def _action(row: tuple[Any, ...], record: RunRecord, chunk: Chunk) -> Action:
    name, error, user_id, *moments = row
    due_at, started_at, ended_at = (record.wall_started_at + at for at in moments)
    kind, message = chunk.kinds[error] if error >= 0 else ("", "")
    return Action(
        run_id=record.run_id,
        node=chunk.node,
        user_id=user_id,
        name=chunk.names[name],
        due_at=due_at,
        started_at=started_at,
        ended_at=ended_at,
        error=message if kind == "failed" and message else kind,
    )
