"""``murmur capacity``: the load up to which a check holds."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from murmur.errors import ConfigError

from ._codes import INVALID, REFUSED
from ._completion import scenarios_of, settings_of
from ._sections import SectionedCommand, allow_option, option

if TYPE_CHECKING:
    from murmur.results.capacity import Capacity, Search, Step

_EPILOG = """\
\b
By example:
  murmur capacity shop.py --check "p99(order) < 200ms" --low 10
  murmur capacity shop.py --check "failed < 1%" --by user_rate --low 600
  murmur capacity shop.py --check "p99(order) < 200ms" --by orders -u 500 --low 100

\b
Exit codes:
  0    found, or it holds at the most that was tried
  1    it does not hold at --low, or the answers were too noisy
  2    the check, a setting or the scenario cannot be read
  3    the generator was the limit, or no node was left
  130  interrupted; what was found is printed
"""

_CHARTS = (".html", ".svg", ".png", ".json")

_EXIT = {
    "found": 0,
    "not reached": 0,
    "never held": 1,
    "too noisy": 1,
    "generator": INVALID,
    "given up": INVALID,
    "interrupted": 130,
}


@click.command(cls=SectionedCommand, epilog=_EPILOG, no_args_is_help=True)
@click.argument("scenario", shell_complete=scenarios_of)
@option("--check", required=True, metavar="CHECK", help="What has to hold: p99(order) < 200ms.")
@option(
    "--by",
    default="users",
    show_default=True,
    metavar="WHAT",
    help="What sets the load: users, user_rate (users a minute), or the name of a throttle.",
)
@option("--low", type=float, default=1.0, show_default=True, help="The first load.")
@option("--high", type=float, help="The largest load that may be tried.")
@option(
    "--hold",
    metavar="TIME",
    default="20s",
    show_default=True,
    help="Time of each step that is judged.",
)
@option(
    "--warm-up",
    metavar="TIME",
    default="5s",
    show_default=True,
    help="Time of each step before that, which is not judged.",
)
@option(
    "--confirm",
    type=int,
    default=2,
    show_default=True,
    help="Steps that hold, and steps that fail, at least.",
)
@option(
    "-u",
    "--users",
    type=int,
    default=0,
    help="Users of every step, where a throttle sets the load.",
)
@option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    shell_complete=settings_of,
    help="A setting; repeat for more.",
)
@allow_option()
@option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
@option("--chart", metavar="FILE", help="Write the curve: .html, .svg, .png or .json.")
def capacity(scenario: str, **options: Any) -> int:  # noqa: ANN401 - click's own values
    """Search for the load up to which a check holds in SCENARIO.

    Each step is a run at one load; progress goes to standard error, the answer to standard
    output.
    """
    from murmur._session import Session
    from murmur.results.checks import read_duration
    from murmur.scenario import find

    from ._plan import settings_for

    found = find(scenario, {})
    pairs = [text.partition("=") for text in options["settings"]]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise ConfigError([f"--set {name}: give NAME=VALUE" for name in wrong])
    _refuse_chart(options["chart"])
    values: dict[str, Any] = settings_for(found, {}, {name: value for name, _, value in pairs})
    try:
        with Session(allow=options["allow"] or None) as session:
            result = session.find_capacity(
                found,
                check=options["check"],
                by=options["by"],
                low=options["low"],
                high=options["high"],
                hold=read_duration(options["hold"]),
                warm_up=read_duration(options["warm_up"]),
                confirm=options["confirm"],
                users=options["users"],
                on_step=_tell,
                **values,
            )
    except ValueError as error:
        sys.stderr.write(f"murmur: {error}\n")
        return REFUSED
    if options["as_json"]:
        click.echo(json.dumps(result.to_dict(), indent=2, ensure_ascii=False))
    else:
        click.echo(result.sentence)
        for remark in result.remarks:
            click.echo(f"  {remark}")
    return _EXIT[result.ended] if _drawn(result, options["chart"]) else REFUSED


def _refuse_chart(path: str | None) -> None:
    """Raise ConfigError for a chart that nobody can draw, before the search and not after it."""
    if path and Path(path).suffix not in _CHARTS:
        raise ConfigError([f"--chart {path}: give a name that ends in {', '.join(_CHARTS)}"])


def _drawn(result: Capacity, path: str | None) -> bool:
    """Write the curve if it is asked for, and say so if that cannot be done."""
    try:
        if path:
            result.chart().save(path)
    except OSError as error:
        sys.stderr.write(f"murmur: {path} could not be written: {error.strerror}\n")
        return False
    return True


def _tell(step: Step, search: Search) -> None:
    low, high = search.interval()
    why = f" ({step.reason})" if step.reason else ""
    sys.stderr.write(
        f"{len(search.asked):2d}. {step.load:,.6g}: {step.answer}{why}; "
        f"between {low:,.4g} and {high:,.4g} so far\n"
    )
    sys.stderr.flush()
