"""A system's own measurements on the clock of a run: frames, Prometheus, a process.

Whoever measured has a clock of its own.  How far it is off is asked where that can be asked,
and said with the answer in any case.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import anyio
import numpy as np
import pandas as pd

from murmur._backend import LoopThread
from murmur._given import needed
from murmur.errors import InvalidArgumentError, MissingExtraError, closest

from ._source import Source

_TIMES = ("time", "wall_at", "timestamp", "window_at", "at")
_POINTS = 11_000  # of one answer, as Prometheus has it
_PROBES = 5
_NEARLY_ALL = 0.9  # share of the windows that have to be known for there to be no note
_SINCE_EPOCH = 1e8
"""Numbers above are UNIX seconds, below are seconds since the run's start."""


@dataclass(frozen=True)
class Measured:
    """Samples of somebody else."""

    frame: pd.DataFrame  # column `at` (UNIX seconds on their clock), and one for each series
    # offset, error: by how much their clock is ahead, in seconds, and how wrong that may be; NaN:
    # unknown
    offset: float = 0.0
    error: float = math.nan


@dataclass(frozen=True)
class Prometheus:
    """A range query of a Prometheus server, for `Results.join`.

    Parameters
    ----------
    url : str
        Of the server, such as ``"http://prometheus.test:9090"``.
    query : str
        In PromQL, such as ``"rate(process_cpu_seconds_total[5s])"``.
    name : str, optional
        Of the column; the query unless given.  Of several series, each has its labels behind.
    step : float, default 1.0
        Seconds between two points.
    headers : dict of str to str, optional
        Sent with every request, such as ``Authorization``.
    timeout : float, default 10.0
        Seconds for each request.

    Examples
    --------
    >>> from murmur.results import Prometheus
    >>> cpu = Prometheus("http://127.0.0.1:9090", "rate(process_cpu_seconds_total[5s])", name="cpu")
    >>> cpu.step
    1.0
    """

    url: str
    query: str
    name: str = ""
    step: float = 1.0
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    timeout: float = 10.0

    def measured(self, start: float, end: float) -> Measured:
        """Return what the server has between the UNIX seconds `start` and `end`, on the clock here.

        Raises
        ------
        InvalidArgumentError
            If it does not answer, or says that the query is wrong.
        """
        if (end - start) / self.step > _POINTS:
            least = math.ceil((end - start) / _POINTS)
            raise InvalidArgumentError(
                f"a step of {self.step:g} s is more than {_POINTS:,} points",
                f"step={least} will do",
            )
        offset, error = self._clock()
        span = {"start": start + offset, "end": end + offset, "step": self.step}
        answer = self._ask("query_range", {"query": self.query, **span})
        columns = {
            self._column(series, alone=len(answer["result"]) == 1): pd.Series(
                [float(value) for _, value in series["values"]],
                index=[float(at) for at, _ in series["values"]],
            )
            for series in answer["result"]
        }
        frame = pd.DataFrame(columns or {self.name or self.query: pd.Series(dtype=float)})
        return Measured(frame.rename_axis("at").reset_index(), offset, error)

    def _column(self, series: dict[str, Any], *, alone: bool) -> str:
        name = self.name or self.query
        labels = {k: v for k, v in series["metric"].items() if k != "__name__"}
        return name if alone else f"{name} {labels}"

    def _clock(self) -> tuple[float, float]:
        """Return by how much the server's clock is ahead, and the error: the quickest of five."""
        probes = []
        for _ in range(_PROBES):
            sent = time.time()
            there = float(self._ask("query", {"query": "time()"})["result"][1])
            trip = time.time() - sent
            probes.append((trip / 2, there - (sent + trip / 2)))
        half, offset = min(probes)
        return offset, half + 0.001  # it tells milliseconds

    def _ask(self, what: str, parameters: dict[str, Any]) -> Any:  # noqa: ANN401 - as JSON has it
        url = f"{self.url.rstrip('/')}/api/v1/{what}?{urlencode(parameters)}"
        if not url.startswith(("http://", "https://")):
            raise InvalidArgumentError(f"no Prometheus at {self.url!r}", "give http:// or https://")
        remedy = "look at its address, and try the query there"
        try:
            with urlopen(Request(url, headers=self.headers), timeout=self.timeout) as answer:
                told = json.load(answer)
            return told["data"]
        except (URLError, OSError, ValueError, KeyError, TypeError) as error:
            said = error.read()[:200].decode(errors="replace") if hasattr(error, "read") else ""
            raise InvalidArgumentError(
                f"{self.url} does not answer {self.query!r}: {error} {said}".rstrip(), remedy
            ) from error


