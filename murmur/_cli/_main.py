"""The entry point: calls the command that is asked for and returns an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

__all__ = ["main"]

_MISSING = "murmur's command line needs the package 'click': pip install 'murmur-load[cli]'\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``murmur`` with `arguments`, or those of the process; return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a µ must not end a run on an ASCII terminal
            stream.reconfigure(errors="replace")
    try:
        from ._commands import murmur
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.stderr.write(_MISSING)
        return 2
    try:
        return murmur.answer(None if arguments is None else list(arguments))
    except BrokenPipeError:  # `murmur report run | head`: nobody reads on
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the end
        return 0
