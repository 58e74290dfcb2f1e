"""The journal of a run: what its record took in, one entry after another, on disk.

Entries are appended to numbered segments and handed to the operating system at once, so a
process that is killed loses nothing that was written.  Nothing is forced to the disk while
the load runs, because that may take long; a machine that loses power may lose what its system
had not written yet (on Linux up to 30 s).

An entry is its length, its checksum and a value as nodes send it, compressed.  The last
segment may end in the middle of one, if the process did, or in zeros.  What is damaged before
that is read around, and told.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from errno import ENOENT
from io import FileIO
from pathlib import Path
from struct import Struct
from typing import Any

from murmur._wire import decode, encode, record_table
from murmur.errors import ArchiveError, MurmurError
from murmur.telemetry import Event, records_of_chunks

_FOLDER = "journal"
_MAGIC = b"murmur-journal 2\n"
_RECORDS = record_table([*records_of_chunks(), Event])
_LEVEL = 1  # of zlib: the quickest; columns of numbers shrink little more at any other
_NUMBER = len(b"murmur-journal ")
_FRAME = Struct("<II")
_PACKED = zlib.compress(b"", _LEVEL)[:2]
"""Begins whatever was compressed: where an entry can begin, behind a damaged one."""
_SEGMENT_BYTES = 64 << 20


class JournalWriter:
    """Appends entries to the journal of a run directory.

    Raises `OSError` if it cannot be written; so does `write`.
    """

    def __init__(
        self,
        directory: Path,  # the run directory
        *,
        segment_bytes: int = _SEGMENT_BYTES,  # a segment that is longer is followed by another
    ) -> None:
        self._folder = directory / _FOLDER
        self._folder.mkdir(parents=True)
        self._segment_bytes = segment_bytes
        self._number = 0
        self._file = self._next()

    def write(self, *entry: object) -> None:
        """Append one entry; what cannot be written whole leaves nothing behind."""
        data = zlib.compress(encode(entry, _RECORDS, what="a journal's entry"), _LEVEL)
        if self._file.tell() > self._segment_bytes:
            following = self._next()
            self._file.close()
            self._file = following
        self._append(_FRAME.pack(len(data), zlib.crc32(data)) + data)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _append(self, data: bytes) -> None:
        end = self._file.tell()
        if not os.fstat(self._file.fileno()).st_nlink:
            raise FileNotFoundError(ENOENT, "it was removed")
        try:
            _write_all(self._file, data)
        except OSError:
            self._file.seek(end)
            self._file.truncate()
            raise

    def _next(self) -> FileIO:
        path = self._folder / f"{self._number + 1:06}.log"
        file = FileIO(path, "xb", opener=_private)
        try:
            _write_all(file, _MAGIC)
        except OSError:
            file.close()
            path.unlink()
            raise
        self._number += 1
        return file


def _write_all(file: FileIO, data: bytes) -> None:
    written = 0
    while written < len(data):
        written += file.write(data[written:])


def _private(path: str, flags: int) -> int:
    """Open a file that nobody else may read."""
    return os.open(path, flags, 0o600)


def has_journal(directory: Path) -> bool:
    """Whether the directory of a run holds a journal."""
    return (directory / _FOLDER).is_dir()


def entries(directory: Path) -> Iterator[tuple[Any, ...]]:
    """Yield the entries of a journal in their order, up to where it was cut off.

    What is damaged is left out, and ``("damaged", segment, bytes)`` stands in its place; for a
    whole entry that this murmur cannot read it is ``("foreign",)``.

    Raises `ArchiveError` if nothing of a segment can be read, and it is of another format.
    """
    segments = sorted((directory / _FOLDER).glob("*.log"))
    for segment in segments:
        yield from _entries(segment, is_last=segment == segments[-1])


def _entries(segment: Path, *, is_last: bool) -> Iterator[tuple[Any, ...]]:
    data = segment.read_bytes()
    magic = data[: len(_MAGIC)]
    at = len(_MAGIC) if magic == _MAGIC else 0
    is_empty = magic != _MAGIC
    while at < len(data):
        found = _entry_at(data, at)
        if found is None:
            after = _next_entry(data, at)
            if is_empty and _is_of_another_format(magic):
                problem = f"its journal has format {magic[_NUMBER:-1].decode()}"
                remedy = "read it with the murmur that wrote it"
                raise ArchiveError(segment.parent, problem, remedy)
            if not (is_last and after == len(data) and _may_end_so(data, at)):
                yield ("damaged", segment.name, after - at)
            at = after
            continue
        is_empty = False
        yield found[0]
        at = found[1]


def _entry_at(data: bytes, at: int) -> tuple[tuple[Any, ...], int] | None:
    """Return the entry that begins there, and where it ends; None if none does."""
    begin = at + _FRAME.size
    if begin > len(data):
        return None
    length, checksum = _FRAME.unpack_from(data, at)
    packed = data[begin : begin + length]
    if not length or len(packed) < length or zlib.crc32(packed) != checksum:
        return None
    try:
        value = zlib.decompress(packed)
    except zlib.error:
        return None
    try:
        return tuple(decode(value, _RECORDS)), begin + length
    except (ValueError, MurmurError):  # whole, by its checksum: another murmur wrote it
        return ("foreign",), begin + length


def _next_entry(data: bytes, at: int) -> int:
    """Return where the next whole entry begins, behind a damaged one; the end if none does."""
    place = at + 1
    while (place := data.find(_PACKED, place + _FRAME.size)) >= 0:
        place -= _FRAME.size
        if _entry_at(data, place) is not None:
            return place
        place += 1
    return len(data)


def _may_end_so(data: bytes, at: int) -> bool:
    """Whether a process that was killed, or a machine without power, leaves such an end.

    An entry that is not complete, or zeros where nothing had been written yet.
    """
    rest = data[at:]
    if not rest.strip(b"\0") or _MAGIC.startswith(rest):
        return True
    if len(rest) < _FRAME.size:
        return True
    (length, _) = _FRAME.unpack_from(rest)
    packed = rest[_FRAME.size :]
    return len(packed) < length or packed.rstrip(b"\0")[:length] != packed[:length]


def _is_of_another_format(magic: bytes) -> bool:
    number = magic[_NUMBER:-1]
    return magic.startswith(_MAGIC[:_NUMBER]) and number.isdigit() and magic != _MAGIC


def remove_journal(directory: Path) -> None:
    """Remove the journal of a run that has an archive now; what else lies there stays."""
    folder = directory / _FOLDER
    for segment in folder.glob("*.log"):
        segment.unlink()
    folder.rmdir()
