"""Words of a command line that cannot be read: click stops at the first, and here all are told."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from murmur.errors import sentences

MISREAD = "misread"
"""The keyword by which a command gets what is wrong, to tell it with what else is."""


def noted_in(context: click.Context) -> list[click.UsageError]:
    """Return what is wrong with this line so far; more may be added."""
    noted: list[click.UsageError] = context.meta.setdefault(__name__, [])
    return noted


def read_past(
    read: Callable[[list[str]], list[str]],  # reads a line, and raises at what it cannot
    context: click.Context,
    words: Sequence[str],
) -> tuple[list[str], bool]:
    """Return what `read` does of the words that it can read, and whether it is sure which.

    What it cannot is in `noted_in`.  The word behind an unknown option may be its value.
    """
    noted, left, is_sure = noted_in(context), list(words), True
    while True:
        try:
            return read(list(left)), is_sure
        except click.exceptions.NoArgsIsHelpError:
            if not noted:
                raise
            return [], False
        except (click.NoSuchOption, click.BadOptionUsage) as error:
            noted.append(error)
            at = _place(error.option_name, left)
            if at is None:
                return [], False
            length = _length(error, left[at:], context.command)
            is_sure = is_sure and length is not None
            del left[at : at + (length or 1)]
        except click.UsageError as error:
            if is_sure or not noted:  # else it may be about such a value
                noted.append(error)
            return [], is_sure


def together(noted: Sequence[click.UsageError], context: click.Context) -> click.UsageError:
    """Return one error for all."""
    if len(noted) == 1:
        return noted[0]
    told = sentences([each.format_message() for each in noted])
    return click.UsageError(f"{len(noted)} problems{told}", context)


def _place(name: str, words: Sequence[str]) -> int | None:
    """Return where the option stands, short ones also among others: ``-ox``."""
    for place, word in enumerate(words):
        is_joined = not name.startswith("--") and word[:1] == "-" != word[1:2] and name[1:] in word
        if word == name or word.startswith(f"{name}=") or is_joined:
            return place
    return None


def _length(
    error: click.NoSuchOption | click.BadOptionUsage, words: Sequence[str], command: click.Command
) -> int | None:
    """Return how many words an option takes that cannot be read; None if nobody can tell."""
    if not isinstance(error, click.NoSuchOption):
        return 1
    if "=" in words[0] or len(words) == 1 or words[1].startswith("-"):
        return 1
    for option in command.params:
        if isinstance(option, click.Option) and {*option.opts} & {*(error.possibilities or ())}:
            return 1 if option.is_flag else 2
    return None
