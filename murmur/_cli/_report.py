"""``murmur report``: what a saved run came to."""

from __future__ import annotations

from typing import Any

import click

from ._codes import EXIT_CODES
from ._sections import SectionedCommand, option


@click.command(cls=SectionedCommand, epilog=EXIT_CODES)
@click.argument("directory", type=click.Path())
@option("--check", multiple=True, metavar="CHECK", help="What has to hold; repeat for more.")
@option(
    "--strict", is_flag=True, help="Exit with 3 if the run is suspect, not only if it is invalid."
)
@option("--html", metavar="FILE", help="Write a page that opens in any browser, offline.")
@option("--csv", metavar="DIR", help="Write every frame as a CSV file.")
@option("--junit", metavar="FILE", help="Write the checks for a CI server.")
@option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
def report(directory: str, **options: Any) -> int:  # noqa: ANN401 - click's own values
    """Read the run saved in DIRECTORY: by `murmur run --out`, or by results.save.

    Prints the summary and judges checks, as at the end of the run.
    """
    from ._conclude import conclude_saved

    return conclude_saved(directory, options)
