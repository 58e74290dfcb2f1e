"""Frames of pandas, built from columns as the schema declares them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from murmur.recording import BOOL, CATEGORY, FLOAT, INT, TEXT, WALL, Column, Frame
from murmur.telemetry import Labels

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Values: TypeAlias = Sequence[Any] | Labels | Array


def build(frame: Frame, values: Mapping[str, Values]) -> pd.DataFrame:
    """Return a frame of `values`, which maps every column to as many values."""
    return pd.DataFrame(
        {column.name: series(column, values[column.name]) for column in frame.columns},
        copy=False,  # a record's columns are made for whoever asks
    )


def build_rows(frame: Frame, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return a frame of `rows`, each of which has a value for every column."""
    return build(frame, {name: [row[name] for row in rows] for name in frame.column_names})


def empty(frame: Frame) -> pd.DataFrame:
    """Return the frame without rows, with the dtypes it always has."""
    return build(frame, {name: [] for name in frame.column_names})


def series(column: Column, values: Values) -> pd.Series[Any]:
    """Return `values` in the column's dtype; ``wall_*`` values are UNIX seconds."""
    if column.dtype == CATEGORY:
        return pd.Series(_categorical(column, values), name=column.name)
    if column.dtype == TEXT:
        return pd.Series(_texts(values), name=column.name)
    if column.dtype == WALL:
        microseconds = np.round(np.asarray(values, dtype=np.float64) * 1e6)
        moments = pd.Series(microseconds.astype("datetime64[us]"), name=column.name)
        return moments.dt.tz_localize("UTC")
    array = np.asarray(values, dtype=column.dtype)
    return pd.Series(array, name=column.name, copy=False)  # likewise; it would be there twice


def unknown(column: Column, rows: int) -> pd.Series[Any]:
    """Return what stands for so many values that nobody kept: nothing, 0 or False."""
    if column.dtype in (INT, BOOL):
        return series(column, [0] * rows)
    return series(column, [math.nan if column.dtype in (FLOAT, WALL) else None] * rows)


def _categorical(column: Column, values: Values) -> pd.Categorical:
    if isinstance(values, Labels):
        # The index of no labels would have no type; text is what they always are.
        labels = pd.Index(values.labels, dtype="str")
        made = pd.Categorical.from_codes(values.codes, categories=labels)
    else:
        made = pd.Categorical(pd.Series(values, dtype="str"))
    return made.set_categories(column.categories or sorted(made.categories))


def _texts(values: Values) -> pd.api.extensions.ExtensionArray:
    if isinstance(values, Labels):
        known = pd.array(list(values.labels), dtype="str")
        return known.take(values.codes, allow_fill=True)
    return pd.array(values, dtype="str")
