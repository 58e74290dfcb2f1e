"""Rows of numbers on their way to the page: columns of 32-bit floats in one buffer.

As JSON the same rows take ten times the time to write and to read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["packed"]


def packed(
    columns: Mapping[str, ArrayLike],  # numbers; NaN becomes null on the page
    # for a column of codes: what each code stands for
    labels: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """Return columns of one length as a value that a synchronised trait can hold.

    Examples
    --------
    >>> rows = packed({"at": [0.0, 1.0], "name": [1, 0]}, {"name": ["echo", "login"]})
    >>> rows["columns"], len(rows["values"])
    (['at', 'name'], 16)
    """
    import numpy as np

    table = np.array([np.asarray(column, np.float32) for column in columns.values()], np.float32)
    return {
        "columns": list(columns),
        "labels": {name: list(texts) for name, texts in (labels or {}).items()},
        "values": table.astype("<f4").tobytes(),
    }
