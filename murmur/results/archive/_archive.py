"""An archive: a run's frames as Parquet files in one directory, and what else is known of it.

The directory holds ``<frame>.parquet`` for every frame of the schema and ``manifest.json``.
It is written beside its place and renamed, so it is there whole or not at all.

Archives outlive versions of murmur.  A minor version of the format may add frames, columns
and entries of the manifest: readers keep what they do not know and do without what is not
there.  A major version may do anything, and older readers refuse it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeVar, get_args, get_type_hints
from zlib import crc32

import pandas as pd

from murmur._given import path_given
from murmur.errors import ArchiveError, MissingExtraError, few
from murmur.recording import FRAMES, UnderWay
from murmur.results._frame import empty, unknown
from murmur.results._manifest import as_json
from murmur.results._paces import PaceSummary
from murmur.results._results import Results
from murmur.results._source import Source
from murmur.results._spans import Spanned, Spans, SpanTimes
from murmur.results._summary import ActionSummary, Summary
from murmur.results._verdict import State, Verdict
from murmur.results._write import whole_file, writing
from murmur.telemetry import Histogram

from ._histograms import HISTOGRAMS, read_histograms, times_of_actions, write_histograms
from ._journal import has_journal
from ._recover import recovered

_FORMAT = "murmur-archive"
_MAJOR, _MINOR = 1, 3
_MANIFEST = "manifest.json"

T = TypeVar("T")


def load(path: str | Path) -> Results:
    """Read an archive that `Results.save` wrote, or the directory of a run that was cut off.

    Parameters
    ----------
    path : str or pathlib.Path
        The directory.  Frames of an archive are read from it when they are asked for, so it
        has to stay.  Of a run that was killed (see ``Session(directory=...)``), or that goes
        on, the journal is read: what was known up to about a second before.

    Returns
    -------
    Results
        With the same frames, summary, verdict and methods as those of the run.

    Raises
    ------
    ArchiveError
        If it is no archive, is damaged, or was written in a format that is too new.
    MissingExtraError
        If pyarrow is not installed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from murmur.recording import RunRecord
    >>> results = Results(RunRecord("r1", started_at=0.0, wall_started_at=0.0))
    >>> with TemporaryDirectory() as directory:
    ...     load(results.save(f"{directory}/r1"))
    <Results of run r1: 0 actions>
    """
    directory = path_given("path", path, "runs/friday")
    if has_journal(directory) and not (directory / _MANIFEST).exists():
        return Results(recovered(directory))
    require_pyarrow("murmur.load")
    return Results(_Archive(directory))


def write(source: Source, path: Path, *, overwrite: bool = False) -> Path:
    """Write an archive of `source` to the directory `path`, and return it."""
    require_pyarrow("results.save")
    place = path.resolve()  # what a link points to is replaced, not the link
    replaced = _replaced(place, path, overwrite=overwrite)
    source.refresh()
    with writing(path):
        place.parent.mkdir(parents=True, exist_ok=True)
        _write(source, place, replaced)
    return path


def _write(source: Source, place: Path, replaced: Iterable[str]) -> None:
    with TemporaryDirectory(prefix=f".{place.name}-", dir=place.parent) as beside:
        new = Path(beside) / "new"
        new.mkdir()
        fill(source, new)
        _put(new, place, old=Path(beside) / "old", replaced=replaced)


def fill(source: Source, directory: Path) -> None:
    """Write the files of an archive to a directory; it is one when the manifest is there."""
    frames = {name: _write_frame(source, name, directory) for name in FRAMES}
    with whole_file(directory / HISTOGRAMS) as file:
        write_histograms(source.span_times(), file)
    manifest = _manifest(source, frames, checksum_of(directory / HISTOGRAMS))
    text = json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False)
    part = directory / f".{_MANIFEST}.part"
    with whole_file(part) as file:
        file.write(f"{text}\n".encode())
    part.rename(directory / _MANIFEST)


def remove_files(directory: Path) -> None:
    """Remove the files of an archive that could not be finished."""
    names = [HISTOGRAMS, f".{_MANIFEST}.part", *map(_file_name, FRAMES)]
    for name in names:
        with suppress(OSError):
            (directory / name).unlink(missing_ok=True)


def _replaced(place: Path, path: Path, *, overwrite: bool) -> tuple[str, ...]:
    """Return the names of the files that are to be replaced; refuse what is in the way."""
    remedy = "choose another path"
    if not place.exists():
        return ()
    if not place.is_dir():
        raise ArchiveError(path, "it is a file", remedy)
    if not any(place.iterdir()):
        return ()
    if not (place / _MANIFEST).exists():
        raise ArchiveError(path, "the directory holds something else than an archive", remedy)
    manifest = _read_manifest(place)
    if not overwrite:
        run = manifest.get("run_id")
        problem = f"it holds the archive of run {run} already"
        raise ArchiveError(path, problem, f"{remedy}, or pass overwrite=True")
    return (_MANIFEST, HISTOGRAMS, *map(_file_name, [*FRAMES, *manifest.get("frames", ())]))


def _put(new: Path, place: Path, *, old: Path, replaced: Iterable[str]) -> None:
    """Move `new` to `place`, with the files there that are not `replaced`."""
    if not place.exists():
        new.rename(place)
        return
    place.rename(old)
    try:
        new.rename(place)
    except OSError:
        old.rename(place)
        raise
    written = set(replaced)
    for entry in old.iterdir():
        if entry.name not in written:
            entry.rename(place / entry.name)


def _write_frame(source: Source, name: str, directory: Path) -> dict[str, object]:
    """Write one frame; return what the manifest says of it."""
    frame, file = source.frame(name), directory / _file_name(name)
    with whole_file(file) as opened:
        frame.to_parquet(opened, engine="pyarrow", index=False)
    kept = frame.select_dtypes("category")
    # Parquet forgets the categories of a column that has no rows.
    categories = {column: list(kept[column].cat.categories) for column in kept}
    return {"rows": len(frame), "categories": categories, "crc32": checksum_of(file)}


def checksum_of(file: Path) -> int:
    """Return the CRC-32 of a file: Parquet reads a flipped bit as another number."""
    checksum = 0
    with file.open("rb") as opened:
        while piece := opened.read(1 << 20):
            checksum = crc32(piece, checksum)
    return checksum


def _manifest(source: Source, frames: Mapping[str, object], checksum: int) -> object:
    summary = source.summary().to_dict()
    written = {"format": _FORMAT, "format_version": f"{_MAJOR}.{_MINOR}"}
    return as_json(
        {
            **written,  # to be read first
            **source.facts(),
            **written,  # whatever the format of an archive that is saved again
            "verdict": summary.pop("verdict"),
            "summary": summary,
            "frames": frames,
            "histograms": {"crc32": checksum},
        }
    )


class _Entry(NamedTuple):
    """What the manifest says of a frame."""

    rows: int
    categories: Mapping[str, list[str]]
    crc32: int | None


class _Archive:
    """The archive in a directory, as a source of results."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._manifest = _read_manifest(path)
        try:
            self._verdict = _verdict_of(self._manifest["verdict"])
            plan = _of(self._manifest.get("plan", {}), dict)
            summary = _summary_of(self._manifest["summary"], self._verdict)
            self._summary = replace(summary, rehearsed=plan.get("rehearsed") is True)
            self._under_way = tuple(map(_under_way_of, self._manifest.get("under_way", ())))
            self._frames = {
                name: _entry_of(entry) for name, entry in self._manifest["frames"].items()
            }
            self._histograms_crc32 = _checksum_in(_of(self._manifest.get("histograms", {}), dict))
            _look_at(self._manifest)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _damaged(path, f"{_MANIFEST} lacks what it should hold ({error!r})") from error
        for name in FRAMES:
            if name in self._frames:
                self._check(name)

    @property
    def run_id(self) -> str:
        return self._summary.run_id

    @property
    def actions_total(self) -> int:
        return sum(action.count for action in self._summary.actions)

    @property
    def window(self) -> float:
        return float(self._manifest.get("window", 1.0))

    def refresh(self) -> None:
        """Do nothing: the run is over."""

    def frame(self, name: str) -> pd.DataFrame:
        if name not in self._frames:  # written before murmur had such a frame
            return empty(FRAMES[name])
        self._require_whole(_file_name(name), self._frames[name].crc32)
        try:
            # By handle: of a path, pyarrow takes directories such as "rate=100" for columns.
            with (self._path / _file_name(name)).open("rb") as file:
                frame = pd.read_parquet(file, engine="pyarrow")
        # pyarrow's errors are one of the first two; pandas reads what it noted as it comes
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise _damaged(self._path, f"{_file_name(name)} cannot be read ({error})") from error
        for column, categories in self._frames[name].categories.items():
            if column not in frame or not set(frame[column].dropna().unique()) <= set(categories):
                problem = f"{_file_name(name)} holds other values of {column} than {_MANIFEST} says"
                raise _damaged(self._path, problem)
            frame[column] = frame[column].astype(pd.CategoricalDtype(categories))
        for missing in FRAMES[name].columns:  # written before the frame had it
            if missing.name not in frame:
                frame[missing.name] = unknown(missing, len(frame))
        return frame

    def summary(self) -> Summary:
        return self._summary

    def verdict(self) -> Verdict:
        return self._verdict

    def elapsed(self) -> float:
        return self._summary.elapsed

    def load_at(self) -> float:
        return float(self._manifest.get("load_at", 0.0))

    def starts(self) -> Sequence[float]:
        return sorted(self.frame("windows")["window_at"].unique().tolist())

    def histogram(
        self, time: str, *, name: str | None = None, start: float = 0.0, end: float | None = None
    ) -> Histogram:
        spanned = Spanned(self.whole, self.joined(), lambda: self._windows)
        return spanned.histogram(time, name=name, start=start, end=end)

    def whole(
        self, time: str, *, name: str | None = None, start: float = 0.0, end: float | None = None
    ) -> Histogram:
        if name is not None:
            return self._times.whole(time, name=name, start=start, end=end)
        whole = Histogram()  # of actions alone: parts of them are kept beside them
        for action in self._summary.actions:
            whole = whole + self._times.whole(time, name=action.name, start=start, end=end)
        return whole

    def joined(self) -> Spans:
        return self._times.joined(self.window)

    def span_times(self) -> SpanTimes:
        return self._times

    def under_way(self) -> Sequence[UnderWay]:
        return self._under_way

    def is_on(self) -> bool:
        return False

    @cached_property
    def _windows(self) -> pd.DataFrame:
        return self.frame("windows")

    @cached_property
    def _times(self) -> SpanTimes:
        if not (self._path / HISTOGRAMS).exists():  # written before they were kept
            return times_of_actions(self.frame("actions"), self.window)
        self._require_whole(HISTOGRAMS, self._histograms_crc32)
        try:
            return read_histograms(self._path / HISTOGRAMS)
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise _damaged(self._path, f"{HISTOGRAMS} cannot be read ({error})") from error

    def facts(self) -> dict[str, object]:
        return dict(self._manifest)

    def _require_whole(self, name: str, crc32: int | None) -> None:
        """Refuse a file that is not, bit by bit, what was written."""
        try:
            found = checksum_of(self._path / name)
        except OSError as error:
            raise _damaged(self._path, f"{name} cannot be read ({error})") from error
        if crc32 is not None and found != crc32:
            raise _damaged(self._path, f"{name} is not as it was written")

    def _check(self, name: str) -> None:
        """Look at the end of a file, where Parquet says how much there should be."""
        from pyarrow import parquet

        file = self._path / _file_name(name)
        if not file.exists():
            raise _damaged(self._path, f"{file.name} is missing")
        try:
            rows, expected = parquet.read_metadata(file).num_rows, self._frames[name].rows
        except (OSError, ValueError) as error:
            raise _damaged(self._path, f"{file.name} cannot be read ({error})") from error
        if rows != expected:
            problem = f"{file.name} has {rows:,} rows where {_MANIFEST} says {expected:,}"
            raise _damaged(self._path, problem)


