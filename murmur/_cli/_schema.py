"""``murmur schema``: the JSON schema of what murmur writes for programs."""

from __future__ import annotations

import json

import click

from ._sections import SectionedCommand


@click.command(cls=SectionedCommand)
@click.argument("kind", type=click.Choice(["run", "manifest"]))
def schema(kind: str) -> None:
    """Print the JSON schema (draft 2020-12) of KIND.

    run is the object that `murmur run --json` and `murmur report --json` print; manifest is
    the file manifest.json of an archive.
    """
    from murmur.results import JSON_KINDS, json_schema

    (chosen,) = (each for each in JSON_KINDS if each == kind)
    click.echo(json.dumps(json_schema(chosen), indent=2))
