"""``murmur replay``: a saved run, done again."""

from __future__ import annotations

import sys
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from ._codes import EXIT_CODES
from ._sections import SectionedCommand, allow_option, option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from murmur.results import Results

_EPILOG = f"""\
The text of the scenario in the archive is run: replay only archives that you trust.
Secret settings are in no archive: give them with --set, or as AMOC_<NAME>.

\b
By example:
  murmur replay results/monday --out results/again --set port=8002
  murmur compare results/monday results/again --margin 5%

{EXIT_CODES}
"""


@click.command(cls=SectionedCommand, epilog=_EPILOG, no_args_is_help=True)
@click.argument("directory", type=click.Path())
@option("--scenario", metavar="FILE[:NAME]", help="Run this in place of the archive's own text.")
@option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A setting; repeat for more."
)
@allow_option()
@option("--check", multiple=True, metavar="CHECK", help="What has to hold; repeat for more.")
@option("--strict", is_flag=True, help="Exit with 3 if the run is suspect, not only if invalid.")
@option("-o", "--out", metavar="DIR", help="Save the new run there.")
@option("--overwrite", is_flag=True, help="Replace the run that --out holds.")
@option("--report", "--html", "html", metavar="FILE", help="Write an HTML page that opens offline.")
@option("--csv", metavar="DIR", help="Write every frame as a CSV file.")
@option("--junit", metavar="FILE", help="Write the checks for a CI server.")
@option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
def replay(directory: str, **options: Any) -> int:  # noqa: ANN401 - click's own values
    """Do the run saved in DIRECTORY again: same scenario, settings, seed, users, changes.

    Every change that was made by hand is made again at its time.  What is not as it was,
    such as a version or the host, goes to standard error; then come summary and checks.
    """
    from murmur.results.archive import load

    from ._conclude import conclude_saved

    saved = load(directory)
    _refuse_early(options)
    again = _done_again(saved, options["scenario"], options["settings"], options["allow"])
    for note in saved.manifest.diff(again.manifest):
        sys.stderr.write(f"note: {note}\n")
    with TemporaryDirectory(prefix="murmur-replay-") as folder:
        where = again.save(options["out"] or f"{folder}/run", overwrite=options["overwrite"])
        return conclude_saved(str(where), options)


def _refuse_early(options: Mapping[str, Any]) -> None:
    """Raise ConfigError for what would be refused when the run is over, and lose it.

    The file of --junit says from now on that the run is not over.
    """
    from murmur.errors import ConfigError

    from ._junit import announce
    from ._places import Places
    from ._plan import read_checks

    _, problems = read_checks(options["check"], "--check")
    places = Places.of({**options, "report": options["html"]})
    if refused := [*problems, *places.problems()]:
        raise ConfigError(refused)
    announce(places.junit)


def _done_again(
    saved: Results, place: str | None, texts: tuple[str, ...], allow: tuple[str, ...]
) -> Results:
    """Return what came of doing a run again."""
    from murmur._session import Session, archived_scenario
    from murmur._session import replay as do_again
    from murmur.errors import ConfigError
    from murmur.scenario import find, parse_settings

    pairs = [text.partition("=") for text in texts]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise ConfigError([f"--set {name}: give NAME=VALUE" for name in wrong])
    scenario = find(place, {}) if place else archived_scenario(saved.manifest)
    given = parse_settings(scenario, {name: value for name, _, value in pairs})
    with Session(allow=allow or None) as session:
        return do_again(saved, session=session, scenario=scenario, **given).results
