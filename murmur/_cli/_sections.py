"""Help in sections: options that belong together stand together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

F = TypeVar("F", bound=Callable[..., Any])

_REST = "Options"
_PLACES = ("FILE", "DIR")
"""What options call their value that is a place on the disk."""


def places(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Have the shell offer the files that there are, or directories where those are wanted."""
    from click.shell_completion import CompletionItem

    kind = "dir" if getattr(parameter, "metavar", None) == "DIR" else "file"
    return [CompletionItem(incomplete, type=kind)]


class _Option(click.Option):
    """An option that knows its section of the help."""

    def __init__(self, *args: Any, section: str = _REST, **kwargs: Any) -> None:  # noqa: ANN401
        if kwargs.get("metavar") in _PLACES:
            kwargs.setdefault("shell_complete", places)
        super().__init__(*args, **kwargs)
        self.section = section


class SectionedCommand(click.Command):
    """A command whose help has its options in sections, in the order they are declared."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one list for each section; the help option comes last."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            if not isinstance(parameter, click.Option):
                continue  # the usage line shows the arguments
            record = parameter.get_help_record(ctx)
            if record is not None:
                sections.setdefault(getattr(parameter, "section", _REST), []).append(record)
        rest = sections.pop(_REST, [])
        for title, records in [*sections.items(), (_REST, rest)]:
            with formatter.section(title):
                formatter.write_dl(records)


def option(*names: str, section: str = _REST, **settings: Any) -> Callable[[F], F]:  # noqa: ANN401
    """Declare an option as `click.option` does, in a section of the help."""
    return click.option(*names, cls=_Option, section=section, **settings)


def allow_option(section: str = _REST) -> Callable[[F], F]:
    """Declare ``--allow``, of every command that lets users loose on a target."""
    return option(
        "--allow",
        multiple=True,
        metavar="HOST",
        section=section,
        help="Let murmur's clients connect to this host and no other: api.example.org, "
        "*.example.org; repeat for more.",
    )
