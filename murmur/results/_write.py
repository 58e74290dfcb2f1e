"""Files of results: written at once, for their owner only, through links and into devices."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pandas as pd

from murmur.errors import WriteError

__all__ = ["guarded", "write_frame", "write_text", "writing"]

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
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with open(handle, "wb") as file:
            file.write(data)
        beside.replace(place)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def guarded(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose text no spreadsheet takes for a formula."""
    made = {}
    for name, column in frame.items():
        is_text = isinstance(column.dtype, pd.CategoricalDtype) or column.dtype in ("str", "object")
        made[name] = (
            column.astype("str").str.replace(_FORMULA, "'", regex=True) if is_text else column
        )
    return pd.DataFrame(made)
