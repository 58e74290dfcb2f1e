"""Reads rows from wherever they are: CSV, Parquet, frames, lists of dictionaries.

Called where a run is started, never on a node: what travels is the columns.
"""

from __future__ import annotations

import csv
import gzip
import io
import stat
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from murmur._backend import thread_lock
from murmur.errors import FeederError, MissingExtraError, closest

from ._columns import Column, TextBuilder, packed

Columns = dict[str, Column]

KINDS = "a CSV, TSV or Parquet file, a frame, a list of dictionaries, or a dictionary of columns"


@dataclass(frozen=True, slots=True)
class Text:
    """How a text file says where values end, and what its bytes mean."""

    delimiter: str | None = None  # what stands between two values; by the file's name unless given
    # what the bytes mean; a mark at the beginning is no part of the first name
    encoding: str = "utf-8-sig"

    def between(self, path: Path) -> str:
        """Return what stands between two values of a file."""
        return self.delimiter or ("\t" if ".tsv" in path.suffixes else ",")


def columns_of(
    source: object,
    # columns that have to be there; the others are left out.  All are taken if none is wanted.
    wanted: Sequence[str] = (),
    text: Text = Text(),
) -> Columns:
    """Return the columns of `source`, by name, all of one length.

    Raises `FeederError` if there are no rows, a column is missing, or the file cannot be read.
    """
    name = name_of_source(source)
    columns = _columns(source, wanted, name, text)
    _require(wanted, columns, name)
    if not columns or not len(next(iter(columns.values()))):
        raise FeederError(name, "there are no rows")
    if len({len(column) for column in columns.values()}) > 1:
        raise FeederError(name, "the columns are not of one length")
    return {each: columns[each] for each in wanted or columns}


def _require(wanted: Sequence[str], there: Iterable[str], name: str) -> None:
    """Refuse a source that lacks a column; before its rows are read, if it is a file."""
    known = sorted(there)
    missing = [each for each in wanted if each not in known]
    if missing:
        hints = (f"{each!r}{closest(each, known, 'there are')}" for each in missing)
        raise FeederError(name, f"no column {', and none '.join(hints)}")


def name_of_source(source: object) -> str:
    """Return a few words for where rows come from; never the rows themselves."""
    if isinstance(source, str | Path):
        return str(source)
    if isinstance(source, list | tuple):
        return f"a {type(source).__name__} of {len(source)}"
    return f"a {type(source).__name__}"


def _columns(
    source: Any,  # noqa: ANN401 - see above
    wanted: Sequence[str],
    name: str,
    text: Text,
) -> Columns:
    if isinstance(source, str | Path):
        return _of_file(Path(source), wanted, name, text)
    if isinstance(source, Mapping):
        return {str(key): packed_column(key, list(values), name) for key, values in source.items()}
    if hasattr(source, "columns") and hasattr(source, "to_dict"):
        return _of_frame(source, name)
    if isinstance(source, Sequence) and all(isinstance(row, Mapping) for row in source):
        return _of_mappings(source, name)
    raise FeederError(name, f"cannot be read as rows; give {KINDS}")


def packed_column(label: object, values: Sequence[object], name: str) -> Column:
    """Return a column as it travels; says which one holds what cannot."""
    try:
        return packed(values)
    except TypeError as error:
        raise FeederError(name, f"column {label!r} holds {error}") from error


def _of_frame(frame: Any, name: str) -> Columns:  # noqa: ANN401 - pandas or polars, not imported here
    if hasattr(frame, "get_columns"):  # polars
        series = frame.get_columns()
        return {each.name: packed_column(each.name, each.to_list(), name) for each in series}
    columns = {}
    for label in frame.columns:
        values, missing = frame[label].tolist(), frame[label].isna().tolist()
        if any(missing):
            pairs = zip(values, missing, strict=True)
            values = [None if is_missing else value for value, is_missing in pairs]
        columns[str(label)] = packed_column(label, values, name)
    return columns


def _of_mappings(rows: Sequence[Mapping[Any, object]], name: str) -> Columns:
    if not rows:
        return {}
    keys = list(rows[0])
    for number, row in enumerate(rows, 1):
        if row.keys() != rows[0].keys():
            different = sorted(map(str, row.keys() ^ rows[0].keys()))
            raise FeederError(name, f"row {number} differs from the first in {different}")
    return {str(key): packed_column(key, [row[key] for row in rows], name) for key in keys}


