"""Records that the steering kernel itself keeps of a run: nodes that come and go.

Users that no node answers for get their outcome here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from murmur._backend import native
from murmur.recording import STEERING
from murmur.runtime import went_with_their_node
from murmur.telemetry import STANDSTILL, Emitter, Labels, Recorder

if TYPE_CHECKING:
    from murmur.recording import RunRecord, Standstill
    from murmur.telemetry import Bus, Chunk

    from ._homes import Ids
    from ._node import Node


def emit_of_node(emitter: Emitter, name: str, node: str, state: str) -> None:
    """Say that something happened to a node."""
    emitter.emit(name, {"count": 1}, {"nodes": [node], "state": state})


class Chronicle:
    """Writes into the record of one run; its events go to the bus, too."""

    def __init__(self, bus: Bus, record: RunRecord) -> None:
        now = native().now
        self._bus = bus
        self._now = now
        self._record = record
        self._recorder = Recorder(
            node=STEERING,
            started_at=record.started_at,
            wall_started_at=record.wall_started_at,
            now=now,
        )
        self._emitter = Emitter(
            bus,
            run_id=record.run_id,
            node=STEERING,
            now=now,
            wall_now=lambda: record.wall_at(now()),
            keep=self._recorder.event,
        )
        self._owing: set[str] = set()  # nodes that ran, and did not leave in order
        # users that were lost, or ended, because of their node, by its name
        self.gone: Counter[str] = Counter()

    def event(self, name: str, node: str, state: str) -> None:
        """Say that something happened to a node."""
        emit_of_node(self._emitter, name, node, state)
        self._write(node)

    def standstill(self, node: str, stood: Standstill) -> None:
        """Say that the steering kernel stood still; `node` is the one of its process."""
        measured = {"count": 1, "duration": stood.seconds}
        self._emitter.emit(STANDSTILL, measured, {"cause": stood.cause})
        self._write(node)

    def relay(self, chunk: Chunk) -> None:
        """Tell who listens here of the events that another process kept, at this clock's times."""
        failures = False
        for event in chunk.events:
            told = replace(event, at=self._record.started_at + event.at, node=chunk.node)
            for failure in self._bus.publish(told):
                self._recorder.event(failure)
                failures = True
        if failures:
            self._write(chunk.node)

    def failure(
        self,
        node: str,
        error: BaseException | str,
        *,
        of: tuple[str, str] | None = None,  # what failed that runs there; else the node itself
        users: int = 0,  # who ended by it
    ) -> None:
        """Count what went wrong with a node among the failures."""
        self._recorder.failure(*(of or ("node", node)), error, users)
        self._write(node)

    def count(self, node: str, name: str) -> None:
        """Count something that happened to what a node sent."""
        self._recorder.count(name)
        self._write(node)

    def change(self, node: str, what: str, old: str, new: str) -> None:
        """Write what a person did to the run as a whole."""
        self._recorder.change(self._now(), "session", what, old, new)
        self._write(node)

    def throttle(self, node: str, name: str, row: Mapping[str, object]) -> None:
        """Write what became of permits of a throttle that no node held."""
        self._recorder.throttle(self._now(), name, row)
        self._write(node)

    def arrival(self, node: Node) -> None:
        """Write that a node takes part, or that it does so again.

        One that was lost owes the time until it is back: its first moments stay.
        """
        facts = node.facts.shown
        if node.name not in self._owing:
            facts |= {"joined_at": node.joined_at, "running_at": math.nan}
        self._record.note_node(node.name, **facts, left_at=math.nan, outcome="here")

    def running(self, node: str) -> None:
        """Write that the `init` of a node is done."""
        if node not in self._owing:
            self._owing.add(node)
            self._record.note_node(node, running_at=self._now())

    def departure(self, node: str, outcome: str) -> None:
        """Write that a node takes part no more: it left, was lost, or its part failed."""
        if outcome == "left":
            self._owing.discard(node)
        self._record.note_node(node, outcome=outcome, left_at=self._now())

    def count_gone(self, node: str) -> None:
        """Count the users that were lost with a node so far, or ended by its end."""
        users: dict[str, Any] = self._record.table("users")
        went = went_with_their_node(users["outcome"], users["reason"])
        self.gone[node] = int((went & users["node"].among({node})).sum())
        self._record.note_gone(node, self.gone[node])

    def drop(self, node: str, ids: Ids, reason: str) -> None:
        """Give users that a node never took the outcome ``dropped``."""
        self._recorder.users_dropped(*ids, self._now(), reason)
        self._write(node)

    def drop_unheard(self, node: str, ids: Ids) -> bool:
        """Give users that nobody ever heard of the outcome ``dropped``; return whether it did."""
        import numpy as np

        known, (first, last) = np.asarray(self._record.table("users")["user_id"]), ids
        is_heard_of = bool(((known >= first) & (known <= last)).any())
        if not is_heard_of:
            self.drop(node, ids, "it did not answer when they were announced")
        return not is_heard_of

    def lose(
        self,
        node: str,
        announced: Sequence[Ids],  # the users that it was told of
        reason: str,
        # when, in monotonic seconds; now if not given, which only the loop can tell
        at: float | None = None,
    ) -> int:
        """Give users that a node had, and that did not end before, the outcome ``lost``.

        Returns
        -------
        int
            How many there were.
        """
        if not self._set_remaining(node, announced):
            return 0
        return self._record.lose(node, self._now() if at is None else at, reason)

    def _set_remaining(self, node: str, announced: Sequence[Ids]) -> int:
        """Let the record know all users of a node that did not end; return how many those are.

        The node told about them when results were last looked at, and of those that came since
        nothing is known but that they were announced.
        """
        import numpy as np

        record = self._record
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

    def _write(self, node: str) -> None:
        """Hand what was written last to the record, as news of that node."""
        self._record.add(replace(self._recorder.seal(), node=node, under_way=None))
