"""Facts about the nodes that took part in a run, besides what they measured.

A node tells who it is once, when it joins; the session notes the rest: how its clock
stands, and how it left.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
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

    def hear(self, node: str) -> None:
        """Take note that there is a node, of which nothing may have been noted."""
        self._facts.setdefault(node, {})

    def here(self) -> dict[str, float]:
        """Return when each node joined that is here; 0 if that is unknown."""
        found = {}
        for node, facts in self.rows():
            if facts["outcome"] == "here":
                found[node] = 0.0 if math.isnan(facts["joined_at"]) else facts["joined_at"]
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
