"""Files of results: written at once, for their owner only, through links and into devices."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from murmur.errors import WriteError

_DESCRIPTORS = Path("/proc/self/fd")
_FORMULA = r"^(?=[=+\-@\t\r\n])"


def write_text(path: Path, text: str) -> None:
    """Write a file, replacing what it held: at once, so that nobody opens half of it.

    What a link points to is written, not the link; into what is no regular file (a device, a
    pipe) the text goes as it is.  A new file has mode 0600; one that is there keeps its own.

    Raises `WriteError` if it cannot be written; then nothing is left of it.
    """
    with writing(path):
        _write(path, text.encode("utf-8", errors="backslashreplace"))


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write one frame as CSV, or as Parquet where the name ends in ``.parquet``.

    Raises `WriteError` if it cannot be written; then nothing is left of it.
    """
    if path.suffix == ".parquet":
        data = frame.to_parquet(index=False, engine="pyarrow")
    else:
        data = guarded(frame).to_csv(index=False).encode("utf-8", errors="backslashreplace")
    with writing(path):
        _write(path, data)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say in a sentence what keeps `path` from being written."""
    try:
        yield
    except WriteError:
        raise
    except OSError as error:
        raise WriteError(path, error) from error


def _write(path: Path, data: bytes) -> None:
    place = path.resolve()
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists() and not place.is_file():
        with path.open("wb") as device:
            device.write(data)
        return
    mode = place.stat().st_mode & 0o777 if place.exists() else 0o600
    beside = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        with whole_file(beside, mode) as file:
            file.write(data)
        beside.replace(place)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


@contextmanager
def whole_file(path: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """Open a file that has no name until it is whole, so that a kill leaves nothing of it.

    Linux can, and not every file system of its own; elsewhere it has its name at once.
    """
    unseen = getattr(os, "O_TMPFILE", 0) if _DESCRIPTORS.exists() else 0
    handle = -1
    if unseen:
        with suppress(OSError):
            handle = os.open(path.parent, os.O_WRONLY | unseen, mode)
    has_name = handle < 0
    if has_name:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with open(handle, "wb") as file:
        yield file
        file.flush()
        if not has_name:
            path.unlink(missing_ok=True)
            # Python follows the link only with a descriptor beside it, which the system ignores.
            os.link(_DESCRIPTORS / str(handle), path, src_dir_fd=handle)


def guarded(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose text no spreadsheet takes for a formula."""
    made = {}
    for name, column in frame.items():
        is_text = isinstance(column.dtype, pd.CategoricalDtype) or column.dtype in ("str", "object")
        made[name] = (
            column.astype("str").str.replace(_FORMULA, "'", regex=True) if is_text else column
        )
    return pd.DataFrame(made)
