"""Histograms in an archive: one Parquet file with a row for each action name in each span.

They are what percentiles are answered from, complete where the actions are a sample, so an
archive answers as the run did.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from murmur.results._spans import SpanTimes
from murmur.telemetry import WIDTH, Distributions

HISTOGRAMS = "histograms.parquet"

_TIMES = ("response", "service")


def write_histograms(spans: SpanTimes, file: BinaryIO) -> None:
    """Write histograms.

    Columns: name, window_at and length of the span [s], and for response and service each
    how many actions succeeded, the sum, minimum and maximum of their times [s], the numbers
    of the buckets that are not empty and how many times are in each.
    """
    import pyarrow as pa
    from pyarrow import parquet

    columns: dict[str, Any] = {
        "name": pa.array(list(spans.name), pa.string()),
        "window_at": spans.start,
        "length": spans.length,
    }
    for time in _TIMES:
        times = spans.times[time]
        offsets = pa.array(times.starts, pa.int64())
        columns |= {
            f"{time}_size": times.size,
            f"{time}_sum": times.total,
            f"{time}_min": times.minimum,
            f"{time}_max": times.maximum,
            f"{time}_bucket": pa.LargeListArray.from_arrays(offsets, pa.array(times.bucket)),
            f"{time}_count": pa.LargeListArray.from_arrays(
                offsets, pa.array(times.count.astype(np.int64))
            ),
        }
    parquet.write_table(pa.table(columns), file)


def read_histograms(file: Path) -> SpanTimes:
    """Return what `write_histograms` wrote; ValueError and its like if it is not sound."""
    from pyarrow import parquet

    with file.open("rb") as opened:
        table = parquet.read_table(opened).combine_chunks()
    return SpanTimes(
        name=np.array(table["name"].to_pylist(), object),
        start=table["window_at"].to_numpy(),
        length=table["length"].to_numpy(),
        times={time: _distributions(table, time) for time in _TIMES},
    )


def _distributions(table: Any, time: str) -> Distributions:  # noqa: ANN401 - pyarrow has no types
    buckets, counts = (table[f"{time}_{part}"].combine_chunks() for part in ("bucket", "count"))
    if not len(table):
        return Distributions.fold(np.empty(0, np.int64), [], 0)
    found = Distributions(
        starts=buckets.offsets.to_numpy().astype(np.int64),
        bucket=buckets.values.to_numpy().astype(np.int16),
        count=counts.values.to_numpy().astype(np.int64),
        size=table[f"{time}_size"].to_numpy(),
        total=table[f"{time}_sum"].to_numpy(),
        minimum=table[f"{time}_min"].to_numpy(),
        maximum=table[f"{time}_max"].to_numpy(),
    )
    is_sound = (
        len(found.count) == len(found.bucket) == found.starts[-1]
        and found.bucket.min(initial=0) >= 0
        and found.bucket.max(initial=0) < WIDTH
        and found.count.min(initial=1) > 0
        and found.count.sum() == found.size.sum()
    )
    if not is_sound:
        raise ValueError(f"its columns of {time} times do not fit together")
    return found


def times_of_actions(
    actions: pd.DataFrame,  # as `Results.actions`
    window: float,  # length of the windows of the run in seconds
) -> SpanTimes:
    """Return the histograms of the rows of a frame `actions`, of archives without their own."""
    frame = actions[actions["ok"]]
    ended_at = (frame["started_at"] + frame["service_time"]).to_numpy()
    names = frame["name"].astype(str).to_numpy()
    labels, codes = np.unique(names.astype(object), return_inverse=True)
    # A moment that lies on the border of windows may have been rounded to below it.
    windows = np.maximum(np.floor(ended_at / window + 1e-9), 0).astype(np.int64)
    span = int(windows.max(initial=0)) + 1
    keys, place = np.unique(codes.astype(np.int64) * span + windows, return_inverse=True)
    return SpanTimes(
        name=labels[keys // span],
        start=(keys % span) * window,
        length=np.full(len(keys), window),
        times={
            time: Distributions.fold(place, frame[f"{time}_time"].to_numpy(), len(keys))
            for time in _TIMES
        },
    )
