"""Actions, and parts of them, that never ended: cut short, or under way when last heard of.

Of each it is known when it was due, and until when it was under way at least.  So at any
moment its age is known, which is less than the time that it would have taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from murmur.telemetry import CUT_SHORT, NEVER_CAME, Histogram, bounds

from ._source import Source

CUT_SUFFIX = f".{CUT_SHORT}"
"""What the span of actions that were cut short adds to their name."""

NEVER_SUFFIX = f".{NEVER_CAME}"
"""What the span of parts of actions that never came adds to theirs."""

_Row: TypeAlias = tuple[str, float, float, int]


@dataclass(frozen=True, eq=False)
class Unended:
    """What never ended, as columns; a row stands for `number` actions of one name."""

    name: NDArray[np.object_]  # the action, or the span
    # when they were due, or started, at the latest; in seconds since the run's start
    begun: NDArray[np.float64]
    until: NDArray[np.float64]  # when they were cut short, or last known to be under way
    number: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        source: Source,  # the record of a run, or an archive
        # "response" or "service": whether they begin when they were due, or when they started
        which: str,
    ) -> Unended:
        """Return what never ended in a run, as far as it is known by now."""
        return cls._of_rows([*_under_way(source, which), *_cut_short(source, which)])

    @classmethod
    def under_way(cls, source: Source, which: str) -> Unended:
        """Return of `of` what was under way when it was last heard of."""
        return cls._of_rows([*_under_way(source, which)])

    @classmethod
    def _of_rows(cls, rows: Sequence[_Row]) -> Unended:
        names, *columns = zip(*rows, strict=True) if rows else ((), (), (), ())
        begun, until, number = (np.array(column, np.float64) for column in columns)
        return cls(np.array(names, object), begun, until, number.astype(np.int64))

    def beyond(self, longest: Mapping[str, float]) -> Unended:
        """Return those that went on for longer than the longest of their name that ended.

        Of the others nobody knows: they may have been about to end, as those did.
        """
        known = np.array([longest.get(name, -np.inf) for name in self.name], np.float64)
        return self._only(self.until - self.begun > np.nan_to_num(known, nan=-np.inf))

    def named(self, names: Sequence[str]) -> Unended:
        """Return those of some names."""
        return self._only(np.isin(self.name, list(names)))

    def ages(self, start: float, end: float) -> Histogram:
        """Return for how long those had gone on, at `end`, that were under way since `start`."""
        there = self.within(start, end)
        ages = np.minimum(there.until, end) - there.begun
        return Histogram(np.repeat(np.maximum(ages, 0.0), there.number))

    def within(self, start: float, end: float) -> Unended:
        """Return those that were under way in a stretch."""
        return self._only((self.begun < end) & (self.until > start))

    def seconds(self, start: float, end: float) -> float:
        """Return for how many seconds of a stretch they were under way, all together."""
        each = self.until.clip(max=end) - self.begun.clip(min=start)
        return float(each.clip(min=0.0) @ self.number)

    def _only(self, chosen: NDArray[np.bool_]) -> Unended:
        return Unended(
            self.name[chosen], self.begun[chosen], self.until[chosen], self.number[chosen]
        )


def _under_way(source: Source, which: str) -> Iterator[_Row]:
    for each in source.under_way():
        begun = each.due if which == "response" else each.started
        yield each.name, begun, each.until, each.number


def _cut_short(source: Source, which: str) -> Iterator[_Row]:
    """Yield what was cut short or never came, from the histograms of how long it had taken."""
    spans: Any = source.frame("spans")["name"].astype(str)
    if not spans.str.endswith((CUT_SUFFIX, NEVER_SUFFIX)).any():
        return
    kept = source.span_times()
    for place, (span, start) in enumerate(zip(kept.name, kept.start.tolist(), strict=True)):
        name, _, end = str(span).rpartition(".")
        if end in {CUT_SHORT, NEVER_CAME}:
            until = start + float(kept.length[place])
            taken = kept.times[which].between(place, place + 1)
            begun = until - bounds(taken.bucket)[0]
            for moment, number in zip(begun.tolist(), taken.count.tolist(), strict=True):
                yield name, moment, until, number
