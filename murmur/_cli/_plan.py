"""Plan of a run, read from options and a file, with every problem at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from murmur.errors import ConfigError, InvalidSettingError, combine
from murmur.results.checks import Check, parse_check, read_duration, read_rate
from murmur.runtime import USER_RATE, checked_patterns
from murmur.scenario import Scenario, find, parse_settings, resolve

from ._crew import Crew
from ._file import read_file
from ._load import Load, Stage, read_stages
from ._misread import MISREAD
from ._places import Places
from ._problems import Problems
from ._url import as_get, is_url, of_url, with_extra

_EVERY = 5.0  # s


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A run that can be started: everything has been read and verified."""

    scenario: type[Scenario]
    settings: dict[str, Any]  # values for its settings
    load: Load  # what users come, and for how long
    # checks, abort_on: what has to hold at the end, and what ends the run when it holds
    checks: tuple[Check, ...] = ()
    abort_on: tuple[Check, ...] = ()
    is_strict: bool = False  # whether a suspect run is as bad as an invalid one
    seed: int | None = None
    crew: Crew = field(default_factory=Crew)  # the nodes it has
    session: dict[str, Any] = field(default_factory=dict)  # keywords for the session
    prometheus: int | None = None  # port where Prometheus may look
    places: Places = field(default_factory=Places)  # where results go
    is_watched: bool = False  # whether each request of user 1 is shown
    every: float = _EVERY  # seconds between two plain lines


def plan_of(options: Mapping[str, Any]) -> Plan:
    """Return the plan that the options of ``murmur run`` describe.

    What is given on the command line comes before what the file says; settings count one
    by one, and checks are added to those of the file.

    Raises `ConfigError` with every problem.
    """
    problems = Problems(options.get(MISREAD, ()))
    file = problems.read(read_file, options.get("config")) or {}
    if is_url(options.get("scenario")):
        options = problems.read(of_url, options, "--rate") or {**as_get(options), "rate": None}
        problems.read(with_extra, options)
    given = {**file, **{key: value for key, value in options.items() if value not in (None, ())}}
    scenario = _scenario(given, problems)
    texts = _pairs(options.get("settings") or (), problems)
    values = problems.read(
        lambda cls: settings_for(cls, file.get("settings", {}), texts, _implied(given)), scenario
    )
    load = _load(given, problems)
    checks, unread = read_checks(_both("check", file, options), "--check")
    abort_on, never = read_checks(_both("abort_on", file, options), "--abort-on")
    problems += [*unread, *never]
    places, crew = Places.of(given), Crew.of(given)
    problems.extend([*places.problems(), *crew.problems(), *_unwatchable(options, crew)])
    session = _session(given, problems)
    every = problems.read(_interval, options.get("every"), "--every") or _EVERY
    if problems or scenario is None or load is None:
        raise ConfigError(problems)
    return Plan(
        scenario=scenario,
        settings=_with_rate(values or {}, load),
        load=load,
        checks=checks,
        abort_on=abort_on,
        is_strict=bool(options.get("strict") or file.get("strict")),
        seed=given.get("seed"),
        crew=crew,
        session=session,
        prometheus=given.get("prometheus"),
        places=places,
        is_watched=bool(options.get("is_watched")),
        every=every,
    )


def _unwatchable(options: Mapping[str, Any], crew: Crew) -> list[str]:
    if options.get("is_watched") and (crew.spawn or crew.listen):
        return ["--watch sees users of this process: leave --nodes and --listen away"]
    return []


def _scenario(given: Mapping[str, Any], problems: Problems) -> type[Scenario] | None:
    if given.get("scenario") is None:
        if problems:  # of the file, which may name one
            return None
        problems.append("no scenario: give path/to/file.py[:Class] or package.module:Class")
        return None
    if "://" in given["scenario"]:
        problems.append(f"{given['scenario']}: of URLs only http:// and https:// can be asked for")
        return None
    return problems.read(lambda reference: find(reference, {}), given["scenario"])


