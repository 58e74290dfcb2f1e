"""A directory of runs that later ones are compared with, and what becomes of it."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from murmur.errors import ConfigError, number_of
from murmur.results import Results
from murmur.results.archive import load

from ._codes import ALL_HOLD, CANNOT_TELL, CHECK_FAILED, INVALID
from ._outcome import Outcome
from ._side_by_side import compare_saved

_OURS = re.compile(r"\d{8}T\d{6}Z-\w+")
"""Names that this module gives; it removes nothing else."""


def compare_with_baseline(runs: list[str], options: Mapping[str, Any]) -> int:
    """Compare runs with those kept in a directory, perhaps keep them, return the exit code.

    A run that is kept already is not compared with itself.  Runs are kept unless they are
    worse, or invalid; the oldest go.
    """
    directory, most = Path(options["baseline"]), options["keep"]
    if most < 1:
        raise ConfigError([f"--keep {most}: give 1 or more"])
    new = [load(each) for each in runs]
    is_known = {run.manifest["run_id"] for run in new}
    there = [path for path in _kept(directory) if _run_id(path) not in is_known]
    if there:
        code = compare_saved([str(path) for path in there], runs, options)
    else:
        code = _first(directory, new, options)
    if not options["update"]:
        return code
    if code in (CHECK_FAILED, INVALID):
        _tell(f"not kept in {directory}: a baseline takes in what is good, or what nobody can tell")
        return code
    for run in new:
        _keep(run, directory)
    removed = _trim(directory, most)
    _tell(
        f"kept in {directory}: {number_of(len(_kept(directory)), 'run')}"
        + (f", without the {removed} oldest" if removed else "")
    )
    return code if there else ALL_HOLD


def _first(directory: Path, new: list[Results], options: Mapping[str, Any]) -> int:
    """Say that there is nothing to compare with."""
    reason = f"no other run is kept in {directory} yet, so nothing was compared"
    if options["as_json"]:
        click.echo(json.dumps({"answer": "cannot tell", "reasons": [reason]}))
    else:
        click.echo(click.style(f"cannot tell: {reason}", fg="yellow", bold=True))
    if any(Outcome(summary=run.summary(), checks=run.check()).invalid for run in new):
        return INVALID
    return CANNOT_TELL


def _kept(directory: Path) -> list[Path]:
    """Return the archives in a directory, the oldest first."""
    if directory.exists() and not directory.is_dir():
        raise ConfigError([f"--baseline {directory}: it is a file; give a directory"])
    if (directory / "manifest.json").exists():
        raise ConfigError([f"--baseline {directory}: it is a run; give the directory above it"])
    return sorted(path.parent for path in directory.glob("*/manifest.json"))


def _run_id(path: Path) -> str:
    return str(load(path).manifest["run_id"])


def _keep(run: Results, directory: Path) -> None:
    """Save a run under the time at which it started; once is enough."""
    manifest = run.manifest
    if any(_run_id(path) == manifest["run_id"] for path in _kept(directory)):
        return
    began = datetime.fromisoformat(manifest["wall_started_at"])
    run.save(directory / f"{began:%Y%m%dT%H%M%SZ}-{manifest['run_id']}")


def _trim(directory: Path, most: int) -> int:
    """Remove the oldest runs beyond `most`, and return how many."""
    ours = [path for path in _kept(directory) if _OURS.fullmatch(path.name)]
    surplus = ours[: max(0, len(ours) - most)]
    for path in surplus:
        shutil.rmtree(path)
    return len(surplus)


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
