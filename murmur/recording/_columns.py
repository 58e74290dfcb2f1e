"""Columns that a run's record keeps: row formats, codes, and series of samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from murmur.telemetry import MISSING, OTHER, Codes, HealthSample

from ._rolling import Rolling
from ._tables import Legend

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from murmur.telemetry import Change, Chunk, Counters

__all__ = ["ACTION", "USER", "Codebook", "Series", "action_rows", "translation", "user_rows"]

_KEY = [("window", "<i8"), ("node", "<i2"), ("name", "<i2")]
POPULATION = [
    ("at", "<f8"),
    ("node", "<i2"),
    *((state, "<i8") for state in ("waiting", "running", "leaving")),
]
THROTTLE = [
    ("at", "<f8"),
    ("node", "<i2"),
    ("name", "<i2"),
    ("rate", "<f8"),
    ("interval", "<f8"),
    *((number, "<i8") for number in ("requested", "granted", "waiting")),
    ("lateness_p50", "<f8"),
    ("lateness_p99", "<f8"),
]
HEALTH = [
    *((field, "<f8") for field in HealthSample._fields[:-2]),
    ("saturated", "?"),
    ("reason", "<i2"),
    ("node", "<i2"),
]
COUNTER = [*_KEY, ("value", "<f8"), ("total", "<f8")]
GAUGE = [*_KEY, *((field, "<f8") for field in ("last", "minimum", "maximum", "total", "size"))]

LIMIT = 30_000  # codes travel in an int16
TIMES = [("admitted_at", "<f8"), ("started_at", "<f8"), ("ended_at", "<f8")]
USER = [("outcome", "<i2"), ("reason", "<i2"), ("node", "<i2"), ("user_id", "<u4"), *TIMES]
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

    Parameters
    ----------
    bound : int
        Rows of each kind that are kept.
    changes_bound : int
        Live changes that are kept.
    """

    def __init__(self, bound: int, changes_bound: int) -> None:
        self.population = Rolling(POPULATION, bound)
        self.throttles = Rolling(THROTTLE, bound)
        self.health = Rolling(HEALTH, bound)
        self.counters = Rolling(COUNTER, bound)
        self.gauges = Rolling(GAUGE, bound)
        self.changes: list[tuple[int, Change]] = []
        self.changes_dropped = 0
        self._changes_bound = changes_bound
        self._totals: dict[tuple[int, int], float] = {}

    def add(self, chunk: Chunk, *, node: int, names: NDArray[np.int64], codebook: Codebook) -> None:
        """Take in what a chunk brings; `names` are the record's codes of the chunk's own."""
        for at, waiting, running, leaving in chunk.population:
            self.population.append(at, node, waiting, running, leaving)
        for sample in chunk.throttles:
            name = codebook.names[sample.name]
            self.throttles.append(sample.at, node, name, *sample[2:])
        for health in chunk.health:
            *numbers, reason = health
            self.health.append(*numbers, codebook.reasons[reason] if reason else MISSING, node)
        self._add_counters(chunk.counters, node, names)
        gauges = chunk.gauges
        self.gauges.extend(_rows(GAUGE, gauges.window, node, names[gauges.name], *gauges[2:]))
        self.changes.extend((node, change) for change in chunk.changes)
        surplus = len(self.changes) - self._changes_bound
        if surplus > 0:
            self.changes_dropped += surplus
            self.changes = self.changes[surplus:]  # a reader may still walk the old list

    def _add_counters(self, counters: Counters, node: int, names: NDArray[np.int64]) -> None:
        rows = _rows(COUNTER, counters.window, node, names[counters.name], counters.value, 0.0)
        for row in rows:
            key = (node, int(row["name"]))
            self._totals[key] = row["total"] = self._totals.get(key, 0.0) + row["value"]
        self.counters.extend(rows)

    def dropped(self) -> dict[str, int]:
        """Return how many rows of each kind were given up for want of room."""
        rolling = ("population", "throttles", "health", "counters", "gauges")
        numbers = {name: getattr(self, name).dropped for name in rolling}
        return {**numbers, "changes": self.changes_dropped}


def _rows(fields: list[tuple[str, str]], *columns: Any) -> NDArray[Any]:  # noqa: ANN401 - arrays or numbers
    """Return columns, the first of which is an array, as rows."""
    import numpy as np

    rows = np.empty(len(columns[0]), fields)
    for (name, _), column in zip(fields, columns, strict=True):
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
    rows["reason"] = translation(codebook.reasons, chunk.reasons)[users["reason"]]
    for name in ("user_id", "admitted_at", "started_at", "ended_at"):
        rows[name] = users[name]
    return rows
