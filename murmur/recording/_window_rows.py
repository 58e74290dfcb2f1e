"""Rows of statistics, one for each window, node and name, as the table of windows has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from murmur.telemetry import Distributions

from ._column import INT
from ._schema import FRAMES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ._window_part import Part

ALL_NODES = 0
"""The code of what all nodes come to together."""

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}

_TIMES = ("service", "response")
ROW = [
    ("window", "<i8"),
    ("node", "<i2"),
    ("name", "<i2"),
    *((c.name, "<i8" if c.dtype == INT else "<f8") for c in FRAMES["windows"].measured),
]

_FEWER_BYTES = {"<i8": "<u4", "<f8": "<f4"}
_PACKED = [
    (name, kind if name.endswith("_max") else _FEWER_BYTES.get(kind, kind)) for name, kind in ROW
]
"""Rows that are finished: 80 bytes instead of 140, so that a day of 20 names takes 138 MB.

Seven digits are more than histograms know of means and quantiles; maxima stay exact.
"""


def summarised(windows: Mapping[int, Sequence[Part]]) -> NDArray[Any]:
    """Return the rows of some windows, ascending, every part counted twice: own node, all."""
    import numpy as np

    parts = [(number, part) for number, several in windows.items() for part in several]
    if not parts:
        return np.empty(0, ROW)
    keys = [
        _key(number, node, part.name) for number, part in parts for node in (ALL_NODES, part.node)
    ]
    distinct, group = np.unique(np.concatenate(keys), return_inverse=True)
    targets = np.split(group, np.cumsum([len(key) for key in keys])[:-1])
    twice = [part for _, part in parts for _ in range(2)]
    rows = np.zeros(len(distinct), ROW)
    rows["window"], rest = np.divmod(distinct, 2**32)
    rows["node"], rows["name"] = np.divmod(rest, 2**16)
    np.add.at(rows["count"], group, np.concatenate([part.count for part in twice]))
    np.add.at(rows["failed"], group, np.concatenate([part.failed for part in twice]))
    for time in _TIMES:
        columns = [getattr(part, time) for part in twice]
        merged = Distributions.merge(zip(columns, targets, strict=True), len(distinct))
        rows[f"{time}_mean"], rows[f"{time}_max"] = merged.means(), merged.maxima()
        quantiles = merged.quantiles(list(QUANTILES.values()))
        for column, name in enumerate(QUANTILES):
            rows[f"{time}_{name}"] = quantiles[:, column]
    return rows


def packed(rows: NDArray[Any]) -> NDArray[Any]:
    """Return `rows` in fewer bytes, to be kept for long.

    Those of all nodes are left out if there is one node and they say the same.
    """
    single = rows[rows["node"] != ALL_NODES]
    nodes = set(single["node"].tolist())
    is_enough = len(nodes) == 1 and 2 * len(single) == len(rows)
    return (single if is_enough else rows).astype(_PACKED)


def expanded(rows: NDArray[Any], of_all: bool | None) -> NDArray[Any]:
    """Return what was packed: all of it, or only the rows of all nodes, or only the others."""
    import numpy as np

    rows = rows.astype(ROW)
    for time, quantile in product(_TIMES, QUANTILES):  # none was rounded up beyond the maximum
        column = f"{time}_{quantile}"
        rows[column] = np.minimum(rows[column], rows[f"{time}_max"])
    is_all = rows["node"] == ALL_NODES
    if is_all.any() or not len(rows):
        return rows if of_all is None else rows[is_all == of_all]
    if of_all is False:
        return rows
    whole = rows.copy()
    whole["node"] = ALL_NODES
    if of_all:
        return whole
    both = np.concatenate([whole, rows])
    return both[np.argsort(_keys(both), kind="stable")]


def with_late(rows: NDArray[Any], late: NDArray[Any]) -> NDArray[Any]:
    """Return `rows` with what came for their windows after their histograms were given up.

    Counts and maxima are what they should be; means and quantiles stay as they were.
    """
    import numpy as np

    both = np.concatenate([rows, late])
    _, first, group = np.unique(_keys(both), return_index=True, return_inverse=True)
    result = both[first]  # of the same key, that which was there
    for field in ("count", "failed"):
        result[field] = 0
        np.add.at(result[field], group, both[field])
    for field in ("service_max", "response_max"):
        np.fmax.at(result[field], group, both[field])
    return result


def _keys(rows: NDArray[Any]) -> NDArray[np.int64]:
    import numpy as np

    return _key(rows["window"], rows["node"].astype(np.int64), rows["name"].astype(np.int64))


def _key(window: Any, node: Any, name: NDArray[np.int64]) -> NDArray[np.int64]:  # noqa: ANN401 - numbers or arrays
    """Return one number that sorts by window, node and name."""
    keys: NDArray[np.int64] = (window << 32) + (node << 16) + name
    return keys