def _runs_in(path: Path) -> Iterator[str]:
    """Yield the directories that hold a run each, as ``Session(directory=...)`` has them."""
    with suppress(OSError):
        for each in path.iterdir():
            if (each / _MANIFEST).is_file() or (each.is_dir() and has_journal(each)):
                yield each.name


def _read_manifest(path: Path) -> dict[str, Any]:
    """Return the manifest of an archive whose format this version of murmur reads."""
    file = path / _MANIFEST
    if not file.exists():
        there = "that is a file" if path.exists() else "there is no such directory"
        problem = f"it holds no {_MANIFEST}" if path.is_dir() else there
        runs = sorted(_runs_in(path), reverse=True)  # by date, in a session's directory
        remedy = "give the directory that results.save() returned, or that --out named"
        unfinished = path.parent / f"{path.name}.unfinished"  # as `murmur run --out` has it
        if known := sorted(_runs_in(unfinished)):
            remedy = f"the run is on, or was cut off; give {unfinished / known[-1]}"
        raise ArchiveError(path, problem, f"give one of its runs: {few(runs)}" if runs else remedy)
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(path, f"{_MANIFEST} cannot be read ({error})") from error
    if not isinstance(manifest, dict) or manifest.get("format") != _FORMAT:
        raise ArchiveError(path, f"its {_MANIFEST} is not murmur's", "choose another path")
    version = str(manifest.get("format_version"))
    major = version.partition(".")[0]
    if not major.isdecimal():
        raise _damaged(path, f"{_MANIFEST} gives the format's version as {version!r}")
    if int(major) > _MAJOR:
        problem = f"its format is {version}, and this murmur reads up to {_MAJOR}.x"
        raise ArchiveError(path, problem, "upgrade murmur-load")
    return manifest