class ProcessFigures(AbstractContextManager["ProcessFigures"]):
    """What a process of this machine uses, sampled while the block runs; needs psutil.

    Parameters
    ----------
    pid : int
        The process.
    every : float, default 1.0
        Seconds between two samples.

    Examples
    --------
    >>> import os, time
    >>> with ProcessFigures(os.getpid(), every=0.05) as server:
    ...     time.sleep(0.3)
    >>> list(server.frame)
    ['at', 'cpu', 'rss', 'threads']
    """

    def __init__(self, pid: int, *, every: float = 1.0) -> None:
        try:
            import psutil  # type: ignore[import-untyped]  # it has no stubs
        except ImportError as error:
            raise MissingExtraError("ProcessFigures", "cluster", "psutil") from error
        self._gone = psutil.Error
        self._process = psutil.Process(pid)
        self._every = every
        self._rows: list[tuple[float, float, float, float]] = []
        self._thread: LoopThread | None = None

    @property
    def frame(self) -> pd.DataFrame:
        """One row is one sample: at [UNIX s], cpu [cores in use], rss [bytes], threads.

        A process that is gone has no rows any more.
        """
        return pd.DataFrame(self._rows, columns=["at", "cpu", "rss", "threads"])

    def measured(self, start: float, end: float) -> Measured:
        """Return the samples between the UNIX seconds `start` and `end`, on the clock here."""
        frame = self.frame
        return Measured(frame[frame["at"].between(start - self._every, end)], 0.0, 0.0)

    def __enter__(self) -> Self:
        self._thread = LoopThread("murmur-process-figures")
        try:
            self._thread.post("sample", self._sample)
        except BaseException:
            self._thread.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._thread.close()

    async def _sample(self) -> None:
        try:
            self._process.cpu_percent()  # the first knows of no time before it
            while True:
                await anyio.sleep(self._every)
                with self._process.oneshot():
                    cpu = self._process.cpu_percent() / 100
                    rss = float(self._process.memory_info().rss)
                    self._rows.append((time.time(), cpu, rss, float(self._process.num_threads())))
        except self._gone:
            return


def joined(
    source: Source,
    other: pd.DataFrame | Prometheus | ProcessFigures,
    *,
    on: str,
    name: str | None,
    offset: float | None,
) -> pd.DataFrame:
    """Return one row for each window of a run, with what others measured in it."""
    is_known = isinstance(other, pd.DataFrame) or hasattr(other, "measured")
    needed(is_known, "other", other, "give a frame of pandas, or a Prometheus")
    began = pd.Timestamp(str(source.facts()["wall_started_at"])).timestamp()
    end = began + source.elapsed()
    if isinstance(other, pd.DataFrame):
        measured = Measured(_timed(other, on, began))
    else:
        measured = other.measured(began, end)
    if offset is not None:
        measured = Measured(measured.frame, offset, 0.0)
    if not isinstance(other, ProcessFigures):
        _refuse_strange(measured, began, end, source.window)
    ours = _windows(source, name)
    theirs, left_out = _numbers(measured.frame)
    theirs = theirs.assign(at=measured.frame["at"] - measured.offset - began)
    placed = _placed(theirs, ours.index.to_numpy(), source.window)
    frame = ours.join(placed).reset_index()
    wall_at = pd.to_datetime(frame["window_at"] + began, unit="s", utc=True)
    # The unit of the changes, whether or not these moments have a fraction of a second.
    frame.insert(1, "wall_at", wall_at.dt.as_unit("us"))
    known = not math.isnan(measured.error)
    note = (
        f"their clock is {measured.offset:+.3f} s from the run's, to {measured.error:.3f} s"
        if known
        else "how far their clock is off is not known; it is taken as 0"
    )
    frame.attrs = {
        "clock_offset": measured.offset,
        "clock_error": measured.error,
        "notes": [note, *_gaps(placed, left_out), *_stranger(source, name)],
    }
    return frame


