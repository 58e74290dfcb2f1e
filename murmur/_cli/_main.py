"""The entry point: calls the command that is asked for and returns an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any, TextIO, cast

_MISSING = (
    "murmur's command line needs the package 'click': pip install 'murmur-load[cli]', "
    "or in a clone: pip install -e '.[cli]'\n"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``murmur`` with `arguments`, or those of the process; return its exit code."""
    with _steady_output():
        try:
            from ._commands import murmur
        except ModuleNotFoundError as error:
            if error.name != "click":
                raise
            sys.stderr.write(_MISSING)
            return 2
        return murmur.answer(None if arguments is None else list(arguments))


@contextmanager
def _steady_output() -> Iterator[None]:
    """Let neither a letter that cannot be written end a run, nor a reader who has left."""
    before = sys.stdout, sys.stderr
    for stream in before:
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a µ on an ASCII terminal
    sys.stdout, sys.stderr = (
        cast("TextIO", _Unread(stream)) if isinstance(stream, TextIOWrapper) else stream
        for stream in before
    )
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stdout, sys.stderr = before


class _Unread:
    """A standard stream that is written on though nobody reads it any more.

    In ``murmur run ... 2>&1 | head`` the reader leaves after ten lines; the run, its files and
    its exit code are to be the same as without.
    """

    def __init__(self, stream: TextIOWrapper) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, or drop it if nobody reads."""
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._drop_all()
            return len(text)

    def flush(self) -> None:
        """Hand on what was written."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._drop_all()

    def _drop_all(self) -> None:
        """Write to nowhere from now on: the buffer holds what could not be written."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the stream's own
        return getattr(self._stream, name)
