"""A run done again from what was kept of it: its settings, its seed, its calls at their times."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent
from time import monotonic
from typing import TYPE_CHECKING, Any

from traitlets import TraitType, Unicode

from murmur._given import needed
from murmur.errors import ConfigError, WaitTimeoutError
from murmur.scenario import (
    find,
    is_secret,
    parse_settings,
    refuse_unknown,
    settings_of,
    variable_of,
)

from ._default import session as default_session

if TYPE_CHECKING:
    from murmur.results import Manifest, Results
    from murmur.scenario import Scenario

    from ._run import Run
    from ._session import Session

_logger = logging.getLogger(__name__)

_texts: list[TemporaryDirectory[str]] = []
"""Where texts of scenarios lie until the interpreter ends: tracebacks and nodes read them."""


def replay(
    results: Results | str | Path,
    *,
    session: Session | None = None,
    scenario: type[Scenario] | str | None = None,
    **settings: object,
) -> Run:
    """Do a run again: same scenario, settings, seed, users, and every change at its time.

    It returns when the new run is over; an interrupt stops that run.  What the scenario does
    by itself (throttles it changes, what its users choose) follows from its code and the
    seed; what came from outside (`Session.add`, `remove`, `update`, throttles, `stop`) is
    done again when it was done.  Messages that a session sent to users are not.

    The code of the scenario is the text that the archive holds, which this **runs**: replay
    only archives that you trust.

    Parameters
    ----------
    results : Results, str or pathlib.Path
        Of the run that is to be done again, or the directory of its archive.
    session : Session, optional
        Where it runs; that of the notebook by default.
    scenario : type of Scenario or str, optional
        The class, or where to find it, as for `Session.do`, rather than the archive's text.
    **settings
        Values in place of those it was started with; secret ones, which no archive holds,
        have to be given, here or as ``AMOC_<NAME>``.

    Returns
    -------
    Run
        The new run.  ``run.results.manifest.diff(results.manifest)`` says what is not the
        same as before.

    Raises
    ------
    ConfigError
        If the archive does not hold all that is needed; with every problem.
    ScenarioError
        If the scenario's text does not run here.
    RunStateError
        If a run is on.
    MurmurError
        If a call that was possible then is refused now; the new run is stopped.

    Examples
    --------
    >>> import murmur
    >>> class Hello(murmur.Scenario):
    ...     '''Users say hello and go.'''
    ...     async def start(self, user):
    ...         user.count("hello")
    >>> with murmur.Session() as session:
    ...     first = session.do(Hello, 3, seed=7, user_rate=float("inf"), end_when_idle=True)
    ...     status = first.wait(timeout=30)
    ...     again = murmur.replay(first.results, session=session, scenario=Hello)
    >>> again.seed, len(again.results.users), again.results.manifest.diff(first.results.manifest)
    (7, 3, [])
    """
    from murmur.results import load

    if isinstance(results, str | Path):
        results = load(results)
    needed(hasattr(results, "manifest"), "results", results, "give results, or where they are")
    manifest = results.manifest
    _refuse_unknown(manifest)
    chosen = archived_scenario(manifest) if scenario is None else find(scenario, _notebook())
    refuse_unknown(chosen, settings.keys() - {"nodes"}, replay)  # `do` takes nodes
    values = {**_settings_of(chosen, manifest["settings_at_start"], settings), **settings}
    return _again(session or default_session(), chosen, manifest, values, results.elapsed)


def _refuse_unknown(manifest: Manifest) -> None:
    """Raise ConfigError if the run is not known well enough."""
    problems = []
    if "calls" not in manifest or "users" not in manifest.get("plan", {}):
        problems.append(
            f"murmur {manifest.get('murmur')} kept no calls: only runs of later versions "
            "can be done again"
        )
    if manifest.get("calls_dropped"):
        problems.append(f"{manifest['calls_dropped']:,} of its calls were too many to be kept")
    if problems:
        raise ConfigError(problems)


def _notebook() -> Mapping[str, object]:
    from ._start import notebook_names

    return notebook_names()


def archived_scenario(manifest: Manifest) -> type[Scenario]:
    """Return the class that the text in a manifest defines; the text is run.

    Raises `ConfigError` if the text, or what it needs, was not kept.
    """
    told = manifest["scenario"]
    remedy = "pass scenario=, the class"
    if "source" not in told:
        raise ConfigError([f"the archive holds no text of {told.get('name')!r}; {remedy}"])
    if told.get("missing"):
        names = ", ".join(told["missing"])
        raise ConfigError([f"the text of {told['name']!r} needs {names}, not kept; {remedy}"])
    folder = TemporaryDirectory(prefix="murmur-replay-", ignore_cleanup_errors=True)
    _texts.append(folder)
    file = Path(folder.name) / "scenario.py"
    file.write_text(f"{told.get('above', '')}\n\n{dedent(told['source'])}", encoding="utf-8")
    return find(f"{file}:{told['name']}", {})


def _settings_of(
    scenario: type[Scenario], kept: Mapping[str, Any], given: Mapping[str, object]
) -> dict[str, object]:
    """Return the values that an archive holds as values of the scenario's settings.

    Raises `ConfigError` with every setting that cannot be read, or was never kept.
    """
    values: dict[str, object] = {}
    problems: list[str] = []
    for name, trait in settings_of(scenario).items():
        if name in given or name not in kept:
            continue
        if is_secret(trait):
            if variable_of(name) not in os.environ:
                problems.append(f"{name} is secret and was not kept: pass {name}=")
            continue
        try:
            values[name] = _value(scenario, name, trait, kept[name])
        except ConfigError:
            problems.append(f"{name} was kept as {kept[name]!r}, which is no value: pass {name}=")
    if problems:
        raise ConfigError(problems)
    return values


def _value(scenario: type[Scenario], name: str, trait: TraitType[Any, Any], kept: object) -> object:
    """Return a value as its trait takes it: JSON has no infinity, and no objects."""
    if not isinstance(kept, str) or isinstance(trait, Unicode):
        return kept
    if kept in (getattr(trait, "values", None) or ()):  # one of an Enum
        return kept
    if kept == str(trait.default_value):
        return trait.default_value
    return parse_settings(scenario, {name: kept})[name]


def _again(
    session: Session,
    scenario: type[Scenario],
    manifest: Manifest,
    settings: dict[str, object],
    elapsed: float,
) -> Run:
    plan = manifest["plan"]
    run = session.do(
        scenario,
        plan["users"],
        seed=manifest["seed"],
        duration=None if plan["seconds"] in (None, "inf") else plan["seconds"],
        end_when_idle=plan["end_when_idle"],
        **settings,  # type: ignore[arg-type]
    )
    began = monotonic() - manifest.get("load_at", 0.0)  # `init` took its own time
    try:
        for call in manifest["calls"]:
            _until(run, began + call["at"])
            if run.is_over:
                break
            try:
                _call(session, scenario, call["verb"], dict(call["arguments"]))
            except Exception as error:
                error.add_note(f"{call['at']:.3f} s into a replay: {call['verb']}")
                raise
        ends = plan["seconds"] is not None or plan["end_when_idle"]
        if not ends and not any(call["verb"] == "stop" for call in manifest["calls"]):
            _until(run, began + elapsed)  # it was cut off, or its session was closed
            session.stop()
        run.wait()
    except BaseException:
        with suppress(Exception):
            session.stop()
        raise
    return run


def _until(run: Run, moment: float) -> None:
    """Wait until a moment, or until the run is over."""
    left = moment - monotonic()
    if left > 0:
        with suppress(WaitTimeoutError):
            run.wait(timeout=left)


def _call(session: Session, scenario: type[Scenario], verb: str, arguments: dict[str, Any]) -> None:
    if arguments.pop("nodes", None) is not None:
        _logger.warning("%s was for some nodes; it is for all of them now", verb)
    if verb == "update":
        settings = _settings_of(scenario, arguments["settings"], {})
        session.update(**settings)  # type: ignore[arg-type]
    elif verb == "throttle":
        _call_throttle(session, arguments)
    elif verb == "coordinator":
        getattr(session.coordinators[arguments["name"]], arguments["verb"])()
    else:
        method: Callable[..., object] = getattr(session, verb)
        method(**arguments)


def _call_throttle(session: Session, arguments: dict[str, Any]) -> None:
    given = {name: _number(value) for name, value in arguments["arguments"].items()}
    if arguments["verb"] == "open":
        session.throttle(arguments["name"], **given)
    else:
        getattr(session.throttles[arguments["name"]], arguments["verb"])(**given)


def _number(kept: Any) -> Any:  # noqa: ANN401 - what a throttle is given
    return math.inf if kept == "inf" else kept
