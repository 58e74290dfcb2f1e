"""Preparation of a frame before it is drawn: checked, and made small.

A chart carries its rows in the notebook, so no chart gets more than `ROWS` of them:
windows are joined to longer ones, and single users are sampled.  Which windows are empty
matters to a load test, so gaps are kept as gaps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from murmur._given import needed
from murmur.errors import InvalidArgumentError

ROWS = 5_000
SPANS = 600  # about one a pixel: more would only blur dashes and lines


@dataclass(frozen=True, slots=True)
class Spans:
    """Windows, joined to spans where there were too many."""

    # columns `at`, the start of the span in seconds, `seconds`, how much of it has windows, and
    # those that were asked for
    rows: pd.DataFrame
    length: float  # seconds in a span
    windows: int
    end: float  # when the last span ends, or the run did, amid it

    def steps(self) -> pd.DataFrame:
        """Return `rows` and the end of the last span, so that it is drawn as wide as it is."""
        last: pd.DataFrame = self.rows[self.rows["at"] == self.rows["at"].max()]
        return pd.concat([self.rows, last.assign(at=self.end)], ignore_index=True)

    def note(self, how: str) -> str:
        """Return what a point shows, for the subtitle; nothing when it is one window."""
        return f"each point is {how} {self.length:g} s" if self.windows > 1 else ""


def check(frame: pd.DataFrame, reader: str, columns: Sequence[str]) -> None:
    """Raise `InvalidArgumentError` unless `frame` has `columns`."""
    has_columns = hasattr(frame, "columns") and hasattr(frame, "loc")
    needed(has_columns, "frame", frame, f"charts.{reader} takes a frame of pandas")
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        columns = ", ".join(map(str, frame.columns)) or "none"
        raise InvalidArgumentError(
            f"charts.{reader} needs the columns {', '.join(missing)}",
            f"give a frame that has them (its columns: {columns})",
        )


def sample_note(actions: pd.DataFrame) -> str:
    """Return that a chart shows a sample of the actions; nothing if it shows them all."""
    if not actions.attrs.get("sampled"):
        return ""
    return f"a uniform sample: {len(actions):,} of {actions.attrs['seen']:,} actions"


def window_length(window_at: pd.Series[float]) -> float:
    """Return the length of the windows that begin at `window_at`; 1 s if only one does."""
    starts = np.unique(window_at.to_numpy())
    return float(np.diff(starts).min()) if len(starts) > 1 else 1.0


def missing_of(frame: pd.DataFrame) -> float:
    """Return how many seconds the newest window has not: the run ended, or is on, amid it.

    Half of it counts as passed at least, as in the column ``rate`` of the windows, or its first
    moments would be huge rates.  A frame of one's own may tell neither, and has whole windows.
    """
    newest, length = frame["window_at"].max(), window_length(frame["window_at"])
    if "elapsed" in frame.attrs:
        missing = float(newest + length - frame.attrs["elapsed"])
        return min(max(missing, 0.0), length / 2)
    if "rate" not in frame or "count" not in frame:
        return 0.0
    counts = frame.loc[frame["window_at"] == newest, ["count", "rate"]].sum()
    passed = counts["count"] / counts["rate"] if counts["rate"] > 0 else length
    return max(length - float(passed), 0.0)


def busiest(names: pd.Series[str], count: pd.Series[int], limit: int) -> list[str]:
    """Return the `limit` names with the highest total of `count`, in alphabetical order."""
    totals = count.groupby(names.astype(str)).sum().sort_values(ascending=False, kind="stable")
    return sorted(totals.index[:limit])


def over_time(
    # has `window_at` and the columns named.  If `frame.attrs` has `elapsed`, the spans go on to
    # that second, although nothing may have been reported of the last.
    frame: pd.DataFrame,
    # column and how the windows of a span are joined: `"sum"`, `"max"`, `"last"`
    columns: Mapping[str, str],
    *,
    series: int,  # marks that will be drawn of each row, for the bound on rows
    by: Sequence[str] = (),  # columns whose values are kept apart
    fill: float = np.nan,  # value of a span in which nothing was reported
    missing: float = 0.0,  # seconds that the newest window has not; see `missing_of`
) -> Spans:
    """Return one row for each span of time and combination of `by`, leaving no span out."""
    window_at = frame["window_at"]
    first, length = float(window_at.min()), window_length(window_at)
    place = np.rint((window_at.to_numpy() - first) / length).astype(np.int64)
    groups = [frame[name].astype(str).rename(name) for name in by]
    apart = int(np.prod([group.nunique() for group in groups]))
    most = min(max(ROWS // (series * apart) - 1, 1), SPANS - 1)  # `Spans.steps` adds one
    whole_windows = math.floor((frame.attrs.get("elapsed", 0.0) - first) / length + 1e-6)
    windows = max(int(place.max()) + 1, whole_windows)
    joined = math.ceil(windows / most)
    place //= joined
    newest = (windows - 1) // joined
    grouped = frame.groupby([pd.Series(place, index=frame.index, name="at"), *groups])
    rows = grouped.agg(dict(columns))
    levels = [range(newest + 1), *(sorted(group.unique()) for group in groups)]
    whole = pd.MultiIndex.from_product(levels, names=["at", *by])
    rows = rows.reindex(whole if by else whole.get_level_values(0), fill_value=fill).reset_index()
    left = newest * joined  # windows before the last span, which may have fewer
    rows["seconds"] = np.where(rows["at"] == newest, windows - left, joined) * length
    rows.loc[rows["at"] == newest, "seconds"] -= missing
    rows["at"] = first + rows["at"] * (length * joined)
    last_at, end = float(rows["at"].max()), first + windows * length
    elapsed = frame.attrs.get("elapsed", end)
    return Spans(rows, length * joined, joined, min(end, max(elapsed, last_at)))
