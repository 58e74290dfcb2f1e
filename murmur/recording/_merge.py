"""Merging of parts to rows, each column by the rule that the schema declares for it.

Nothing here knows any column by name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from murmur.telemetry import MISSING, sums

from ._column import BOOL, FLOAT, INT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ._column import Column, Frame


def layout(frame: Frame) -> list[tuple[str, str]]:
    """Return the numpy fields of one part's values; text is a code, -1 for none.

    Whole numbers are floats meanwhile, so that what a part did not tell can be NaN.
    """
    kinds = {FLOAT: "<f8", INT: "<f8", BOOL: "?"}
    return [(column.name, kinds.get(column.dtype, "<i2")) for column in frame.measured]


def untold(column: Column) -> float | bool:
    """Return what stands for a value that a part does not tell."""
    if column.dtype == BOOL:
        return False
    return float("nan") if column.dtype in (FLOAT, INT) else MISSING


def merged(
    frame: Frame,  # whose columns `parts` have
    parts: NDArray[Any],  # structured, in the order in which they came
    keys: NDArray[np.int64],  # which row each part belongs to
) -> tuple[NDArray[np.int64], dict[str, NDArray[Any]]]:
    """Return the distinct keys, ascending, and each measured column, a value for each key."""
    import numpy as np

    distinct, group = np.unique(keys, return_inverse=True)
    columns = {}
    for column in frame.measured:
        values = parts[column.name]
        told = _is_told(column, values)
        if column.merge == "heaviest":
            told = _heaviest(parts[frame.weight], group, told)
        columns[column.name] = _merged(column, values[told], group[told], len(distinct))
    return distinct, columns


def _is_told(column: Column, values: NDArray[Any]) -> NDArray[Any]:
    """Return the places of the values that are known."""
    import numpy as np

    if column.dtype == BOOL:
        return np.arange(len(values))
    known = ~np.isnan(values) if column.dtype in (FLOAT, INT) else values >= 0
    return np.flatnonzero(known)


def _heaviest(
    weight: NDArray[np.float64], group: NDArray[np.int64], told: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return of the places told only the heaviest of each group, of equal ones the first."""
    import numpy as np

    order = told[np.lexsort((told, -np.nan_to_num(weight[told]), group[told]))]
    _, first = np.unique(group[order], return_index=True)
    return order[first]


def _merged(
    column: Column, values: NDArray[Any], group: NDArray[np.int64], rows: int
) -> NDArray[Any]:
    """Return one value for each of `rows`, of those whose `group` it is."""
    import numpy as np

    result = np.full(rows, untold(column), values.dtype)
    match column.merge:
        case "sum":
            result[group] = sums(group, values, rows)[group]
        case "max":
            np.fmax.at(result, group, values)
        case "min":
            np.fmin.at(result, group, values)
        case "any":
            np.logical_or.at(result, group, values)
        case _:
            result[group] = values  # of several to one place, the last stays
    return np.nan_to_num(result).astype(np.int64) if column.dtype == INT else result


def whole_population(
    # window_at, node, counts: columns of the table of population; `counts` by the state of users
    window_at: NDArray[np.float64],
    node: NDArray[np.signedinteger[Any]],
    counts: dict[str, NDArray[np.int64]],
    length: float,  # seconds of a window
    *,
    # nodes that left or were lost, as often as they did, and the window since which each has no
    # users
    gone: Sequence[tuple[int, int]] = (),
    until: float = math.inf,  # the last moment known of; departures after it have not happened yet
) -> dict[str, NDArray[Any]]:
    """Return how many users all nodes had together, a row for each window from first to last.

    A node whose sample is missing has not lost its users: those it had before stand until it
    tells of others, or is gone.
    """
    import numpy as np

    nodes, place = np.unique(node, return_inverse=True)
    places = {code: where for where, code in enumerate(nodes.tolist())}
    ends = [(since, code) for code, since in gone if code in places and since * length <= until]
    windows, row = np.unique(np.rint(window_at / length).astype(np.int64), return_inverse=True)
    last = max([*windows.tolist()[-1:], *(since for since, _ in ends)], default=-1)
    first = int(windows[0]) if len(windows) else 0
    numbers = np.arange(first, last + 1)
    told = np.full((len(numbers), len(nodes)), -1)
    nobody = len(node)  # what stands behind all rows: no user
    for since, code in ends:
        told[max(0, since - first), places[code]] = nobody
    told[windows[row] - first, place] = np.arange(nobody)
    seen = np.where(told >= 0, np.arange(len(numbers))[:, None], 0)
    newest = told[np.maximum.accumulate(seen, axis=0), np.arange(len(nodes))]
    return {
        "window_at": numbers * length,
        **{
            state: np.append(column, [0, 0])[newest].sum(axis=1)  # -1: it told nothing yet
            for state, column in counts.items()
        },
    }
