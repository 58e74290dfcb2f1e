"""Column and frame: the words that the schema is written in.

Nothing here imports pandas: a dtype is a word, and `murmur.results` makes the frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Literal

Dtype = Literal["float64", "int64", "bool", "str", "category", "datetime64[us, UTC]"]

FLOAT: Dtype = "float64"
INT: Dtype = "int64"
BOOL: Dtype = "bool"
TEXT: Dtype = "str"
CATEGORY: Dtype = "category"
WALL: Dtype = "datetime64[us, UTC]"

Merge = Literal["", "key", "last", "sum", "max", "min", "any", "heaviest", "histogram", "derived"]
"""How the parts of one row come to one value.

A *part* is a sample, or what one chunk brings; several may tell of the same window.

* nothing: a row is one thing that happened, and has one part.
* ``key``: parts with the same values of all key columns are one row.
* ``last``: what was told last.
* ``sum``, ``max``, ``min``: of what was told.
* ``any``: true if it is true of one.
* ``heaviest``: what the part tells that has most of the frame's `weight`.
* ``histogram``: taken from the histograms of the parts, added up.
* ``derived``: made from other columns when a frame is; the record's table lacks it.

What a part does not tell (NaN, no text) takes no part in its merging, so a part that comes
late for a window replaces nothing that was known of it.
"""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a frame.

    Parameters
    ----------
    name : str
        How the frame calls it, and how whoever measures it does.
    dtype : str
        ``"float64"``, ``"int64"``, ``"bool"``, ``"str"``, ``"category"`` or
        ``"datetime64[us, UTC]"``.
    unit : str
        Unit of the numbers; empty for text and plain counts.
    meaning : str
        One sentence for the reference page.
    categories : tuple of str, default ()
        Categories that are there whatever happened; empty when those that occur are taken.
    merge : str, default ""
        How two parts of one row come to one value, see `Merge`.
    metric : str, default ""
        Name under which exporters give it out, behind the frame's `metrics`; empty if they
        do not.

    Examples
    --------
    >>> from murmur.results import FRAMES
    >>> [column.unit for column in FRAMES["health"].columns if column.name == "rss"]
    ['bytes']
    """

    name: str
    dtype: Dtype
    unit: str
    meaning: str
    categories: tuple[str, ...] = ()
    _: KW_ONLY
    merge: Merge = ""
    metric: str = ""


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
    sampled : {"", "window", "moment"}
        Whether rows are made of samples that nodes take once a window, and whether a sample
        tells of the window that it ends, or of the moment at which it was taken.
    metrics : str, default ""
        With what the names of its metrics begin.
    weight : str, default ""
        Column that says which part is the heaviest, see `Merge`.
    raw : tuple of Column, default ()
        Columns that only the record's table has: what derived ones are made from.

    Examples
    --------
    >>> from murmur.results import FRAMES
    >>> FRAMES["population"].column_names
    ('window_at', 'waiting', 'running', 'leaving')
    """

    name: str
    row: str
    columns: tuple[Column, ...]
    notes: str = ""
    _: KW_ONLY
    sampled: Literal["", "window", "moment"] = ""
    metrics: str = ""
    weight: str = ""
    raw: tuple[Column, ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns in order."""
        return tuple(column.name for column in self.columns)

    @property
    def table(self) -> tuple[Column, ...]:
        """Columns of the record's table."""
        return (*(column for column in self.columns if column.merge != "derived"), *self.raw)

    @property
    def measured(self) -> tuple[Column, ...]:
        """Columns of the record's table that are merged, each by its own rule."""
        return tuple(column for column in self.table if column.merge not in ("", "key"))

    @property
    def docstring(self) -> str:
        """What `Results` says of it: what a row is, the columns with their units, the notes."""
        listed = ", ".join(_listed(self.columns))
        return "\n\n".join(filter(None, [self.row, f"Columns: {listed}.", self.notes]))


def _listed(columns: tuple[Column, ...]) -> Iterator[str]:
    for column in columns:
        yield f"{column.name} [{column.unit}]" if column.unit else column.name


def seconds(name: str, meaning: str, merge: Merge = "", metric: str = "") -> Column:
    """Return a column of durations, or of moments since the run started."""
    return Column(name, FLOAT, "s", meaning, merge=merge, metric=metric)


def number(
    name: str, meaning: str, merge: Merge = "", metric: str = "", *, unit: str = ""
) -> Column:
    """Return a column of numbers, NaN where nothing is known."""
    return Column(name, FLOAT, unit, meaning, merge=merge, metric=metric)


def whole(name: str, meaning: str, merge: Merge = "", metric: str = "") -> Column:
    """Return a column of whole numbers, 0 where nothing was told."""
    return Column(name, INT, "", meaning, merge=merge, metric=metric)


def flag(name: str, meaning: str, merge: Merge = "", metric: str = "") -> Column:
    """Return a column of truths."""
    return Column(name, BOOL, "", meaning, merge=merge, metric=metric)


def text(name: str, meaning: str, merge: Merge = "") -> Column:
    """Return a column of text that hardly repeats."""
    return Column(name, TEXT, "", meaning, merge=merge)


def category(
    name: str, meaning: str, merge: Merge = "", *, categories: tuple[str, ...] = ()
) -> Column:
    """Return a column of text that repeats."""
    return Column(name, CATEGORY, "", meaning, categories, merge=merge)


def moment(name: str, meaning: str, merge: Merge = "") -> Column:
    """Return a column of dates and times, UTC."""
    return Column(name, WALL, "", meaning, merge=merge)
