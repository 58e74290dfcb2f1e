"""A cluster throttle in virtual time: real steering and node sides, scripted everything else.

Clocks that are off and drift, links that are slow, lopsided and jittery, loops that wake
late, users that come, loop, think and give up; nodes that join, freeze and die.  Every grant
is noted at its true time, so a test can count windows over all nodes.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from murmur.throttles import ThrottleConfig
from murmur.throttles.shared import LeaseMaster

from .scripted_node import GRAIN, Link, ScriptedNode

__all__ = ["Link", "ScriptedCluster", "ScriptedNode"]


@dataclass
class Traffic:
    """What went over the links.

    Attributes
    ----------
    messages, size_bytes : int
        To the steering side and from it, together.
    """

    messages: int = 0
    size_bytes: int = 0

    def count(self, body: bytes) -> None:
        """Count a message."""
        self.messages += 1
        self.size_bytes += len(body)


class ScriptedCluster:
    """A steering side, its nodes, and the true time.

    Parameters
    ----------
    seed : int, default 0
        What jitter, lateness and thinking times are drawn from.

    Attributes
    ----------
    now : float
        The true time, which is the steering clock's.
    master : LeaseMaster
        The steering side.
    nodes : dict of str to ScriptedNode
        The nodes that are there.
    grants : list of (float, str)
        True time and node of every grant.
    traffic : Traffic
        Messages so far.

    Examples
    --------
    >>> cluster = ScriptedCluster()
    >>> node = cluster.join("one", rate=10, interval=1)
    >>> node.users(5)
    >>> cluster.run(2.0)
    >>> 15 < len(cluster.grants) <= 20
    True
    """

    def __init__(self, *, seed: int = 0) -> None:
        self.now = 1000.0
        self.master = LeaseMaster(seed=seed)
        self.nodes: dict[str, ScriptedNode] = {}
        self.grants: list[tuple[float, str]] = []
        self.traffic = Traffic()
        self.draw = random.Random(seed)
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._turn_at = math.inf
        self._still_until = -math.inf

    def at(self, time: float, action: Callable[[], object]) -> None:
        """Do something at a time."""
        heapq.heappush(self._events, (max(time, self.now), next(self._order), action))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self._events and self._events[0][0] <= end:
            self.now, _, action = heapq.heappop(self._events)
            action()
        self.now = end

    def join(self, name: str, link: Link | None = None, **config: Any) -> ScriptedNode:
        """Let a node join and open the throttle "t"; `config` as for `murmur.throttle`."""
        node = ScriptedNode(name, self, link or Link(), ThrottleConfig.of(**config))
        self.nodes[name] = node
        self.master.node_joined(name, math.inf)
        node.start()
        return node

    def kill(self, name: str, *, noticed_after: float = 0.02) -> None:
        """End a node at once; the steering side learns of it a little later."""
        self.nodes.pop(name).is_dead = True
        self.at(self.now + noticed_after, lambda: self._lose(name))

    def call(self, verb: str, **arguments: Any) -> None:
        """Change the throttle "t" from the steering side."""
        self.master.call("t", verb, arguments, self.now)
        self.turn()

    def freeze(self, seconds: float) -> None:
        """Let the steering side hear and send nothing for so long; nodes go on."""
        self._still_until = self.now + seconds

    def heard(self, node: str, kind: str, body: bytes) -> None:
        """Hand a message to the steering side."""
        if self.now < self._still_until:
            self.at(self._still_until, lambda: self.heard(node, kind, body))
        elif node in self.nodes:
            self.master.on_message(node, kind, body, self.now)
            self.turn()

    def turn(self) -> None:
        """Let the steering side send what is due, and see to the next turn."""
        for name, kind, body in self.master.tick(self.now):
            if name in self.nodes:
                self.nodes[name].send_down(kind, body)
        self.see_to(self.master.due_at(self.now))

    def see_to(self, due_at: float) -> None:
        """Have the next turn at that time, if it is sooner than the one that is planned."""
        if due_at < math.inf and not self.now < self._turn_at <= due_at:
            self._turn_at = due_at = max(due_at, self.now + GRAIN)
            self.at(due_at, self._due)

    def _due(self) -> None:
        if self.now < self._still_until:
            self.at(self._still_until, self._due)
        elif self.now >= self._turn_at:
            self._turn_at = math.inf
            self.turn()

    def _lose(self, name: str) -> None:
        self.master.node_lost(name, self.now)
        self.turn()
