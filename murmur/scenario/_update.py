"""Changing live settings of a running scenario: planned as a whole, then committed."""

from __future__ import annotations

from collections.abc import Mapping

from murmur._guard import heard
from murmur.errors import ConfigError, ReadOnlySettingError, UnknownSettingError, combine

from ._declarations import MASK, is_live, is_secret, live_names, settings_of
from ._insides import held_back, observers
from ._scenario import Scenario
from ._verification import Verification


class Update:
    """A verified change of live settings, not yet made."""

    def __init__(self, scenario: Scenario, changes: Mapping[str, tuple[object, object]]) -> None:
        self._scenario = scenario
        # old and new value of each setting that will change
        self.changes: dict[str, tuple[object, object]] = dict(changes)
        settings = settings_of(type(scenario))
        # the same with secrets masked: for events, records and people
        self.shown: dict[str, tuple[object, object]] = {
            name: (MASK, MASK) if is_secret(settings[name]) else pair
            for name, pair in self.changes.items()
        }

    def __repr__(self) -> str:
        """Return the changes; secrets are masked."""
        rows = (f"{name}: {old!r} -> {new!r}" for name, (old, new) in self.shown.items())
        return f"Update({', '.join(rows)})"

    def commit(self) -> list[tuple[str, BaseException]]:
        """Set all values, then tell every observer of every change.

        Returns
        -------
        list of (str, BaseException)
            Setting and exception for each observer that failed.  The others were called
            all the same, and the values stay.
        """
        scenario = self._scenario
        # The lock keeps validators from being asked again: the values are verified.
        failures: list[tuple[str, BaseException]] = []
        with held_back(scenario) as held, scenario.cross_validation_lock:
            for name, (_, new) in self.changes.items():
                _, error = heard(scenario.set_trait, name, new)  # it compares them
                if error is not None:
                    failures.append((name, error))
        for change in held:
            for observer in observers(scenario, change.name):
                _, error = heard(observer, change)
                if error is not None:
                    failures.append((change.name, error))
        return failures


def plan_update(
    scenario: Scenario,
    given: Mapping[str, object],  # new values.  Those that equal the present ones are left out.
) -> Update:
    """Verify new values for live settings, or refuse with every problem at once.

    Nothing changes before `Update.commit`.

    Raises `UnknownSettingError` or `ReadOnlySettingError` or `InvalidSettingError` with every
    problem; of several kinds at once if need be.

    Examples
    --------
    >>> import murmur.scenario as ms
    >>> class Chat(ms.Scenario):
    ...     async def start(self, user):
    ...         ...
    >>> chat = ms.build(Chat, ms.resolve(Chat, {}))
    >>> update = ms.plan_update(chat, {"user_rate": 60})
    >>> update
    Update(user_rate: 1200.0 -> 60.0)
    >>> update.commit()
    []
    >>> chat.user_rate
    60.0
    """
    cls = type(scenario)
    settings = settings_of(cls)
    proposed = {
        name: value
        for name, value in given.items()
        if name in settings
        and is_live(settings[name])
        and not _equal(getattr(scenario, name), value)
    }
    verification = Verification(cls, like=scenario)
    for name, value in proposed.items():
        verification.propose(name, value)
    verification.cross_validate(proposed)
    problems: list[ConfigError] = []
    if unknown := [name for name in given if name not in settings]:
        problems.append(UnknownSettingError(unknown, settings))
    if locked := [n for n in given if n in settings and not is_live(settings[n])]:
        problems.append(ReadOnlySettingError(locked, live_names(cls)))
    if invalid := verification.error():
        problems.append(invalid)
    if problems:
        raise combine(problems)
    pairs = {name: (getattr(scenario, name), verification.value(name)) for name in proposed}
    # A validator may have rewritten a new value into the one that is there already.
    return Update(scenario, {name: pair for name, pair in pairs.items() if not _equal(*pair)})


def _equal(old: object, new: object) -> bool:
    """Return whether the values are the same; those that cannot be compared are not."""
    return bool(heard(lambda: bool(old == new)).value)  # an array has no truth value