def _entry_of(entry: Mapping[str, Any]) -> _Entry:
    categories = {
        _of(column, str): list(dict.fromkeys(_text(label) for label in _of(labels, list)))
        for column, labels in _of(entry.get("categories", {}), dict).items()
    }
    return _Entry(_of(entry["rows"], int), categories, _checksum_in(entry))


def _text(value: object) -> str:
    """Return a text that a column can hold; one with half a character is none."""
    text: str = _of(value, str)
    text.encode()
    return text


def _checksum_in(entry: Mapping[str, Any]) -> int | None:
    """Return what a file came to when it was written; None if that was before murmur noted it."""
    checksum: int | None = _of(entry["crc32"], int) if "crc32" in entry else None
    return checksum


def _look_at(manifest: Mapping[str, Any]) -> None:
    """Raise TypeError or ValueError unless the facts are what `Results` takes them for."""
    if not 0 < _of(manifest.get("window", 1.0), int, float) < math.inf:
        raise ValueError("its windows have no length")
    if not 0 <= _of(manifest.get("load_at", 0.0), int, float) < math.inf:
        raise ValueError("its load has no beginning")
    datetime.fromisoformat(_of(manifest["wall_started_at"], str))
    for name in ("settings", "settings_at_start", "scenario", "plan", "host"):
        _of(manifest.get(name, {}), dict, str)
    for name in ("actions_total", "actions_kept"):
        _of(manifest.get(name, 0), int)


