"""``murmur status``: how the run in a directory stands, for people and for health checks."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ._pulse import Pulse, pulse_in
from ._sections import SectionedCommand, option

__all__ = ["status"]

WELL, UNWELL = 0, 1

_EPILOG = """\
\b
Exit codes:
  0    a run is on and says so, or has ended in order
  1    no run is there, it failed, or it has said nothing for too long
  2    the command line cannot be used
"""


@click.command(cls=SectionedCommand, epilog=_EPILOG)
@click.argument("directory", type=click.Path(path_type=Path))
@option(
    "--within",
    type=click.FloatRange(min=1),
    default=10.0,
    metavar="SECONDS",
    help="How long a run that is on may say nothing (default: 10).",
)
@option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
def status(directory: Path, within: float, as_json: bool) -> int:
    """Say how the newest run in DIRECTORY stands, and exit with 0 if all is well.

    DIRECTORY is that of `murmur run --out`, of Session(directory=...), or of one run in it.
    Reads a file that a run writes once a second, so it is cheap enough for a health check.
    Whether the numbers can be trusted is another question, which `murmur report` answers.
    """
    pulse = pulse_in(directory)
    if as_json:
        nothing = {"state": None, "well": False, "silent": False, "directory": str(directory)}
        click.echo(json.dumps(nothing if pulse is None else pulse.to_dict(within)))
    elif pulse is None:
        click.echo(f"no run in {directory}")
    else:
        click.echo(_told(pulse, within))
    return WELL if pulse is not None and pulse.is_well(within) else UNWELL


def _told(pulse: Pulse, within: float) -> str:
    """Return the state, and what belongs to it, for people."""
    what = f"{pulse.state} {pulse.scenario or ''}".rstrip()
    users = ", ".join(f"{count:,} {state}" for state, count in pulse.users.items())
    lines = [f"{what}: {users}; {pulse.elapsed:,.0f} s; run {pulse.run_id}"]
    if pulse.is_silent(within) and pulse.age < 0:
        lines.append(
            f"this was written {-pulse.age:,.0f} s in the future: set the clocks, nobody can tell"
        )
    elif pulse.is_silent(within):
        lines.append(
            f"nothing was heard of it for {pulse.age:,.0f} s: its process is gone or stuck"
        )
    lines += [f"problem: {problem}" for problem in pulse.problems]
    return "\n".join(lines)
