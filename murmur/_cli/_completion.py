"""``murmur completion``: what a shell needs to complete murmur's words."""

from __future__ import annotations

import click

from ._sections import SectionedCommand

__all__ = ["completion"]

_HOW = """\
\b
bash   murmur completion bash > ~/.local/share/bash-completion/completions/murmur
zsh    murmur completion zsh > "${fpath[1]}/_murmur"
fish   murmur completion fish > ~/.config/fish/completions/murmur.fish
"""


@click.command(cls=SectionedCommand, epilog=_HOW)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script that makes SHELL complete commands and options of murmur.

    Write it to where your shell looks for such scripts, and open a new shell.
    """
    from click.shell_completion import get_completion_class

    from ._commands import murmur

    kind = get_completion_class(shell)
    assert kind is not None  # the choice above
    click.echo(kind(murmur, {}, "murmur", "_MURMUR_COMPLETE").source())