def _numbers(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the columns that are numbers, also written as text, and the names of the others."""
    found, others = {}, []
    for column in frame.columns.drop("at"):
        values = frame[column]
        if not pd.api.types.is_numeric_dtype(values):
            values = pd.to_numeric(values.astype(str), errors="coerce")
        if values.isna().all() and frame[column].notna().any():
            others.append(str(column))
        else:
            found[column] = values
    return pd.DataFrame(found, index=frame.index), others


def _gaps(placed: pd.DataFrame, left_out: Sequence[str]) -> Iterator[str]:
    """Yield what is not known of the other side: a mean of the rest would be taken for all."""
    for column in placed.columns:
        known = int(placed[column].notna().sum())
        if known < _NEARLY_ALL * len(placed):
            yield f"{column} is known in {known:,} of {len(placed):,} windows"
    if left_out:
        yield f"left out, because they hold no numbers: {', '.join(left_out)}"


def _stranger(source: Source, name: str | None) -> Iterator[str]:
    known = source.frame("windows")["name"].astype(str).unique().tolist()
    if name is not None and name not in known:
        yield f"no action is called {name!r}{closest(name, known, 'actions')}"


def _refuse_strange(measured: Measured, began: float, end: float, window: float) -> None:
    """Refuse samples of which none is of the run: they would join as nothing but NaN."""
    at = measured.frame["at"] - measured.offset - began
    if ((at > -window) & (at < end - began + window)).any():
        return
    theirs = (
        f": they are of {at.min():,.3g} to {at.max():,.3g} s since its start" if len(at) else ""
    )
    raise InvalidArgumentError(
        f"none of {len(at):,} samples is of the run, which took {end - began:,.3g} s{theirs}",
        "give those of the run; offset= says by how many seconds their clock is ahead",
    )


def _windows(source: Source, name: str | None) -> pd.DataFrame:
    """Return every window of the run, also those without an action."""
    window = source.window
    rows = source.frame("windows")
    if name is not None:
        rows = rows[rows["name"] == name]
    starts = np.arange(0.0, math.ceil(source.elapsed() / window)) * window
    sums = rows.groupby("window_at")[["count", "failed", "rate"]].sum()
    frame = sums.reindex(pd.Index(starts, name="window_at"), fill_value=0)
    times = [
        source.histogram("response", name=name, start=start, end=start + window / 2)
        for start in starts
    ]
    for column, probability in (("response_p50", 0.5), ("response_p99", 0.99)):
        frame[column] = [each.quantile(probability) if each.count else math.nan for each in times]
    return frame


def _placed(theirs: pd.DataFrame, starts: Any, window: float) -> pd.DataFrame:  # noqa: ANN401 - an array
    """Return the mean of the samples in each window; of rarer ones, the nearest near enough.

    A sample counts half its distance to the next on either side, and no further: what has
    stopped to measure shows as missing, and not as what it said last.
    """
    values = theirs.drop(columns="at")
    at = theirs["at"].to_numpy(dtype=float)
    spacing = float(np.median(np.diff(np.sort(at)))) if len(at) > 1 else window
    if spacing <= window:
        place = np.floor(at / window + 1e-9) * window
        means = values.groupby(place).mean()
        return means.reindex(starts)
    ordered = values.set_index(at).sort_index()
    near = ordered.reindex(starts + window / 2, method="nearest", tolerance=spacing / 2)
    return near.set_axis(starts)


def _timed(frame: pd.DataFrame, on: str, began: float) -> pd.DataFrame:
    """Return a frame with the column ``at``, in UNIX seconds."""
    names = [each for each in (on, *_TIMES) if each in frame.columns]
    if names:
        times, rest = frame[names[0]], frame.drop(columns=names[0])
    elif isinstance(frame.index, pd.DatetimeIndex):
        times, rest = frame.index.to_series(index=frame.index), frame
    else:
        raise InvalidArgumentError(
            f"the frame has no column {on!r} and no times as index",
            "name the column of times: on=...",
        )
    if pd.api.types.is_numeric_dtype(times):
        seconds = times.astype(float)
        if len(seconds) and seconds.max() < _SINCE_EPOCH:
            seconds = seconds + began
    else:
        moments = pd.to_datetime(times, utc=True)
        seconds = (moments - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    rest = rest.reset_index(drop=True)
    return rest.drop(columns="at", errors="ignore").assign(at=seconds.to_numpy(dtype=float))
