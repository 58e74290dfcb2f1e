"""Results: everything a run left behind, as frames that are built when asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from typing import Literal, Self, overload

import pandas as pd

from murmur._given import path_given
from murmur._noted import note
from murmur.errors import InvalidArgumentError, WriteError, closest, number_of
from murmur.recording import FRAMES, RunRecord
from murmur.telemetry import Histogram

from ._join import ProcessFigures, Prometheus
from ._manifest import Manifest
from ._source import RecordSource, Source
from ._summary import Summary
from ._verdict import Verdict
from ._write import write_frame, writing
from .checks._check import Check
from .checks._table import Checks, checked


class FrameProperty:
    """Property of `Results` that builds one frame; the schema says what is in it.

    Parameters
    ----------
    name : str
        Name of the frame.
    """

    def __init__(self, name: str) -> None:
        self.__doc__ = FRAMES[name].docstring
        self._name = name

    @overload
    def __get__(self, results: None, owner: type) -> Self: ...

    @overload
    def __get__(self, results: Results, owner: type) -> pd.DataFrame: ...

    def __get__(self, results: Results | None, owner: type) -> Self | pd.DataFrame:
        """Return the frame as it is now; of the class, what says what it is."""
        return self if results is None else results.frame(self._name)


class Results:
    """What a run measured, as pandas frames; up to now while it goes on.

    Every frame is built anew when it is asked for and belongs to the caller.  Names, units
    and dtypes are those of ``docs/reference/frames.md``, during the run, after it, and when
    nothing happened.

    Parameters
    ----------
    record : murmur.recording.RunRecord or Source
        Where the chunks of all nodes are merged; or another source, such as an archive.
    refresh : callable, optional
        Called before a frame is built; it has the nodes hand over what they still hold.
    scenario : str or type, default ""
        The scenario's name, for the summary; or its class, whose source is archived as well.

    Examples
    --------
    >>> from murmur.recording import RunRecord
    >>> from murmur.telemetry import Histogram
    >>> results = Results(RunRecord("r1", started_at=0.0, wall_started_at=0.0))
    >>> results.users.empty
    True
    >>> list(results.changes)
    ['at', 'wall_at', 'node', 'who', 'what', 'old', 'new']
    """

    def __init__(
        self,
        record: RunRecord | Source,
        refresh: Callable[[], None] | None = None,
        *,
        scenario: str | type = "",
    ) -> None:
        self.source: Source = (
            RecordSource(record, refresh, scenario=scenario)
            if isinstance(record, RunRecord)
            else record
        )

    users: FrameProperty = FrameProperty("users")
    actions: FrameProperty = FrameProperty("actions")
    windows: FrameProperty = FrameProperty("windows")
    windows_by_node: FrameProperty = FrameProperty("windows_by_node")
    spans: FrameProperty = FrameProperty("spans")
    counters: FrameProperty = FrameProperty("counters")
    gauges: FrameProperty = FrameProperty("gauges")
    deliveries: FrameProperty = FrameProperty("deliveries")
    throttles: FrameProperty = FrameProperty("throttles")
    population: FrameProperty = FrameProperty("population")
    events: FrameProperty = FrameProperty("events")
    changes: FrameProperty = FrameProperty("changes")
    nodes: FrameProperty = FrameProperty("nodes")
    health: FrameProperty = FrameProperty("health")
    errors: FrameProperty = FrameProperty("errors")

    def frame(self, name: str) -> pd.DataFrame:
        """Return the frame of that name, as the property of the same name does.

        Where rows have a time, ``attrs["elapsed"]`` says how long the run went on: there may be
        no row of its last seconds, in which nothing happened.

        Parameters
        ----------
        name : str
            One of `murmur.results.FRAMES`.

        Raises
        ------
        InvalidArgumentError
            If there is none of that name.
        """
        if name not in FRAMES:
            raise InvalidArgumentError(f"no frame {name!r}{closest(name, list(FRAMES), 'frames')}")
        self.source.refresh()
        frame = self.source.frame(name)
        if not {"window_at", "started_at"}.isdisjoint(frame):
            frame.attrs["elapsed"] = float(self.source.elapsed())
        return frame

    @property
    def elapsed(self) -> float:
        """Seconds from the run's start to the last thing that is known of it."""
        self.source.refresh()
        return self.source.elapsed()

    @property
    def wall_started_at(self) -> pd.Timestamp:
        """When the run started, UTC: what ``*_at`` count from, to join frames of others."""
        return pd.Timestamp(str(self.source.facts()["wall_started_at"]))

    @property
    def window(self) -> float:
        """Seconds in a window."""
        return self.source.window

    def histogram(
        self,
        time: Literal["response", "service"] = "response",
        *,
        name: str | None = None,
        start: float = 0.0,
        end: float | None = None,
    ) -> Histogram:
        """Return how long the successful actions took, complete even if `actions` is a sample.

        Parameters
        ----------
        time : {"response", "service"}
            Since the action was due, or since it began.
        name : str, optional
            The action; all of them by default.
        start, end : float
            Only windows that began at or after `start` and before `end`, in seconds since
            the run's start.  In a run of many hours, the oldest are joined to spans of 10,
            60, 600 and more; of one that `start` or `end` cuts, count, sum and maximum are
            exact, and the rest follows from the percentiles that `windows` has.

        Returns
        -------
        murmur.telemetry.Histogram
            Ask it for ``quantile(0.99)``, ``mean``, ``max``, ``count``; add it to others.
        """
        self.source.refresh()
        return self.source.histogram(time, name=name, start=start, end=end)

    @property
    def manifest(self) -> Manifest:
        """All that is needed to do the run again, and to see what it is comparable with."""
        self.source.refresh()
        return Manifest(self.source.facts())

    @property
    def verdict(self) -> Verdict:
        """Whether the numbers can be trusted, by the rules of `murmur.results.judge`."""
        self.source.refresh()
        return self.source.verdict()

    @property
    def effects(self) -> pd.DataFrame:
        """What every live change did: the windows before it and after it, with intervals.

        One row is one statistic (rate [1/s], failed [share], response_p50, response_p99 [s])
        of one action around one change, the newest 30.  Columns: at [s], what, old, new,
        name, statistic, unit, before, after, difference_low, difference_high, ratio,
        ratio_low, ratio_high, outcome (higher, lower, unclear, too short to tell).

        At most 60 s on either side are looked at, up to the neighbouring changes; what else
        happened at the same time is part of it.
        """
        from ._effects import effects

        self.source.refresh()
        return effects(self.source)

    def join(
        self,
        other: pd.DataFrame | Prometheus | ProcessFigures,
        on: str = "time",
        *,
        name: str | None = None,
        offset: float | None = None,
    ) -> pd.DataFrame:
        """Return what the run measured and what somebody else did, window by window.

        Parameters
        ----------
        other : pandas.DataFrame, Prometheus or ProcessFigures
            A frame with times, a query of a Prometheus server, or figures of a process.
        on : str, default "time"
            The column of times; else ``wall_at``, ``timestamp``, ``at``, or the index.  Dates
            without a zone are UTC; numbers are UNIX seconds, or seconds since the run's start.
        name : str, optional
            The action; all of them by default.
        offset : float, optional
            Seconds by which the other clock is ahead.  Prometheus is asked for it; for
            a frame it is taken as 0.

        Returns
        -------
        pandas.DataFrame
            One row is one window: window_at [s], wall_at (UTC), count, failed, rate [1/s],
            response_p50, response_p99 [s], and the other's columns of numbers: their mean in
            that window, of rarer samples the nearest that is near enough, else NaN.
            ``frame.attrs`` has ``clock_offset``, ``clock_error`` [s; NaN: not known] and
            ``notes``, which say so.  `murmur.charts.joined` draws it.

        Raises
        ------
        InvalidArgumentError
            If there are no times in the frame, or the server does not answer.

        Examples
        --------
        >>> import pandas as pd
        >>> from murmur.recording import RunRecord
        >>> record = RunRecord("r1", started_at=0.0, wall_started_at=0.0)
        >>> record.reach(2.0)
        >>> server = pd.DataFrame({"at": [0.2, 1.2, 1.4], "cpu": [0.5, 0.7, 0.9]})
        >>> Results(record).join(server)["cpu"].tolist()
        [0.5, 0.8]
        """
        from ._join import joined

        self.source.refresh()
        return joined(self.source, other, on=on, name=name, offset=offset)

    def check(self, *checks: str | Check, even_if_invalid: bool = False) -> Checks:
        """Judge what the run came to; up to now while it goes on.

        Percentiles come from complete histograms, also where `actions` is a sample.  What is
        not known (an action that nobody timed, a time without actions) is a failed check.

        Parameters
        ----------
        *checks : str or Check
            Such as ``"p99(echo) < 200ms"``, ``"failed < 0.1%"`` or
            ``"p95(login) < 0.3 in 95% of 10s windows after 30s"``.
        even_if_invalid : bool, default False
            Whether the answer may be true when the verdict of the run is ``invalid``.

        Returns
        -------
        Checks
            True if all of them hold; printed, or as the last value of a cell, a table.
            ``require()`` raises unless all hold.

        Raises
        ------
        InvalidCheckError
            If one cannot be read; the message points at the place.
        """
        self.source.refresh()
        answer = checked(self.source, checks, even_if_invalid=even_if_invalid)
        note(answer)
        return answer

    def summary(self) -> Summary:
        """Return what came of the run on one page, for text, HTML, frame and JSON."""
        self.source.refresh()
        return self.source.summary()

    def to_csv(self, directory: str | Path) -> Path:
        """Write every frame to ``<directory>/<frame>.csv``, replacing files of that name.

        Text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break gets a ``'`` in
        front: a spreadsheet would take it as a formula, and names may come from servers.

        Parameters
        ----------
        directory : str or pathlib.Path
            Made if it does not exist.

        Returns
        -------
        pathlib.Path
            The directory.

        Raises
        ------
        WriteError
            If it cannot be written: the disk is full, or it may not be.
        """
        target = path_given("directory", directory, "frames")
        is_new = not target.exists()
        with writing(target):
            target.mkdir(parents=True, exist_ok=True)
        self.source.refresh()
        try:
            for name in FRAMES:
                write_frame(self.source.frame(name), target / f"{name}.csv")
        except WriteError:
            if is_new:  # a part of the frames would be taken for all
                rmtree(target, ignore_errors=True)
            raise
        return target

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write everything to one directory, which `murmur.load` reads again.

        It holds ``manifest.json`` and ``<frame>.parquet`` for every frame.  It appears whole
        or not at all.  Needs the extra ``parquet``.

        Parameters
        ----------
        path : str or pathlib.Path
            The directory; it and those above it are made.
        overwrite : bool, default False
            Replace an archive that is there.  Files that murmur did not write stay in it.

        Returns
        -------
        pathlib.Path
            The directory.

        Raises
        ------
        ArchiveError
            If something else is there, or an archive and `overwrite` is not set.
        WriteError
            If it cannot be written: the disk is full, or it may not be.
        MissingExtraError
            If pyarrow is not installed.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> from murmur.recording import RunRecord
        >>> from murmur.telemetry import Histogram
        >>> results = Results(RunRecord("r1", started_at=0.0, wall_started_at=0.0))
        >>> with TemporaryDirectory() as directory:
        ...     saved = results.save(f"{directory}/r1")
        ...     sorted(file.name for file in saved.iterdir())[:3]
        ['actions.parquet', 'changes.parquet', 'counters.parquet']
        """
        from .archive._archive import write

        return write(self.source, path_given("path", path, "runs/friday"), overwrite=overwrite)

    def report(self, path: str | Path, *, checks: Checks | None = None) -> Path:
        """Write one HTML file that opens offline: verdict, summary, charts, errors, settings.

        Needs the extra ``notebook``.  Everything the charts need is inside the file (about
        1 MB), which asks no network for anything.

        Parameters
        ----------
        path : str or pathlib.Path
            The file; it is replaced, and the directories above it are made.
        checks : Checks, optional
            What `check` returned, to be shown as well.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        WriteError
            If it cannot be written: the disk is full, or it may not be.
        MissingExtraError
            If altair or vl-convert is not installed.
        """
        from ._report import write

        self.source.refresh()
        return write(self.source, path_given("path", path, "report.html"), checks)

    def __repr__(self) -> str:
        """Return which run it is and how many actions it has; builds nothing."""
        source = self.source
        return f"<Results of run {source.run_id}: {number_of(source.actions_total, 'action')}>"

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()
