"""Columns that a run's record keeps: row formats, codes, and series of samples."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from murmur.telemetry import MISSING, OTHER, Codes

from ._merge import layout, untold
from ._newest import Newest
from ._rolling import Rolling
from ._schema import FRAMES
from ._tables import Legend

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from murmur.telemetry import Change, Chunk, Counters, Sample

    from ._column import Frame

_WHOSE = [("node", "<i2"), ("name", "<i2")]
_SAMPLE = [("at", "<f8"), *_WHOSE]
_WINDOW = [("window", "<i8"), *_WHOSE]
_NEWEST = ("newest", "<f8")  # the latest moment, or window, that any row so far is of
_SAMPLED = tuple(frame for frame in FRAMES.values() if frame.sampled)
_FOLDED = (FRAMES["counters"], FRAMES["gauges"])

LIMIT = 30_000  # codes travel in an int16
TIMES = [("admitted_at", "<f8"), ("started_at", "<f8"), ("ended_at", "<f8")]
USER_TEXTS = ("reason", "scenario", "result")
USER = [
    ("outcome", "<i2"),
    *((name, "<i2") for name in USER_TEXTS),
    ("node", "<i2"),
    ("user_id", "<u4"),
    *TIMES,
]
ACTION = [
    ("name", "<i2"),
    ("node", "<i2"),
    ("error", "<i2"),
    ("user_id", "<u4"),
    ("due_at", "<f8"),
    ("started_at", "<f8"),
    ("ended_at", "<f8"),
]


@dataclass(slots=True)
class Codebook:
    """The session's codes; a chunk's own are translated."""

    names: Codes[str] = field(default_factory=lambda: Codes(LIMIT, OTHER))
    nodes: Codes[str] = field(default_factory=lambda: Codes(LIMIT, "all"))
    outcomes: Codes[str] = field(default_factory=lambda: Codes(LIMIT, OTHER))
    reasons: Codes[str] = field(default_factory=lambda: Codes(LIMIT, OTHER))
    kinds: Codes[tuple[str, str]] = field(default_factory=lambda: Codes(LIMIT, (OTHER, "")))

    def legend(self, window: float) -> Legend:
        """Return what the codes stand for now."""
        return Legend(
            names=self.names.labels(),
            nodes=self.nodes.labels(),
            outcomes=self.outcomes.labels(),
            reasons=self.reasons.labels(),
            kinds=self.kinds.labels(),
            window=window,
        )


class Series:
    """What comes once a window, and what happens now and then; the newest of each.

    One thread adds; others may read.
    """

    def __init__(
        self,
        bound: int,  # rows of each kind that are kept
        changes_bound: int,  # live changes that are kept
    ) -> None:
        # what each part told, by the name of its frame
        self.parts: Mapping[str, Rolling] = {
            frame.name: Rolling([*whose, *layout(frame), _NEWEST], bound)
            for whose, frames in ((_SAMPLE, _SAMPLED), (_WINDOW, _FOLDED))
            for frame in frames
        }
        self._newest = dict.fromkeys(self.parts, -math.inf)
        # live changes, each with the code of its node
        self.changes: Newest[tuple[int, Change]] = Newest(changes_bound)
        self._totals: dict[tuple[int, int], float] = {}

    def add(self, chunk: Chunk, *, node: int, names: NDArray[np.int64], codebook: Codebook) -> None:
        """Take in what a chunk brings; `names` are the record's codes of the chunk's own."""
        for frame in _SAMPLED:
            for sample in chunk.samples.get(frame.name, ()):
                newest = self._newest[frame.name] = max(self._newest[frame.name], sample.at)
                self.parts[frame.name].append(*_part(frame, sample, node, codebook), newest)
        counters, gauges = chunk.counters, chunk.gauges
        totals = self._count(counters, node, names)
        counted = names[counters.name], counters.value, totals
        self._extend("counters", _rows(FRAMES["counters"], counters.window, node, *counted))
        values = names[gauges.name], *gauges[2:]
        self._extend("gauges", _rows(FRAMES["gauges"], gauges.window, node, *values))
        self.changes.extend((node, change) for change in chunk.changes)

    def _extend(self, name: str, rows: NDArray[Any]) -> None:
        import numpy as np

        if len(rows):
            newest = np.maximum.accumulate(rows["window"])
            rows["newest"] = np.maximum(newest, self._newest[name])
            self._newest[name] = float(rows["newest"][-1])
            self.parts[name].extend(rows)

    def newest(self, name: str, since: float) -> NDArray[Any]:
        """Return the parts of a frame, without most of those of before `since`.

        What comes is ordered but for what comes late, so the first row behind which all are
        older is found by bisection, whatever the length of the run.
        """
        rows = self.parts[name].snapshot()
        if since <= 0 or not FRAMES[name].sampled:
            return rows
        return rows[bisect_left(rows["newest"], since) :]

    def _count(self, counters: Counters, node: int, names: NDArray[np.int64]) -> list[float]:
        """Return the totals up to each increment."""
        totals = []
        codes = names[counters.name].tolist()
        for code, value in zip(codes, counters.value.tolist(), strict=True):
            self._totals[node, code] = self._totals.get((node, code), 0.0) + value
            totals.append(self._totals[node, code])
        return totals

    def dropped(self) -> dict[str, int]:
        """Return how many rows of each kind were given up for want of room."""
        numbers = {name: rolling.dropped for name, rolling in self.parts.items()}
        return {**numbers, "changes": self.changes.dropped}


def _part(frame: Frame, sample: Sample, node: int, codebook: Codebook) -> Iterator[object]:
    """Yield the fields of one sample's row."""
    yield from (sample.at, node, codebook.names[sample.name] if sample.name else 0)
    for column in frame.measured:
        value = sample.values.get(column.name, untold(column))
        if isinstance(value, str):
            yield codebook.reasons[value] if value else MISSING
        else:
            yield value


