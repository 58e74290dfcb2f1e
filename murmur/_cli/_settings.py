"""Settings of a scenario from the command line and from a file."""

from __future__ import annotations

from collections.abc import Mapping

from murmur.errors import ConfigError, InvalidSettingError, combine
from murmur.runtime import USER_RATE
from murmur.scenario import Scenario, parse_settings, resolve

__all__ = ["settings_for"]


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
