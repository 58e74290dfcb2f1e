"""Commands of the page: each is one call on the session.

A command is read and carried out here, in a thread of its own, and its outcome is a value:
a sentence for the person who clicked, the code that does the same, or what was refused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

from murmur.errors import MurmurError, UnknownScenarioError, number_of

from ._code import call, start, update
from ._form import problems, read
from ._subject import Subject

_logger = logging.getLogger(__name__)

Arguments = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Done:
    """The outcome of a command."""

    said: str  # one sentence for the person who clicked
    code: str = ""  # the call that was made; empty if there was none
    problems: Mapping[str, str] = field(default_factory=dict)  # what is wrong with which setting
    is_refused: bool = False  # whether nothing was done


def carry_out(subject: Subject, name: str, arguments: Arguments) -> Done:
    """Carry out one command; whatever goes wrong comes back as a refusal."""
    command = COMMANDS.get(name)
    if command is None:
        return Done(f"the panel knows no command {name!r}", is_refused=True)
    try:
        return command(subject, arguments)
    except MurmurError as error:
        found = problems(error)
        return Done(_sentence(error, found), problems=found, is_refused=True)
    except (KeyError, TypeError, ValueError) as error:
        return Done(f"not understood: {error}", is_refused=True)
    except Exception as error:  # the page waits for an answer, whatever it is
        _logger.exception("the panel's command %r failed", name)
        return Done(f"failed: {error!r}", is_refused=True)


def _start(subject: Subject, given: Arguments) -> Done:
    name, users = str(given["scenario"]), _whole(given["users"])
    known = subject.scenarios()
    if name not in known:
        raise UnknownScenarioError(name, known=known)
    scenario = known[name]
    settings: dict[str, Any] = read(scenario, _texts(given.get("settings", {})))
    subject.session.do(scenario, users, **settings)
    here = name if scenario.__module__ == "__main__" else ""
    return Done(f"{scenario.__name__} is running.", start(scenario, here, users, settings))


def _add(subject: Subject, given: Arguments) -> Done:
    count = _whole(given["count"])
    ids = subject.session.add(count)
    span = f" ({ids.start:,} to {ids.stop - 1:,})" if count else ""
    return Done(f"{number_of(count, 'user')} added{span}.", call("session.add", count))


def _remove(subject: Subject, given: Arguments) -> Done:
    count, force = _whole(given["count"]), bool(given.get("force"))
    asked = subject.session.remove(count, force=force)
    code = call("session.remove", count, **({"force": True} if force else {}))
    ends = "; those who stay are cancelled after the grace" if force else ""
    return Done(f"{number_of(asked, 'user')} asked to leave{ends}.", code)


def _arrivals(subject: Subject, given: Arguments) -> Done:
    rate = float(given["rate"])
    subject.session.update(user_rate=rate)
    return Done(f"Users arrive at {rate:,g} a minute.", call("session.update", user_rate=rate))


def _update(subject: Subject, given: Arguments) -> Done:
    scenario = subject.session.scenario
    if scenario is None:
        return Done("nothing runs that could be changed", is_refused=True)
    settings: dict[str, Any] = read(scenario, _texts(given["settings"]))
    changed = subject.session.update(**settings)
    names = ", ".join(changed) or "nothing: these values are in force already"
    return Done(f"Changed {names}.", update(scenario, settings))


def _stop(subject: Subject, given: Arguments) -> Done:
    subject.session.stop()
    return Done("Stopping: users are asked to leave.", call("session.stop"))


def _rate(subject: Subject, given: Arguments) -> Done:
    name, value = str(given["name"]), float(given["rate"])
    keywords: dict[str, Any] = {"rate": value}
    if given.get("limit"):
        if not value.is_integer():  # neither inf nor nan is
            raise ValueError(f"give a whole number, not {value:g}")
        keywords = {"limit": int(value)}
    if given.get("cancel_ramp"):
        keywords["cancel_ramp"] = True
    subject.session.throttles[name].change_rate(**keywords)
    code = call(f"session.throttles[{name!r}].change_rate", **keywords)
    return Done(f"{name} has a new rate: {value:,g}.", code)


def _switch(subject: Subject, given: Arguments, *, verb: str, now: str) -> Done:
    name = str(given["name"])
    getattr(subject.session.throttles[name], verb)()
    return Done(f"{name} {now}.", call(f"session.throttles[{name!r}].{verb}"))


def _ramp(subject: Subject, given: Arguments) -> Done:
    name = str(given["name"])
    keywords: dict[str, Any] = {
        key: float(given[key]) for key in ("from_rate", "to_rate", "duration")
    }
    if given.get("cancel_ramp"):
        keywords["cancel_ramp"] = True
    subject.session.throttles[name].ramp(**keywords)
    code = call(f"session.throttles[{name!r}].ramp", **keywords)
    return Done(f"{name} changes over {keywords['duration']:g} s.", code)


COMMANDS: Mapping[str, Callable[[Subject, Arguments], Done]] = MappingProxyType(
    {
        "start": _start,
        "add": _add,
        "remove": _remove,
        "arrivals": _arrivals,
        "update": _update,
        "stop": _stop,
        "rate": _rate,
        "pause": partial(_switch, verb="pause", now="is paused"),
        "resume": partial(_switch, verb="resume", now="grants again"),
        "ramp": _ramp,
    }
)
"""Name of a command, and the function that makes its call."""


def _whole(given: object) -> int:
    """Return a number of users, or say that it is none."""
    try:
        return int(str(given))
    except ValueError:
        raise ValueError(f"{given!r} is not a whole number of users") from None


def _texts(given: object) -> Mapping[str, str]:
    """Return what was typed by the name of its setting, or say that it is nothing like it."""
    if not isinstance(given, Mapping):
        raise TypeError("settings come by their names")
    return {str(name): str(text) for name, text in given.items()}


def _sentence(error: MurmurError, found: Mapping[str, str]) -> str:
    """Return the error in one line; what stands beside its field is only counted."""
    if found:
        number = "1 setting was" if len(found) == 1 else f"{len(found)} settings were"
        return f"Nothing was changed: {number} refused."
    return str(error).partition("\n")[0]
