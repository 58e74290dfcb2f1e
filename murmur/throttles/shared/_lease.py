"""Lease of a node: what it may use of a throttle that is one over all nodes.

The steering kernel leases slots.  A slot may be used from its time T on and until a little
later, U, both on the steering clock, which this node knows up to an error e.  It uses a
slot from T + e to U - e by its own estimate, so that the true moment lies between T and U
whatever the error is: no slow or lopsided link can make the cluster exceed the rate.
What is not used by then is lost, never made good.

Nothing here waits, sends or reads a clock; times are this node's monotonic seconds unless
they are said to be the steering clock's.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from murmur.throttles._account import Booked, WindowNumbers
from murmur.throttles._gate import Gate, Slots

if TYPE_CHECKING:
    from murmur.throttles._config import ThrottleConfig
    from murmur.throttles._line import Line

LATENESS = (0.001, 0.002, 0.003, 0.005, 0.008, 0.012, 0.02, 0.03, 0.05)
"""Upper bounds, in seconds, by which it is counted how late slots are used."""

GUARD = 100e-6
"""Seconds that a slot is void sooner: whoever notes the time itself does so a little later."""

_REST = 0.0006
"""Seconds; asyncio's and uvloop's timers make a millisecond of it."""


class SteeringClock(Protocol):
    """What is known of the steering kernel's clock."""

    @property
    def offset(self) -> float:
        """Seconds to add to a time of the steering clock to get one of this node."""

    @property
    def error(self) -> float:
        """Seconds by which `offset` may be wrong."""


class Leases(Protocol):
    """Where a node opens throttles that are one over all nodes."""

    async def open(self, name: str, config: ThrottleConfig | None) -> Lease:
        """Return the lease of a throttle, started as configured unless it is there.

        Raises `ThrottleConflictError` if it was started otherwise; `UnknownThrottleError` if there
        is none and nothing is configured.
        """

    async def call(self, name: str, verb: str, arguments: Mapping[str, Any]) -> None:
        """Change a throttle for the whole cluster; raises what its method raises."""


class LeaseState(NamedTuple):
    """What a node is told of one throttle."""

    rate: float  # rate, interval: permits per interval now; of a limit, the limit and 0
    interval: float
    slope: float  # permits per interval that the rate changes by in a second
    paused: bool
    ramping: bool
    stopped: bool
    direct: bool  # whether each request is to be reported at once
    feeds: bool  # whether this node is to tell the points of the throttle's shape
    drops: bool  # whether slots in hand are void
    message: str  # what a person should know has happened, if anything has
    started_at: float  # when the throttle was started, on the steering clock
    origin: float = 0.0  # when the first window of the run began, on the steering clock
    recall: int = 0  # number of the last `Recall`; the node is to say that it has heard of it


class Slot(NamedTuple):
    """When a slot may be used, on the steering clock."""

    at: float
    until: float


