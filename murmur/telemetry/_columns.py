"""What a run's record keeps: row formats, codes, and lists that only ever grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ._codes import OTHER, Codes
from ._tables import Legend, WaitingRows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ._chunk import (
        Change,
        Chunk,
        Counters,
        Gauges,
        HealthSample,
        PopulationSample,
        ThrottleSample,
    )

__all__ = ["ACTION", "USER", "Codebook", "Series", "action_rows", "translation", "user_rows"]

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


@dataclass(slots=True)
class Series:
    """Append-only lists, each item beside the code of its node."""

    dropped: list[WaitingRows] = field(default_factory=list)
    counters: list[tuple[int, Counters]] = field(default_factory=list)
    gauges: list[tuple[int, Gauges]] = field(default_factory=list)
    population: list[tuple[int, PopulationSample]] = field(default_factory=list)
    throttles: list[tuple[int, ThrottleSample]] = field(default_factory=list)
    health: list[tuple[int, HealthSample]] = field(default_factory=list)
    changes: list[tuple[int, Change]] = field(default_factory=list)


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
