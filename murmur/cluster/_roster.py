"""Roster of a session: its nodes, and to which of them users go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from murmur._given import needed
from murmur.errors import UnknownNameError

if TYPE_CHECKING:
    import anyio

    from ._node import Node


class Supply(Protocol):
    """Whatever starts nodes, and knows which of them it wants; asked on the session's loop."""

    def note_join(self, node: str) -> None:
        """Take note that a node of this name is there."""

    def has_given_up(self, node: str) -> bool:
        """Return whether a person asked for less, so that this one is to go."""


class Roster:
    """The nodes of a session, whether a run is on or not."""

    is_open = False  # whether others may join

    def __init__(
        self,
        local: Node,  # the one of this process
        *,
        run_here: bool = False,  # whether users go to it even when there are other nodes
        silence: float = 5.0,  # seconds without a word after which either side is lost to the other
        rejoin: float = 60.0,  # seconds for which a node tries to come back then
    ) -> None:
        self.local: str = local.name
        self.nodes: dict[str, Node] = {local.name: local}
        self.silence = silence
        self.rejoin = rejoin
        self.supplies: list[Supply] = []  # what starts nodes, where the session knows that
        # each is set once a node that came late to a run is in it, or free for the next one
        self.arrivals: set[anyio.Event] = set()
        self._run_here = run_here

    @property
    def others(self) -> list[str]:
        """The names of the nodes of other processes, sorted."""
        return sorted(self.nodes.keys() - {self.local})

    @property
    def staff(self) -> dict[str, Node]:
        """The nodes that users go to: the others, as soon as there are others."""
        if self._run_here or not self.others:
            return dict(self.nodes)
        return {name: node for name, node in self.nodes.items() if name != self.local}

    @property
    def is_deserted(self) -> bool:
        """Whether users would run here although nodes were to have them."""
        return self.is_open and not self._run_here and not self.others

    def join(self, node: Node) -> None:
        """Take a node in."""
        self.nodes[node.name] = node
        for supply in list(self.supplies):
            supply.note_join(node.name)

    def excuse(self, node: Node) -> None:
        """Ask a node for nothing more: it is on its way out, and sends what it measured yet."""
        node.is_leaving = True
        self.strike(node)

    def strike(self, node: Node) -> None:
        """Forget a node, if it is one of the session."""
        if self.holds(node):
            del self.nodes[node.name]

    def holds(self, node: Node) -> bool:
        """Return whether this very node is one of the session."""
        return self.nodes.get(node.name) is node

    def is_given_up(self, node: str) -> bool:
        """Return whether what started a node does not want it any more."""
        return any(supply.has_given_up(node) for supply in list(self.supplies))


def named(names: Sequence[str] | None, nodes: Mapping[str, Node]) -> list[Node]:
    """Return the nodes of these names, each once, or all."""
    if names is None:
        return list(nodes.values())
    names = listed(names)
    unknown = [name for name in names if name not in nodes]
    if unknown or not names:
        raise UnknownNameError("node", unknown or ["(an empty list)"], nodes)
    return [nodes[name] for name in names]


def listed(names: Sequence[str]) -> list[str]:
    """Return names of nodes, each once; one alone may be given as it is."""
    given: Any = names
    names = [given] if isinstance(given, str) or not isinstance(given, Iterable) else list(given)
    are_names = all(isinstance(name, str) for name in names)
    needed(are_names, "nodes", given, "give a list of names of nodes")
    return list(dict.fromkeys(names))