class Lease(Gate):
    """A throttle's slots that are this node's; a gate for the line in front of them."""

    def __init__(
        self,
        clock: SteeringClock,
        state: LeaseState,
        now: float,  # when that was told
        ask: Callable[[], None],  # called when a request should be reported soon
    ) -> None:
        self.state: LeaseState = state
        self.slots: LeasedSlots = LeasedSlots(now, ask)  # permits of a limit that are this node's
        self.ask = ask
        self.line: Line | None = None  # who waits for them
        # the shape that the rate follows, if it is a function
        self.points: Callable[[float], float] | None = None
        self.last: Slot | None = None
        self.received = 0  # slots leased on request since the beginning
        # slots in hand since the beginning that a change made void: they never fell due
        self.voided: int = 0
        # whether the plan is over: what is not used from now on is not missed
        self.is_over: bool = False
        self._rows: defaultdict[int, Booked] = defaultdict(Booked)
        self._alive_at = now  # when this node last looked after its leases
        self._clock = clock
        self._told_at = now
        self._hand: deque[Slot] = deque()
        self._counts = [0] * (len(LATENESS) + 1)
        self._follower: Callable[[LeaseState, float], None] = lambda _state, _now: None

    def follow(self, line: Line, heed: Callable[[LeaseState, float], None]) -> None:
        """Lease for a line, and have `heed` called with each new state."""
        self.line, self._follower = line, heed

    def tell(self, state: LeaseState, now: float) -> None:
        """Take in what the throttle is set to now."""
        self.state, self._told_at = state, now
        if state.drops or state.stopped:
            self.in_hand(now)
            self.voided += len(self._hand)
            self._hand.clear()
        self._follower(state, now)

    def rate_at(self, now: float) -> float:
        """Return the permits per interval at `now`, as far as is known."""
        state = self.state
        if not state.slope:
            return state.rate
        return max(0.0, state.rate + state.slope * (now - self._told_at))

    def add(self, times: Iterable[float], late: float) -> None:
        """Take in slots at times of the steering clock, to be used `late` seconds later at most."""
        self._hand.extend([Slot(at, at + late) for at in times])
        self._alert()

    def look(self, now: float) -> None:
        """Give up the slots that may be used no more, and note that this node is alive.

        What came when it was over already, while this node was alive, took too long on its
        way: it is withheld, and not this node's doing.
        """
        self.in_hand(now)
        self._alive_at = now

    def book(self, now: float) -> dict[int, Booked]:
        """Return what became of slots since the last time, by window."""
        self.look(now)
        rows, self._rows = self._rows, defaultdict(Booked)
        return rows

    def lend(self, granted: int, keep: int) -> None:
        """Take in how many permits of a limit were ever leased, and how many to keep."""
        self.slots.lease(granted, keep)
        self._alert()

    def in_hand(self, now: float) -> int:
        """Return how many slots may still be used."""
        hand, late = self._hand, now - self._clock.offset + self._clock.error
        while hand and hand[0].until < late:
            self._lose(hand.popleft())
        return len(hand)

    def drain(self) -> list[int]:
        """Return how many slots were used within each of `LATENESS` and later; count anew."""
        counts, self._counts = self._counts, [0] * (len(LATENESS) + 1)
        return counts

    def is_good(self, slot: Slot, now: float) -> bool:
        """Whether a slot may still be used."""
        return now + GUARD <= slot.until + self._clock.offset - self._clock.error

    def put_back(self, slot: Slot) -> None:
        """Take back a slot that was taken and not used."""
        self._row(slot).granted -= 1
        hand, place = self._hand, 0
        while place < len(hand) and hand[place].at < slot.at:
            place += 1
        hand.insert(place, slot)

    def next_at(self, requested_at: float, now: float) -> float:
        """Return when the next slot may be used, as things stand."""
        if not self._hand:
            return math.inf
        early = self._clock.offset + self._clock.error  # added as in `take`, or it would disagree
        return max(self._hand[0].at + early, requested_at)

    def take(self, requested_at: float, now: float) -> float | None:
        """Take a slot and return since when it may be used, or None if there is none now."""
        early = self._clock.offset + self._clock.error
        hand = self._hand
        while hand:
            usable_at = hand[0].at + early
            if usable_at > now:
                return None
            slot = hand.popleft()
            if self.is_good(slot, now):
                self.last = slot
                self._row(slot).granted += 1
                return max(usable_at, requested_at)
            if requested_at <= usable_at:
                self._count(now - usable_at)
            self._lose(slot, requested_at)
        return None

    def lapse(self, slot: Slot) -> None:
        """Take note that a slot that was taken could be used no more when its time came."""
        row = self._row(slot)
        row.granted -= 1
        row.skipped += 1

    def settle(self, due_at: float, used_at: float) -> None:
        """Count how late a slot went into use."""
        self._count(used_at - due_at)

    def rest_at(self, now: float) -> float:
        """Return for how many seconds at least to sleep when nothing is due."""
        hand = self._hand
        return _REST if len(hand) > 1 and hand[1].at - hand[0].at < _REST else 0.0

    def _alert(self) -> None:
        if self.line is not None:
            self.line.alert()

    def _lose(self, slot: Slot, requested_at: float | None = None) -> None:
        """Book a slot that nobody used in time."""
        if self.is_over:
            return
        over_at = slot.until + self._clock.offset - self._clock.error
        line = self.line
        if requested_at is None:
            requested_at = math.inf if line is None else line.waits_since
        if requested_at > over_at:
            self._row(slot).unasked += 1
        elif self._alive_at > over_at:
            self._row(slot).withheld += 1
        else:
            self._row(slot).skipped += 1

    def _row(self, slot: Slot) -> Booked:
        return self._rows[WindowNumbers(self.state.origin).at(slot.at)]

    def _count(self, late: float) -> None:
        self._counts[bisect_left(LATENESS, late)] += 1


class LeasedSlots(Slots):
    """Permits of a limit that are leased to this node."""

    def __init__(
        self,
        now: float,  # when there are none yet
        ask: Callable[[], None],  # called when permits went back
    ) -> None:
        super().__init__(0, now)
        self.returned: int = 0  # permits that went back since the beginning
        self._ask = ask
        self._granted = 0
        self._keep = 0

    def lease(self, granted: int, keep: int) -> None:
        """Take in how many were ever leased, and how many to keep at most."""
        self.limit += granted - self._granted
        self._granted, self._keep = granted, keep
        self._shrink()

    def free(self, now: float) -> None:
        """Count a permit that comes back, and give up one that is too many."""
        super().free(now)
        self._shrink()

    def _shrink(self) -> None:
        surplus = int(self.limit - max(self._keep, self.out))
        if surplus > 0:
            self.limit -= surplus
            self.returned += surplus
            self._ask()
