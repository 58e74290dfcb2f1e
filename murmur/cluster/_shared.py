"""Throttles and coordinators of a run that are one over all its nodes.

Their rates and counts live here, in the steering kernel; this is the post to the nodes and back.
It needs the extra ``murmur-load[cluster]``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from murmur.coordinators.shared import Meetings, pack_meeting, read_meeting

from ._leasing import Leasing
from ._local import LocalNode

if TYPE_CHECKING:
    import anyio
    from anyio.abc import TaskGroup

    from murmur.runtime import Listener, RunSpec

    from ._chronicle import Chronicle
    from ._node import Node
    from ._roster import Roster


class Shared:
    """What the nodes of one run have in common."""

    def __init__(self, spec: RunSpec, chronicle: Chronicle, roster: Roster) -> None:
        self.throttles: Leasing = Leasing(
            spec.run_id,
            seed=spec.seed,
            local=roster.local,
            silence=roster.silence,
            grace=cast("float", spec.settings.values["grace"]),
            post=self._post,
            started_at=spec.started_at,
            book=partial(chronicle.throttle, roster.local),
        )
        self._meetings = Meetings(self._post_meeting, seed=spec.seed)
        self._run_id = spec.run_id
        self._roster = roster
        self._nodes: dict[str, Node] = {}  # that take part, or prepare to, or are about to leave

    def serve(self, tasks: TaskGroup, over: anyio.Event) -> None:
        """Start what serves them until the run is over."""
        tasks.start_soon(self._meetings.serve, over)
        tasks.start_soon(self.throttles.serve, over)

    def join(self, node: Node, listener: Listener) -> Listener:
        """Let a node take part; return how its part of the run reaches what is shared."""
        self._nodes[node.name] = node
        meeting = None  # another process sends messages
        if node.name == self._roster.local:
            meeting = partial(self._meetings.heard, node.name)
        return replace(listener, meeting=meeting, leases=self.throttles.join(node))

    def problems(self) -> tuple[str, ...]:
        """Return a sentence for each wait of users, on any node, that seems to have no end."""
        return self._meetings.problems()

    def excuse(self, node: str) -> None:
        """Have other nodes do what is done for all in the place of one that is about to leave."""
        self._meetings.excuse(node)

    def end(self, nodes: Collection[str]) -> None:
        """Let nothing fall due from now on, and tell who waits: the run ends on these nodes."""
        self.throttles.end_plan()
        self._meetings.end(nodes)

    def lose(self, node: str, *, is_silent: bool) -> None:
        """Go on without a node."""
        self._nodes.pop(node, None)
        self.throttles.lose(node, is_silent=is_silent)
        self._meetings.lose(node)

    def heard(self, node: str, kind: str, body: bytes) -> None:
        """Take in a node's message; raises if it makes no sense."""
        if kind == "lease":
            self.throttles.heard(node, body)
        elif (message := read_meeting(body, self._run_id)) is not None:
            self._meetings.heard(node, message)

    def _post(self, name: str, kind: str, body: bytes) -> None:
        """Send a message to a node; one that is gone misses nothing."""
        node = self._roster.nodes.get(name)
        if node is not None:
            node.post(kind, body)

    def _post_meeting(self, name: str, message: list[object]) -> None:
        node = self._nodes.get(name)
        if isinstance(node, LocalNode):
            node.meeting_heard(message)
        elif node is not None:
            node.post("meeting", pack_meeting(self._run_id, message))
