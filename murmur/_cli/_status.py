"""``murmur status``: how a run stands, for people and for health checks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from murmur.errors import MurmurError, NodeTimeoutError, TicketError, few

from ._pulse import Pulse, pulse_in
from ._sections import SectionedCommand, option, places

if TYPE_CHECKING:
    from murmur._session import Status
    from murmur.cluster import NodeOverview

WELL, UNWELL = 0, 1
_UNWELL_STATES = {"failed"}
_PATIENCE = 5.0
"""Seconds that a session may take at the least: it waits up to two for a node that is blocked."""

_TICKET = "murmur-ticket-"  # how the text of one begins; `murmur.cluster` is not imported for it

_EPILOG = """\
\b
Exit codes:
  0    a run is on and reports, or has ended in order; a session answers
  1    no run is there, it failed, or it has said nothing for too long;
       no session answers at the address of the ticket; with --node, that node is missing or silent
  2    the command line or the ticket cannot be used
"""


@click.command(cls=SectionedCommand, epilog=_EPILOG)
@click.argument("place", metavar="DIRECTORY|TICKET", shell_complete=places)
@option(
    "--within",
    type=click.FloatRange(min=1),
    default=10.0,
    metavar="SECONDS",
    help="How long a run that is on may say nothing, or a session take to answer (default: 10).",
)
@option("--node", metavar="NAME", help="With a ticket: ask about this node of the session.")
@option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
def status(place: str, within: float, node: str | None, as_json: bool) -> int:
    """Say how a run stands, and exit with 0 if all is well.

    DIRECTORY is that of `murmur run --out`, of Session(directory=...), or of one run in it;
    the newest run there counts.  Reads a file that a run writes once a second, so it is cheap
    enough for a health check.

    TICKET is that of a session, as `murmur run --listen --ticket`, --look-ticket or
    session.open() gave it: its text, or a file.  The session itself is asked.

    Whether the numbers can be trusted is another question, which `murmur report` answers.
    """
    if place.startswith(_TICKET) or Path(place).is_file():
        return _ask(place, within, node, as_json=as_json)
    if node is not None:
        raise click.UsageError("--node goes with a ticket: a directory tells of no node's loop")
    return _read(Path(place), within, as_json=as_json)


def _read(directory: Path, within: float, *, as_json: bool) -> int:
    """Tell how the newest run in a directory stands; imports nothing of the engine."""
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
    lines = [_first_line(pulse.state, pulse.scenario, pulse.users, pulse.elapsed, pulse.run_id)]
    if pulse.is_silent(within) and pulse.age < 0:
        lines.append(f"this was written {-pulse.age:,.0f} s in the future: set the clocks")
    elif pulse.is_silent(within):
        lines.append(
            f"nothing was heard of it for {pulse.age:,.0f} s: its process is gone or stuck"
        )
    lines += [f"problem: {problem}" for problem in pulse.problems]
    return "\n".join(lines)


def _first_line(
    state: str, scenario: str | None, users: Mapping[str, int], elapsed: float, run_id: str | None
) -> str:
    if run_id is None:
        return f"{state}: no run yet"
    counts = ", ".join(f"{count:,} {state}" for state, count in users.items())
    what = f"{state} {scenario or ''}".rstrip()
    return f"{what}: {counts}; {elapsed:,.0f} s; run {run_id}"


def _ask(ticket: str, within: float, node: str | None, *, as_json: bool) -> int:
    """Tell what the session of a ticket answers."""
    from murmur._session import attach

    patience = max(within, _PATIENCE)
    try:
        with attach(ticket) as there:
            seen: Status = there.ask("status", patience=patience)
            facts = _facts(seen)
            lines = [
                _first_line(seen.state, seen.scenario, seen.users, seen.elapsed, seen.run_id),
                *(f"problem: {problem}" for problem in seen.problems),
            ]
            if node is not None:
                trouble = _trouble_of(node, there.ask("nodes", patience=patience), within)
                facts |= {"node": node, "node_problem": trouble}
                facts["well"] = facts["well"] and trouble is None
                lines.append(f"node {node}: {trouble or 'there'}")
    except TicketError as error:
        raise click.UsageError(str(error)) from error
    except MurmurError as error:
        late = isinstance(error, NodeTimeoutError)
        lines = [f"the session did not answer within {patience:g} s" if late else str(error)]
        facts = {"state": None, "well": False, "problems": lines}
    click.echo(json.dumps(facts) if as_json else "\n".join(lines))
    return WELL if facts["well"] else UNWELL


def _facts(seen: Status) -> dict[str, Any]:
    return {
        "state": str(seen.state),
        "run_id": seen.run_id,
        "scenario": seen.scenario,
        "elapsed": seen.elapsed,
        "users": dict(seen.users),
        "nodes": {name: str(state) for name, state in seen.nodes.items()},
        "problems": list(seen.problems),
        "well": seen.state not in _UNWELL_STATES,
    }


def _trouble_of(name: str, nodes: Mapping[str, NodeOverview], within: float) -> str | None:
    """Return what is wrong with a node, None if nothing is."""
    node = nodes.get(name)
    if node is None:
        return f"it is not there (there: {few(nodes) or 'none'})"
    if node.silence > within:
        return f"nothing was heard from it for {node.silence:,.0f} s"
    if node.stuck_for > within:
        return f"a user has been blocking its loop for {node.stuck_for:,.0f} s"
    return "its part of the run failed" if node.state in _UNWELL_STATES else None
