"""Small files of the operating system: their text, and the numbers among their words."""

from __future__ import annotations

import math
from pathlib import Path


def beginning(path: Path, most: int = 4096) -> str:
    """Return what a file begins with, `most` characters of it; nothing if it cannot be read."""
    try:
        with open(path, encoding="ascii") as file:
            return file.read(most)
    except (OSError, UnicodeDecodeError):
        return ""


def number(word: str) -> float:
    """Return the number that a word of digits is; NaN of any other."""
    return float(word) if word.isdecimal() else math.nan
