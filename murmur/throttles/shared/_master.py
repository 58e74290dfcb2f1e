"""The steering side of cluster throttles: who opened which, what each node is to be told.

It is told of messages and of nodes that come and go, and asked at each turn what is to be
sent.  A turn is due after every message and verb, and at `due_at`.  Pure: it never waits,
reads no clock and knows no transport (`_service` puts it to work).  All times are on
the steering clock.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from murmur._wire import describe_fault
from murmur.errors import (
    InvalidArgumentError,
    ThrottleConflictError,
    ThrottleError,
    UnknownThrottleError,
)
from murmur.throttles._account import Booked, WindowNumbers
from murmur.throttles._config import Terms
from murmur.throttles._permit import ThrottleStatistics

from ._throttle import ClusterThrottle, Conditions, Lot
from ._wire import KIND, Tag, Wanted, pack, unpack

HALT = 8.0
"""Seconds after the last word from a node by which nothing of it acts any more.  A session
gives its own: its `silence`, the run's grace, and some to spare."""

PERIOD = 0.05
"""Seconds between two reports of a node, and between two leases by share, of few nodes."""

FEW = 20
"""Nodes up to which the period is that; of more it grows in proportion."""

SLOWEST = 0.5
"""Seconds that the period is at most."""

STALE = 1.0
"""Seconds, or so many times four periods, after which a node that is silent gets no share."""

UNCERTAIN = 0.25
"""Seconds of a clock's error that others wait for; a node that is worse goes short alone."""

Message = tuple[str, str, bytes]
"""A node, the kind of a message, its body."""


@dataclass(slots=True)
class _Member:
    """What is known of a node."""

    error: float
    delay: float = 0.0
    heard_at: float = -math.inf


