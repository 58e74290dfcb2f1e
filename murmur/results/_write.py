"""Files of results: written at once, for their owner only, through links and into devices."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pandas as pd

__all__ = ["guarded", "write_text"]

_FORMULA = r"^(?=[=+\-@\t\r\n])"


def write_text(path: Path, text: str) -> None:
    """Write a file, replacing what it held: at once, so that nobody opens half of it.

    What a link points to is written, not the link; into what is no regular file (a device, a
    pipe) the text goes as it is.  A new file has mode 0600; one that is there keeps its own.
    """
    place = path.resolve()
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists() and not place.is_file():
        with path.open("w", encoding="utf-8", errors="backslashreplace") as device:
            device.write(text)
        return
    mode = place.stat().st_mode & 0o777 if place.exists() else 0o600
    beside = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with open(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
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
