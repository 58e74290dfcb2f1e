"""Facts about the nodes that took part in a run, besides what they measured.

A node tells who it is once, when it joins; the session notes the rest: how its clock
stands, and how it left.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from murmur.errors import InvalidArgumentError, closest

from ._column import CATEGORY, FLOAT, INT, TEXT
from ._schema import FRAMES, NODE_OUTCOMES

if TYPE_CHECKING:
    from murmur.telemetry import Chunk

    from ._tables import Legend, Table

Fact: TypeAlias = str | int | float
NodeRows: TypeAlias = Sequence[tuple[str, Mapping[str, Any]]]


_OF_DTYPE: Mapping[str, Fact] = {FLOAT: math.nan, INT: 0, TEXT: "", CATEGORY: "here"}
_UNKNOWN: Mapping[str, Fact] = {
    column.name: _OF_DTYPE[column.dtype] for column in FRAMES["nodes"].measured
}
"""Every fact, and what stands for it when nobody noted it."""


@dataclass(frozen=True, slots=True)
class Departure:
    """A node that took part in a run, and does so no more."""

    node: str
    outcome: str  # `"left"`, `"lost"` or `"failed"`
    left_at: float  # when that was noticed, in seconds since the run started
    heard_at: float  # up to when it had told what it measured; NaN if it told nothing
    users: int = 0  # how many were lost with it, or ended because of it


class NodeHistory:
    """The facts about each node of a run.

    One thread notes; others may read.
    """

    def __init__(
        self,
        # when the run started, in monotonic seconds; moments are kept since then
        started_at: float,
        window: float = 1.0,  # length of a window in seconds
    ) -> None:
        self._started_at = started_at
        self._window = window
        self._facts: dict[str, dict[str, Any]] = {}
        self._counted: dict[str, int] = {}  # the newest window of which a node told its users
        self.gone: dict[str, int] = {}  # users that were lost, or ended, because of their node
        # each node that left or was lost, as often as it did, and the first window from whose
        # beginning on it had no users
        self.departures: list[tuple[str, int]] = []

    def note(self, node: str, facts: Mapping[str, Any]) -> None:
        """Add to, or replace, what is known of `node`."""
        plain = {}
        for name, value in facts.items():
            if name not in _UNKNOWN:
                hint = closest(name, list(_UNKNOWN), "facts")
                raise InvalidArgumentError(f"nodes have no fact {name!r}{hint}")
            if name == "outcome" and value not in NODE_OUTCOMES:
                raise InvalidArgumentError(
                    f"a node is {', '.join(NODE_OUTCOMES)}, and not {value!r}"
                )
            plain[name] = value - self._started_at if name.endswith("_at") else value
        was_gone = self._is_gone(node)
        self._facts[node] = known = {**self._facts.get(node, {}), **plain}
        if self._is_gone(node) and not was_gone:
            since = math.ceil(known["left_at"] / self._window)
            self.departures.append((node, max(since, self._counted.get(node, -1) + 1)))

    def _is_gone(self, node: str) -> bool:
        facts = {**_UNKNOWN, **self._facts.get(node, {})}
        return facts["outcome"] != "here" and not math.isnan(facts["left_at"])

    def while_here(self, chunk: Chunk) -> Chunk:
        """Return a chunk without the users that its node counted after it was gone.

        A node that was cut off sends what it measured when it is back, and its users have been
        lost by then.
        """
        node, counts = chunk.node, chunk.samples.get("population", ())
        windows = [round(sample.at / self._window) for sample in counts]
        if self._is_gone(node):
            end = next(since for name, since in reversed(self.departures) if name == node)
            kept = [count for count, number in zip(counts, windows, strict=True) if number < end]
            return replace(chunk, samples={**chunk.samples, "population": tuple(kept)})
        self._counted[node] = max([self._counted.get(node, -1), *windows])
        return chunk

    def departed(self) -> list[Departure]:
        """Return the nodes that take part no more, and did not come back, the last first."""
        found = [
            Departure(
                node,
                facts["outcome"],
                facts["left_at"],
                self.heard_until(node),
                self.gone.get(node, 0),
            )
            for node, facts in self.rows()
            if self._is_gone(node)
        ]
        return sorted(found, key=lambda one: -one.left_at)

    def heard_until(self, node: str) -> float:
        """Return up to when a node told what it measured; NaN if it told nothing."""
        return self._counted[node] * self._window if node in self._counted else math.nan

    def hear(self, node: str) -> None:
        """Take note that there is a node, of which nothing may have been noted."""
        self._facts.setdefault(node, {})

    def here(self) -> dict[str, float]:
        """Return since when each node that is here owes news; 0 if that is unknown.

        That is when it began to have users, or joined if that is all that was noted.  One
        whose `init` is not done owes none yet.
        """
        found = {}
        for node, facts in self._facts.copy().items():
            if facts.get("outcome", "here") != "here":
                continue
            since = facts.get("running_at", facts.get("joined_at", 0.0))
            is_preparing = "running_at" in facts and math.isnan(since)
            found[node] = math.inf if is_preparing else max(0.0, since)
        return found

    def moments(self, node: str) -> dict[str, float]:
        """Return the facts about a node that are moments, as far as they are known."""
        known = self._facts.get(node, {})
        return {name: at for name, at in known.items() if name.endswith("_at")}

    def rows(self) -> NodeRows:
        """Return each node by name, and every fact about it."""
        return [(node, {**_UNKNOWN, **facts}) for node, facts in sorted(self._facts.copy().items())]


def nodes_table(rows: NodeRows, _: Legend) -> Table:
    """Return one row per node that was noted or heard of, by name."""
    import numpy as np

    table: Table = {"node": [node for node, _ in rows]}
    for name, unknown in _UNKNOWN.items():
        values = [facts[name] for _, facts in rows]
        is_text = isinstance(unknown, str)
        table[name] = list(map(str, values)) if is_text else np.array(values, type(unknown))
    return table
