"""A node of a scripted cluster: its clock, its link, its loop, and what its users do."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from murmur.cluster import ClockOffset
from murmur.throttles import ThrottleConfig
from murmur.throttles.shared import Lease, LeaseNode, LeaseState

if TYPE_CHECKING:
    from .scripted_leases import ScriptedCluster

__all__ = ["GRAIN", "Link", "ScriptedNode"]

BEAT = 0.5
"""Seconds between two questions for the time."""

GRAIN = 1e-6
"""Seconds that every sleep takes at least: two clocks never agree on the last digit."""


@dataclass(frozen=True)
class Link:
    """How long messages take, and how well a node keeps time.

    Parameters
    ----------
    up, down : float
        Seconds of a message to the steering side, and from it.
    jitter : float
        Seconds that come on top, drawn evenly from 0 on.
    offset, drift : float
        Seconds by which the node's clock is ahead at first; and that it gains in a second.
    late : float
        Seconds by which its loop wakes late, on average.
    """

    up: float = 0.0003
    down: float = 0.0003
    jitter: float = 0.0
    offset: float = 0.0
    drift: float = 0.0
    late: float = 0.0005


@dataclass
class _Line:
    """Stands in for the runtime's line: who waits, and since when."""

    waiting: deque[float] = field(default_factory=deque)
    requested: int = 0
    has_plain_waiters: bool = False
    alert: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return len(self.waiting)

    @property
    def waits_since(self) -> float:
        return self.waiting[0] if self.waiting else math.inf


