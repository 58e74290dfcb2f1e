"""Data that checks ask of a run: how many actions, how long they took.

Percentiles come from the complete histograms of the run, of which there is one a second for
each action (in a run of many hours, the oldest are joined); not from the actions frame, which
may be a sample.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from murmur.results._absences import NO_SIGN
from murmur.results._source import Source, first_window, init_windows
from murmur.results._spans import Spanned, Spans, cut_by
from murmur.results._undelivered import Undelivered
from murmur.results._unended import CUT_SUFFIX, NEVER_SUFFIX, Unended
from murmur.telemetry import Histogram

SETTLED = 30.0
"""Seconds after which no node has anything to add to a window."""

_HUNG, _LEAST = 2.0, 5.0
"""How many times as long as all that succeeded, and how many seconds at least, an action has gone
on that is taken for one that hangs."""

_ENDING = 0.5
"""How many of a name succeeded, at least, for each that hangs."""

_FIRST_EVENT = ".first_event"
"""What the span of the first event of a stream adds to the name of its action."""

_SILENT = 2
"""Windows in a row of which a node told nothing, from which on nothing is known of them.

One alone may be a sample that came late."""


@dataclass(frozen=True, slots=True)
class _WindowRows:
    """Rows of the windows frame, in the order of time."""

    at: NDArray[np.float64]
    name: NDArray[Any]
    count: NDArray[np.int64]
    failed: NDArray[np.int64]


class Measured:
    """What was measured up to the moment this was made."""

    def __init__(
        self,
        source: Source,  # the record of a run, or an archive
        # where values of windows are kept that will not change, for whoever judges a run time and
        # again while it is on
        memory: dict[tuple[str, float], float] | None = None,
    ) -> None:
        self._source = source
        self.memory: dict[tuple[str, float], float] = {} if memory is None else memory

    @cached_property
    def elapsed(self) -> float:
        """Seconds from the start of the run to the last thing that is known."""
        return self._source.elapsed()

    @cached_property
    def load_at(self) -> float:
        """Seconds from the start of the run to when users could come."""
        return self._source.load_at()

    @property
    def first_window(self) -> float:
        """Where the first window of the load begins, in seconds."""
        return first_window(self._source)

    @property
    def settled(self) -> float:
        """The moment before which nothing changes any more, in seconds."""
        return self.elapsed - SETTLED

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the actions, in alphabetical order."""
        return tuple(sorted(self._totals))

    @cached_property
    def spans(self) -> tuple[str, ...]:
        """Names of parts of actions, such as ``chat.first_event``, in alphabetical order."""
        return tuple(sorted(self._span_totals))

    @cached_property
    def users(self) -> Mapping[str, int]:
        """Users by outcome; those that are here yet under ``here``."""
        outcomes = self._source.frame("users")["outcome"].astype("object").fillna("here")
        return {str(outcome): int(count) for outcome, count in outcomes.value_counts().items()}

    def deliveries(self, names: Sequence[str]) -> tuple[int, int]:
        """Return how many deliveries of some names were expected, and did not arrive, so far."""
        found = [self._deliveries[name] for name in names if name in self._deliveries]
        return sum(expected for expected, _ in found), sum(lost for _, lost in found)

    @cached_property
    def _deliveries(self) -> Mapping[str, tuple[int, int]]:
        frame = self._source.frame("deliveries")
        rows = zip(frame["name"], frame["expected"], frame["lost"], strict=True)
        return {str(name): (int(expected), int(lost)) for name, expected, lost in rows}

    @cached_property
    def kept_from(self) -> float:
        """Where the rows of windows begin; 0 unless the oldest of a long run are gone."""
        total = sum(count for count, _ in self._totals.values())
        rows = self._windows
        return float(rows.at[0]) if len(rows.at) and rows.count.sum() < total else 0.0

    def tally(self, names: Sequence[str], start: float, end: float) -> tuple[int, int]:
        """Return how many actions of `names` ended between two moments, and how many failed."""
        if start <= 0 and math.isinf(end):
            known = [
                self._totals.get(name) or (self._span_totals.get(name, 0), 0) for name in names
            ]
            return sum(count for count, _ in known), sum(failed for _, failed in known)
        rows = self._windows
        low, high = np.searchsorted(rows.at, [start, end])
        chosen = np.isin(rows.name[low:high], [self._code(name) for name in names])
        return int(rows.count[low:high][chosen].sum()), int(rows.failed[low:high][chosen].sum())

    def ended_in_init(self, names: Sequence[str], start: float) -> int:
        """Return how many actions ended after `start` in windows that `init` had to itself."""
        until = init_windows(self._source)
        return self.tally(names, start, until)[0] if start < until else 0

    def times(
        self,
        which: str,
        names: Sequence[str],  # names that occur
        # start, end: windows that began at or after `start` and before `end`, in seconds
        start: float,
        end: float,
    ) -> Histogram:
        """Return how long the successful actions of `names` took, of those that ended then."""
        until = None if math.isinf(end) else end
        asked: Sequence[str | None] = [None] if tuple(names) == self.names else names
        first, *others = (
            self._spanned.histogram(which, name=name, start=start, end=until) for name in asked
        )
        for other in others:
            first = first + other
        return first

    def with_unended(self, which: str, names: Sequence[str]) -> Histogram | None:
        """Return the times over the whole run with those of actions that never ended.

        What these had taken when they were cut short, or by now, is less than they would
        have taken.  None if there are none.
        """
        cut = [
            name + suffix
            for name in names
            for suffix in (CUT_SUFFIX, NEVER_SUFFIX)
            if name + suffix in self.spans
        ]
        open_now, lost = self._open[which].named(names), self._lost(names, 0.0, math.inf)
        if not cut and not len(open_now.name) and not lost.count:
            return None
        whole = self.times(which, names, 0.0, math.inf)
        for name in cut:
            whole = whole + self._spanned.histogram(which, name=name)
        return whole + open_now.ages(0.0, math.inf) + lost

    def with_unended_in(
        self, which: str, names: Sequence[str], start: float, end: float
    ) -> Histogram | None:
        """Return the times in a stretch with those of actions that never ended.

        These count with how long they had gone on at its end, if they went on for longer in
        the end than any of their name that ended: of others it is not known that they would
        not have.  Messages that never arrived count where they were sent.  None if there are
        none.
        """
        ages = self._unended[which].named(names).ages(start, end) + self._lost(names, start, end)
        return self.times(which, names, start, end) + ages if ages.count else None

    def unended_in(self, names: Sequence[str], start: float, end: float) -> int:
        """Return how many actions that never ended, as above, were under way in a stretch."""
        ages = self._unended["response"].named(names).ages(start, end)
        return ages.count + self._lost(names, start, end).count

    def hung_in(self, names: Sequence[str], start: float, end: float) -> int:
        """Return how many actions of a run that is over hung in a stretch; while it is on, none.

        They went on for much longer than any that succeeded, and may have ended well yet.
        """
        if self._source.is_on():
            return 0
        return self._hung.named(names).ages(start, end).count

    def hung_seconds(self, start: float, end: float) -> float:
        """Return for how many seconds of a stretch actions hung, all together."""
        return self._hung.seconds(start, end)

    def doubtful_in(self, names: Sequence[str], start: float, end: float) -> Unended:
        """Return what hung in a stretch, or was meant to last, of a run that is over.

        It is as `hung_in` has it, but hardly any of its name succeeded: a server that answers
        nobody any more looks so, and so do sessions of which a few ended early.
        """
        if self._source.is_on():
            return self._doubtful.named(())
        return self._doubtful.named(names).within(start, end)

    @cached_property
    def _long(self) -> Unended:
        """What went on for `_HUNG` times as long as all that succeeded, of names that do end."""
        unended = self._unended["response"]
        patience = {}
        for name in set(unended.name):
            longest = self._spanned.histogram("response", name=name).max
            is_known = name in self._totals and not math.isnan(longest)
            patience[name] = max(_HUNG * longest, _LEAST) if is_known else math.inf
        return unended.beyond(patience)

    @cached_property
    def _hung(self) -> Unended:
        """Of `_long` what is of names that mostly end: others may last, as users' lives do."""
        return self._long.named([name for name in set(self._long.name) if self._ends(name)])

    @cached_property
    def _doubtful(self) -> Unended:
        """Of `_long` what does not mostly end, unless there are signs that it did go on."""
        names = [name for name in set(self._long.name) if not self._ends(name)]
        return self._long.named([name for name in names if not self._goes_on(name)])

    def _ends(self, name: str) -> bool:
        succeeded = self._spanned.histogram("response", name=name).count
        begun = int(self._unended["response"].named([name]).number.sum())
        return succeeded >= max(1, _ENDING * begun)

    def _goes_on(self, name: str) -> bool:
        """Whether most of what is long of a name was a stream, or held what its users did."""
        long = self._long.named([name])
        number, since = int(long.number.sum()), float(long.begun.max())
        streams = self._span_totals.get(f"{name}{_FIRST_EVENT}", 0) - self._totals[name][0]
        users, actions = self._source.frame("users"), self._source.frame("actions")
        gone = users["started_at"] + users["duration"] <= since
        present = int((users["started_at"].notna() & ~gone).sum())
        is_later = actions["started_at"] + actions["service_time"] > since
        later = actions[is_later & (actions["name"].astype(str) != name)]
        active = len(set(later["user_id"]) - {0})
        # Of so many users, so many at least were both in one of these and doing something else.
        in_both = number + active - present if number <= present else 0
        return max(streams, in_both) >= number / 2

    def _lost(self, names: Sequence[str], start: float, end: float) -> Histogram:
        return self._undelivered.ages(names, start, end)

    @cached_property
    def _undelivered(self) -> Undelivered:
        return Undelivered(self._source)

    @cached_property
    def _open(self) -> Mapping[str, Unended]:
        """What was under way when it was last heard of, by the kind of time."""
        return {which: Unended.under_way(self._source, which) for which in ("response", "service")}

    @cached_property
    def unended_names(self) -> tuple[str, ...]:
        """Names of the actions of which some never ended, in alphabetical order."""
        missed = (name for name, (_, lost) in self._deliveries.items() if lost)
        return tuple(sorted({*self._names_of_unended(CUT_SUFFIX, are_parts=False), *missed}))

    @cached_property
    def unended_spans(self) -> tuple[str, ...]:
        """Names of the spans of which some began and never came, in alphabetical order."""
        return tuple(sorted(self._names_of_unended(NEVER_SUFFIX, are_parts=True)))

    def _names_of_unended(self, suffix: str, *, are_parts: bool) -> set[str]:
        cut = (name.removesuffix(suffix) for name in self.spans if name.endswith(suffix))
        begun = (each.name for each in self._source.under_way() if each.is_part == are_parts)
        return {*cut, *begun}

    @cached_property
    def _unended(self) -> Mapping[str, Unended]:
        """What never ended, and went on for longer than all that did, by the kind of time."""
        found = {}
        for which in ("response", "service"):
            longest = {
                name: self._spanned.histogram(which, name=name).max
                for name in (*self.unended_names, *self.unended_spans)
                if name in self._totals or name in self._span_totals
            }
            found[which] = Unended.of(self._source, which).beyond(longest)
        return found

    def cuts(self, start: float, end: float) -> bool:
        """Whether a stretch begins or ends amid seconds whose durations are joined."""
        return not cut_by(self._spanned.joined, start, end).is_whole

    def is_early(self, start: float) -> bool:
        """Whether the run goes on, and has for less than a window since `start`."""
        return self.elapsed - start < self._source.window and self._source.is_on()

    def is_missing(self, start: float, end: float) -> bool:
        """Whether a node that took part told nothing of a stretch, not even its health."""
        return any(since < end and start < until for since, until in self._silences)

    @cached_property
    def _silences(self) -> Spans:
        """Stretches in which a node that took part told nothing of its health.

        Half a window at each end is left out: a sample that is so late tells about it.
        """
        health, window = self._source.frame("health"), self._source.window
        found: list[tuple[float, float]] = []
        for _, mine in health[health["reason"] == NO_SIGN].groupby("node", observed=True):
            number = np.sort(np.rint(mine["window_at"].to_numpy() / window))
            breaks = np.flatnonzero(np.diff(number) > 1) + 1
            found += [
                ((run[0] + 0.5) * window, (run[-1] + 0.5) * window)
                for run in np.split(number, breaks)
                if len(run) >= _SILENT
            ]
        return found

    @cached_property
    def _spanned(self) -> Spanned:
        return Spanned(self._source.whole, self._source.joined(), lambda: self._frame)

    @cached_property
    def _totals(self) -> Mapping[str, tuple[int, int]]:
        """How many actions of each name ended, and how many failed, over the whole run."""
        actions = self._source.summary().actions
        return {action.name: (action.count, action.failed) for action in actions}

    @cached_property
    def _span_totals(self) -> Mapping[str, int]:
        """How many spans of each name ended."""
        counts = self._source.frame("spans").groupby("name", observed=True)["count"].sum()
        return {str(name): int(count) for name, count in counts.items()}

    def _code(self, name: str) -> int:
        return self._codes.get(name, -1)

    @cached_property
    def _codes(self) -> Mapping[str, int]:
        categories = self._frame["name"].cat.categories
        return {str(name): code for code, name in enumerate(categories)}

    @cached_property
    def _frame(self) -> pd.DataFrame:
        return self._source.frame("windows")

    @cached_property
    def _windows(self) -> _WindowRows:
        frame = self._frame
        return _WindowRows(
            frame["window_at"].to_numpy(),
            frame["name"].cat.codes.to_numpy(),
            frame["count"].to_numpy(),
            frame["failed"].to_numpy(),
        )
