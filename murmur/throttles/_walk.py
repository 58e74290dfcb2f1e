"""Walk along a curve of permits per interval, from slot to slot.

Nothing here waits or reads a clock: times are monotonic seconds handed in by the caller.
"""

from __future__ import annotations

from collections.abc import Iterator

from ._curve import Curve, Piece

CATCH_UP = 0.01
"""Seconds of delay that are made good, several times the lateness of a healthy loop."""

_REST = 0.0006
"""Seconds; asyncio's and uvloop's timers make a millisecond of it."""

_SOME = 1e-9
"""A rate that is more than 0, for the moment in which a ramp touches it."""

_PIECES_AT_ONCE = 1000
"""How many pieces without a permit are looked through before the rest is skipped: of a
function 10 s, and a sampler looks every second."""


class Walk:
    """Finds slots on a curve: the next comes when the rate has come to so much of a permit."""

    def __init__(
        self,
        curve: Curve,
        now: float,  # where the curve's slots start
        to_come: float,  # of a permit, until the first slot
    ) -> None:
        self.curve: Curve = curve
        self.piece: Piece = curve.piece(now)  # the one in force, as of the last look
        self.start: float = now
        # the next; inf if it does not come in this piece.  It may be past, and not used yet.
        self.slot: float = self.piece.reach(now, to_come)
        self._since = now  # up to here the rate is integrated,
        self._to_come = to_come  # and this much of a permit is still to come

    def reach(self, since: float, permits: float) -> None:
        """Let the next slot be where so much of a permit has come since a time."""
        since = since if since > self.start else self.start  # noqa: FURB136 - max() takes 0.15 us
        self._since, self._to_come = since, permits
        if since < self.piece.start:
            self.piece = self.curve.piece(since)
        self.slot = self.piece.reach(since, permits)

    def ends(self, now: float) -> Iterator[float]:
        """Give the times by `now` at which to `enter` the next piece, one after the other."""
        for _ in range(_PIECES_AT_ONCE):
            if self.piece.end > now:
                return
            yield self.piece.end
        self._since = now
        yield now

    def enter(self, at: float) -> bool:
        """Go on in the piece at `at`; return whether a slot that was held up is free now."""
        was_closed = self.piece.is_closed
        is_to_come = self.slot > at
        if is_to_come:
            self._to_come = max(0.0, self._to_come - self.piece.permits(self._since, at))
            self._since = at
        self.piece = self.curve.piece(at)
        if is_to_come:
            self.slot = self.piece.reach(at, self._to_come)
            return False
        opens = was_closed and not self.piece.is_closed
        if opens:
            self.slot = at
        return opens

    def rate_at(self, now: float) -> float:
        """Return the permits per interval at `now`: 0 only while there are none."""
        piece = self.piece
        if piece.is_closed:
            return 0.0
        rate = piece.rate_at(now)
        return rate if rate > _SOME else _SOME  # noqa: FURB136 - max() takes 0.15 us

    def rises_from_0(self, at: float) -> bool:
        """Whether there are no permits at a time, and more and more from then on."""
        return self.piece.rate_at(at) == 0 and not self.piece.is_closed

    def patience(self, rate: float) -> float:
        """Return how many seconds a permit may be late at a rate, and the next keeps its slot.

        Half a spacing, so that the next does not follow closer than that; or `CATCH_UP` if
        that is more.  After a longer delay the slots start anew: to repay it would be a burst.
        """
        half = self.curve.interval / rate / 2 if rate else 0.0
        return half if half > CATCH_UP else CATCH_UP  # noqa: FURB136 - max() takes 0.15 us

    def rest_at(self, now: float) -> float:
        """Return for how many seconds at least to sleep when nothing is due.

        Permits that fall due faster than a loop's timer resolves are granted together.
        """
        interval = self.curve.interval
        rest = min(_REST, interval / 150)
        return rest if self.curve.piece(now).rate_at(now) * rest > interval else 0.0
