"""Answers of all nodes to one call: one row per node, so that partial success is visible."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio

from murmur._table import html_table
from murmur.errors import NodesFailedError

if TYPE_CHECKING:
    from ._node import Node

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers(Generic[T]):
    """The answers of all nodes to one call; a notebook shows them as a table."""

    verb: str
    # what nodes returned that did as they were asked
    values: Mapping[str, T] = field(default_factory=dict)
    failures: Mapping[str, Exception] = field(default_factory=dict)  # what the others raised
    skipped: tuple[str, ...] = ()  # nodes that had nothing to do

    def checked(self) -> dict[str, T]:
        """Return the values by node, or raise if a node failed.

        Raises
        ------
        Exception
            The error itself where one node was asked, or where all failed in the same way.
        NodesFailedError
            If nodes failed and others did not, or in other ways.
        """
        if not self.failures:
            return dict(self.values)
        errors = list(self.failures.values())
        first = errors[0]
        alike = all(type(e) is type(first) and e.args == first.args for e in errors)
        if not self.values and alike:
            raise first
        raise NodesFailedError(self.verb, self.failures, self.values)

    def rows(self) -> list[tuple[str, str, str]]:
        """Return node, outcome (ok, error or skipped) and what there is to say, by node."""
        rows = [(node, "ok", _short(value)) for node, value in self.values.items()]
        rows += [
            (node, "error", f"{type(error).__name__}: {error}")
            for node, error in self.failures.items()
        ]
        rows += [(node, "skipped", "") for node in self.skipped]
        return sorted(rows)

    def __repr__(self) -> str:
        """Return a line for each node."""
        return "\n".join([f"{self.verb}:", *(f"  {' '.join(row).rstrip()}" for row in self.rows())])

    def _repr_html_(self) -> str:
        """Return the table."""
        return html_table(("node", "outcome", "answer"), self.rows(), caption=self.verb)


async def ask_each(
    nodes: Iterable[Node],
    verb: str,
    call: Callable[[Node], Awaitable[T]],
    *,
    skipped: Iterable[str] = (),
) -> Answers[T]:
    """Call all nodes at the same time; return what came of it, and raise nothing."""
    values: dict[str, T] = {}
    failures: dict[str, Exception] = {}

    async def ask(node: Node) -> None:
        try:
            values[node.name] = await call(node)
        except Exception as error:  # noqa: BLE001 - it is that node's answer
            failures[node.name] = error

    asked = list(nodes)
    if len(asked) == 1:  # at once: of users that it admits, none takes its first step before
        await ask(asked[0])
    else:
        async with anyio.create_task_group() as calls:
            for node in asked:
                calls.start_soon(ask, node)
    return Answers(
        verb=verb,
        values=_in_order(values, asked),
        failures=_in_order(failures, asked),
        skipped=tuple(skipped),
    )


def _in_order(said: Mapping[str, T], asked: Iterable[Node]) -> dict[str, T]:
    """Return what nodes said in the order in which they were asked, not as they answered."""
    return {node.name: said[node.name] for node in asked if node.name in said}


def _short(value: object) -> str:
    return "" if value is None else repr(value)[:200]
