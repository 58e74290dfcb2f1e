"""The catalogue of events: every name murmur emits, and what travels with it.

amoc's names and meanings are kept, so that its users find their way; what amoc lacks
(users going up and down, changes of state, failures of handlers and actions) is added
under the same prefix.  This module knows neither who emits nor who listens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from murmur.errors import InvalidArgumentError, UnknownNameError


@dataclass(frozen=True, slots=True)
class EventType:
    """What there is to know about the events of one name.

    Parameters
    ----------
    name : str
        The full name, such as ``amoc.throttle.execute``.
    summary : str
        When it is emitted, in one sentence.
    measurements : tuple of str
        Keys that `Event.measurements` may have; durations are in seconds.
    metadata : tuple of str
        Keys that `Event.metadata` may have.
    frequent : bool, default False
        Whether it comes once per user, permit or action.  A frequent event reaches
        subscribers only; the others are kept with the run's results as well.

    Examples
    --------
    >>> CATALOGUE["amoc.throttle.execute"].measurements
    ('count', 'lateness')
    """

    name: str
    summary: str
    measurements: tuple[str, ...]
    metadata: tuple[str, ...]
    frequent: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes
    ----------
    name : str
        A name of the catalogue.
    at : float
        Seconds on the node's monotonic clock.
    wall_at : float
        Seconds since the UNIX epoch, UTC.
    node : str
        The node where it happened.
    run_id : str
        The run it belongs to; empty when there is none.
    measurements : mapping of str to float
        Numbers, by the keys that the catalogue lists.
    metadata : mapping of str to object
        Everything else, by the keys that the catalogue lists.

    Examples
    --------
    >>> event = Event("amoc.user.up", 5.0, 1.7e9, "a", "r1", {"count": 1}, {"user_id": 3})
    >>> event.metadata["user_id"]
    3
    """

    name: str
    at: float
    wall_at: float
    node: str
    run_id: str
    measurements: Mapping[str, float]
    metadata: Mapping[str, object]


_FAILURE = ("error", "reason", "traceback")  # type (and text), text, and the whole of it


def _span(callback: str, summary: str, *, keys: tuple[str, ...], frequent: bool) -> list[EventType]:
    """Return the three events around a callback: start, then stop or exception."""
    stem = f"amoc.scenario.{callback}"
    return [
        EventType(f"{stem}.start", f"{summary} is called.", ("count",), keys, frequent),
        EventType(
            f"{stem}.stop", f"{summary} returned.", ("duration",), (*keys, "return"), frequent
        ),
        EventType(
            f"{stem}.exception",
            f"{summary} raised.",
            ("duration",),
            (*keys, "kind", "reason", "traceback"),
            frequent,
        ),
    ]


def _event(
    name: str,
    summary: str,
    *metadata: str,
    measurements: tuple[str, ...] = ("count",),
    frequent: bool = False,
) -> EventType:
    return EventType(f"amoc.{name}", summary, measurements, metadata, frequent)


def _scenario_events() -> list[EventType]:
    user = ("scenario", "user_id")
    return [
        *_span("init", "The scenario's `init`", keys=("scenario",), frequent=False),
        *_span("start", "A user's `start`", keys=user, frequent=True),
        *_span("terminate", "The scenario's `terminate`", keys=("scenario",), frequent=False),
    ]


def _run_events() -> list[EventType]:
    return [
        _event("controller.users", "Users were added or asked to leave.", "scenario", "type"),
        _event("run.state", "The run's state changed.", "scenario", "from", "to"),
        _event("user.up", "A user was admitted.", "user_id", frequent=True),
        _event(
            "user.down",
            "A user is gone, or was dropped before it was admitted.",
            "user_id",
            "outcome",
            "reason",
            frequent=True,
        ),
        _event(
            "user.failure",
            "The first user failed for this reason.",
            "user_id",
            "reason",
            "traceback",
        ),
        _event(
            "user.leftovers",
            "Tasks that users left behind were found, more of a function than before.",
            "task",
            measurements=("count", "transports"),
        ),
        _event("user.unstoppable", "A run began while users of earlier ones still went on."),
        _event("mailbox.overflow", "A full mailbox refused a message.", "user_id"),
        _event(
            "handler.failure",
            "A subscriber raised and was detached.",
            "event",
            "pattern",
            "handler",
            *_FAILURE,
        ),
    ]


def _health_events() -> list[EventType]:
    return [
        _event(
            "run.blocked",
            "A user's code blocked the loop, which is free again.",
            "user_id",
            "line",
            measurements=("count", "duration"),
        ),
        _event(
            "health.saturated",
            "The generator became, or ceased to be, the bottleneck.",
            "saturated",
            "reason",
            measurements=("loop_lag", "cpu"),
        ),
        _event(
            "health.standstill",
            "The process of a node, or the steering kernel, goes on after it stood still.",
            "cause",
            measurements=("count", "duration"),
        ),
    ]