def _rows(frame: Frame, *columns: Any) -> NDArray[Any]:  # noqa: ANN401 - arrays or numbers
    """Return columns, the first of which is an array, as rows."""
    import numpy as np

    rows = np.empty(len(columns[0]), [*_WINDOW, *layout(frame), _NEWEST])
    for name, column in zip(rows.dtype.names or (), columns, strict=False):
        rows[name] = column
    return rows


def translation(codes: Codes[Any], labels: Sequence[Any]) -> NDArray[np.int64]:
    """Return the code of each label; what stood for no label (-1) does so again."""
    import numpy as np

    return np.array([*(codes[label] for label in labels), -1], np.int64)


def action_rows(
    actions: NDArray[Any],
    *,
    node: int,
    names: NDArray[np.int64],
    kinds: NDArray[np.int64],
) -> NDArray[Any]:
    """Return the actions of a chunk as the record's rows."""
    import numpy as np

    rows = np.empty(len(actions), ACTION)
    rows["node"] = node
    rows["name"], rows["error"] = names[actions["name"]], kinds[actions["error"]]
    for name in ("user_id", "due_at", "started_at", "ended_at"):
        rows[name] = actions[name]
    return rows


def user_rows(chunk: Chunk, *, node: int, codebook: Codebook) -> NDArray[Any]:
    """Return the users of a chunk as the record's rows."""
    import numpy as np

    users = chunk.users
    rows = np.empty(len(users), USER)
    rows["node"] = node
    rows["outcome"] = translation(codebook.outcomes, chunk.outcomes)[users["outcome"]]
    texts = translation(codebook.reasons, chunk.reasons)
    for name in USER_TEXTS:
        rows[name] = texts[users[name]]
    for name in ("user_id", "admitted_at", "started_at", "ended_at"):
        rows[name] = users[name]
    return rows
