"""Archives of results: runs that are saved, read again, or recovered after a crash."""

from murmur.results._write import whole_file as whole_file
from murmur.results._write import write_frame as write_frame
from murmur.results._write import write_text as write_text

from ._archive import load as load
from ._journal import JournalWriter as JournalWriter
from ._journal import entries as entries
from ._run_directory import RunDirectory as RunDirectory

__all__ = [
    "JournalWriter",
    "RunDirectory",
    "entries",
    "load",
    "whole_file",
    "write_frame",
    "write_text",
]
