"""The journal of a run: what its record took in, one entry after another, on disk.

Entries are appended to numbered segments and handed to the operating system at once, so a
process that is killed loses nothing that was written.  Nothing is forced to the disk while
the load runs, for that may take long; a machine that loses power may lose what its system
had not written yet (on Linux up to 30 s).

An entry is its length, its checksum and a value as nodes send it, compressed.  The last
segment may end in the middle of one, if the process did, or in zeros; what is damaged before
that is damage.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import Any, BinaryIO

from murmur._wire import decode, encode, record_table
from murmur.errors import ArchiveError
from murmur.telemetry import Event, records_of_chunks

__all__ = ["JournalWriter", "entries", "has_journal", "remove_journal"]

_FOLDER = "journal"
_MAGIC = b"murmur-journal 2\n"
_RECORDS = record_table([*records_of_chunks(), Event])
_LEVEL = 1  # of zlib: the quickest; columns of numbers shrink little more at any other
_NUMBER = len(b"murmur-journal ")
_FRAME = Struct("<II")
_SEGMENT_BYTES = 64 << 20


class JournalWriter:
    """Appends entries to the journal of a run directory.

    Parameters
    ----------
    directory : pathlib.Path
        The run directory.
    segment_bytes : int
        A segment that is longer is followed by another.

    Raises
    ------
    OSError
        If it cannot be written; so does `write`.
    """

    def __init__(self, directory: Path, *, segment_bytes: int = _SEGMENT_BYTES) -> None:
        self._folder = directory / _FOLDER
        self._folder.mkdir(parents=True)
        self._segment_bytes = segment_bytes
        self._number = 0
        self._file = self._next()

    def write(self, *entry: object) -> None:
        """Append one entry."""
        data = zlib.compress(encode(entry, _RECORDS, what="a journal's entry"), _LEVEL)
        if self._file.tell() > self._segment_bytes:
            self._file.close()
            self._file = self._next()
        self._file.write(_FRAME.pack(len(data), zlib.crc32(data)) + data)
        self._file.flush()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _next(self) -> Any:  # noqa: ANN401 - a buffered writer, whose close may raise
        self._number += 1
        file = (self._folder / f"{self._number:06}.log").open("xb")
        file.write(_MAGIC)
        file.flush()
        return file


def has_journal(directory: Path) -> bool:
    """Whether the directory of a run holds a journal."""
    return (directory / _FOLDER).is_dir()


def entries(directory: Path) -> Iterator[tuple[Any, ...]]:
    """Yield the entries of a journal in their order, up to where it was cut off.

    Raises
    ------
    ArchiveError
        If it is damaged before its end.
    """
    segments = sorted((directory / _FOLDER).glob("*.log"))
    for segment in segments:
        for entry in _entries(segment, is_last=segment == segments[-1]):
            if entry is None:
                remedy = "restore it from a copy; what comes before it can be read if you move it"
                problem = f"{_FOLDER}/{segment.name} is damaged"
                raise ArchiveError(directory, problem, f"{remedy} and those after it away")
            yield entry


def _entries(segment: Path, *, is_last: bool) -> Iterator[tuple[Any, ...] | None]:
    """Yield the entries of a segment; None for one that is damaged."""
    with segment.open("rb") as file:
        magic = file.read(len(_MAGIC))
        if _is_of_another_format(magic):
            problem = f"its journal has format {magic[_NUMBER:-1].decode(errors='replace')}"
            raise ArchiveError(segment.parent, problem, "read it with the murmur that wrote it")
        if magic != _MAGIC:
            if not (is_last and (_MAGIC.startswith(magic) or _is_blank(magic, file))):
                yield None
            return
        while header := file.read(_FRAME.size):
            length, checksum = _FRAME.unpack(header) if len(header) == _FRAME.size else (0, 0)
            data = file.read(length)
            if length and len(data) == length and zlib.crc32(data) == checksum:
                yield decode(zlib.decompress(data), _RECORDS)
                continue
            is_short = len(header) < _FRAME.size or len(data) < length
            if not (is_last and (is_short or _is_blank(data[-1:] or header, file))):
                yield None
            return


def _is_of_another_format(magic: bytes) -> bool:
    is_magic = len(magic) == len(_MAGIC) and magic[:_NUMBER] == _MAGIC[:_NUMBER]
    return is_magic and magic != _MAGIC


def _is_blank(end: bytes, file: BinaryIO) -> bool:
    """Whether there are only zeros from here on.

    Some systems put them where nothing had been written yet when the power went.
    """
    return not (end + file.read()).strip(b"\0")


def remove_journal(directory: Path) -> None:
    """Remove the journal of a run that has an archive now; what else lies there stays."""
    folder = directory / _FOLDER
    for segment in folder.glob("*.log"):
        segment.unlink()
    folder.rmdir()
