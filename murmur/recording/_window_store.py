"""Windows of a whole run: every window's statistics, and histograms as fine as memory allows.

A table of percentiles is asked for several times a second while a run goes on, and almost
all of its windows are over.  So what a window came to is remembered with the number of
parts it was made of, and made again only when a part has come since.

Histograms are what takes memory: ten busy names fill 130 MB an hour.  They are kept in
*tiers*: single windows, then spans of 10, 60, 600 and more windows.  Each tier has its share
of memory; when it is full, its oldest windows are merged to the next longer span and move on.
That happens in lots, with each chunk that comes, so that it costs the load a few milliseconds
and never a second at once; readers see it once it is done.  What is merged is exact: no value
is lost, only *when* it was measured is known less well.  The rows of statistics are made
before, and stay.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from itertools import chain, islice, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from murmur.telemetry import Codes, Distributions, Histogram

from ._window_part import Part, merged, merged_in_lots
from ._window_rows import ALL_NODES, ROW, expanded, packed, summarised, with_late

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from murmur.telemetry import Windows

LENGTHS = (1, 10, 60, 600, 3600, 36000)
"""Windows in a span of each tier; each divides the next."""

SHARES = (0.5, 0.25, 0.125, 0.0625, 0.0625)
"""Of the memory for histograms, what each tier may take; the last grows by a span a day."""

_BATCH = 60  # windows that are summarised at once; an hour of busy ones would take a gigabyte
_PENDING = 32  # parts that wait to be added to the totals
_LOT = 1 << 18  # bytes of histograms that are merged at once: some 5 ms

_Tier = dict[int, list[Part]]


class _State(NamedTuple):
    """What a reader sees; replaced as a whole when anything moves on."""

    tiers: tuple[_Tier, ...]
    frozen: tuple[NDArray[Any], ...]  # rows of the windows that left the first tier


_Work = Generator[float, None, None]  # yields, after each lot, how many bytes it had


class SpanTimes(NamedTuple):
    """Histograms as columns: a row for each name in each span, by name and time.

    `start` and `length` are seconds; `times` has, by the word for it, a group for each row.
    """

    name: list[str]
    start: NDArray[np.float64]
    length: NDArray[np.float64]
    times: dict[str, Distributions]

    def plus(self, other: SpanTimes) -> SpanTimes:
        """Return both, which have no name in common."""
        import numpy as np

        names = [*self.name, *other.name]
        start = np.concatenate([self.start, other.start])
        length = np.concatenate([self.length, other.length])
        order = np.lexsort((length, start, np.array(names)))
        target = np.empty(len(order), np.int64)
        target[order] = np.arange(len(order))
        mine, theirs = target[: len(self.name)], target[len(self.name) :]
        times = {
            word: Distributions.merge([(of, mine), (other.times[word], theirs)], len(order))
            for word, of in self.times.items()
        }
        return SpanTimes([names[row] for row in order], start[order], length[order], times)


class WindowStore:
    """Takes in the windows of chunks; gives rows of statistics and merged histograms.

    One thread adds; others may read.
    """

    def __init__(
        self,
        *,
        bound_bytes: int = 160 << 20,  # about how much memory histograms may take
        # how many rows of statistics are kept of windows that left the first tier: the newest
        rows_bound: int = 3_000_000,
    ) -> None:
        self._bounds = [share * bound_bytes for share in SHARES]
        self._rows_bound = rows_bound
        self._state = _State(tuple({} for _ in LENGTHS), ())
        self._edges = [0] * len(LENGTHS)  # the first window of each tier
        self._sizes = [0] * len(LENGTHS)
        self._rows_frozen = 0
        self._summaries: dict[int, tuple[int, NDArray[Any]]] = {}
        self._whole: tuple[Part | None, tuple[Part, ...]] = (None, ())
        self._work: _Work | None = None
        # how many actions ended on each node, and how many of those failed
        self.by_node: dict[int, tuple[int, int]] = {}
        # rows of statistics that were thrown away for want of room; their counts and times are in
        # the totals and histograms still
        self.rows_dropped: int = 0
        self.newest: int = 0

    def add(
        self,
        windows: Windows,  # ascending by window
        *,
        node: int,
        names: NDArray[np.int64],  # the code of each name, by the code that the chunk gave it
    ) -> None:
        """Take in the windows of one chunk."""
        import numpy as np

        numbers, first = np.unique(windows.window, return_index=True)
        edges = [*first.tolist(), len(windows.window)]
        added = 0
        for number, (begin, end) in zip(numbers.tolist(), pairwise(edges), strict=True):
            part = Part.of(windows, begin, end, node=node, names=names)
            added += part.size_bytes
            self._add(number, part)
        self._make_room(max(_LOT, 3 * added))

    def _add(self, number: int, part: Part) -> None:
        tier = next(place for place, edge in enumerate(self._edges) if number >= edge)
        span = number // LENGTHS[tier] * LENGTHS[tier]
        parts = self._state.tiers[tier]
        if span in parts:
            parts[span].append(part)
        else:
            parts[span] = [part]  # never seen without a part
        self._sizes[tier] += part.size_bytes
        self.newest = max(self.newest, number)
        count, failed = self.by_node.get(part.node, (0, 0))
        ended = count + int(part.count.sum()), failed + int(part.failed.sum())
        self.by_node[part.node] = ended
        if tier:
            self._amend(number, part)
        whole, pending = self._whole
        self._whole = whole, (*pending, part)

    def _amend(self, number: int, part: Part) -> None:
        """Add what is very late to rows that are finished."""
        late = summarised({number: [part]})
        frozen = list(self._state.frozen)
        for place, rows in enumerate(frozen):
            if len(rows) and number <= rows["window"][-1]:
                frozen[place] = packed(with_late(expanded(rows, None), late))
                break
        self._state = self._state._replace(frozen=tuple(frozen))

    def _make_room(self, most: float) -> None:
        """Go on with what is to be merged, by about `most` bytes."""
        while most > 0:
            if self._work is None:
                self._work = self._next_work()
            if self._work is None:
                return
            done = next(self._work, None)
            if done is None:
                self._work = None
            else:
                most -= done

    def _next_work(self) -> _Work | None:
        """Return what is to be merged next, if anything is."""
        if len(self._whole[1]) > _PENDING:
            return self._add_up(_PENDING)
        for tier, bound in enumerate(self._bounds):
            length = LENGTHS[tier + 1]
            span = min(self._state.tiers[tier], default=self.newest) // length * length
            is_over = span + length <= (self._edges[tier - 1] if tier else self.newest)
            if self._sizes[tier] > bound and is_over:
                return self._move_on(tier, span)
        return None

    def _add_up(self, number: int) -> _Work:
        """Merge the parts that have waited longest to the totals."""
        whole, pending = self._whole
        parts = [*([whole] if whole else []), *pending[:number]]
        [whole] = yield from merged_in_lots(parts, _LOT, ALL_NODES)
        self._whole = whole, self._whole[1][number:]

    def _move_on(self, tier: int, span: int) -> _Work:
        """Merge the windows of a tier that are one span of the next, and move them there."""
        end = span + LENGTHS[tier + 1]
        seen: dict[int, Part] = {}
        together: list[Part] = []
        while more := [part for part in self._in_span(tier, span, end) if id(part) not in seen]:
            seen.update((id(part), part) for part in more)
            if tier == 0:
                yield from self._summarise_ahead(end)
            together = yield from merged_in_lots([*together, *more], _LOT)
        self._moved(tier, span, together)  # nothing that is very late came since the last look

    def _in_span(self, tier: int, span: int, end: int) -> Iterator[Part]:
        """Yield what goes to a span of the next tier, and what is there already."""
        for start, parts in self._state.tiers[tier].items():
            if start < end:
                yield from parts
        yield from self._state.tiers[tier + 1].get(span, ())

    def _summarise_ahead(self, end: int) -> _Work:
        """Make the rows of the windows before `end`, which are remembered, a few at a time."""
        tier, batch, size = self._state.tiers[0], dict[int, tuple[Part, ...]](), 0
        for start in sorted(start for start in tier if start < end):
            batch[start] = tuple(tier[start])
            size += sum(part.size_bytes for part in batch[start])
            if size > _LOT / 4:  # quantiles cost more than merging does
                self._summarise(batch)
                yield size
                batch, size = {}, 0
        self._summarise(batch)

    def _moved(self, tier: int, span: int, together: list[Part]) -> None:
        """Put what was merged to its place, and let go of what it was merged from."""
        tiers, end = list(self._state.tiers), span + LENGTHS[tier + 1]
        moved = {start: parts for start, parts in tiers[tier].items() if start < end}
        before = tiers[tier + 1].get(span, ())
        tiers[tier] = {start: parts for start, parts in tiers[tier].items() if start >= end}
        tiers[tier + 1] = {**tiers[tier + 1], span: together}
        frozen = self._frozen(moved) if tier == 0 else self._state.frozen
        self._edges[tier] = end
        self._state = _State(tuple(tiers), frozen)
        self._sizes[tier] -= sum(part.size_bytes for parts in moved.values() for part in parts)
        self._sizes[tier + 1] += sum(part.size_bytes for part in together)
        self._sizes[tier + 1] -= sum(part.size_bytes for part in before)

    def _frozen(self, moved: _Tier) -> tuple[NDArray[Any], ...]:
        """Return the finished rows with those of the windows that leave the first tier."""
        rows = packed(self._summarise({start: tuple(moved[start]) for start in sorted(moved)}))
        for start in moved:
            self._summaries.pop(start, None)
        self._rows_frozen += len(rows)
        frozen = self._state.frozen
        while frozen and self._rows_frozen > self._rows_bound:
            self._rows_frozen -= len(frozen[0])
            self.rows_dropped += len(frozen[0])
            frozen = frozen[1:]
        return (*frozen, rows)

    def rows(
        self,
        since: int = 0,  # number of the first window wanted
        *,
        # whether only those of all nodes together are wanted, or only the others
        of_all: bool | None = None,
    ) -> NDArray[Any]:
        """Return one row per window, node and name, and one for all nodes together.

        Returns
        -------
        numpy.ndarray
            Structured, ascending by window, node (`ALL_NODES` first) and name.
        """
        import numpy as np

        state = self._state
        wanted = sorted(number for number in tuple(state.tiers[0]) if number >= since)
        recent = self._summarise({number: tuple(state.tiers[0][number]) for number in wanted})
        old = [rows for rows in state.frozen if len(rows) and rows["window"][-1] >= since]
        # One by one, and to their place: a day of them takes 100 MB, and should be there once.
        found, end = np.empty(2 * sum(map(len, old)) + len(recent), ROW), 0
        chosen = recent if of_all is None else recent[(recent["node"] == ALL_NODES) == of_all]
        newer = (expanded(rows[rows["window"] >= since], of_all) for rows in old)
        for rows in chain(newer, [chosen]):
            found[end : end + len(rows)] = rows
            end += len(rows)
        return found[:end]

    def _summarise(self, windows: dict[int, tuple[Part, ...]]) -> NDArray[Any]:
        """Return the rows of windows, ascending; those that did not change are remembered."""
        import numpy as np

        kept: dict[int, NDArray[Any]] = {}
        stale: dict[int, tuple[Part, ...]] = {}
        for number, parts in windows.items():
            known = self._summaries.get(number)
            if known is not None and known[0] == len(parts):
                kept[number] = known[1]
            else:
                stale[number] = parts
        for batch in _batches(stale):
            summary = summarised(batch)
            edges = np.searchsorted(summary["window"], list(batch), side="right").tolist()
            for (number, parts), (begin, end) in zip(
                batch.items(), pairwise([0, *edges]), strict=True
            ):
                kept[number] = summary[begin:end]
                self._summaries[number] = (len(parts), kept[number])
        return np.concatenate([np.empty(0, ROW), *(kept[number] for number in windows)], dtype=ROW)

    @property
    def size_bytes(self) -> int:
        """About how much memory the histograms take."""
        return sum(self._sizes)

    def totals(self) -> Part:
        """Return what everything that ever came adds up to, by name."""
        whole, pending = self._whole
        return merged([*([whole] if whole else []), *pending], ALL_NODES)

    def starts(self) -> list[int]:
        """Return the number of the window with which each span begins, ascending."""
        return sorted(start for tier in self._state.tiers for start in tuple(tier))

    def joined(self) -> list[tuple[int, int]]:
        """Return the spans of more than one window: where each begins, and where it has ended."""
        return [
            (start, start + length)
            for length, tier in zip(LENGTHS[1:], self._state.tiers[1:], strict=True)
            for start in tuple(tier)
        ]

    def span_times(self, names: Codes[str], window: float) -> SpanTimes:
        """Return the histograms of all spans; `window` is in seconds."""
        import numpy as np

        spans = [
            (start, length, merged(tuple(parts), ALL_NODES))
            for length, tier in zip(LENGTHS, self._state.tiers, strict=True)
            for start, parts in sorted(tier.copy().items())
        ]
        labels = names.labels()  # after the spans: names may be added meanwhile
        rows = [
            (labels[code], start, length, number, place)
            for number, (start, length, part) in enumerate(spans)
            for place, code in enumerate(part.name.tolist())
        ]
        rows.sort(key=lambda row: row[:3])
        targets = [np.empty(len(part.name), np.int64) for _, _, part in spans]
        for target, (_, _, _, number, place) in enumerate(rows):
            targets[number][place] = target
        times = {
            time: Distributions.merge(
                [
                    (getattr(part, time), target)
                    for (_, _, part), target in zip(spans, targets, strict=True)
                ],
                len(rows),
            )
            for time in ("service", "response")
        }
        start, length = (
            np.array([row[place] for row in rows], np.float64) * window for place in (1, 2)
        )
        return SpanTimes([row[0] for row in rows], start, length, times)

    def histogram(
        self, time: str, *, name: int | None, node: int | None, first: int, end: int | None
    ) -> Histogram:
        """Return one histogram of what name, node and a range of windows select.

        Spans that overlap the range count as a whole.
        """
        import numpy as np

        if node is None and first <= 0 and end is None:
            chosen = self.totals().times(time, name)
        else:
            chosen = [
                columns
                for part in self._overlapping(first, end)
                if node in (None, part.node)
                for columns in part.times(time, name)
            ]
        pairs = [(columns, np.zeros(len(columns), np.int64)) for columns in chosen]
        return Histogram.of(Distributions.merge(pairs, 1))

    def _overlapping(self, first: int, end: int | None) -> Iterator[Part]:
        for length, tier in zip(LENGTHS, self._state.tiers, strict=True):
            starts: Iterable[int] = tuple(tier)
            if end is not None and (end - first) // length < len(tier):
                # A short range of a long run: look its spans up, rather than at all there are.
                starts = [at for at in range(first // length * length, end, length) if at in tier]
            for start in starts:
                if start + length > first and (end is None or start < end):
                    yield from tuple(tier[start])


def _batches(windows: dict[int, tuple[Part, ...]]) -> Iterator[dict[int, tuple[Part, ...]]]:
    """Yield so many windows at a time that merging them takes little memory."""
    items = iter(windows.items())
    while batch := dict(islice(items, _BATCH)):
        yield batch
