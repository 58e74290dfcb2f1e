"""Raw tables of a run's record, row by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from murmur.telemetry import Labels

__all__ = ["rows_of"]


def rows_of(table: Mapping[str, Any], *names: str) -> Iterator[tuple[Any, ...]]:
    """Yield some columns of a table as tuples of plain values, one for each row.

    Examples
    --------
    >>> from murmur.telemetry import RunRecord
    >>> list(rows_of(RunRecord("r1", 0.0, 0.0).table("changes"), "at", "what"))
    []
    """
    return zip(*(_plain(table[name]) for name in names), strict=True)


def _plain(column: Any) -> list[Any]:  # noqa: ANN401 - an array, labels or a list
    if isinstance(column, Labels):
        return column.decode()
    return list(column if isinstance(column, list) else column.tolist())
