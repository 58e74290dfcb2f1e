"""Massively parallel, stateful load tests from a notebook.

A *scenario* says what one virtual *user* does; a `Session` starts thousands of them, adds
and removes users and changes settings while they run, and hands what happened back as
pandas frames.

Importing murmur starts nothing and imports neither numpy nor pandas nor a front end:
those come with the first thing that needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from murmur._version import __version__ as __version__
from murmur.errors import Leaving, MurmurError

if TYPE_CHECKING:
    from murmur._session import Run, Session, Status, attach, replay, session
    from murmur.cluster import Membership, NodeOverview, Ticket, join
    from murmur.connection import JsonConnection, connect_json
    from murmur.coordinators import Coordinator, CoordinatorEvent, CoordinatorStatistics, Member
    from murmur.feeder import AccessLog, Feeder
    from murmur.results import Results, load
    from murmur.runtime import (
        LeavingEvent,
        Occurrence,
        Outcome,
        RunState,
        Timer,
        Timetable,
        User,
        coordinator,
        count,
        gauge,
        record,
        send,
        throttle,
        timer,
    )
    from murmur.scenario import (
        Description,
        Descriptions,
        EnvironmentWarning,
        Scenario,
        Setting,
        describe,
        mix,
        scenarios_in,
    )
    from murmur.telemetry import on
    from murmur.throttles import Job, Permit, Ramp, Throttle, ThrottleStatistics, preview

_HOMES = {
    "murmur._session": ("Run", "Session", "Status", "attach", "replay", "session"),
    "murmur.cluster": ("Membership", "NodeOverview", "Ticket", "join"),
    "murmur.connection": ("JsonConnection", "connect_json"),
    "murmur.coordinators": ("Coordinator", "CoordinatorEvent", "CoordinatorStatistics", "Member"),
    "murmur.feeder": ("AccessLog", "Feeder"),
    "murmur.results": ("Results", "load"),
    "murmur.runtime": (
        "LeavingEvent",
        "Occurrence",
        "Outcome",
        "RunState",
        "Timer",
        "Timetable",
        "User",
        "coordinator",
        "count",
        "gauge",
        "record",
        "send",
        "throttle",
        "timer",
    ),
    "murmur.scenario": (
        "Description",
        "Descriptions",
        "EnvironmentWarning",
        "Scenario",
        "Setting",
        "describe",
        "mix",
        "scenarios_in",
    ),
    "murmur.telemetry": ("on",),
    "murmur.throttles": ("Job", "Permit", "Ramp", "Throttle", "ThrottleStatistics", "preview"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}
_PACKAGES = ("charts", "errors", "exporters", "http", "results", "telemetry", "testing", "widgets")

__all__ = [
    "AccessLog",
    "Coordinator",
    "CoordinatorEvent",
    "CoordinatorStatistics",
    "Description",
    "Descriptions",
    "EnvironmentWarning",
    "Feeder",
    "Job",
    "JsonConnection",
    "Leaving",
    "LeavingEvent",
    "Member",
    "Membership",
    "MurmurError",
    "NodeOverview",
    "Occurrence",
    "Outcome",
    "Permit",
    "Ramp",
    "Results",
    "Run",
    "RunState",
    "Scenario",
    "Session",
    "Setting",
    "Status",
    "Throttle",
    "ThrottleStatistics",
    "Ticket",
    "Timer",
    "Timetable",
    "User",
    "attach",
    "connect_json",
    "coordinator",
    "count",
    "describe",
    "gauge",
    "join",
    "load",
    "mix",
    "on",
    "preview",
    "record",
    "replay",
    "scenarios_in",
    "send",
    "session",
    "throttle",
    "timer",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever goes by the name
    """Import a public name from its home when it is first used."""
    if name not in _HOME_OF:
        from ._moved import MODULES_OF_AMOC

        hint = f"; amoc's {name} is {MODULES_OF_AMOC[name]} here" if name in MODULES_OF_AMOC else ""
        if name in _PACKAGES:
            hint = f"; write `import murmur.{name}` first"
        raise AttributeError(f"module 'murmur' has no attribute {name!r}{hint}")
    from importlib import import_module

    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, imported or not."""
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: Any) -> None:  # noqa: ANN401 - IPython may not be installed
    """Register the ``%amoc`` magics: what ``%load_ext murmur`` calls."""
    from murmur.jupyter import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:  # noqa: ANN401 - IPython may not be installed
    """Remove them: what ``%unload_ext murmur`` calls."""
    from murmur.jupyter import unload

    unload(shell)
