"""Reading of a file that a person named: never one without end, nor one that blocks."""

from __future__ import annotations

import os
from pathlib import Path
from stat import S_ISREG


def read_file(
    path: Path,
    *,
    # whether a pipe or a device is refused, which may never come to an end
    is_regular: bool = True,
    # how large it may be: a notebook with its pictures; no source, configuration or ticket is as
    # large
    megabytes: int = 64,
) -> bytes:
    """Return what a file holds.

    Raises `OSError` if it cannot be read; `ValueError` if it is larger than a text that somebody
    wrote, or is no regular file.
    """
    # Not blocking: neither opening a pipe nor reading what only looks like a file may wait.
    flags = os.O_RDONLY | (getattr(os, "O_NONBLOCK", 0) if is_regular else 0)
    most = megabytes << 20
    with open(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb") as file:
        if is_regular and not S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("it is no regular file")
        data = file.read(most + 1)
    if data is None:  # nothing was there, and there was no end
        raise ValueError("it is no regular file")
    if len(data) > most:
        raise ValueError(f"it is larger than {megabytes} MB")
    return data