def _of_file(path: Path, wanted: Sequence[str], name: str, text: Text) -> Columns:
    kind = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if kind.lower() not in (".csv", ".tsv", ".parquet"):
        raise FeederError(name, f"unknown kind of file; give {KINDS}")
    try:
        with unchanged(path, name):
            if kind.lower() == ".parquet":
                return _of_parquet(path, wanted, name)
            return _of_csv(path, wanted, name, text)
    except FileNotFoundError:
        raise FeederError(name, f"no such file in {Path.cwd()}") from None
    except (EOFError, zlib.error):
        raise FeederError(name, "is cut off or damaged: it is no whole gzip file") from None
    except OSError as error:
        raise FeederError(name, f"cannot be read: {error.strerror or error}") from error


def _of_parquet(path: Path, wanted: Sequence[str], name: str) -> Columns:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError(f"reading {name}", "parquet", "pyarrow") from error
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            _require(wanted, file.schema_arrow.names, name)
            table = file.read(columns=list(wanted) or None)
    except pyarrow.ArrowException as error:
        raise FeederError(name, f"is not a Parquet file: {error}") from error
    names = table.column_names
    return {each: packed_column(each, table.column(each).to_pylist(), name) for each in names}


def _of_csv(path: Path, wanted: Sequence[str], name: str, text: Text) -> Columns:
    """Read text as it stands: what looks like a number may be a telephone number."""
    try:
        with opened(path, text.encoding) as file, fields_of_any_size():
            lines = csv.reader(file, delimiter=text.between(path), strict=True)
            header = next(lines, [])
            _refuse_one_column(header, text.between(path), name)
            if len(set(header)) < len(header):
                raise FeederError(name, f"two columns have one name in {header}")
            _require(wanted, header, name)
            kept = [(header.index(each), TextBuilder()) for each in wanted or header]
            for row in _of_width(lines, len(header), name):
                for at, builder in kept:
                    builder.append(row[at])
    except UnicodeDecodeError as error:
        problem = f"is not {error.encoding.upper()}: {error.reason}; `encoding=` says what it is"
        raise FeederError(name, problem) from error
    except LookupError as error:
        raise FeederError(name, f"{error}; give one that Python knows") from error
    except csv.Error as error:
        raise FeederError(name, f"is not CSV: {error}") from error
    return {header[at]: builder.built() for at, builder in kept}


def _of_width(lines: Any, width: int, name: str) -> Iterator[list[str]]:  # noqa: ANN401 - csv's reader
    for row in lines:
        if len(row) == width:
            yield row
        elif row:  # an empty line is none
            problem = f"line {lines.line_num} has {len(row)} values, the header {width}"
            raise FeederError(name, problem)


def _refuse_one_column(header: Sequence[str], delimiter: str, name: str) -> None:
    """Refuse a header that is one name with another delimiter in it: nobody means that."""
    if len(header) != 1:
        return
    found = next((one for one in ";\t|" if one != delimiter and header[0].count(one)), None)
    if found:
        shown = {"\t": "tab"}.get(found, found)
        raise FeederError(
            name,
            f"is one column, {header[0]!r}, at {delimiter!r}; is {shown!r} between the values? "
            f"then say delimiter={found!r}",
        )


@contextmanager
def unchanged(path: Path, name: str) -> Iterator[None]:
    """Refuse a file that somebody writes while it is read: nobody knows which rows those were.

    Raises `FeederError`.
    """
    before = _state_of(path)
    yield
    if before is not None and _state_of(path) != before:
        raise FeederError(name, "was changed while it was read; give a file that nobody writes")


def _state_of(path: Path) -> tuple[int, int, int] | None:
    """Return which file it is, how long, and when it was written; None of a pipe or a device."""
    facts = path.stat()
    is_file = stat.S_ISREG(facts.st_mode)
    return (facts.st_ino, facts.st_size, facts.st_mtime_ns) if is_file else None


_lock = thread_lock()
_readers: list[int] = []
"""The limit that csv had, once for each of those who read: the last one puts it back."""


@contextmanager
def fields_of_any_size() -> Iterator[None]:
    """Lift csv's limit of 128 KiB a field for a while: a photo in base64 is larger.

    The limit is one for all threads.
    """
    with _lock:
        before = csv.field_size_limit(2**31 - 1)
        _readers.append(_readers[0] if _readers else before)
    try:
        yield
    finally:
        with _lock:
            before = _readers.pop()
            if not _readers:
                csv.field_size_limit(before)


def opened(path: Path, encoding: str, errors: str = "strict") -> io.TextIOBase:
    """Return a text file, unpacked if it is gzipped."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding=encoding, errors=errors, newline="")
    return path.open(encoding=encoding, errors=errors, newline="")
