"""``murmur node``: this process as a node of somebody's session."""

from __future__ import annotations

import click

from ._sections import SectionedCommand, option

__all__ = ["node"]


@click.command(cls=SectionedCommand)
@click.argument("ticket")
@option("--name", metavar="NAME", help="What the session calls this node; its host otherwise.")
def node(ticket: str, name: str | None) -> int:
    """Join the session that TICKET is from, and run users for it until it ends.

    TICKET is the text that session.open() returned, or a file that holds it.  Whoever has it
    may run code here: keep it as you keep a password.  Ctrl-C leaves in order.
    """
    from murmur.cluster import serve_node

    code: int = serve_node(ticket, name=name)
    return code
