"""The rows of the live charts, one function a chart: plain numbers in, a packed frame out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ._windows import QUANTILES, Window
from ._wire import packed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "COLUMN",
    "STATES",
    "heatmap",
    "latency",
    "of_nothing",
    "population",
    "throttles",
    "throughput",
]

COLUMN = 3.0
"""Seconds that a column of the heat map joins."""

STATES = ("waiting", "running", "leaving")

_CURVES = 4  # throttles in their chart: the busiest


def population(
    samples: Iterable[tuple[float, Sequence[int]]],
    steps: Sequence[tuple[float, int]],
    began_with: int,
) -> dict[str, Any]:
    """Return how many users there were, and how many were asked for.

    Parameters
    ----------
    samples : iterable of (float, sequence of int)
        Moment, and users waiting, running and leaving.
    steps : sequence of (float, int)
        When the number asked for was changed, and by how much.
    began_with : int
        Users at the start.
    """
    rows = list(samples)
    target = [began_with + sum(by for when, by in steps if when <= at) for at, _ in rows]
    columns: dict[str, list[float]] = {"at": [at for at, _ in rows], "target": [*target]}
    for place, state in enumerate(STATES):
        columns[state] = [counts[place] for _, counts in rows]
    return packed(columns)


def throughput(windows: Iterable[tuple[float, Window]], length: float) -> dict[str, Any]:
    """Return actions that succeeded and failed, per second."""
    rows = [
        (at, (window.count - window.failed) / length, window.failed / length)
        for at, window in windows
    ]
    return _packed(("at", "ok", "failed"), rows)


def latency(windows: Iterable[tuple[float, Window]]) -> dict[str, Any]:
    """Return the percentiles of the response time."""
    rows = [(at, *window.quantiles.tolist()) for at, window in windows]
    return _packed(("at", *QUANTILES), rows)


def heatmap(windows: Iterable[tuple[float, Window]]) -> dict[str, Any]:
    """Return how many actions took how long; only what occurred."""
    import numpy as np

    cells: dict[float, NDArray[np.int64]] = {}
    for at, window in windows:
        column = at // COLUMN * COLUMN
        before = cells.get(column, np.zeros(0, np.int64))
        size = max(len(before), len(window.bands))
        cells[column] = np.pad(before, (0, size - len(before)))
        cells[column][: len(window.bands)] += window.bands
    rows = [
        (at, band, actions)
        for at, bands in cells.items()
        for band, actions in enumerate(bands.tolist())
        if actions
    ]
    return _packed(("at", "band", "actions"), rows)


def throttles(counts: Mapping[str, Mapping[float, tuple[float, float]]]) -> dict[str, Any]:
    """Return what the busiest throttles were asked for and granted, per second.

    Parameters
    ----------
    counts : mapping of str to mapping of float to (float, float)
        By name and moment: permits asked for and granted, per second.
    """
    shown = dict(counts)
    if len(shown) > 1:
        shown.pop("user_rate", None)  # beside the others it would lie on the ground
    demand = {name: sum(asked for asked, _ in rows.values()) for name, rows in shown.items()}
    names = sorted(sorted(demand, key=lambda name: -demand[name])[:_CURVES])
    rows = [
        (at, code, *pair)
        for code, name in enumerate(names)
        for at, pair in sorted(shown[name].items())
    ]
    return _packed(("at", "name", "asked", "granted"), rows, {"name": names})


def of_nothing() -> dict[str, Any]:
    """Return the rows of all charts before there is a run."""
    return {
        "span": [0.0, 60.0],
        "population": population([], [], 0),
        "throughput": throughput([], 1.0),
        "latency": latency([]),
        "heatmap": heatmap([]),
        "throttles": throttles({}),
    }


def _packed(
    names: Sequence[str],
    rows: Sequence[tuple[float, ...]],
    labels: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return packed({name: list(column) for name, column in zip(names, columns, strict=True)}, labels)
