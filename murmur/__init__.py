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
from murmur.errors import Leaving as Leaving
from murmur.errors import MurmurError as MurmurError

if TYPE_CHECKING:
    from murmur._session import Run as Run
    from murmur._session import Session as Session
    from murmur._session import Status as Status
    from murmur._session import attach as attach
    from murmur._session import replay as replay
    from murmur._session import session as session
    from murmur.cluster import Membership as Membership
    from murmur.cluster import NodeOverview as NodeOverview
    from murmur.cluster import Ticket as Ticket
    from murmur.cluster import join as join
    from murmur.connection import JsonConnection as JsonConnection
    from murmur.connection import connect_json as connect_json
    from murmur.coordinators import Coordinator as Coordinator
    from murmur.coordinators import CoordinatorEvent as CoordinatorEvent
    from murmur.coordinators import CoordinatorStatistics as CoordinatorStatistics
    from murmur.coordinators import Member as Member
    from murmur.feeder import AccessLog as AccessLog
    from murmur.feeder import Feeder as Feeder
    from murmur.results import Results as Results
    from murmur.results import load as load
    from murmur.runtime import LeavingEvent as LeavingEvent
    from murmur.runtime import Occurrence as Occurrence
    from murmur.runtime import Outcome as Outcome
    from murmur.runtime import RunState as RunState
    from murmur.runtime import Timer as Timer
    from murmur.runtime import Timetable as Timetable
    from murmur.runtime import User as User
    from murmur.runtime import coordinator as coordinator
    from murmur.runtime import count as count
    from murmur.runtime import gauge as gauge
    from murmur.runtime import record as record
    from murmur.runtime import send as send
    from murmur.runtime import throttle as throttle
    from murmur.runtime import timer as timer
    from murmur.scenario import Description as Description
    from murmur.scenario import Descriptions as Descriptions
    from murmur.scenario import EnvironmentWarning as EnvironmentWarning
    from murmur.scenario import Scenario as Scenario
    from murmur.scenario import Setting as Setting
    from murmur.scenario import describe as describe
    from murmur.scenario import mix as mix
    from murmur.scenario import scenarios_in as scenarios_in
    from murmur.telemetry import on as on
    from murmur.throttles import Job as Job
    from murmur.throttles import Permit as Permit
    from murmur.throttles import Ramp as Ramp
    from murmur.throttles import Throttle as Throttle
    from murmur.throttles import ThrottleStatistics as ThrottleStatistics
    from murmur.throttles import preview as preview

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
