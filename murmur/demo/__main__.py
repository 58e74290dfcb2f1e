"""The demo without a notebook: ``python -m murmur.demo --users 1000 --duration 30``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from murmur._session import Run, Session
from murmur.errors import MurmurError, WaitTimeoutError
from murmur.results import missing_for_report
from murmur.testing import RouterProcess, router_process

from ._chat import Chat
from ._report import Report

ARRIVAL = 3.0  # s; in which all users come, or a quarter of a short duration
PACE = 0.6  # s; between a user's messages, so that the demo is over in half a minute

EXIT_CODES = """\
Exit codes: 0 all is well, 1 the numbers do not add up or users failed, 2 the demo cannot
run like this, 3 the numbers add up but this machine was too slow to trust them.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; return its exit code."""
    options = _options(arguments)
    if options.report and (missing := missing_for_report("--report")):
        sys.stderr.write(f"murmur.demo: {missing}\n")
        return 2
    try:
        with router_process(connections=options.users) as router, Session() as session:
            run = session.do(
                Chat,
                options.users,
                seed=options.seed,
                duration=options.duration,
                end_when_idle=True,
                port=router.port,
                pace=PACE,
                user_rate=60 * options.users / min(ARRIVAL, options.duration / 4),
            )
            _watch(run, router, sys.stderr)
            counts = router.stop()
            return _conclude(run, Report.of(run.results, counts, announced=options.users), options)
    except MurmurError as error:
        sys.stderr.write(f"murmur.demo: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("\nmurmur.demo: interrupted; the users were sent home\n")
        return 130


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m murmur.demo",
        description="Users chat through a message router on this machine, and murmur says how "
        "that went.  Nothing outside this machine is contacted.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--users", type=_count, default=1000, help="how many users chat (default: %(default)s)"
    )
    parser.add_argument(
        "--duration",
        type=_seconds,
        default=30.0,
        help="seconds after which users still there are asked to leave; the demo ends earlier "
        "if all are gone (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, help="repeat the random numbers of another run")
    parser.add_argument(
        "--report",
        type=_file,
        metavar="FILE",
        help="write charts and tables to a page that opens in any browser, offline "
        "(needs murmur-load[notebook])",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the figures as one JSON object instead"
    )
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("at least one user is needed")
    return count


def _seconds(text: str) -> float:
    seconds = float(text)
    if not seconds > 0:
        raise argparse.ArgumentTypeError("give seconds, more than 0")
    return seconds


def _file(text: str) -> Path:
    path = Path(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a directory; give a file")
    return path


def _watch(run: Run, router: RouterProcess, out: TextIO) -> None:
    """Say every second how it goes, until the run is over."""
    is_terminal = out.isatty()
    while not run.is_over:
        try:
            run.wait(timeout=1.0)
        except WaitTimeoutError:
            line = _progress(run, router)
            out.write(f"\r{line}\x1b[K" if is_terminal else f"{line}\n")
            out.flush()
    if is_terminal:
        out.write("\r\x1b[K")


def _progress(run: Run, router: RouterProcess) -> str:
    status = run.status()
    users = ", ".join(f"{count:,} {state}" for state, count in status.users.items())
    return f"{status.elapsed:3.0f} s  users: {users}  messages: {router.counters().forwarded:,}"


def _conclude(run: Run, report: Report, options: argparse.Namespace) -> int:
    if options.report:
        page = run.results.report(options.report)
        sys.stderr.write(f"report: {page}\n")
    if options.json:
        figures = {"seed": run.seed, **report.as_dict()}
        sys.stdout.write(json.dumps(figures) + "\n")
    else:
        sys.stdout.write(f"{run.results.summary()}\n{report}\n")
    if report.problems:
        return 1
    return 3 if report.verdict == "invalid" else 0


if __name__ == "__main__":
    sys.exit(main())
