"""Help in sections: options that belong together stand together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ._misread import MISREAD, noted_in, read_past, together

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

    def process_value(self, ctx: click.Context, value: Any) -> Any:  # noqa: ANN401 - click's own
        """Return the value; what is wrong with it is noted, so that all of a line is told."""
        try:
            return super().process_value(ctx, value)
        except click.BadParameter as error:
            if ctx.resilient_parsing:
                raise
            error.ctx, error.param = ctx, self
            noted_in(ctx).append(error)
            return None


class SectionedCommand(click.Command):
    """A command whose help has its options in sections, in the order they are declared.

    With `tells_all` it gets what is wrong with its line as the keyword ``misread``, and has to
    tell it with what else is wrong; without, that is an error before the command is called.
    """

    def __init__(self, *args: Any, tells_all: bool = False, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self._tells_all = tells_all

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words of the line, past those that cannot be read."""
        if ctx.resilient_parsing:  # a Tab
            return super().parse_args(ctx, args)
        rest, is_sure = read_past(partial(super().parse_args, ctx), ctx, args)
        if noted := noted_in(ctx):
            if not (self._tells_all and is_sure):
                raise together(noted, ctx)
            ctx.params[MISREAD] = tuple(each.format_message() for each in noted)
        return rest

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
