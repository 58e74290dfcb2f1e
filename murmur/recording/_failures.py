"""Failures of a whole run, counted by what failed and how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from murmur.errors import number_of
from murmur.telemetry import Kind, joined_kinds, kind_text, one_line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from murmur.telemetry import Chunk, ErrorCount

_MOST_LINES = 5
_LONGEST_LINE = 200  # characters; an error may carry a whole page


def failed_thing(source: str, name: str) -> str:
    """Return what failed, in words and on one line; of an action its name alone.

    Examples
    --------
    >>> failed_thing("action", "login"), failed_thing("coordinator", "pairs")
    ('login', 'coordinator pairs')
    """
    return one_line(name if source == "action" else f"{source} {name}")


def failed_users(table: Mapping[str, Any]) -> int:
    """Return how many users failed, of a table ``errors``: those lost with their node did not."""
    rows = zip(table["source"], table["users"], strict=True)
    return sum(int(users) for source, users in rows if source != "node")


def failure_lines(
    table: Mapping[str, Any],  # its columns, the most frequent failures first
    *,
    # whether actions that failed and ended no user are left out: servers say no
    only_harm: bool = False,
    most: int = _MOST_LINES,  # lines, besides one that counts the others
) -> tuple[str, ...]:
    """Return a line for each of the most frequent failures of a table ``errors``."""
    columns = ("source", "name", "kind", "message", "count", "users")
    lines = []
    for source, name, kind, message, count, users in zip(*map(table.get, columns), strict=True):
        if only_harm and source == "action" and not users:
            continue
        lines.append(_line(source, name, kind_text(kind, message), int(count), int(users)))
    others = len(lines) - most
    more = [f"and {others:,} other kinds of failure, see results.errors"] if others > 0 else []
    return (*lines[:most], *more)


def _line(source: str, name: str, error: str, count: int, users: int) -> str:
    if source == "user":
        text = f"{number_of(users, 'user')} failed: {error}"
    else:
        ended = f"; {number_of(users, 'user')} ended by it" if users else ""
        head = f"{count:,} x {failed_thing(source, name)} failed: "
        text = head + _short(error, _LONGEST_LINE - len(head) - len(ended)) + ended
    return _short(text, _LONGEST_LINE)


def _short(text: str, length: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 3]}..."


class Failures:
    """How often what failed in which way, and one traceback of each kind.

    One thread adds; others may read.  Names and kinds are bounded by their codes.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[str, int, int], ErrorCount] = {}
        self._tracebacks: dict[int, str] = {}

    def add(self, chunk: Chunk, *, names: NDArray[np.int64], kinds: NDArray[np.int64]) -> None:
        """Take in a chunk; `names` and `kinds` are the record's codes of its own."""
        for code, text in chunk.tracebacks.items():
            self._tracebacks.setdefault(int(kinds[code]), text)
        for count in chunk.errors:
            new = count._replace(name=int(names[count.name]), kind=int(kinds[count.kind]))
            old = self._counts.get(new.key)
            self._counts[new.key] = old.plus(new) if old else new

    def joined(self, kinds: Sequence[tuple[str, str]]) -> list[Kind]:
        """Return the kind that each of `kinds` is part of, now that all are known.

        Failures of kinds that are newer than `kinds` came since they were read.
        """
        counts: Counter[tuple[str, str]] = Counter()
        for count in tuple(self._counts.values()):
            if count.kind < len(kinds):
                counts[kinds[count.kind]] += max(count.number, count.users)
        found: Mapping[tuple[str, str], Kind] = joined_kinds(counts)
        return [found.get(kind, Kind(*kind)) for kind in kinds]

    def rows(self) -> list[tuple[ErrorCount, str]]:
        """Return each count, and the traceback of its kind."""
        counts = tuple(self._counts.values())
        return [(count, self._tracebacks.get(count.kind, "")) for count in counts]
