"""Course of ``murmur run``, from its options to its exit code."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from murmur.errors import ConfigError, MurmurError, number_of
from murmur.results.archive import load

from ._junit import announce, write_junit
from ._lines import Lines, Silence
from ._outcome import Outcome
from ._perform import Show, perform
from ._places import Places
from ._plan import Plan, plan_of, read_checks

if TYPE_CHECKING:
    from murmur._session import Run
    from murmur.results import Results

    from ._signals import Interrupts


def run_and_conclude(options: Mapping[str, Any], interrupts: Interrupts) -> int:
    """Perform the run that `options` describe, write what they ask for, return the exit code.

    Raises KeyboardInterrupt if a signal comes before the run is on.
    """
    with redirect_stdout(sys.stderr):  # what a scenario prints is no result
        plan = plan_of(options)
        announce(plan.places.junit)
        run, outcome = perform(plan, interrupts, _shower(plan, options["progress"]))
    writers = _writers(plan.places, run.results, outcome)
    written = [_written(path, write) for path, write in writers]
    if all(written):
        plan.places.tidy(run.directory)
    return _told(replace(outcome, is_unwritten=not all(written)), options)


def conclude_saved(directory: str, options: Mapping[str, Any]) -> int:
    """Judge a saved run, write what `options` ask for, return the exit code."""
    checks, problems = read_checks(options["check"], "--check")
    results = problems.read(load, directory)
    places = Places.of({"report": options["html"], "junit": options["junit"]})
    problems.extend(places.problems())
    if problems or results is None:
        raise ConfigError(problems)
    outcome = Outcome(
        summary=results.summary(),
        checks=results.check(*checks),
        is_strict=options["strict"],
    )
    writers = list(_writers(places, results, outcome))
    if options["csv"]:
        writers.append((Path(options["csv"]), results.to_csv))
    written = [_written(path, write) for path, write in writers]
    return _told(replace(outcome, is_unwritten=not all(written)), options)


def _told(outcome: Outcome, options: Mapping[str, Any]) -> int:
    """Print an outcome for people, or as one JSON object; return its exit code."""
    if options["as_json"]:
        click.echo(json.dumps(outcome.to_dict(), allow_nan=False))
        return outcome.exit_code
    *lines, last = outcome.lines()
    for line in lines:
        click.echo(line)
    # Colours vanish by themselves where there is no terminal.
    click.echo(click.style(last, fg="red" if outcome.exit_code else "green", bold=True))
    return outcome.exit_code


def _shower(plan: Plan, progress: str) -> Callable[[Run], Show]:
    """Return who makes what shows the run: a table, lines, or nothing."""
    is_terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    can_draw = find_spec("rich") is not None

    def show(run: Run) -> Show:
        if progress == "none":
            return Silence(sys.stderr, plan.every)
        sys.stderr.write(_opening(plan, run) + "\n")
        if can_draw and (progress == "live" or (progress == "auto" and is_terminal)):
            from ._table import LiveTable

            return LiveTable(run.scenario, plan.load.duration)
        return Lines(sys.stderr, plan.every)

    return show


def _opening(plan: Plan, run: Run) -> str:
    """Return what starts, as a sentence: the seed is there even if the run is killed."""
    load = plan.load
    length = "until all users are gone" if load.duration is None else f"for {load.duration:g} s"
    if load.steers_users:
        most = max(load.users, *(int(stage.target) for stage in load.stages))
        users = f"up to {number_of(most, 'user')}"
    else:
        users = number_of(load.users, "user")
    return f"{run.scenario}: {users} {length}; run {run.id}, seed {run.seed}"


def _writers(
    places: Places, results: Results, outcome: Outcome
) -> Iterator[tuple[Path, Callable[[Path], object]]]:
    """Yield each file that is asked for, and what writes it; the archive first."""
    if places.out is not None:
        yield places.out, lambda path: results.save(path, overwrite=places.overwrite)
    if places.junit is not None:
        yield places.junit, lambda path: write_junit(outcome, path)
    if places.report is not None:
        yield places.report, lambda path: results.report(path, checks=outcome.checks)


def _written(path: Path, write: Callable[[Path], object]) -> bool:
    """Write a file and say so; what cannot be written must not keep the others away."""
    try:
        write(path)
    except (OSError, MurmurError) as error:
        sys.stderr.write(f"murmur: {path} could not be written: {error}\n")
        return False
    sys.stderr.write(f"written: {path}\n")
    return True
