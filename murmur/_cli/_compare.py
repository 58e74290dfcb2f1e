"""``murmur compare``: two saved runs side by side."""

from __future__ import annotations

from typing import Any

import click

from ._sections import SectionedCommand, option

__all__ = ["compare"]

_EPILOG = """\
\b
Rules, by example:
  p99(echo) > +10%       the 99th percentile of `echo` rose by a tenth
  rate < -5%             of any action, a second holds 5 % fewer
A rule is met only if the whole interval of the difference lies beyond it.
Statistics: rate, failed, mean, p50, p95, p99, service_p50, service_p99.

\b
Exit codes:
  0    no rule is met, or none was given
  1    a rule is met; or nobody can tell: too little data, or no such action
  2    a rule or a directory cannot be read
  3    one of the runs is invalid: murmur was too slow, or a node was lost
"""


@click.command(cls=SectionedCommand, epilog=_EPILOG)
@click.argument("a", type=click.Path())
@click.argument("b", type=click.Path())
@option("--after", metavar="TIME", help="Leave out the first seconds of both: the ramp.")
@option("--before", metavar="TIME", help="Look no further than this.")
@option("--confidence", type=float, default=0.95, show_default=True, help="Of the intervals.")
@option("--fail-if", multiple=True, metavar="RULE", help="Exit 1 if this is so; repeat for more.")
@option("--all", "every", is_flag=True, help="Show service times and the mean as well.")
@option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
def compare(a: str, b: str, **options: Any) -> int:  # noqa: ANN401 - click's own values
    """Show how the run saved in B differs from the one in A, and how sure that is."""
    from ._side_by_side import compare_saved

    return compare_saved(a, b, options)
