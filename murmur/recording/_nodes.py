"""Facts about the nodes that took part in a run, besides what they measured.

A node tells who it is once, when it joins; the session notes the rest: how its clock
stands, and how it left.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

from murmur.errors import TelemetryError, closest

if TYPE_CHECKING:
    from ._tables import Legend, Table

__all__ = ["NodeFacts", "NodeRows", "Nodes", "nodes_table"]

NodeRows: TypeAlias = Sequence[tuple[str, Mapping[str, Any]]]


class NodeFacts(TypedDict, total=False):
    """Facts about one node; whatever is not known is left out.

    Attributes
    ----------
    host : str
        Name of the machine.
    pid : int
        Its process there.
    python, murmur : str
        Versions it runs.
    cores : int
        Cores of the machine that it may use.
    joined_at, left_at : float
        When it joined and left, in monotonic seconds of the steering kernel.
    outcome : {"here", "left", "lost"}
        Whether it is there (to the end, when the run is over), left in order or died.
    clock_offset : float
        Seconds that its clock is ahead of the steering kernel's, as well as is known.
    clock_error : float
        Seconds that `clock_offset` may be wrong by.
    """

    host: str
    pid: int
    python: str
    murmur: str
    cores: int
    joined_at: float
    left_at: float
    outcome: Literal["here", "left", "lost"]
    clock_offset: float
    clock_error: float


OUTCOMES = ("here", "left", "lost")

_UNKNOWN: Mapping[str, str | int | float] = {
    "host": "",
    "pid": 0,
    "python": "",
    "murmur": "",
    "cores": 0,
    "outcome": "here",
    "joined_at": math.nan,
    "left_at": math.nan,
    "clock_offset": math.nan,
    "clock_error": math.nan,
}
"""Every fact, and what stands for it when nobody noted it."""


class Nodes:
    """The facts about each node of a run.

    One thread notes; others may read.

    Parameters
    ----------
    started_at : float
        When the run started, in monotonic seconds; moments are kept since then.
    """

    def __init__(self, started_at: float) -> None:
        self._started_at = started_at
        self._facts: dict[str, dict[str, Any]] = {}

    def note(self, node: str, facts: Mapping[str, Any]) -> None:
        """Add to, or replace, what is known of `node`."""
        plain = {}
        for name, value in facts.items():
            if name not in _UNKNOWN:
                hint = closest(name, list(_UNKNOWN), "facts")
                raise TelemetryError(f"nodes have no fact {name!r}{hint}")
            if name == "outcome" and value not in OUTCOMES:
                raise TelemetryError(f"a node is {', '.join(OUTCOMES)}, and not {value!r}")
            plain[name] = value - self._started_at if name.endswith("_at") else value
        self._facts[node] = {**self._facts.get(node, {}), **plain}

    def rows(self, heard_of: Sequence[str]) -> NodeRows:
        """Return each node by name, and every fact about it."""
        noted = self._facts.copy()
        names = sorted({*heard_of, *noted})
        return [(node, {**_UNKNOWN, **noted.get(node, {})}) for node in names]


def nodes_table(rows: NodeRows, _: Legend) -> Table:
    """Return one row per node that was noted or heard of, by name."""
    import numpy as np

    table: Table = {"node": [node for node, _ in rows]}
    for name, unknown in _UNKNOWN.items():
        values = [facts[name] for _, facts in rows]
        is_text = isinstance(unknown, str)
        table[name] = list(map(str, values)) if is_text else np.array(values, type(unknown))
    return table
