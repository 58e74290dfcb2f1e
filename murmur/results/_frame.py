"""Columns and frames: names, dtypes and units, and the way they are built."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from murmur.telemetry import Labels

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

__all__ = ["BOOL", "CATEGORY", "FLOAT", "INT", "TEXT", "WALL", "Array", "Column", "Frame"]

FLOAT, INT, BOOL, TEXT, CATEGORY, WALL = (
    "float64",
    "int64",
    "bool",
    "str",
    "category",
    "datetime64[us, UTC]",
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a frame.

    Parameters
    ----------
    name : str
        How the frame calls it.
    dtype : str
        ``"float64"``, ``"int64"``, ``"bool"``, ``"str"``, ``"category"`` or
        ``"datetime64[us, UTC]"``.
    unit : str
        Unit of the numbers; empty for text and plain counts.
    meaning : str
        One sentence for the reference page.
    categories : tuple of str, default ()
        Categories that are there whatever happened; empty when those that occur are taken.

    Examples
    --------
    >>> Column("cost", "float64", "EUR", "What it cost.").series([1, 2]).dtype
    dtype('float64')
    """

    name: str
    dtype: str
    unit: str
    meaning: str
    categories: tuple[str, ...] = ()

    def series(self, values: Sequence[Any] | Labels | Array) -> pd.Series[Any]:
        """Return `values` in the column's dtype; ``wall_*`` values are UNIX seconds."""
        if self.dtype == CATEGORY:
            return pd.Series(self._categorical(values), name=self.name)
        if self.dtype == TEXT:
            return pd.Series(_texts(values), name=self.name)
        if self.dtype == WALL:
            microseconds = np.round(np.asarray(values, dtype=np.float64) * 1e6)
            moments = pd.Series(microseconds.astype("datetime64[us]"), name=self.name)
            return moments.dt.tz_localize("UTC")
        return pd.Series(np.asarray(values, dtype=self.dtype), name=self.name)

    def unknown(self, rows: int) -> pd.Series[Any]:
        """Return what stands for so many values that nobody kept: nothing, 0 or False."""
        if self.dtype in (INT, BOOL):
            return self.series([0] * rows)
        return self.series([math.nan if self.dtype in (FLOAT, WALL) else None] * rows)

    def _categorical(self, values: Sequence[Any] | Labels | Array) -> pd.Categorical:
        if isinstance(values, Labels):
            # The index of no labels would have no type; text is what they always are.
            labels = pd.Index(values.labels, dtype="str")
            made = pd.Categorical.from_codes(values.codes, categories=labels)
        else:
            made = pd.Categorical(pd.Series(values, dtype="str"))
        return made.set_categories(self.categories or sorted(made.categories))


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its name, what a row is, its columns in order.

    Parameters
    ----------
    name : str
        Attribute of `Results`.
    row : str
        What one row is, as a sentence.
    columns : tuple of Column
        The columns in order.
    notes : str, default ""
        What a reader has to know besides.

    Examples
    --------
    >>> from murmur.results import FRAMES
    >>> FRAMES["population"].column_names
    ('window_at', 'waiting', 'running', 'leaving')
    >>> len(FRAMES["population"].empty())
    0
    """

    name: str
    row: str
    columns: tuple[Column, ...]
    notes: str = ""

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns in order."""
        return tuple(column.name for column in self.columns)

    def build(self, values: Mapping[str, Sequence[Any] | Labels | Array]) -> pd.DataFrame:
        """Return a frame of `values`, which maps every column to as many values."""
        return pd.DataFrame(
            {column.name: column.series(values[column.name]) for column in self.columns},
            copy=False,  # a record's columns are made for whoever asks
        )

    def empty(self) -> pd.DataFrame:
        """Return the frame without rows, with the dtypes it always has."""
        return self.build({name: [] for name in self.column_names})


def _texts(values: Sequence[Any] | Labels | Array) -> pd.api.extensions.ExtensionArray:
    if isinstance(values, Labels):
        known = pd.array(list(values.labels), dtype="str")
        return known.take(values.codes, allow_fill=True)
    return pd.array(values, dtype="str")
