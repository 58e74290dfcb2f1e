"""The whole state of a session as plain values: what every panel of it shows.

Pure: a look, the history and the notebook's scenarios in, a dictionary out.  A number that
JSON cannot hold becomes text or None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from murmur.recording import failed_thing
from murmur.results import duration_text
from murmur.runtime import USER_RATE
from murmur.telemetry import kind_text

from ._form import fields
from ._table import rows_of

if TYPE_CHECKING:
    from murmur.cluster import NodeStatus
    from murmur.recording import RunRecord
    from murmur.scenario import Scenario
    from murmur.throttles import ThrottleStatistics

    from ._history import Change, History
    from ._subject import Look
    from ._windows import Figures

__all__ = ["snapshot"]

_CHANGES = 50  # of those, the rules in the charts and the newest in their table
_ERRORS = 8
_ADVICE = (
    "The load generator is the bottleneck: response times hold its own delay. "
    "Use fewer users, lighter scenarios or more nodes."
)


def snapshot(
    look: Look,
    history: History,
    *,
    scenarios: Mapping[str, type[Scenario]],
    running: type[Scenario] | None,
    settings: Mapping[str, object],
    code: str,
) -> dict[str, Any]:
    """Return the state that panels show.

    Parameters
    ----------
    look : Look
        The session at this moment.
    history : History
        What was measured.
    scenarios : mapping of str to type
        Those that may be started.
    running : type of Scenario or None
        The class of the latest run.
    settings : mapping of str to object
        What that run was started with; secrets masked.
    code : str
        What the clicks so far stand for.
    """
    status, is_on = look.status, not look.status.state.is_over
    present = {**settings, **{change.what: change.new for change in history.changes}}
    return {
        "session": "open",
        "state": status.state.value,
        "scenario": status.scenario,
        "run": status.run_id,
        "elapsed": math.floor(status.elapsed),
        "users": {**status.users, "target": history.target(status.highest_id)},
        "arrivals": _arrivals(status.throttles, is_on=is_on),
        "problems": list(status.problems),
        "forms": _forms(scenarios, running if is_on else None, present),
        "throttles": [_throttle(one) for one in status.throttles.values()] if is_on else [],
        "nodes": [_node(node, history) for node in look.nodes],
        "figures": _figures(history.figures),
        "errors": _errors(history.record),
        "changes": [_change(change) for change in history.changes[-_CHANGES:]],
        "health": _health(history, is_on=is_on),
        "code": code,
    }


def _forms(
    scenarios: Mapping[str, type[Scenario]],
    running: type[Scenario] | None,
    present: Mapping[str, object],
) -> dict[str, Any]:
    """Return a form for each scenario; that of the running one holds what is in force."""
    return {
        name: {
            "doc": (scenario.__doc__ or "").strip().partition("\n")[0],
            "fields": fields(scenario, present if scenario is running else None),
            "user_rate": _number(getattr(scenario, USER_RATE).default_value),
        }
        for name, scenario in scenarios.items()
    }


def _arrivals(throttles: Mapping[str, ThrottleStatistics], *, is_on: bool) -> float | str | None:
    """Return how many users are admitted a minute, now."""
    arrivals = throttles.get(USER_RATE)
    if not is_on or arrivals is None:
        return None
    return _number(arrivals.rate * 60 / arrivals.interval if arrivals.interval else arrivals.rate)


def _throttle(one: ThrottleStatistics) -> dict[str, Any]:
    return {
        "name": one.name,
        "rate": _number(one.rate),
        "interval": one.interval,
        "limit": None if one.limit is None else _number(one.limit),
        "waiting": one.waiting,
        "granted": one.granted,
        "paused": one.paused,
        "ramping": one.ramping,
        "stopped": one.stopped,
    }


def _node(node: NodeStatus, history: History) -> dict[str, Any]:
    health = history.health.get(node.node)
    return {
        "name": node.node,
        "state": node.state.value,
        "users": node.users["running"] + node.users["leaving"],
        "waiting": node.users["waiting"],
        "cpu": None if health is None else _number(round(health["cpu"], 2)),
        "lag": None if health is None else duration_text(health["loop_lag_p99"]),
    }


def _figures(figures: Figures) -> dict[str, Any]:
    share = figures.failed / figures.rate if figures.rate else 0.0
    return {
        "rate": round(figures.rate, 1),
        "failed": round(figures.failed, 1),
        "share": round(share, 5),
        "p50": None if figures.p50 is None else duration_text(figures.p50),
        "p99": None if figures.p99 is None else duration_text(figures.p99),
        "seconds": {"p50": figures.p50, "p99": figures.p99},
        "total": figures.total,
        "failed_total": figures.failed_total,
        "failed_users": figures.failed_users,
    }


def _errors(record: RunRecord | None) -> list[dict[str, Any]]:
    if record is None:
        return []
    names = ("source", "name", "kind", "message", "count", "users", "last_at")
    return [
        {
            "name": failed_thing(source, name),
            "error": kind_text(kind, message),
            "count": count,
            "users": users,
            "at": round(last, 1),
        }
        for source, name, kind, message, count, users, last in islice(
            rows_of(record.table("errors"), *names), _ERRORS
        )
    ]


def _change(change: Change) -> dict[str, Any]:
    return {
        "at": round(change.at, 2),
        "what": change.what,
        "old": _shown(change.old),
        "new": _shown(change.new),
    }


def _health(history: History, *, is_on: bool) -> dict[str, Any]:
    """Return whether the generator keeps up: it does not when one window in five is late."""
    saturated, windows = history.saturated
    samples = list(history.health.values())
    is_bottleneck = is_on and saturated * 5 > max(windows, 5)
    return {
        "warning": _ADVICE if is_bottleneck else "",
        "lag": duration_text(max(sample["loop_lag_p99"] for sample in samples))
        if samples
        else None,
        "cpu": _number(round(sum(sample["cpu"] for sample in samples), 2)) if samples else None,
    }


def _number(value: Any) -> float | str | None:  # noqa: ANN401 - a trait's default may be anything
    """Return a number that JSON can hold; infinity as text."""
    if not isinstance(value, int | float) or math.isnan(value):
        return None
    return value if math.isfinite(value) else "inf"


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
