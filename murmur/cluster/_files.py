"""Data files that came to this node with a scenario, in a folder of the node's own."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path

from murmur.errors import InvalidScenarioError
from murmur.scenario import keep_files


class ArrivedFiles:
    """The files of the run that this process takes part in, and of none before it.

    The folder is read by nobody else, and gone with the next run or the process.
    """

    def __init__(self) -> None:
        self._classes: list[type] = []
        self._remove: weakref.finalize[[str, bool], ArrivedFiles] | None = None

    def take(self, contents: Mapping[type, Mapping[str, bytes]]) -> None:
        """Write the files of each class, by their places, and let the class find them.

        Raises `InvalidScenarioError` if they cannot be written here.
        """
        self.clear()
        if not any(contents.values()):
            return
        try:
            folder = Path(tempfile.mkdtemp(prefix="murmur-files-"))
            self._remove = weakref.finalize(self, shutil.rmtree, str(folder), True)
            for number, (cls, files) in enumerate(contents.items()):
                self._write(folder / str(number), files)
                keep_files(cls, folder / str(number))
                self._classes.append(cls)
        except OSError as error:
            reason = f"its files cannot be written on this node: {error.strerror or error}"
            raise InvalidScenarioError("the scenario", [reason]) from error

    def clear(self) -> None:
        """Remove what came before."""
        for cls in self._classes:
            keep_files(cls, None)
        self._classes.clear()
        if self._remove is not None:
            self._remove()
            self._remove = None

    def _write(self, folder: Path, files: Mapping[str, bytes]) -> None:
        for place, content in files.items():
            path = folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


arrived = ArrivedFiles()
"""The files of this process."""
