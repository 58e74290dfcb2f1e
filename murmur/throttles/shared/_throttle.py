"""One throttle of a run over all its nodes: the steering half.

Slots of its `Grid` go to nodes in one of two ways.  Of a slow throttle each is leased to
whoever asked first, node by node, in the order in which requests arrive: a request costs a
message and waits for nothing else.  Of a quick one all slots of the next moments are leased
at once, a share to every node, by what nodes say they need: a few messages a second, whatever
the rate.  Permits of a limit are those of a `Pool`.

Pure: nothing here waits, reads a clock or sends.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from murmur.throttles._account import Booked, WindowNumbers
from murmur.throttles._config import Terms
from murmur.throttles._permit import ThrottleStatistics
from murmur.throttles._setting import Setting

from ._allowance import Allowance, allowance
from ._grid import EvenSlots, Grid
from ._lease import LeaseState
from ._pool import Pool
from ._recall import Recall
from ._shares import is_other, shares
from ._slot_queue import SlotQueue
from ._unheld import Unheld
from ._wire import Tag, Wanted

QUICK, SLOW = 450.0, 350.0
"""Permits per second from which slots are leased by share, and below which on request."""

LEAD = 0.1
"""Seconds that slots are leased ahead of the moment in which nodes must have them."""

FAR = 0.2
"""Seconds of slots in one lease while nothing changes; else those of one period."""

STEADY = 1.0
"""Seconds without a change after which nothing counts as changing."""

HOLD = 0.1
"""Seconds that slots are leased ahead on request, for as long as there is a queue."""

GRAIN = 0.005
"""Seconds at least between two leases on request to a queue that is there."""

SHAPE_NEWS = 0.5
"""Seconds after which nodes are told again where the rate of a shape is."""

Lot = tuple[Tag, list[Any]]
"""What a node is leased: a tag, and what goes into the message for this throttle."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """How things are between the nodes and the steering kernel."""

    period: float  # seconds between two leases by share, and between two reports
    # seconds that a message takes to each node that was heard of lately
    delays: Mapping[str, float]
    slowest: float  # the largest of these
    # seconds by which clocks may differ unknown, both ways together, at the worst node
    uncertainty: float


@dataclass(slots=True)
class _Claim:
    """What one node has asked for, and what of that it got."""

    waiting: int = 0
    arrivals: float = 0.0
    missing: int = 0  # waits, and has no slot on its way
    sent: int = 0
    has_plain: bool = False
    voided: int = 0

    @property
    def demand(self) -> float:
        """Slots that it would use in one period."""
        return self.waiting + self.arrivals


class ClusterThrottle:
    """A throttle, and what each node has of it."""

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        number: int,  # under which messages know it
        name: str,
        terms: Terms,  # what it starts with
        now: float,  # when that is
        *,
        seed: str = "",  # what Poisson arrivals are drawn from, unless the terms say
        # what permits are booked by; from `now` on unless given
        windows: WindowNumbers | None = None,
        is_on_demand: bool = False,  # whether permits fall due only while somebody waits
    ) -> None:
        self.number = number
        self.name = name
        self.started_at = now
        self.rate = Setting(name, terms, now)  # what it is set to
        self._pool = Pool(self.rate.limit or 0)
        self._claims: dict[str, _Claim] = {}
        self._wanting: set[str] = set()  # nodes with any demand
        self._queue = SlotQueue()
        late = allowance((), terms.interval, 0.0)
        draw = random.Random(terms.seed or seed)
        self._owner = draw.random if terms.arrivals == "poisson" else None
        gap = (lambda: draw.expovariate(1.0)) if self._owner else None
        self._grid = Grid(self.rate.curve, now, late=late, gap=gap)
        self._recall = Recall()
        self._windows = windows or WindowNumbers(now)
        self._unheld = Unheld(self._windows, now, is_drawn=self._owner is not None)
        self._is_on_demand = is_on_demand
        self._is_wanted = False  # whether slots were wanted when some were leased last
        self._is_over = False
        self._is_quick = False  # to become quick takes a higher rate than to stay so
        self._is_quick = self._should_be_quick(now)
        self._allowance = Allowance(now)
        self._told_at = now
        self._has_changed = True  # since the last lease: what is set, who is there, who wants it
        self._changed_at = now
        self._known = Conditions(0.0, {}, 0.0, 0.0)  # those of the last lease
        self._is_far = False  # whether the last lease was of more than a period

    @property
    def nodes(self) -> list[str]:
        """Nodes that opened it."""
        return list(self._claims)

    @property
    def allowed(self) -> float:
        """Seconds for which a slot may be used."""
        return self._grid.late

    def join(self, node: str) -> None:
        """Let a node have a part of it."""
        if node not in self._claims:
            self._has_changed = True
            self._claims[node] = _Claim()
            self._pool.join(node)

    def lose(self, node: str, free_at: float) -> None:
        """Let the others have the part of a node; permits of a limit only at `free_at`."""
        if self._claims.pop(node, None) is not None:
            self._has_changed = True
            self._recall.lose(node, self._grid.at)
            self._pool.lose(node, free_at)
            self._wanting.discard(node)
            self._queue.forget(node)

    def report(self, node: str, wanted: Wanted, now: float) -> None:
        """Take note of what a node needs."""
        self._pass_time(now)
        claim = self._claims[node]
        self._unheld.void(wanted.voided - claim.voided)
        claim.voided = wanted.voided
        free_from = self._recall.heard(node, wanted.recall, now)
        if free_from is not None:
            self._grid.take_back(free_from)
        self._has_changed |= is_other(claim.demand, wanted.waiting + wanted.arrivals)
        claim.waiting, claim.arrivals = wanted.waiting, wanted.arrivals
        claim.has_plain = wanted.plain
        if wanted.waiting or wanted.arrivals:
            self._wanting.add(node)
        elif node in self._wanting:
            self._wanting.remove(node)
            if self._is_on_demand and not self._wanting:
                self._unheld.rest_since_lease(self.rate.curve, now)
        under_way = claim.sent - wanted.received
        claim.missing = max(0, wanted.waiting - wanted.in_hand - under_way)
        self._pool.report(node, wanted)
        self._allowance.add(wanted.lateness)
        if not self._is_quick:
            self._queue.hold(node, claim.missing)

    def call(self, verb: str, arguments: Mapping[str, Any], now: float) -> tuple[str, bool]:
        """Do what a verb asks for; return what to say of it, and whether slots are void now."""
        self._pass_time(now)
        has_plain = any(claim.has_plain for claim in self._claims.values())
        before = self.rate.rate_at(now), self.rate.interval
        said = self.rate.call(verb, arguments, now, has_plain=has_plain)
        if verb in ("change_rate", "unlock", "ramp"):
            if self.rate.limit is not None:
                self._pool.resize(self.rate.limit)
            else:
                self._grid.change(self.rate.curve)
            self._is_quick = self._should_be_quick(now)
        self._has_changed = True
        if verb == "resume":
            self._grid.skip(now)
            self._grid.idle = 0.0
        after = self.rate.rate_at(now), self.rate.interval
        drops = self.rate.is_held or self.rate.limit is not None or _is_less(after, before)
        # What is leased far ahead would keep even a higher rate waiting.
        drops = drops or (self._is_far and (verb == "ramp" or after != before))
        if drops:
            self._recall.begin(self._claims)
        return said, drops

    def statistics(self, now: float) -> ThrottleStatistics:
        """Return what it is set to, and who waits as nodes said last; grants are theirs."""
        return ThrottleStatistics(
            name=self.name,
            rate=float(self.rate.rate_at(now)),
            interval=self.rate.interval,
            limit=self.rate.limit,
            waiting=sum(claim.waiting for claim in self._claims.values()),
            requested=0,
            granted=0,
            out=self._pool.held if self.rate.limit is not None else 0,
            paused=self.rate.is_paused,
            ramping=self.rate.is_ramping(now),
            stopped=self.rate.is_stopped,
            ramp=self.rate.ramp_at(now),
        )

    def tell_shape(self, first: int, rates: list[float]) -> None:
        """Take in points of the shape."""
        if self.rate.points is not None:
            self.rate.points.tell(first, rates)

    def state(self, node: str, now: float, *, said: str = "", drops: bool = False) -> LeaseState:
        """Return what a node is to know."""
        is_first = next(iter(self._claims), None) == node
        return LeaseState(
            rate=float(self.rate.rate_at(now)),
            interval=self.rate.interval,
            slope=self.rate.slope_at(now),
            paused=self.rate.is_paused,
            ramping=self.rate.is_ramping(now),
            stopped=self.rate.is_stopped,
            direct=not self._is_quick,
            feeds=self.rate.points is not None and is_first,
            drops=drops,
            message=said,
            started_at=self.started_at,
            origin=self._windows.origin,
            recall=self._recall.number,
        )

    def news(self, now: float) -> str | None:
        """Return what to say of steps, modes and shapes that have changed; None if nothing."""
        said = None
        if now >= self.rate.next_step_at:
            said = self.rate.pass_steps(now)
        if self._should_be_quick(now) != self._is_quick:
            self._is_quick = not self._is_quick
            for node, claim in self._claims.items():
                self._queue.hold(node, 0 if self._is_quick else claim.missing)
            said = said or ""
        if self._moves and now - self._told_at >= SHAPE_NEWS:
            said = said or ""
        if said is not None:
            self._told_at, self._has_changed = now, True
        return said

    def lease(self, now: float, conditions: Conditions) -> Iterator[tuple[str, Lot]]:
        """Yield what nodes are to have now."""
        if self.rate.limit is not None:
            for node, granted, keep in self._pool.lease(now):
                yield node, (Tag.PERMITS, [self.number, granted, keep])
            return
        self._pass_time(now)
        late = self._allowance.review(
            now, self._grid.late, self.rate.interval, conditions.uncertainty
        )
        if late != self._grid.late:
            self._grid.allow(late)
        if self.rate.points is not None:
            self.rate.points.forget(now)
        if self.rate.is_held or self.rate.is_open:
            self._skip(now)
        elif self._is_quick:
            yield from self._by_share(now, conditions)
        else:
            yield from self._by_request(now, conditions)

    def due_at(self, now: float, conditions: Conditions) -> float:
        """Return when to lease again, unless a message comes before."""
        due = self.rate.next_step_at
        if self._moves:
            due = min(due, self._told_at + SHAPE_NEWS)
        if self.rate.limit is not None:
            free_at = self._pool.free_at
            return due if free_at is None else min(due, free_at)
        if self.rate.is_held or self.rate.is_open or self.rate.is_stopped:
            return due
        if self._is_quick:
            ahead = LEAD + conditions.slowest
            return min(due, max(self._grid.at - ahead, now + GRAIN)) if self._wanting else due
        if self._queue:
            ahead = HOLD + conditions.slowest
            due = min(due, max(now + GRAIN, self._grid.next_at() - ahead))
            due = min(due, now + SHAPE_NEWS)  # a slope may bring the next slot nearer
        return due

    @property
    def _moves(self) -> bool:
        """Whether the rate moves in a way that nodes cannot know ahead."""
        return bool(self.rate.terms.shape) and self.rate.limit is None and not self.rate.is_stopped

    def end_plan(self, now: float) -> None:
        """Let nothing fall due from now on."""
        self._pass_time(now)
        self._is_over = True

    def drain(self, now: float) -> dict[int, Booked]:
        """Return what became of permits that no node held, by window."""
        self._pass_time(now)
        if not self._wanting and self.rate.limit is None:
            self._skip(now)
        return self._unheld.drain(math.inf if self._is_over else min(now, self._grid.at))

    def _pass_time(self, now: float) -> None:
        """Let permits fall due up to now, as things stood."""
        is_closed = self.rate.is_paused or self.rate.is_stopped or self.rate.limit is not None
        if is_closed or self._is_over or (self._is_on_demand and not self._wanting):
            self._unheld.pass_time(None, now)
        else:
            self._unheld.pass_time(self.rate.curve, now)

    def _skip(self, until: float) -> None:
        """Let slots pass; if they were not wanted, that was nobody's doing."""
        self._grid.skip(until)
        idle, self._grid.idle = self._grid.idle, 0.0
        if not (self._is_wanted or self._is_over or self._is_on_demand):
            self._unheld.rest(idle)

    def _catch_up(self, now: float) -> None:
        """Let the slots pass that it is too late to lease: if they were wanted, they are missed.

        A slot that is wanted is leased before its time, unless the steering loop was late; so
        nothing is missed before the next one.
        """
        if self._is_wanted:
            left = self._grid.left
            self._grid.skip(now)
            passed, self._grid.idle = self._grid.idle, 0.0
            self._unheld.miss(max(0.0, passed - left))
        self._skip(now)

    def _should_be_quick(self, now: float) -> bool:
        if self.rate.limit is not None:
            return False
        if self._owner is not None:
            return True
        a_second = self.rate.rate_at(now) / self.rate.interval
        return a_second > (SLOW if self._is_quick else QUICK)

    def _by_request(self, now: float, conditions: Conditions) -> Iterator[tuple[str, Lot]]:
        times: dict[str, list[float]] = {}
        until = now + conditions.slowest + HOLD + GRAIN
        self._catch_up(now)
        self._is_wanted = bool(self._queue)
        while self._queue:
            node, count = self._queue.first
            self._skip(now + conditions.delays.get(node, 0.0))
            runs = self._take(until, count)
            slots = [at for run in runs for at in run.times()]
            if not slots:
                break
            times.setdefault(node, []).extend(slots)
            claim = self._claims[node]
            claim.sent += len(slots)
            claim.missing -= len(slots)
            self._queue.serve(len(slots))
        for node, slots in times.items():
            yield node, (Tag.TIMES, [self.number, self._grid.late, slots])

    def _by_share(self, now: float, conditions: Conditions) -> Iterator[tuple[str, Lot]]:
        if conditions is not self._known:
            self._has_changed |= conditions.delays.keys() != self._known.delays.keys()
            self._known = conditions
        reach = self._reach(now, conditions.period)
        until = now + LEAD + conditions.slowest + reach
        self._catch_up(now)
        self._skip(now + conditions.slowest)
        ahead = until - self._grid.at
        if ahead < 0.9 * reach:
            return
        demand = {
            node: claim.waiting + claim.arrivals * ahead / conditions.period
            for node, claim in self._claims.items()
            if node in conditions.delays
        }
        self._is_wanted = any(demand.values())
        if not self._is_wanted:
            return
        self._is_far = reach > conditions.period
        runs = self._take(until)
        slots = sum(run.size for run in runs)
        parts = shares(demand, slots) if slots else {}
        if self._owner is not None:
            yield from self._by_lot(runs, parts, self._owner)
            return
        for node, (low, high) in parts.items():
            if low < high:
                numbers = [number for run in runs for number in run]
                yield node, (Tag.SLOTS, [self.number, self._grid.late, low, high, *numbers])

    def _reach(self, now: float, period: float) -> float:
        """Return how many seconds of slots to lease at once."""
        if self._has_changed:
            self._has_changed, self._changed_at = False, now
        if period >= FAR or self._moves or now - self._changed_at <= STEADY:
            return period
        return FAR if self.rate.curve.piece(now).is_flat else period

    def _take(self, until: float, most: float = math.inf) -> list[EvenSlots]:
        """Take slots for nodes, which account for them."""
        runs = self._grid.take(until, most)
        if runs:
            self._recall.end()
            self._unheld.lease(runs)
        return runs

    def _by_lot(
        self,
        runs: list[EvenSlots],
        parts: Mapping[str, tuple[float, float]],
        draw: Callable[[], float],
    ) -> Iterator[tuple[str, Lot]]:
        """Yield each node's part of drawn slots, who owns each being drawn as well.

        A Poisson process whose points are dealt at random is one Poisson process for each
        that gets some (Kingman, 1993, 5.1); every so-manieth point would be more even.
        """
        times: dict[str, list[float]] = {node: [] for node in parts}
        for run in runs:
            place = draw()
            owner = next(node for node, (low, high) in parts.items() if low <= place < high)
            times[owner].append(run.at)
        for node, slots in times.items():
            if slots:
                self._claims[node].sent += len(slots)
                yield node, (Tag.TIMES, [self.number, self._grid.late, slots])


def _is_less(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether a rate, with its interval, is lower than another."""
    if not one[1] or not other[1]:
        return False
    return one[0] / one[1] < other[0] / other[1]