def _throttle_events() -> list[EventType]:
    return [
        _event("throttle.init", "A throttle was started.", "name"),
        _event(
            "throttle.rate",
            "A throttle's rate was set or changed.",
            "name",
            measurements=("rate", "interval"),
        ),
        _event("throttle.request", "A permit was asked for.", "name", frequent=True),
        _event(
            "throttle.execute",
            "A permit was granted.",
            "name",
            measurements=("count", "lateness"),
            frequent=True,
        ),
        _event(
            "throttle.process",
            "A throttle was paused, resumed, ramped, unlocked or stopped.",
            "name",
            "message",
            "state",
        ),
        _event("throttle.failure", "A function run under a throttle raised.", "name", *_FAILURE),
    ]


def _http_events() -> list[EventType]:
    return [
        _event(
            "http.request",
            "A request of `user.http` was made, with the redirects that it followed.",
            "name",
            "user_id",
            "method",
            "url",
            "status",
            "failure",
            measurements=("count", "seconds", "received_bytes", "redirects"),
            frequent=True,
        )
    ]


def _coordinator_events() -> list[EventType]:
    batch = ("name", "kind", "configured")
    return [
        _event("coordinator.start", "A coordinator was started.", "name"),
        _event("coordinator.stop", "A coordinator was stopped.", "name"),
        _event(
            "coordinator.add",
            "A user was added to a coordinator.",
            "name",
            "user_id",
            frequent=True,
        ),
        _event("coordinator.reset", "A coordinator was reset.", "name"),
        _event("coordinator.timeout", "No user came within a coordinator's timeout.", "name"),
        _event(
            "coordinator.execute",
            "The actions of an item of a coordinator's plan were called.",
            *batch,
            measurements=("count", "duration", "failed"),
        ),
        _event(
            "coordinator.unfinished",
            "Users waited for others when the run began to end, and in vain.",
            *batch,
            "user_id",
            measurements=("count", "seconds"),
        ),
        _event(
            "coordinator.overflow", "Members were left out of a batch that was too large.", *batch
        ),
        _event(
            "coordinator.failure",
            "Calls of a coordinator's action raised; the first one's error is given.",
            *batch,
            "action",
            *_FAILURE,
        ),
    ]


def _config_events() -> list[EventType]:
    return [
        _event(
            "config.verify",
            "A value of a setting was refused.",
            "setting",
            "value",
            "reason",
        ),
        _event(
            "config.failure",
            "An observer, or `changed`, raised after a setting had changed.",
            "setting",
            *_FAILURE,
        ),
        _event(
            "config.env",
            "An environment variable could not be used; the default holds.",
            "variable_name",
            "variable_value",
            "default_value",
            "error",
            measurements=("error",),
        ),
        _event("config.update", "A live setting changed.", "setting", "old", "new"),
        _event(
            "config.local",
            "A node took a local setting from its own environment.",
            "setting",
            "value",
        ),
    ]


def _cluster_events() -> list[EventType]:
    return [
        _event("cluster.connect_nodes", "Nodes joined the session.", "nodes", "state"),
        _event("cluster.nodedown", "Nodes were lost.", "nodes", "state"),
        _event("cluster.master_node_down", "The steering kernel was lost.", "nodes", "state"),
    ]


def _catalogue(types: Iterable[EventType]) -> Mapping[str, EventType]:
    return MappingProxyType({event_type.name: event_type for event_type in types})


CATALOGUE: Mapping[str, EventType] = _catalogue(
    [
        *_scenario_events(),
        *_run_events(),
        *_health_events(),
        *_throttle_events(),
        *_coordinator_events(),
        *_http_events(),
        *_config_events(),
        *_cluster_events(),
    ]
)
"""Every event murmur emits, by name."""


def check(name: str, measurements: Mapping[str, float], metadata: Mapping[str, object]) -> None:
    """Refuse an event that the catalogue does not describe.

    Emitting checks nothing, for speed; tests call this for everything they see.

    Parameters
    ----------
    name : str
        The event's name.
    measurements, metadata : mapping
        What is about to travel with it.

    Raises
    ------
    UnknownNameError
        If the catalogue has no event of that name.
    InvalidArgumentError
        If it has keys that its entry does not list.

    Examples
    --------
    >>> check("amoc.throttle.execute", {"count": 1}, {"name": "messages"})
    >>> check("amoc.throttle.execute", {"count": 1}, {"throttle": "messages"})
    Traceback (most recent call last):
    ...
    murmur.errors.InvalidArgumentError: event 'amoc.throttle.execute' has no metadata 'throttle' ...
    """
    event_type = CATALOGUE.get(name)
    if event_type is None:
        raise UnknownNameError("event", [name], CATALOGUE)
    for what, given, known in (
        ("measurements", measurements, event_type.measurements),
        ("metadata", metadata, event_type.metadata),
    ):
        for key in given:
            if key not in known:
                listed = ", ".join(known) or "none"
                raise InvalidArgumentError(
                    f"event {name!r} has no {what} {key!r} (known: {listed})"
                )
