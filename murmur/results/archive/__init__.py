"""Archives of results: runs that are saved, read again, or recovered after a crash."""

from murmur.results._write import whole_file, write_frame, write_text

from ._archive import load
from ._journal import JournalWriter, entries
from ._run_directory import RunDirectory

__all__ = [
    "JournalWriter",
    "RunDirectory",
    "entries",
    "load",
    "whole_file",
    "write_frame",
    "write_text",
]
