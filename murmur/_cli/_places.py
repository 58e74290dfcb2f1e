"""Places where the results of a run go, looked at before it starts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from murmur.errors import MissingExtraError


@dataclass(frozen=True, slots=True)
class Places:
    """Files that a run is asked to leave behind."""

    out: Path | None = None  # directory of the archive
    report: Path | None = None  # report, junit: HTML page, and results for a CI server
    junit: Path | None = None
    overwrite: bool = False  # whether an archive may be replaced

    @property
    def unfinished(self) -> Path | None:
        """Where the run is kept while it is on, so that a kill loses nothing."""
        return None if self.out is None else self.out.with_name(f"{self.out.name}.unfinished")

    def tidy(self, kept: Path | None) -> None:
        """Remove what was kept while the run was on: it is in the archive now."""
        if kept is not None:
            shutil.rmtree(kept, ignore_errors=True)
            with suppress(OSError):  # an older run, which was cut off, is still there
                kept.parent.rmdir()

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Places:
        """Return the places that options name."""
        paths = {key: Path(given[key]) if given.get(key) else None for key in ("out", "report")}
        junit = Path(given["junit"]) if given.get("junit") else None
        return cls(**paths, junit=junit, overwrite=bool(given.get("overwrite")))

    def problems(self) -> Iterator[str]:
        """Say what would fail at the end of the run."""
        if self.out is not None:
            yield from self._archive_problems(self.out)
        for name, path in (("--report", self.report), ("--junit", self.junit)):
            if path is not None and path.is_dir():
                yield f"{name} {path}: that is a directory; give a file"
        if self.report is not None:
            from murmur.results import missing_for_report  # imports pandas

            if missing := missing_for_report("--report"):
                yield str(missing)

    def _archive_problems(self, out: Path) -> Iterator[str]:
        if find_spec("pyarrow") is None:
            yield str(MissingExtraError("--out", "parquet", "pyarrow"))
        if out.exists() and not out.is_dir():
            yield f"--out {out}: that is a file; give a directory"
        elif out.is_dir() and any(out.iterdir()):
            if not (out / "manifest.json").exists():
                yield f"--out {out}: it holds something else than a run; choose another directory"
            elif not self.overwrite:
                yield f"--out {out}: it holds a run already; choose another, or add --overwrite"
