"""Histograms of a run that was saved, made again from the rows of its actions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from murmur.telemetry import Histogram

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ActionTimes"]


class ActionTimes:
    """The times of the successful actions of a frame, in the order they ended.

    Parameters
    ----------
    actions : pandas.DataFrame
        As `Results.actions`.
    window : float
        Length of the windows of the run in seconds.
    """

    def __init__(self, actions: pd.DataFrame, window: float) -> None:
        frame = actions[actions["ok"]]
        ended_at = (frame["started_at"] + frame["service_time"]).to_numpy()
        order = np.argsort(ended_at, kind="stable")
        self._window = window
        self._at = np.floor(ended_at[order] / window)
        names = frame["name"].cat
        self._code_of = {str(name): code for code, name in enumerate(names.categories)}
        self._name = names.codes.to_numpy()[order]
        self._times = {
            which: frame[f"{which}_time"].to_numpy()[order] for which in ("response", "service")
        }

    def histogram(
        self, which: str, *, name: str | None = None, start: float = 0.0, end: float | None = None
    ) -> Histogram:
        """Return the distribution of what ended in windows that began in a span."""
        first = math.ceil(start / self._window)
        last = math.inf if end is None else math.ceil(end / self._window)
        low, high = np.searchsorted(self._at, [first, last])
        times = self._times[which][low:high]
        if name is None:
            return Histogram(times)
        return Histogram(times[self._name[low:high] == self._code_of.get(name, -1)])