class LeaseMaster:
    """The throttles of one run over all its nodes.

    Examples
    --------
    >>> from murmur.throttles.shared._wire import Tag, pack
    >>> leases = LeaseMaster()
    >>> leases.node_joined("one", clock_error=0.001)
    >>> terms = [100.0, 1.0, "even", "", [], "rate 100 per 1 s"]
    >>> leases.on_message("one", "lease", pack(Tag.OPEN, 1, "messages", terms), now=0.0)
    >>> [(node, unpack(body)[0].name) for node, _, body in leases.tick(now=0.0)]
    [('one', 'STATE'), ('one', 'ANSWER')]
    >>> leases.call("messages", "change_rate", {"rate": 50}, now=1.0)
    >>> leases.names
    ('messages',)
    """

    def __init__(
        self,
        *,
        seed: int = 0,  # what Poisson arrivals are drawn from, together with the throttle's name
        # seconds after the last word from a silent node until nothing of it acts any more
        halt: float = HALT,
        # when the run started, from which windows are counted; each throttle's start if not given
        started_at: float | None = None,
        # throttles whose permits fall due only while somebody waits
        on_demand: Collection[str] = (),
    ) -> None:
        self._windows = None if started_at is None else WindowNumbers(started_at)
        self._on_demand = on_demand
        self._last: dict[str, dict[int, Booked]] = {}  # of throttles that were stopped
        self._seed = seed
        self._halt = halt
        self._members: dict[str, _Member] = {}
        self._throttles: dict[str, ClusterThrottle] = {}
        self._by_number: dict[int, ClusterThrottle] = {}
        self._outbox: list[Message] = []
        self._number = 0
        self._looked_at = math.inf
        self._known = Conditions(PERIOD, {}, 0.0, 0.0)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the throttles that are not stopped."""
        return tuple(self._throttles)

    @property
    def period(self) -> float:
        """Seconds between two reports of a node."""
        return min(SLOWEST, PERIOD * max(1.0, len(self._members) / FEW))

    def node_joined(self, node: str, clock_error: float) -> None:
        """Let a node take part; `clock_error` is how far its clock may be off, in seconds."""
        self._members[node] = _Member(clock_error)
        self._looked_at = math.inf

    def node_lost(
        self,
        node: str,
        now: float,
        *,
        # whether it may still be running, for all that is known: then permits of a limit are used
        # again only when it has halted
        is_silent: bool = False,
    ) -> None:
        """Share among the others what a node had."""
        member = self._members.pop(node, None)
        if member is None:
            return
        self._looked_at = math.inf
        free_at = max(now, member.heard_at + self._halt) if is_silent else now
        for throttle in self._by_number.values():
            fed = throttle.state(node, now).feeds if node in throttle.nodes else False
            throttle.lose(node, free_at)
            if fed:
                self._broadcast(throttle, now)

    def on_message(self, node: str, kind: str, body: bytes, now: float) -> None:
        """Take in what a node sent.

        Raises `Exception` if it makes no sense: then the sender is not one of ours.
        """
        member = self._members.get(node)
        if kind != KIND or member is None:
            return
        if now - member.heard_at > STALE / 2:
            self._looked_at = math.inf  # it may count again
        member.heard_at = now
        tag, items = unpack(body)
        if tag is Tag.REPORT:
            self._report(node, member, now, *items)
        elif tag is Tag.OPEN:
            self._open(node, now, *items)
        elif tag is Tag.CALL:
            self._call(node, now, *items)
        elif tag is Tag.SHAPE:
            number, first, rates = items
            if number in self._by_number:
                self._by_number[number].tell_shape(int(first), [float(rate) for rate in rates])
        else:
            raise ValueError(f"{tag.name} is not for the steering side")

    def call(self, name: str, verb: str, arguments: Mapping[str, Any], now: float) -> None:
        """Change a throttle: `verb` is a method of `murmur.Throttle`.

        Raises
        ------
        UnknownThrottleError
            If there is no throttle of that name.
        ThrottleError
            What the method raises.
        """
        throttle = self._throttles.get(name)
        if throttle is None:
            raise UnknownThrottleError(name, self.names)
        said, drops = throttle.call(verb, arguments, now)
        if throttle.rate.is_stopped:
            throttle.end_plan(now)
            self._last[name] = throttle.drain(now)
            del self._throttles[name]
            del self._by_number[throttle.number]
        self._broadcast(throttle, now, said=said, drops=drops)

    def statistics(self, now: float) -> dict[str, ThrottleStatistics]:
        """Return what each throttle is set to, by name."""
        return {name: throttle.statistics(now) for name, throttle in self._throttles.items()}

    def end_of(self, window: int) -> float:
        """Return when a window ends; only where it is known when the run started."""
        assert self._windows is not None
        return self._windows.start(window + 1)

    def end_plan(self, now: float) -> None:
        """Let nothing fall due from now on: the run ends."""
        for throttle in self._throttles.values():
            throttle.end_plan(now)

    def drain(self, now: float) -> dict[str, dict[int, Booked]]:
        """Return what became of permits that no node held, by throttle and window."""
        rows, self._last = self._last, {}
        return rows | {name: each.drain(now) for name, each in self._throttles.items()}

    def tick(self, now: float) -> list[Message]:
        """Return what is to be sent now, as (node, kind, body)."""
        conditions = self._conditions(now)
        lots: dict[str, list[Lot]] = {}
        for throttle in self._by_number.values():
            said = throttle.news(now)
            if said is not None:
                self._broadcast(throttle, now, said=said)
            for node, lot in throttle.lease(now, conditions):
                lots.setdefault(node, []).append(lot)
        for node, many in lots.items():
            self._outbox += ((node, KIND, body) for body in self._bodies(many, now, conditions))
        outbox, self._outbox = self._outbox, []
        return outbox

    def due_at(self, now: float) -> float:
        """Return when the next turn is due, unless a message or a verb comes before."""
        if self._outbox:
            return now
        conditions = self._conditions(now)
        dues = (throttle.due_at(now, conditions) for throttle in self._by_number.values())
        return min(dues, default=math.inf)

    def _conditions(self, now: float) -> Conditions:
        """Return how things are, looked at anew now and then: it takes a look at every node."""
        if not self._looked_at <= now < self._looked_at + self.period / 2:
            self._looked_at, self._known = now, self._look(now)
        return self._known

    def _look(self, now: float) -> Conditions:
        period = self.period
        stale = max(STALE, 4 * period)
        fresh = {
            node: member.delay
            for node, member in self._members.items()
            if now - member.heard_at < stale
        }
        errors = (member.error for member in self._members.values())
        worst = max((error for error in errors if error <= UNCERTAIN), default=0.0)
        return Conditions(period, fresh, max(fresh.values(), default=0.0), 2 * worst)

    def _bodies(self, lots: list[Lot], now: float, conditions: Conditions) -> Iterator[bytes]:
        """Yield one message for all that are of a kind."""
        for tag in (Tag.SLOTS, Tag.TIMES):
            items = [item for kind, item in lots if kind is tag]
            if items:
                yield pack(tag, now, conditions.period, items)
        for tag, item in lots:
            if tag is Tag.PERMITS:
                yield pack(tag, *item)

    def _report(
        self,
        node: str,
        member: _Member,
        now: float,
        error: float,
        delay: float,
        wanted: list[list[Any]],
    ) -> None:
        member.error = float(error)
        member.delay = min(max(0.0, float(delay)), 1.0)
        for item in wanted:
            each = Wanted(*item)
            throttle = self._by_number.get(each.throttle)
            if throttle is not None and node in throttle.nodes:
                throttle.report(node, each, now)

    def _open(self, node: str, now: float, call: int, name: str, asked: list[Any] | None) -> None:
        """Start a throttle, or let the node have a part in the one that is there."""
        throttle = self._throttles.get(name)
        terms = None if asked is None else Terms(*asked)
        if throttle is None:
            if terms is None:
                self._answer(node, call, None, UnknownThrottleError(name, self.names))
                return
            self._number += 1
            seed = f"{self._seed}/{name}"
            throttle = ClusterThrottle(
                self._number,
                name,
                terms,
                now,
                seed=seed,
                windows=self._windows,
                is_on_demand=name in self._on_demand,
            )
            self._throttles[name] = self._by_number[self._number] = throttle
        elif terms is not None and not throttle.rate.has(terms, now):
            error = ThrottleConflictError(name, throttle.rate.terms.text, terms.text)
            self._answer(node, call, None, error)
            return
        throttle.join(node)
        self._tell(node, throttle, now)
        self._answer(node, call, throttle, None)

    def _call(
        self, node: str, now: float, call: int, name: str, verb: str, arguments: dict[str, Any]
    ) -> None:
        try:
            self.call(name, verb, arguments, now)
        except (InvalidArgumentError, ThrottleError, TypeError) as error:
            self._answer(node, call, None, error)
        else:
            self._answer(node, call, None, None)

    def _answer(
        self, node: str, call: int, throttle: ClusterThrottle | None, error: Exception | None
    ) -> None:
        number = None if throttle is None else throttle.number
        fault = None if error is None else describe_fault(error)
        self._outbox.append((node, KIND, pack(Tag.ANSWER, call, number, fault)))

    def _tell(
        self,
        node: str,
        throttle: ClusterThrottle,
        now: float,
        *,
        said: str = "",
        drops: bool = False,
    ) -> None:
        told = throttle.state(node, now, said=said, drops=drops)
        self._outbox.append((node, KIND, pack(Tag.STATE, throttle.number, list(told))))

    def _broadcast(
        self, throttle: ClusterThrottle, now: float, *, said: str = "", drops: bool = False
    ) -> None:
        for node in throttle.nodes:
            self._tell(node, throttle, now, said=said, drops=drops)