def _summary_of(entry: Mapping[str, Any], verdict: Verdict) -> Summary:
    return Summary(
        run_id=_of(entry["run_id"], str),
        scenario=_of(entry["scenario"], str),
        seed=_of(entry["seed"], int),
        elapsed=_of(entry["elapsed"], int, float),
        users={_of(key, str): _of(n, int) for key, n in _of(entry["users"], dict).items()},
        actions=tuple(_record_of(ActionSummary, each) for each in _of(entry["actions"], list)),
        verdict=verdict,
        failures=tuple(_of(line, str) for line in _of(entry.get("failures", []), list)),
        paces=tuple(_record_of(PaceSummary, each) for each in _of(entry.get("paces", []), list)),
    )


def _under_way_of(entry: Mapping[str, Any]) -> UnderWay:
    due, started, until = (float(_of(entry[key], int, float)) for key in UnderWay._fields[1:4])
    number, is_part = _of(entry["number"], int), entry.get("is_part") is True
    return UnderWay(_of(entry["name"], str), due, started, until, number, is_part)


def _record_of(of: type[T], entry: Mapping[str, Any]) -> T:
    """Return the dataclass of plain values that an entry is; null stands for NaN."""
    values = {}
    for name, kind in get_type_hints(of).items():
        if kind is float:
            values[name] = math.nan if entry[name] is None else float(_of(entry[name], int, float))
        else:
            values[name] = _of(entry[name], kind)
    return of(**values)


def _verdict_of(entry: Mapping[str, Any]) -> Verdict:
    if entry["state"] not in get_args(State):
        raise ValueError(f"no verdict is {entry['state']!r}")
    return Verdict(entry["state"], tuple(_of(each, str) for each in _of(entry["reasons"], list)))


def _of(value: Any, *kinds: type) -> Any:  # noqa: ANN401 - as JSON has it
    """Return a value if it is of one of these kinds; a truth is no number."""
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise TypeError(f"{value!r} where {' or '.join(kind.__name__ for kind in kinds)} should be")
    if isinstance(value, int) and abs(value) >= 2**63:
        raise ValueError("a number is larger than any that is counted")
    return value


def _file_name(frame: str) -> str:
    return f"{frame}.parquet"


def _damaged(path: Path, problem: str) -> ArchiveError:
    return ArchiveError(path, problem, "restore the file from a copy, or run it again")


def require_pyarrow(feature: str) -> None:
    """Raise `MissingExtraError` unless pyarrow is installed."""
    try:
        import pyarrow  # noqa: F401 - only to say what is missing
    except ImportError as error:
        raise MissingExtraError(feature, "parquet", "pyarrow") from error
