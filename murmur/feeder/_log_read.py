"""Reads access logs and tables of requests, and tells what it left out.

Called where a run is started, never on a node: what travels is the columns.
"""

from __future__ import annotations

import csv
import zlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from murmur.errors import FeederError, closest, number_of

from ._log_line import LineError, label_of, moment_of, read_line, wire_path
from ._log_rows import LogRows
from ._read import (
    Text,
    columns_of,
    fields_of_any_size,
    name_of_source,
    opened,
    packed_column,
)

SILENCE = 60.0
"""Seconds without any request of which there is a note."""

NAMES = 200
"""Names of actions at most; what comes after them is called by its method alone."""

TABLES = (".csv", ".tsv", ".parquet")

OURS = ("time", "path", "user", "method", "status", "name")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of a log."""

    # names of a table's columns by murmur's names of them
    columns: Mapping[str, str] = field(default_factory=dict)
    methods: tuple[str, ...] = ("GET", "HEAD")  # methods of the requests that are kept
    longest_gap: float | None = None  # seconds that a time without requests is cut to
    # seconds over which requests of one whole second are spread; None: 1 in a log whose times are
    # whole seconds, 0 in a table
    spread: float | None = None
    text: Text = field(default_factory=Text)


@dataclass(slots=True)
class _Left:
    """Lines that were left out: how many for each reason, and the first of them."""

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)

    def add(self, reason: str, line: int) -> None:
        self.counts[reason] += 1
        self.first.setdefault(reason, line)

    def notes(self) -> Iterator[str]:
        for reason, count in self.counts.most_common():
            first = f"first: {self.first[reason]:,}" if count > 1 else f"{self.first[reason]:,}"
            yield f"left out {number_of(count, 'line')} ({first}): {reason}"


def log_rows(source: object, wanted: Wanted) -> LogRows:
    """Return the requests of `source`, by user and time.

    Raises `FeederError` if it cannot be read, or holds no request that is wanted.
    """
    name = name_of_source(source)
    left = _Left()
    is_table = not isinstance(source, str | Path) or _kind(Path(source)) in TABLES
    found = _of_table(source, wanted, name, left) if is_table else _of_log(source, name, left)
    rows = list(_kept(found, wanted, left))
    if not rows:
        raise FeederError(name, "; ".join(["no requests to do", *left.notes()]))
    notes = [*left.notes()]
    notes += _sorted(rows)
    spread = wanted.spread if wanted.spread is not None else float(not is_table)
    notes += _spread(rows, spread)
    notes += _counted_from_zero(rows, wanted.longest_gap)
    return _by_user(rows, name, notes)


def _kind(path: Path) -> str:
    return (path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix).lower()


Row = dict[str, Any]
Numbered = tuple[int, Row]


def _kept(rows: Iterable[Numbered], wanted: Wanted, left: _Left) -> Iterator[Row]:
    for line, row in rows:
        if row["method"] in wanted.methods:
            yield row
        else:
            method = row["method"] if row["method"].isalpha() else "unknown"
            left.add(f"a {method} request", line)


def _of_log(source: Any, name: str, left: _Left) -> Iterator[Numbered]:  # noqa: ANN401 - a path
    total = 0
    for total, line in enumerate(_lines(Path(source), name), 1):
        try:
            if line.strip():
                yield total, read_line(line)._asdict()
        except LineError as error:
            left.add(str(error), total)


def _lines(path: Path, name: str) -> Iterator[str]:
    number = 0
    try:
        with opened(path, "utf-8-sig", errors="surrogateescape") as file:
            for number, line in enumerate(file, 1):  # noqa: B007 - told where it ends
                yield line
    except FileNotFoundError:
        raise FeederError(name, f"no such file in {Path.cwd()}") from None
    except (EOFError, zlib.error):
        raise FeederError(name, f"is cut off or damaged after line {number:,}") from None
    except OSError as error:
        raise FeederError(name, f"cannot be read: {error.strerror or error}") from error


def _of_table(source: object, wanted: Wanted, name: str, left: _Left) -> Iterator[Numbered]:
    text = isinstance(source, str | Path) and _kind(Path(source)) != ".parquet"
    table = _rows_of_text(source, wanted.text, name, left) if text else _rows_of(source)
    is_checked = False
    for line, row in table:
        if not is_checked:
            _require(row, wanted.columns, name)
            is_checked = True
        try:
            yield line, _asked(row, wanted.columns)
        except LineError as error:
            left.add(str(error), line)


def _rows_of(source: object) -> Iterator[Numbered]:
    columns = columns_of(source)
    for number in range(len(next(iter(columns.values())))):
        yield number + 1, {key: column[number] for key, column in columns.items()}


def _rows_of_text(source: Any, text: Text, name: str, left: _Left) -> Iterator[Numbered]:  # noqa: ANN401 - a path
    path = Path(source)
    with fields_of_any_size():
        lines = csv.reader(_lines(path, name), delimiter=text.between(path))
        header = next(lines, [])
        try:
            for values in lines:
                if len(values) == len(header):
                    yield lines.line_num, dict(zip(header, values, strict=True))
                elif values:
                    left.add(f"not {len(header)} values as in the header", lines.line_num)
        except csv.Error as error:
            raise FeederError(name, f"is not CSV after line {lines.line_num:,}: {error}") from error


def _require(row: Row, columns: Mapping[str, str], name: str) -> None:
    needed = [columns.get(each, each) for each in ("time", "path", "user")]
    needed += [given for ours, given in columns.items() if ours not in ("time", "path", "user")]
    missing = [each for each in needed if each not in row]
    if missing:
        hints = (f"{each!r}{closest(each, sorted(row), 'there are')}" for each in missing)
        remedy = "columns={'time': ..., 'path': ..., 'user': ...} says which they are"
        raise FeederError(name, f"no column {', and none '.join(hints)}; {remedy}")


def _asked(row: Row, columns: Mapping[str, str]) -> Row:
    theirs = {ours: columns.get(ours, ours) for ours in OURS}
    rest = {key: value for key, value in row.items() if key not in theirs.values()}
    if row[theirs["user"]] in (None, ""):
        raise LineError("no user in it")
    status = row.get(theirs["status"])
    known = {
        "time": moment_of(str(row[theirs["time"]]).strip()),
        "path": wire_path(str(row[theirs["path"]]).replace("\\", "\\\\")),
        "user": str(row[theirs["user"]]),
        "method": str(row.get(theirs["method"]) or "GET").upper(),
        "status": 0,
    }
    with suppress(TypeError, ValueError):
        known["status"] = int(status)  # type: ignore[arg-type]  # or it says nothing
    named = row.get(theirs["name"])
    return {**known, **rest, **({"name": str(named)} if named else {})}


def _sorted(rows: list[Row]) -> Iterator[str]:
    """Put rows into the order of time."""
    earlier = sum(one["time"] > other["time"] for one, other in pairwise(rows))
    if earlier:
        rows.sort(key=_time)
        yield f"put in order: {earlier:,} earlier than the request before"


def _spread(rows: list[Row], width: float) -> Iterator[str]:
    """Spread those of one second evenly: a log in whole seconds does not say when in it."""
    if not width or any(row["time"] % 1 for row in rows):
        return
    groups = [list(group) for _, group in groupby(rows, key=_time)]
    if len(groups) == len(rows):
        return
    for group in groups:
        for place, row in enumerate(group):
            row["time"] += width * place / len(group)
    yield "times are whole seconds: requests of one second are spread evenly over it"


def _counted_from_zero(rows: list[Row], longest: float | None) -> Iterator[str]:
    """Count times from the first request, and say where nothing was asked for long."""
    first = before = rows[0]["time"]
    cut, cuts, silences = 0.0, 0, []
    for row in rows:
        gap = row["time"] - before
        before = row["time"]
        if longest is not None and gap > longest:
            cut, cuts = cut + gap - longest, cuts + 1
        elif gap >= SILENCE:
            silences.append((gap, before - first - gap - cut))
        row["time"] = before - first - cut
    if cuts:
        times = "time" if cuts == 1 else "times"
        yield f"cut to {longest:g} s: {cuts:,} {times} without requests, {cut:,.0f} s in all"
    if silences:
        gap, since = max(silences)
        more = f", the longest of {len(silences):,}" if len(silences) > 1 else ""
        yield (
            f"no request for {gap:,.0f} s from second {since:,.0f} on{more}: kept, "
            "and longest_gap= cuts it; is the log whole?"
        )


def _by_user(rows: list[Row], name: str, notes: list[str]) -> LogRows:
    """Put the rows of each user together, users in the order in which they come."""
    _name_all(rows)
    of_user: dict[str, list[Row]] = {}
    for row in rows:
        of_user.setdefault(row["user"], []).append(row)
    ends, ordered = array("Q"), []
    for each in of_user.values():
        ordered += each
        ends.append(len(ordered))
    columns = {key: packed_column(key, [row[key] for row in ordered], name) for key in ordered[0]}
    return LogRows(columns, ends, source=name, notes=notes)


def _name_all(rows: list[Row]) -> None:
    """Name what is done; few names, however many paths there are."""
    known: set[str] = set()
    for row in rows:
        name = row.get("name") or label_of(row["method"], row["path"])
        if name not in known and len(known) >= NAMES:
            name = row["method"]
        known.add(name)
        row["name"] = name


def _time(row: Row) -> float:
    time: float = row["time"]
    return time
