"""``murmur run``: its options and their help; what it does is in `_perform`."""

from __future__ import annotations

from typing import Any

import click

from ._codes import EXIT_CODES
from ._completion import scenarios_of, settings_of
from ._sections import SectionedCommand, allow_option, option
from ._signals import EarlySignalError, Interrupts

_LOAD, _SCENARIO, _CHECKS, _OUTPUT = "Load", "Scenario", "Checks", "Output"

_EPILOG = f"""\
\b
Load, by example:
  -u 100                   100 users, at the pace of the scenario's user_rate
  -u 100 --ramp 10s -d 1m  all of them arrive within 10 s; the run lasts 1 min
  -u 100 -r 10/s           the same 10 users a second, said as a rate
  -r 10/s -d 1m            10 users arrive each second, 600 in all
  --stage 30s:100 --stage 1m:100 --stage 10s:0
                           to 100 users within 30 s, 1 min at 100, then down
  --stage 30s:10/s --stage 1m:10/s
                           to 10 arrivals a second within 30 s, then 1 min at that rate
Stages of users keep that many present: users who are done are replaced.  Without
stages nobody is replaced, and the run ends when all users are gone, or after
--duration.

\b
Checks, by example:
  p99(echo) < 200ms        99 % of the successful `echo` actions within 200 ms
  failed < 0.1%            of all actions
  failed(login) == 0       rate(echo) > 95/s       max(echo) < 2s
  users(failed) == 0       count(GET /*) > 1000    service_p50 < 50ms
  p95(login) < 0.3 in 95% of 10s windows after 30s

{EXIT_CODES}
"""


_NODES = "Nodes"


@click.command(cls=SectionedCommand, epilog=_EPILOG, no_args_is_help=True, tells_all=True)
@click.argument("scenario", required=False, shell_complete=scenarios_of)
@option("-u", "--users", type=int, metavar="N", section=_LOAD, help="Users to start with.")
@option(
    "-r",
    "--rate",
    metavar="RATE",
    section=_LOAD,
    help="How fast users arrive, as 10/s or 600/min; without --users, they arrive for as long "
    "as the run lasts.",
)
@option("--ramp", metavar="TIME", section=_LOAD, help="All users arrive evenly within this time.")
@option("-d", "--duration", metavar="TIME", section=_LOAD, help="Time the run takes: 90s, 1m30s.")
@option(
    "--stage",
    multiple=True,
    metavar="TIME:TARGET",
    section=_LOAD,
    help="Change to TARGET users, or arrivals as 10/s, in a straight line; repeat for more.",
)
@option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    section=_SCENARIO,
    shell_complete=settings_of,
    help="A setting of the scenario, read by its type; wins over AMOC_NAME in the environment.",
)
@option(
    "--seed",
    type=int,
    metavar="N",
    section=_SCENARIO,
    help="Make the same random choices as the run that had this seed.",
)
@option(
    "--config",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    section=_SCENARIO,
    help="TOML file with the same names as these options; the command line wins over it.",
)
@allow_option(_SCENARIO)
@option(
    "--callback-timeout",
    metavar="TIME",
    section=_SCENARIO,
    help="Time that init and terminate may take each; 60s if not given.",
)
@option(
    "--check",
    multiple=True,
    metavar="CHECK",
    section=_CHECKS,
    help="What has to hold at the end; repeat for more.",
)
@option(
    "--abort-on",
    multiple=True,
    metavar="CHECK",
    section=_CHECKS,
    help="End the run as soon as this holds, such as 'failed > 5% after 10s'.",
)
@option(
    "--strict",
    is_flag=True,
    section=_CHECKS,
    help="Exit with 3 if the run is suspect, not only if it is invalid.",
)
@option(
    "-o", "--out", metavar="DIR", section=_OUTPUT, help="Keep everything here, for murmur.load."
)
@option("--overwrite", is_flag=True, section=_OUTPUT, help="Replace a run that --out holds.")
@option("--report", metavar="FILE", section=_OUTPUT, help="Write an HTML page that opens offline.")
@option("--junit", metavar="FILE", section=_OUTPUT, help="Write the checks for a CI server.")
@option("--json", "as_json", is_flag=True, section=_OUTPUT, help="Print one JSON object instead.")
@option(
    "--progress",
    type=click.Choice(["auto", "live", "plain", "none"]),
    default="auto",
    show_default=True,
    section=_OUTPUT,
    help="A live table, or a line now and then; auto shows the table on a terminal.",
)
@option(
    "--watch",
    "is_watched",
    is_flag=True,
    section=_OUTPUT,
    help="Show each request of user 1, to see what the scenario does; best with -u 1.",
)
@option(
    "--every",
    metavar="TIME",
    default="5s",
    show_default=True,
    section=_OUTPUT,
    help="Time between two plain lines.",
)
@option(
    "--prometheus",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    section=_OUTPUT,
    help="Let Prometheus on this machine scrape the run here.",
)
@option(
    "--nodes",
    type=click.IntRange(min=0),
    metavar="N",
    section=_NODES,
    help="Start N node processes and run the users there: one for each core you want to use.",
)
@option(
    "--listen",
    metavar="HOST:PORT",
    section=_NODES,
    help="Let other machines join as nodes, and notebooks attach, with the file of --ticket.",
)
@option("--ticket", metavar="FILE", section=_NODES, help="Write the ticket here; it is a secret.")
@option(
    "--look-ticket",
    metavar="FILE",
    section=_NODES,
    help="Write a ticket here with which a notebook may look, and do no more.",
)
@option(
    "--seen-as",
    metavar="HOST",
    section=_NODES,
    help="Name or address by which other machines reach this one.",
)
@option(
    "--wait-for",
    type=click.IntRange(min=0),
    metavar="N",
    section=_NODES,
    help="Start once N nodes are there, those of --nodes included; 0 runs the users here.",
)
def run(**options: Any) -> int:  # noqa: ANN401 - click's own values
    """Run SCENARIO, check what came of it, and exit with the answer.

    SCENARIO is path/to/file.py, path/to/file.py:Class or package.module:Class; it may also
    stand in --config.  Or a URL: murmur run http://127.0.0.1:8080/ -r 50/s -d 10s asks for it
    50 times a second.  Results go to standard output, progress to standard error.
    """
    with Interrupts() as interrupts:
        try:
            with interrupts.noting():
                from ._conclude import run_and_conclude

            return run_and_conclude(options, interrupts)
        except KeyboardInterrupt:  # before the run was on: there is nothing to conclude
            raise EarlySignalError(interrupts.exit_code) from None
