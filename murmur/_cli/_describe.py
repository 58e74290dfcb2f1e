"""``murmur describe``: the settings of a scenario."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from ._completion import scenarios_of
from ._sections import SectionedCommand, option

if TYPE_CHECKING:
    from murmur.scenario import Description, Descriptions


@click.command(cls=SectionedCommand)
@click.argument("scenario", shell_complete=scenarios_of)
@option("--json", "as_json", is_flag=True, help="Print one JSON object (a list if several).")
def describe(scenario: str, as_json: bool) -> None:
    """Show the settings of SCENARIO: types, defaults, limits, help.

    SCENARIO is a .py file or a notebook, with :Class if it holds several; it is read and not
    imported, so nothing it needs has to be installed.  Or package.module:Class, which is
    imported.  Give settings to a run with --set name=value or as AMOC_NAME.
    """
    described = _described(scenario)
    if as_json:
        click.echo(json.dumps(described.to_dict(), ensure_ascii=False, indent=2))
    elif sys.stdout.isatty() and find_spec("rich") is not None:
        _draw(described)
    else:
        click.echo(repr(described))


def _described(reference: str) -> Description | Descriptions:
    from murmur.scenario import describe, find

    path = reference.partition(":")[0]
    if path.endswith((".py", ".ipynb")):
        return describe(reference)
    return describe(find(reference, {}))


def _draw(described: Any) -> None:  # noqa: ANN401 - one description, or several
    """Draw tables that wrap to the width of the terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    for each in described if isinstance(described, tuple) else (described,):
        console.print(Text.assemble((each.name, "bold"), f": {each.doc}" if each.doc else ""))
        table = Table(box=SIMPLE_HEAD, header_style="dim", pad_edge=False)
        for column in ("setting", "type", "default", "accepts", "", "help"):
            table.add_column(column)
        for name, kind, default, accepts, tags, _, text in (s.row() for s in each.settings):
            table.add_row(*map(Text, (name, kind, default, accepts, tags, text)))
        console.print(table)
        for base in each.unread_bases:
            console.print(f"Not read, as it is defined elsewhere: {base}", highlight=False)
