"""The rows of the live charts, one function a chart: plain numbers in, a packed frame out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from murmur._session import Observation
from murmur.recording import QUANTILES, SPAN, USER_STATES, LiveWindow, Recent

COLUMN = 3.0
"""Seconds that a column of the heat map joins."""

_CURVES = 6  # throttles in their chart: the busiest


def charts(seen: Observation) -> dict[str, Any]:
    """Return the rows of every chart, and the span of time that they show."""
    recent, end = seen.recent, max(60.0, seen.status.elapsed)
    return {
        "span": [max(0.0, end - SPAN * recent.window), end],
        "population": population(recent, seen.status.highest_id),
        "throughput": throughput(recent.windows, recent.window),
        "latency": latency(recent.windows),
        "heatmap": heatmap(recent.windows),
        "throttles": throttles(recent.permits),
    }


def target(recent: Recent, highest_id: int) -> int:
    """Return how many users are asked for: all announced, less those asked to leave."""
    return highest_id + sum(min(by, 0) for _, by in _steps(recent))


def _steps(recent: Recent) -> list[tuple[float, int]]:
    """Return when the number of users was changed, and by how much."""
    return [(one.at, one.new - one.old) for one in recent.changes if one.what == "users"]


def population(recent: Recent, highest_id: int) -> dict[str, Any]:
    """Return how many users there were, and how many were asked for."""
    steps = _steps(recent)
    began_with = highest_id - sum(max(by, 0) for _, by in steps)
    target = [
        began_with + sum(by for when, by in steps if when <= row[0]) for row in recent.population
    ]
    columns: dict[str, list[float]] = {
        name: [row[place] for row in recent.population]
        for place, name in enumerate(("at", *USER_STATES))
    }
    return packed({"at": columns.pop("at"), "target": [*target], **columns})


def throughput(windows: Iterable[LiveWindow], length: float) -> dict[str, Any]:
    """Return actions that succeeded and failed, per second."""
    rows = [(w.at, (w.count - w.failed) / length, w.failed / length) for w in windows]
    return _packed(("at", "ok", "failed"), rows)


def latency(windows: Iterable[LiveWindow]) -> dict[str, Any]:
    """Return the percentiles of the response time; 1 in `alone` where no line leads to them."""
    rows = [(window.at, *window.quantiles.tolist()) for window in windows]
    is_known = [False, *(not math.isnan(row[1]) for row in rows), False]
    alone = [
        here and not (before or after)
        for before, here, after in zip(is_known, is_known[1:], is_known[2:], strict=False)
    ]
    named = ("at", *QUANTILES, "alone")
    return _packed(named, [(*row, float(one)) for row, one in zip(rows, alone, strict=True)])


def heatmap(windows: Iterable[LiveWindow]) -> dict[str, Any]:
    """Return how many actions took how long; only what occurred."""
    cells: dict[float, NDArray[np.int64]] = {}
    for window in windows:
        column = window.at // COLUMN * COLUMN
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


def throttles(permits: Mapping[str, Sequence[tuple[float, float, float]]]) -> dict[str, Any]:
    """Return what the busiest throttles were asked for and granted, per second."""
    shown = dict(permits)
    if len(shown) > 1:
        shown.pop("user_rate", None)  # beside the others it would lie on the ground
    demand = {
        name: sum(asked for _, asked, _ in rows if not math.isnan(asked))
        for name, rows in shown.items()
    }
    names = sorted(sorted(demand, key=lambda name: -demand[name])[:_CURVES])
    rows = [(at, code, *pair) for code, name in enumerate(names) for at, *pair in shown[name]]
    return _packed(("at", "name", "asked", "granted"), rows, {"name": names})


def _packed(
    names: Sequence[str],
    rows: Sequence[tuple[float, ...]],
    labels: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return packed({name: list(column) for name, column in zip(names, columns, strict=True)}, labels)


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
    table = np.array([np.asarray(column, np.float32) for column in columns.values()], np.float32)
    return {
        "columns": list(columns),
        "labels": {name: list(texts) for name, texts in (labels or {}).items()},
        "values": table.astype("<f4").tobytes(),
    }
