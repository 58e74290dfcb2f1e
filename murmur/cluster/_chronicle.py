"""Records that the steering kernel itself keeps of a run: nodes that come and go.

Events go to the bus and, while a run is on, into its record too; users that no node
answers for get their outcome here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from murmur.telemetry import Emitter, Labels, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable

    from murmur.recording import RunRecord
    from murmur.telemetry import Bus, Chunk, Event

__all__ = ["STEERING", "Chronicle"]

STEERING = "steering"
"""Where events of the cluster itself are from."""


class Chronicle:
    """Writes into the record of one run, or, without one, to the bus alone."""

    def __init__(self, bus: Bus, now: Callable[[], float], record: RunRecord | None = None) -> None:
        self._bus = bus
        self._now = now
        self._record = record
        self._recorder = None
        keep: Callable[[Event], None] | None = None
        if record is not None:
            self._recorder = Recorder(
                node=STEERING,
                started_at=record.started_at,
                wall_started_at=record.wall_started_at,
                now=now,
            )
            keep = self._recorder.event
        run_id = "" if record is None else record.run_id
        wall_now = time.time if record is None else lambda: record.wall_at(now())
        self._emitter = Emitter(
            bus, run_id=run_id, node=STEERING, now=now, wall_now=wall_now, keep=keep
        )

    def event(self, name: str, nodes: Sequence[str], state: str) -> None:
        """Say that something happened to nodes."""
        self._emitter.emit(name, {"count": len(nodes)}, {"nodes": list(nodes), "state": state})
        self._write(nodes[0])

    def relay(self, chunk: Chunk) -> None:
        """Tell who listens here of the events that another process kept, at this clock's times."""
        if self._record is None or self._recorder is None:
            return
        started_at, failures = self._record.started_at, False
        for event in chunk.events:
            told = replace(event, at=started_at + event.at, node=chunk.node)
            for failure in self._bus.publish(told):
                self._recorder.event(failure)
                failures = True
        if failures:
            self._write(chunk.node)

    def failure(
        self, node: str, error: BaseException | str, *, of: tuple[str, str] | None = None
    ) -> None:
        """Count what went wrong with a node, or `of` what runs there, among the failures."""
        if self._recorder is not None:
            self._recorder.failure(*(of or ("node", node)), error)
            self._write(node)

    def count(self, node: str, name: str) -> None:
        """Count something that happened to what a node sent."""
        if self._recorder is not None:
            self._recorder.count(name)
            self._write(node)

    def change(self, node: str, what: str, old: str, new: str) -> None:
        """Write what a person did to the run as a whole."""
        if self._recorder is not None:
            self._recorder.change(self._now(), "session", what, old, new)
            self._write(node)

    def throttle(self, node: str, name: str, row: Mapping[str, object]) -> None:
        """Write what became of permits of a throttle that no node held."""
        if self._recorder is not None:
            self._recorder.throttle(self._now(), name, row)
            self._write(node)

    def drop(self, node: str, first: int, last: int, reason: str) -> None:
        """Give users that a node never took the outcome ``dropped``."""
        if self._recorder is not None:
            self._recorder.users_dropped(first, last, self._now(), reason)
            self._write(node)

    def drop_unheard(self, node: str, first: int, last: int) -> None:
        """Give users that nobody ever heard of the outcome ``dropped``."""
        if self._record is not None:
            import numpy as np

            ids = np.asarray(self._record.table("users")["user_id"])
            if not ((ids >= first) & (ids <= last)).any():
                self.drop(node, first, last, "it did not answer when they were announced")

    def lose(
        self,
        node: str,
        announced: Sequence[tuple[int, int]],  # first and last id of the users that it was told of
        reason: str,
        # when, in monotonic seconds; now if not given, which only the loop can tell
        at: float | None = None,
    ) -> int:
        """Give users that a node had, and that did not end before, the outcome ``lost``.

        Returns
        -------
        int
            How many those are.
        """
        record = self._record
        if record is None:
            return 0
        if not _set_remaining(record, node, announced):
            return 0
        return record.lose(node, self._now() if at is None else at, reason)

    def _write(self, node: str) -> None:
        if self._recorder is not None and self._record is not None:
            news = replace(self._recorder.seal(), node=node, under_way=None)
            self._record.add(news)


def _set_remaining(record: RunRecord, node: str, announced: Sequence[tuple[int, int]]) -> int:
    """Let the record know all users that were announced to a node and did not end.

    The node told about them when results were last looked at, and of those that came since
    nothing is known but that they were announced.

    Returns
    -------
    int
        How many those are.
    """
    import numpy as np

    table = record.table("users")
    outcomes = table["outcome"]
    assert isinstance(outcomes, Labels)
    ended = np.asarray(table["user_id"])[outcomes.codes >= 0]
    ranges = [np.arange(first, last + 1) for first, last in announced]
    ids = np.setdiff1d(np.concatenate([np.empty(0, np.int64), *ranges]), ended)
    admitted, started = np.full(len(ids), np.nan), np.full(len(ids), np.nan)
    known = record.users.present.get(node)
    if known is not None:
        _, here, there = np.intersect1d(ids, known.ids, return_indices=True)
        admitted[here], started[here] = known.admitted_at[there], known.started_at[there]
    record.set_present(node, ids, admitted + record.started_at, started + record.started_at)
    return len(ids)
