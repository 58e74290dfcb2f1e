"""A rate as a function of time, in straight pieces.

A constant rate, the steps of a ramp, a straight ramp and a sampled shape are all the same
thing to the pace: pieces in which the rate changes linearly, over which it integrates
exactly.  Times are monotonic seconds handed in by the caller.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from ._rate import Rate


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of time in which the rate is a straight line."""

    # start, end: the stretch, in seconds; infinite at either side of what never changes
    start: float
    end: float
    first: float  # first, last: permits per interval at `start` and at `end`
    last: float
    interval: float
    # is_flat, is_closed: whether the rate is the same all along; whether it is 0 all along
    is_flat: bool = field(init=False)
    is_closed: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_flat", self.first == self.last)
        object.__setattr__(self, "is_closed", self.first == 0 == self.last)

    def rate_at(self, at: float) -> float:
        """Return the permits per interval at the time `at`."""
        if self.is_flat or at <= self.start:
            return self.first
        if at >= self.end:
            return self.last
        share = (at - self.start) / (self.end - self.start)
        return self.first + share * (self.last - self.first)

    def permits(self, since: float, until: float) -> float:
        """Return how many permits, with fractions, fall into a part of the stretch."""
        if until <= since or self.is_closed:
            return 0.0
        mean = (self.rate_at(since) + self.rate_at(until)) / 2
        return mean * (until - since) / self.interval

    def reach(self, since: float, permits: float) -> float:
        """Return when `permits` have come since `since`: ``inf`` if not in this stretch."""
        if self.is_closed:
            return math.inf
        rate = self.first if self.is_flat else self.rate_at(since)
        if permits == 0 or rate == math.inf:
            return since
        if self.is_flat:
            at = since + permits * self.interval / rate
        else:
            slope = (self.last - self.first) / (self.end - self.start)
            square = rate * rate + 2 * slope * permits * self.interval
            root = rate + math.sqrt(square) if square >= 0 else 0.0
            at = since + 2 * permits * self.interval / root if root else math.inf
        return at if at <= self.end else math.inf


class Curve(ABC):
    """A rate over time."""

    interval: float

    @abstractmethod
    def piece(self, at: float) -> Piece:
        """Return the piece in force at the time `at`: the later of two that meet there."""

    def permits(self, since: float, until: float) -> float:
        """Return how many permits, with fractions, fall due between two times by a finite rate."""
        total, at = 0.0, since
        while at < until:
            piece = self.piece(at)
            end = min(piece.end, until)
            if piece.first != math.inf:
                total += piece.permits(at, end)
            at = end
        return total


class Pieces(Curve):
    """A curve of which all pieces are known."""

    def __init__(
        self,
        # in order and without gaps; what is before the first and after the last is theirs
        pieces: Iterable[Piece],
    ) -> None:
        self.pieces: tuple[Piece, ...] = tuple(pieces)
        self.interval: float = self.pieces[0].interval
        self._starts = [piece.start for piece in self.pieces]

    @classmethod
    def constant(cls, rate: Rate) -> Pieces:
        """Return the curve that stays at `rate`."""
        return cls([Piece(-math.inf, math.inf, rate.permits, rate.permits, rate.interval)])

    @classmethod
    def through(cls, points: Iterable[tuple[float, float]], interval: float) -> Pieces:
        """Return straight lines through (time, rate) points, level before and after.

        Two points at the same time are a jump.
        """
        corners = list(points)
        (first_at, first), (last_at, last) = corners[0], corners[-1]
        pieces = [Piece(-math.inf, first_at, first, first, interval)]
        for (start, before), (end, after) in pairwise(corners):
            if end > start:
                pieces.append(Piece(start, end, before, after, interval))
        pieces.append(Piece(last_at, math.inf, last, last, interval))
        return cls(pieces)

    def piece(self, at: float) -> Piece:
        """Return the piece in force at the time `at`."""
        return self.pieces[max(0, bisect_right(self._starts, at) - 1)]
