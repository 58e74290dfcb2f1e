"""Prints what came of a run to standard output."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ._outcome import Outcome

__all__ = ["print_outcome"]


def print_outcome(outcome: Outcome, *, as_json: bool) -> None:
    """Print an outcome for people, or as one JSON object."""
    if as_json:
        click.echo(json.dumps(outcome.to_dict(), allow_nan=False))
        return
    *lines, last = outcome.lines()
    for line in lines:
        click.echo(line)
    # Colours vanish by themselves where there is no terminal.
    click.echo(click.style(last, fg="red" if outcome.exit_code else "green", bold=True))