class ScriptedNode:
    """A node whose users follow a script.

    Attributes
    ----------
    line : _Line
        Who waits.
    lease : Lease or None
        What it may use, once the throttle is open.
    error : object
        What opening it brought instead.
    used : int
        Permits of a limit in use.
    is_dead : bool
        Whether it was killed.
    """

    def __init__(
        self, name: str, cluster: ScriptedCluster, link: Link, config: ThrottleConfig
    ) -> None:
        self.name = name
        self.line = _Line(alert=self._look)
        self.lease: Lease | None = None
        self.error: Any = None
        self.is_dead = False
        self.think: Callable[[], float] = lambda: 0.0
        self._cluster = cluster
        self._link = link
        self._config = config
        self._clock = ClockOffset()
        self._node = LeaseNode(self._clock, self._see_to_due)
        self._arrives_up = self._arrives_down = -math.inf
        self._frozen_until = -math.inf
        self._looks_at = math.inf
        self._sends_at = math.inf

    @property
    def local(self) -> float:
        """What this node's clock shows."""
        now = self._cluster.now
        return now + self._link.offset + (now - 1000.0) * self._link.drift

    def start(self) -> None:
        """Ask for the time, then open the throttle."""
        now = self._cluster.now
        for number in range(8):
            self._cluster.at(now + 0.02 * number, self._ask_time)
        self._cluster.at(now + BEAT, self._beat)
        self._cluster.at(now + 0.2, self._open)

    def users(self, count: int) -> None:
        """Let so many users wait for permits in a loop, thinking in between."""
        for _ in range(count):
            self.request()

    def arrivals(self, rate: float, until: float) -> None:
        """Let users come that want one permit each, at random, so many a second."""

        def arrive() -> None:
            self.request()
            self.arrivals(rate, until)

        at = self._cluster.now + self._cluster.draw.expovariate(rate)
        if at < until and not self.is_dead:
            self._cluster.at(at, arrive)

    def request(self) -> None:
        """Let somebody wait for a permit."""
        self.line.waiting.append(self.local)
        self.line.requested += 1
        if self.lease is not None:
            self.lease.ask()
        self._look()

    def give_up(self) -> None:
        """Let whoever waits longest go."""
        if self.line.waiting:
            self.line.waiting.popleft()

    def freeze(self, seconds: float) -> None:
        """Stop the node for a while, as SIGSTOP does."""
        self._frozen_until = self._cluster.now + seconds

    def call(self, verb: str, **arguments: Any) -> None:
        """Change the throttle from here."""
        self._node.call("t", verb, arguments, self._answered)
        self._send_due()

    def send_down(self, kind: str, body: bytes) -> None:
        """Send a message of the steering side on its way here."""
        self._cluster.traffic.count(body)
        arrival = self._cluster.now + self._link.down + self._jitter()
        self._arrives_down = arrival = max(arrival, self._arrives_down)
        self._awake(arrival, lambda: self._heard(kind, body))

    def _awake(self, at: float, action: Callable[[], object]) -> None:
        """Do something here at a time, or when the node is not frozen any more."""

        def act() -> None:
            if self.is_dead:
                return
            if self._cluster.now < self._frozen_until:
                self._cluster.at(self._frozen_until, act)
            else:
                action()

        self._cluster.at(at, act)

    def _jitter(self) -> float:
        return self._cluster.draw.uniform(0.0, self._link.jitter)

    def _send_up(self, action: Callable[[], object]) -> None:
        arrival = self._cluster.now + self._link.up + self._jitter()
        self._arrives_up = arrival = max(arrival, self._arrives_up)
        self._cluster.at(arrival, action)

    def _beat(self) -> None:
        if not self.is_dead:
            self._ask_time()
            self._awake(self._cluster.now + BEAT, self._beat)

    def _ask_time(self) -> None:
        sent_at = self.local

        def answer() -> None:
            steering_at = self._cluster.now
            arrival = steering_at + self._link.down + self._jitter()
            self._arrives_down = arrival = max(arrival, self._arrives_down)
            self._awake(arrival, lambda: learn(steering_at))

        def learn(steering_at: float) -> None:
            self._clock.take(sent_at=sent_at, steering_at=steering_at, received_at=self.local)

        self._send_up(answer)

    def _open(self) -> None:
        self._node.open("t", self._config, self._answered)
        self._send_due()

    def _answered(self, lease: Lease | None, fault: Any) -> None:
        self.error = fault
        if lease is not None:
            self.lease = lease
            if callable(self._config.shape):
                lease.points = self._config.shape
            lease.follow(self.line, self._heed)  # type: ignore[arg-type]  # stands in for a line
            self._send_due()

    def _heed(self, state: LeaseState, now: float) -> None:
        self._look()

    def _heard(self, kind: str, body: bytes) -> None:
        self._node.on_message(kind, body, self.local)
        self._send_due()

    def _send_due(self) -> None:
        if self.is_dead or self._cluster.now < self._frozen_until:
            return
        for kind, body in self._node.outgoing(self.local):
            self._cluster.traffic.count(body)
            self._send_up(partial(self._cluster.heard, self.name, kind, body))
        self._see_to_due()

    def _see_to_due(self) -> None:
        """Have the next message sent when it is due."""
        due_at = self._cluster.now + max(GRAIN, self._node.due_at(self.local) - self.local)
        if due_at < math.inf and not self._cluster.now < self._sends_at <= due_at:
            self._sends_at = due_at
            self._awake(due_at, self._send_if_due)

    def _send_if_due(self) -> None:
        if self._cluster.now >= self._sends_at:
            self._sends_at = math.inf
            self._send_due()

    def _look(self) -> None:
        """See to it that the line moves when it can: a little late, as loops are."""
        if self.lease is None or not self.line.waiting:
            return
        gate = self.lease if self.lease.state.interval else self.lease.slots
        wait = max(0.0, gate.next_at(self.line.waiting[0], self.local) - self.local)
        if self.lease.state.interval and self.lease.state.rate == math.inf:
            wait = 0.0
        at = self._cluster.now + (max(wait, GRAIN) if wait else 0.0)
        if at >= self._looks_at:
            return
        self._looks_at = at
        late = self._cluster.draw.expovariate(1 / self._link.late) if self._link.late else 0.0
        self._awake(at + (late if wait else 0.0), lambda: self._serve(at))

    def _serve(self, at: float) -> None:
        """Let go on who has a permit now, if this is still when to look."""
        if at != self._looks_at:
            return
        self._looks_at = math.inf
        lease, waiting = self.lease, self.line.waiting
        if lease is None or lease.state.paused or lease.state.stopped:
            return
        while waiting and self._may_go(lease):
            waiting.popleft()
            self._cluster.grants.append((self._cluster.now, self.name))
            think = self.think()
            if think < math.inf:
                self._awake(self._cluster.now + think, self.request)
            if lease.state.rate == math.inf:
                break
        self._look()

    def _may_go(self, lease: Lease) -> bool:
        """Take a permit for the first in line, if there is one."""
        if not lease.state.interval:
            return self._hold(lease)
        if lease.state.rate == math.inf:
            return True
        due_at = lease.take(self.line.waiting[0], self.local)
        if due_at is None:
            return False
        lease.settle(due_at, self.local)
        return True

    def _hold(self, lease: Lease) -> bool:
        """Take a permit of a limit for as long as the user thinks."""
        if lease.slots.take(self.line.waiting[0], self.local) is None:
            return False
        lease.slots.hold()
        self._awake(self._cluster.now + self.think(), lambda: self._free(lease))
        return True

    def _free(self, lease: Lease) -> None:
        lease.slots.free(self.local)
        self._look()
