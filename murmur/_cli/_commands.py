"""The commands of ``murmur``: what there is, each imported when it is asked for."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

import click

from murmur.errors import MurmurError, closest

from ._codes import EXIT_CODES, INTERRUPTED, REFUSED
from ._signals import EarlySignalError

# Name, and one line for `murmur --help`, which imports none of them.
COMMANDS: Mapping[str, str] = {
    "run": "Run a scenario, check what came of it, and exit with the answer.",
    "describe": "Show the settings of a scenario without importing it.",
    "report": "Read a saved run: summary, checks, an HTML page, CSV.",
    "status": "Say how a run stands; the exit code is for health checks.",
    "replay": "Do a saved run again: settings, seed, users, every change at its time.",
    "compare": "Show how two saved runs differ, and how sure that is.",
    "capacity": "Search for the load up to which a check holds.",
    "import": "Write a scenario from a HAR file, an OpenAPI document or lines of curl.",
    "node": "Join a session as a node, and run users for it until it ends.",
    "schema": "Print the JSON schema of what programs read: --json, and archives.",
    "completion": "Print what makes your shell complete murmur's words.",
}

_LONG_WORD = re.compile(r"[^\s/]{200,}")

_EPILOG = f"""\
\b
Examples:
  murmur describe scenarios/chat.py
  murmur run scenarios/chat.py -u 100 -d 1m --check "p99(echo) < 200ms"
  murmur report results/

{EXIT_CODES}

Every command has its own --help.
"""


class Group(click.Group):
    """The commands, imported one by one: ``murmur --help`` needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which they are shown."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"murmur._cli._{cmd_name}")
        # The name of `import` is a word of Python.
        command: click.Command = getattr(module, {"import": "import_"}.get(cmd_name, cmd_name))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of a line; a misspelt one is told with the closest."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"no command {args[0]!r}{closest(args[0], list(COMMANDS), 'commands')}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def answer(self, arguments: Sequence[str] | None) -> int:
        """Run a command line and return its exit code; errors are sentences.

        A refusal stands in the file of --junit as well: a CI server that finds no file, or an
        older one, sees nothing wrong.
        """
        given = sys.argv[1:] if arguments is None else arguments
        if "_MURMUR_COMPLETE" in os.environ:  # a Tab in a shell
            from ._shells import know_shells

            know_shells()
        try:
            code = self.main(arguments, prog_name="murmur", standalone_mode=False)
        except click.UsageError as error:
            _show(error)
            code = _refused(given, _short(error.format_message()))
        except click.ClickException as error:
            error.show()
            code = error.exit_code
        except click.exceptions.Exit as left:
            code = left.exit_code
        except (KeyboardInterrupt, click.Abort):
            sys.stderr.write("\nmurmur: interrupted\n")
            code = _refused(given, "interrupted", INTERRUPTED)
        except EarlySignalError as error:
            sys.stderr.write(f"\nmurmur: {error}\n")
            code = _refused(given, str(error), error.exit_code)
        except MurmurError as error:
            said = f"{_told(error)}{_place(error)}"
            sys.stderr.write(f"murmur: {said}\n")
            code = _refused(given, said)
        return code if isinstance(code, int) else 0


def _refused(arguments: Sequence[str], why: str, code: int = REFUSED) -> int:
    """Tell a CI server why there is no run, if it is to be told; return the exit code."""
    if any(word.startswith(("--junit", "--config")) for word in arguments):
        from ._junit import tell_refusal  # and with it what reads results

        tell_refusal(arguments, why)
    return code


def _show(error: click.UsageError) -> None:
    """Say what is wrong with a command line; one without words gets the help."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
    else:
        click.UsageError(_short(error.format_message()), error.ctx).show()


def _told(error: MurmurError) -> str:
    """Return the message, with a headline if it is a list."""
    text = _short(str(error))
    return f"{len(getattr(error, 'problems', ()))} problems{text}" if text[:1] == "\n" else text


def _short(text: str) -> str:
    """Return a message without the middle of words that nobody wrote by hand."""
    return _LONG_WORD.sub(lambda found: f"{found[0][:40]}...{found[0][-10:]}", text)


def _place(error: MurmurError) -> str:
    """Return where in the scenario it went wrong, if it is the scenario that went wrong."""
    text = getattr(error, "traceback_text", "")
    frames = re.findall(r'File "(.+?)", line (\d+), in (\S+)', text)
    return "\n  at {}:{}, in {}".format(*frames[-1]) if frames else ""


@click.group(
    cls=Group,
    name="murmur",
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="murmur-load", message="murmur %(version)s")
def murmur() -> None:
    """Load tests with thousands of stateful users, from a terminal or from CI.

    A scenario is a Python class that says what one user does; a run starts many of them,
    measures what they do, and ends with a verdict.
    """
