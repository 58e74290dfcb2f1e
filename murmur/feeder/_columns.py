"""Columns of plain values, packed: a million texts are two objects, not a million.

They travel to other nodes as they are, and a garbage collector has nothing to walk.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Any

Column = Sequence[object]

PLAIN = {str, int, float, bool, bytes, type(None), list, tuple, dict}


class Texts(Sequence[object]):
    """A column of text, as one piece of UTF-8 and where each text ends in it."""

    __slots__ = ("_blob", "_ends")

    def __init__(self, blob: bytes, ends: array[int]) -> None:
        self._blob = blob
        self._ends = ends

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> str:  # type: ignore[override]  # no slices
        number = range(len(self._ends))[index]  # refuses what is out of range
        start = self._ends[number - 1] if number else 0
        return str(self._blob[start : self._ends[number]], "utf-8", "surrogatepass")


class TextBuilder:
    """Packs a column of text that comes one by one."""

    def __init__(self) -> None:
        self._blob = bytearray()
        self._ends = array("Q")

    def append(self, text: str) -> None:
        """Add one text."""
        self._blob += text.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._blob))

    def built(self) -> Texts:
        """Return the column."""
        return Texts(bytes(self._blob), self._ends)


def packed(values: Sequence[Any]) -> Column:
    """Return a column of `values`, as compact as their types allow.

    Dates and times become text in ISO 8601, numbers of numpy those of Python.

    Raises `TypeError` if a value is neither text, number, bytes, None, nor a list or dictionary: a
    node may lack the package that its type comes from.

    Examples
    --------
    >>> packed([1, 2]).typecode, packed([0.5]).typecode, packed([None, 1])
    ('q', 'd', (None, 1))
    """
    kinds = {type(value) for value in values}
    if not kinds <= PLAIN:
        values = [_plain(value) for value in values]
        kinds = {type(value) for value in values}
    if kinds == {str}:
        return _texts(values)
    if kinds == {float}:
        return array("d", values)
    if kinds == {int}:
        try:
            return array("q", values)
        except OverflowError:
            pass
    return tuple(values)


def _plain(value: Any) -> object:  # noqa: ANN401 - whatever a source holds
    if type(value) in PLAIN:
        return value
    for method in ("isoformat", "item"):
        if hasattr(value, method) and type(plain := getattr(value, method)()) in PLAIN:
            return plain
    raise TypeError(f"a {type(value).__name__}; give text or numbers")


def _texts(values: Iterable[str]) -> Texts:
    builder = TextBuilder()
    for value in values:
        builder.append(value)
    return builder.built()
