"""``murmur compare``: saved runs side by side."""

from __future__ import annotations

from typing import Any

import click

from ._sections import SectionedCommand, option, places

_EPILOG = """\
\b
Several runs of each side, with -- between them:
  murmur compare before-1 before-2 before-3 -- after-1 after-2 after-3

\b
With the runs kept in a directory, where good ones join them:
  murmur compare --baseline baselines/shop results --margin 5% --update

\b
Rules, by example:
  p99(echo) > +10%       the 99th percentile of `echo` rose by a tenth
  rate < -5%             5 % fewer actions a second, of any action
  failed > +0.1 points   a thousandth more of all actions failed
A rule is met only if the whole interval of the difference lies beyond it, and
not met only if none of it does; otherwise the answer is cannot tell.
Statistics: rate, failed, mean, p50, p95, p99, service_p50, service_p99.

\b
Exit codes:
  0    pass: no rule is met and nothing is worse than --margin, surely
  1    fail: a rule is met, or something is worse by more than --margin;
       without either, if anything is worse, surely
  2    a rule or a directory cannot be read
  3    one of the runs is invalid: murmur was too slow, or a node was lost
  4    cannot tell: too little was measured, nothing says how much is too much,
       or the baseline is empty (0 if --update has just begun it)
"""

_BETWEEN = "\0"
"""Stands for ``--``, which click would swallow."""


class _CompareCommand(SectionedCommand):
    """Keeps the ``--`` that parts the sides."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments."""
        return super().parse_args(ctx, [_BETWEEN if each == "--" else each for each in args])

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return what stands behind the name of the command in its help."""
        return ["[OPTIONS]", "A... [--] B... | --baseline DIR B..."]


@click.command(cls=_CompareCommand, epilog=_EPILOG)
@click.argument("runs", nargs=-1, shell_complete=places)
@option("--after", metavar="TIME", help="Leave out the first seconds of all: the ramp.")
@option("--before", metavar="TIME", help="Leave out what comes after this time.")
@option("--confidence", type=float, default=0.95, show_default=True, help="Of the intervals.")
@option("--fail-if", multiple=True, metavar="RULE", help="Fail if this is so; repeat for more.")
@option("--margin", metavar="SHARE", help="Fail if anything is worse by more, such as 5%.")
@option("--baseline", metavar="DIR", help="Compare with the runs that are kept there.")
@option("--update", is_flag=True, help="Keep the runs there, unless they are worse or invalid.")
@option("--keep", type=int, default=5, show_default=True, help="Runs kept there; the oldest go.")
@option("--all", "every", is_flag=True, help="Show service times and the mean as well.")
@option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
def compare(runs: tuple[str, ...], **options: Any) -> int:  # noqa: ANN401 - click's own values
    """Show how the runs saved in B differ from those in A, and how sure that is."""
    if options["baseline"] is not None:
        from ._baseline import compare_with_baseline

        if not runs or _BETWEEN in runs:
            raise click.UsageError("with --baseline give the directories of the new runs alone")
        return compare_with_baseline(list(runs), options)
    if options["update"]:
        raise click.UsageError("--update says what is kept in a --baseline; give one")
    from ._side_by_side import compare_saved

    return compare_saved(*_sides(runs), options)


def _sides(runs: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Return the directories of both sides."""
    given = list(runs)
    if given.count(_BETWEEN) == 1:
        place = given.index(_BETWEEN)
        before, after = given[:place], given[place + 1 :]
    else:
        before, after = given[:1], given[1:]
    is_told = _BETWEEN in given or len(given) == 2
    if not (is_told and before and after) or _BETWEEN in after:
        raise click.UsageError("give two directories, or several of each side with -- between them")
    return before, after