def _pairs(pairs: Iterable[str], problems: Problems) -> dict[str, str]:
    """Return the texts of ``--set name=value`` by name."""
    texts = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.strip():
            problems.append(f"--set {pair}: write name=value")
            continue
        texts[name.strip()] = text
    return texts


def _load(given: Mapping[str, Any], problems: Problems) -> Load | None:
    before = len(problems)
    rate = problems.read(lambda text: read_rate(text, bare=False), given.get("rate"), "--rate")
    ramp = problems.read(read_duration, given.get("ramp"), "--ramp")
    duration = problems.read(read_duration, given.get("duration"), "--duration")
    stages: list[Stage] = []
    for text in given.get("stage") or ():
        stages += problems.read(read_stages, text, "--stage") or []
    if len(problems) > before:
        return None
    return problems.read(
        lambda users: Load.of(
            users=users[0], rate=rate, ramp=ramp, duration=duration, stages=stages
        ),
        (given.get("users"),),
    )


def read_checks(texts: Iterable[str], option: str) -> tuple[tuple[Check, ...], Problems]:
    """Return the checks that `option` was given, and what is wrong with the others."""
    problems = Problems()
    read = [problems.read(parse_check, text, option) for text in texts]
    return tuple(check for check in read if check is not None), problems


def _session(given: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    """Return what the session is made with."""
    timeout = problems.read(read_duration, given.get("callback_timeout"), "--callback-timeout")
    allow = given.get("allow")  # an empty list allows nothing, and is no absence
    problems.read(checked_patterns, allow)
    return {
        **({"callback_timeout": timeout} if timeout is not None else {}),
        **({"allow": list(allow)} if allow is not None else {}),
    }


def _interval(text: str) -> float:
    if not (seconds := read_duration(text)) > 0:
        raise ValueError("give more than 0")
    return seconds


def _both(key: str, file: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[str, ...]:
    return (*file.get(key, ()), *(options.get(key) or ()))


def _implied(given: Mapping[str, Any]) -> str:
    """Return the option that says how fast users arrive; empty if none does."""
    for key in ("rate", "ramp", "stage"):
        if given.get(key):
            return f"--{key}"
    return ""


def _with_rate(values: Mapping[str, object], load: Load) -> dict[str, Any]:
    """Return the settings with the rate of arrival that the load asks for."""
    return {**values, **({} if load.rate is None else {"user_rate": 60.0 * load.rate})}


def settings_for(
    scenario: type[Scenario],
    # values of a TOML file; text among them is read as on the command line
    filed: Mapping[str, object],
    texts: Mapping[str, str],  # from the command line; they come first
    # the option that says how fast users arrive, which `user_rate` would contradict
    arrival: str = "",
) -> dict[str, object]:
    """Return values that a run of `scenario` accepts.

    Raises `ConfigError` with every problem, those of required settings and of the environment
    included.
    """
    typed = {name: value for name, value in filed.items() if not isinstance(value, str)}
    written = {name: value for name, value in filed.items() if isinstance(value, str)}
    values = {name: value for name, value in typed.items() if name not in texts}
    refused: list[ConfigError] = []
    unread = set()
    for name, text in {**written, **texts}.items():
        try:
            values.update(parse_settings(scenario, {name: text}))
        except ConfigError as error:
            refused.append(error)
            unread.add(name)
    if arrival and USER_RATE in {**values, **texts}:
        refused.append(ConfigError([f"{USER_RATE} and {arrival} both say how fast users arrive"]))
    try:
        resolve(scenario, values)
    except ConfigError as error:
        refused += _besides(error, unread)
    if refused:
        raise combine(refused)
    return values


def _besides(error: ConfigError, unread: set[str]) -> list[ConfigError]:
    """Return what an error says about other settings than those that could not be read."""
    if not unread or not isinstance(error, InvalidSettingError):
        return [error]
    failures = [failure for failure in error.failures if failure[0] not in unread]
    names = getattr(error, "names", ())
    unknown = [ConfigError(error.problems[: len(names)])] if names else []
    return [*unknown, *([InvalidSettingError(failures)] if failures else [])]
