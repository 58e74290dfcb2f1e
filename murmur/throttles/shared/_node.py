"""The node's side of cluster throttles: takes in what is leased, reports what is needed.

Pure: it never waits, reads no clock and knows no transport (`_service` puts it to
work).  Times are this node's monotonic seconds; its clock makes them the steering clock's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from murmur.throttles._config import ThrottleConfig
from murmur.throttles._setting import POINT

from ._demand import Demand
from ._grid import EvenSlots
from ._lease import Lease, LeaseState, SteeringClock
from ._shares import owns
from ._wire import KIND, Tag, pack, unpack

AHEAD = 2.0
"""Seconds by which the points of a shape are told ahead, and at how many at a time."""

FADING = 0.9
"""Part of the delay of a lease that still counts after a period."""

STANDSTILL = 0.5
"""Seconds without a turn after which this node stood still; or so many times four periods."""

Answer = Callable[[Lease | None, Mapping[str, Any] | None], None]
"""Takes the lease that was opened, if one was, and what is known of an error."""


class LeaseNode:
    """The leases of one node in one run."""

    def __init__(
        self,
        clock: SteeringClock,
        # called when something may have to be sent sooner than `due_at` said
        on_due: Callable[[], None] = lambda: None,
    ) -> None:
        self.period: float = 0.05  # seconds between two reports; the steering side says
        self._clock = clock
        self._on_due = on_due
        self._calls: dict[int, Answer] = {}
        self._call_number = 0
        self._outbox: list[tuple[str, bytes]] = []
        self._demands: dict[int, Demand] = {}
        self._points: dict[int, int] = {}  # of each shape that is told here, how many were
        self._delay = self._told_delay = 0.0  # seconds that leases are on their way
        self._taken_at = self._turned_at = self._stood_until = -math.inf

    def open(self, name: str, config: ThrottleConfig | None, answer: Answer) -> None:
        """Ask for a throttle to be started, or for a part in the one that is there."""
        terms = None if config is None else list(config.terms)
        self._send_call(answer, Tag.OPEN, name, terms)

    def call(self, name: str, verb: str, arguments: Mapping[str, Any], answer: Answer) -> None:
        """Ask for a throttle to be changed."""
        self._send_call(answer, Tag.CALL, name, verb, dict(arguments))

    def on_message(self, kind: str, body: bytes, now: float) -> None:
        """Take in what the steering side sent."""
        if kind != KIND:
            return
        self._turn(now)
        tag, items = unpack(body)
        if tag is Tag.SLOTS:
            self._take(now, *items, read=_of_runs)
        elif tag is Tag.TIMES:
            self._take(now, *items, read=_of_times)
        elif tag is Tag.STATE:
            self._tell(items[0], LeaseState(*items[1]), now)
        elif tag is Tag.PERMITS:
            number, granted, keep = items
            if number in self._demands:
                self._demands[number].lease.lend(granted, keep)
        elif tag is Tag.ANSWER:
            number, throttle, fault = items
            demand = self._demands.get(throttle)
            self._calls.pop(number)(None if demand is None else demand.lease, fault)

    def outgoing(self, now: float) -> list[tuple[str, bytes]]:
        """Return what is to be sent now, as (kind, body)."""
        self._turn(now)
        for each in self._demands.values():
            if each.look_at(self.period) <= now:
                each.look(now, self.period)
        due = {each for each in self._demands.values() if each.due_at(now, self.period) <= now}
        for number, demand in self._demands.items():
            self._tell_points(number, demand.lease, now)
        if due:
            told = [e for e in self._demands.values() if e in due or e.may_report(now)]
            wanted = [list(each.report(now, self.period)) for each in told]
            self._told_delay = self._delay
            self._outbox.append((KIND, pack(Tag.REPORT, self._clock.error, self._delay, wanted)))
        outbox, self._outbox = self._outbox, []
        return outbox

    def due_at(self, now: float) -> float:
        """Return when the next message is due, unless `on_due` is called before."""
        if self._outbox:
            return now
        dues = (
            min(each.due_at(now, self.period), each.look_at(self.period))
            for each in self._demands.values()
        )
        return min(dues, default=math.inf)

    def _turn(self, now: float) -> None:
        """Note that this node takes a turn, and whether it stood still before."""
        if now - self._turned_at > max(STANDSTILL, 4 * self.period):
            self._stood_until = now
        self._turned_at = now

    def _send_call(self, answer: Answer, tag: Tag, *items: object) -> None:
        self._call_number += 1
        self._calls[self._call_number] = answer
        self._outbox.append((KIND, pack(tag, self._call_number, *items)))
        self._on_due()

    def _tell(self, number: int, state: LeaseState, now: float) -> None:
        """Take in what a throttle is set to; the first time, this is the throttle."""
        demand = self._demands.get(number)
        if demand is None and not state.stopped:
            self._demands[number] = Demand(number, self._clock, state, now, self._on_due)
        elif demand is not None:
            demand.lease.tell(state, now)
            if state.stopped:
                del self._demands[number]
            self._on_due()

    def _take(
        self,
        now: float,
        sent_at: float,
        period: float,
        items: list[list[Any]],
        *,
        read: Callable[[Lease, list[Any]], list[float]],
    ) -> None:
        """Take in slots, of several throttles."""
        self.period = period
        # What was under way while this node stood still says nothing of the link.
        if sent_at + self._clock.offset >= self._stood_until:
            faded = self._delay * FADING ** ((now - self._taken_at) / period)
            self._delay, self._taken_at = max(now - self._clock.offset - sent_at, faded), now
        is_news = abs(self._delay - self._told_delay) > 0.01 + 0.25 * self._told_delay
        for number, late, *rest in items:
            demand = self._demands.get(number)
            if demand is not None:
                demand.lease.add(read(demand.lease, rest), late)
                demand.come_along(now, period, is_news=is_news)
        self._on_due()

    def _tell_points(self, number: int, lease: Lease, now: float) -> None:
        """Tell how the rate of a function goes on, if it is this node that tells."""
        if lease.points is None or not lease.state.feeds:
            self._points.pop(number, None)
            return
        passed = max(0.0, now - self._clock.offset - lease.state.started_at)
        first = self._points.get(number, int(passed / POINT))
        if first * POINT > passed + AHEAD:
            return
        last = int((passed + 2 * AHEAD) / POINT)
        rates = [lease.points(point * POINT) for point in range(first, last)]
        self._points[number] = last
        self._outbox.append((KIND, pack(Tag.SHAPE, number, first, rates)))


def _of_runs(lease: Lease, rest: list[Any]) -> list[float]:
    """Return the times of the slots of runs that lie in a share."""
    low, high, *numbers = rest
    times: list[float] = []
    for first, count, at, apart in zip(*[iter(numbers)] * 4, strict=True):
        run = EvenSlots(first, count, at, apart)
        times += [at for number, at in enumerate(run.times(), first) if owns(number, low, high)]
    return times


def _of_times(lease: Lease, rest: list[Any]) -> list[float]:
    """Return the times of slots that are all this node's."""
    lease.received += len(rest[0])
    return list(rest[0])
