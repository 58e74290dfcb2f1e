"""``murmur node``: this process as a node of somebody's session."""

from __future__ import annotations

import click

from ._sections import SectionedCommand, option, places
from ._signals import Interrupts

_EPILOG = """\
\b
Exit codes:
  0    the session ended, or sent this node away
  1    the session was lost
  2    the ticket cannot be used, or no session answers
  130  Ctrl-C (143: SIGTERM, 129: closed terminal)
"""


@click.command(cls=SectionedCommand, epilog=_EPILOG)
@click.argument("ticket", shell_complete=places)
@option("--name", metavar="NAME", help="What the session calls this node; else its host's name.")
@option(
    "--wait",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="How long to wait for a session, or its ticket's file, that is not there yet"
    " (default: not at all).",
)
def node(ticket: str, name: str | None, wait: float) -> int:
    """Join the session that TICKET is from, and run users for it until it ends.

    TICKET is the text that session.open() returned, or a file that holds it.  Whoever has it
    may run code here: keep it as you keep a password.  Ctrl-C and SIGTERM leave in order.
    A node that loses the session ends its load, and tries for a minute to come back.
    """
    from murmur.cluster import serve_node

    with Interrupts() as interrupts:
        try:
            return serve_node(ticket, name=name, wait=wait)
        except KeyboardInterrupt:
            return interrupts.exit_code
