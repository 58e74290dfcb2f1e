"""``murmur import``: recorded traffic, written down as a scenario."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from ._sections import SectionedCommand, option, places

_EPILOG = """\
\b
By example:
  murmur import shop.har -o shop.py
  murmur import openapi.yaml --name Api > api.py
  murmur import lines-of-curl.txt -o api.py
"""


@click.command("import", cls=SectionedCommand, epilog=_EPILOG, no_args_is_help=True)
@click.argument("file", shell_complete=places)
@option("-o", "--out", metavar="FILE", help="Write it there; a file that exists stays.")
@option("--name", help="Name of the class; by default that of the file.")
@option(
    "--static",
    type=click.Choice(["leave", "group"]),
    default="leave",
    show_default=True,
    help="Leave styles, scripts and pictures out, or fetch those of a page side by side.",
)
@option(
    "--host",
    "hosts",
    multiple=True,
    metavar="HOST",
    help="Keep only requests to this host; repeat for more.",
)
def import_(file: str, out: str | None, hosts: tuple[str, ...], **options: Any) -> int:  # noqa: ANN401 - click's own values
    """Write a scenario that makes the requests of FILE.

    FILE is a HAR file, an OpenAPI document, or a text with lines of curl.  What was left
    out, and what has to be set, goes to standard error.
    """
    from murmur.errors import MurmurError
    from murmur.traffic import scenario_from

    written = scenario_from(file, hosts=hosts, **options)
    if out is None:
        click.echo(written.source, nl=False)
    else:
        try:
            with Path(out).open("x", encoding="utf-8") as target:
                target.write(written.source)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise MurmurError(f"{out}: {reason}") from error
    for note in written.notes:
        sys.stderr.write(f"{note}\n")
    return 0
