"""Chunks and other records of a run as bytes on disk, without pickle: reading runs nothing.

Text and numbers are JSON, columns follow it as they are in memory.  A record is its name and
its fields; only the names listed here are made again.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from struct import Struct, error
from typing import TYPE_CHECKING, Any

from murmur.telemetry import (
    Change,
    Chunk,
    Counters,
    Distributions,
    Dropped,
    ErrorCount,
    Event,
    Gauges,
    Sample,
    Windows,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["pack", "unpack"]

_RECORDS: Mapping[str, type] = {
    kind.__name__: kind
    for kind in (
        Change,
        Chunk,
        Counters,
        Distributions,
        Dropped,
        ErrorCount,
        Event,
        Gauges,
        Sample,
        Windows,
    )
}
_LENGTH = Struct("<I")
_LEVEL = 1  # of zlib: the quickest; columns of numbers shrink little more at any other


def pack(value: object) -> bytes:
    """Return a value as bytes, compressed.

    Parameters
    ----------
    value : object
        Plain values, lists, tuples, mappings, numpy columns, and the records of a chunk.

    Examples
    --------
    >>> unpack(pack({"pair": (1, float("inf")), 7: [None, "text"]}))
    {'pair': (1, inf), 7: [None, 'text']}
    """
    columns: list[NDArray[Any]] = []
    text = json.dumps(_tree(value, columns), separators=(",", ":")).encode()
    packer = zlib.compressobj(_LEVEL)
    parts = [packer.compress(_LENGTH.pack(len(text))), packer.compress(text)]
    parts += [packer.compress(column.tobytes()) for column in columns]
    return b"".join([*parts, packer.flush()])


def unpack(data: bytes) -> Any:  # noqa: ANN401 - whatever was packed
    """Return the value that `pack` was given; ValueError if `data` is none of its."""
    try:
        whole = memoryview(zlib.decompress(data))
        (length,) = _LENGTH.unpack_from(whole)
        reader = _Reader(whole[_LENGTH.size + length :])
        return reader.value(json.loads(bytes(whole[_LENGTH.size : _LENGTH.size + length])))
    except (zlib.error, error, LookupError, TypeError, AttributeError) as problem:
        raise ValueError(f"{type(problem).__name__}: {problem}") from problem


def _tree(value: Any, columns: list[NDArray[Any]]) -> object:  # noqa: ANN401 - see `pack`
    """Return what JSON can hold of `value`; columns go into the list instead."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    name = type(value).__name__
    if _RECORDS.get(name) is type(value):
        fields = value if isinstance(value, tuple) else [getattr(value, f) for f in _fields(value)]
        return {"record": name, "items": [_tree(item, columns) for item in fields]}
    if isinstance(value, Mapping):
        pairs = [[_tree(key, columns), _tree(item, columns)] for key, item in value.items()]
        return {"pairs": pairs}
    if isinstance(value, list | tuple):
        items = [_tree(item, columns) for item in value]
        return {"tuple": items} if isinstance(value, tuple) else items
    columns.append(value)
    return {"column": value.dtype.descr, "rows": len(value)}


def _fields(value: Any) -> list[str]:  # noqa: ANN401 - a dataclass of the table
    return list(type(value).__dataclass_fields__)


class _Reader:
    """Makes values of trees; columns are taken in the order in which they were put."""

    def __init__(self, columns: memoryview) -> None:
        self._columns = columns
        self._at = 0

    def value(self, tree: Any) -> Any:  # noqa: ANN401 - see `unpack`
        if isinstance(tree, list):
            return [self.value(item) for item in tree]
        if not isinstance(tree, dict):
            return tree
        if "record" in tree:
            return _RECORDS[tree["record"]](*map(self.value, tree["items"]))
        if "tuple" in tree:
            return tuple(map(self.value, tree["tuple"]))
        if "pairs" in tree:
            return {self.value(key): self.value(item) for key, item in tree["pairs"]}
        return self._column(tree["column"], tree["rows"])

    def _column(self, described: list[list[str]], rows: int) -> NDArray[Any]:
        import numpy as np

        fields = [tuple(field) for field in described]
        dtype = np.dtype(fields) if fields[0][0] else np.dtype(fields[0][1])
        begin, self._at = self._at, self._at + rows * dtype.itemsize
        return np.frombuffer(self._columns[begin : self._at], dtype).copy()
