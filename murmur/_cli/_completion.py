"""Completion in a shell: the command that prints its script, and what Tab offers of scenarios."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem, get_completion_class

from ._sections import SectionedCommand, places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from murmur.scenario import Description

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
    from ._commands import murmur
    from ._shells import know_shells

    know_shells()
    kind = get_completion_class(shell)
    assert kind is not None  # the choice above
    click.echo(kind(murmur, {}, "murmur", "_MURMUR_COMPLETE").source())


def scenarios_of(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the scenarios of the file that is named, behind its colon; else have files offered.

    As for settings, the file is read and not imported.
    """
    path, colon, _ = incomplete.rpartition(":")
    if not (colon and path.endswith((".py", ".ipynb"))):
        return places(context, parameter, incomplete)
    offers = [CompletionItem(f"{path}:{each.name}") for each in _described(path)]
    return [offer for offer in offers if offer.value.startswith(incomplete)]


def settings_of(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the settings of the scenario in the line, or the values that one may have.

    The scenario is read and not imported: a Tab runs nobody's code.
    """
    # Click leaves words unread, in `args`, where an option still lacks its value.
    words = [context.params.get("scenario") or "", *context.args]
    files = [word for word in words if word.partition(":")[0].endswith((".py", ".ipynb"))]
    described = _described(files[0]) if files else ()
    if not described:
        return []
    one = described[0]
    name, equals, _ = incomplete.partition("=")
    if equals:
        offers = [
            CompletionItem(f"{name}={choice}")
            for setting in one.settings
            if setting.name == name
            for choice in (("true", "false") if setting.type == "Bool" else setting.choices or ())
        ]
    else:
        offers = [CompletionItem(f"{each.name}=", help=each.help) for each in one.settings]
    return [offer for offer in offers if offer.value.startswith(incomplete)]


def _described(reference: str) -> Sequence[Description]:
    """Return the scenarios of a file; none if there is no such file, or it cannot be read."""
    from murmur.errors import MurmurError
    from murmur.scenario import Description, describe

    try:
        described = describe(reference)
    except MurmurError:
        return ()
    return [described] if isinstance(described, Description) else described
