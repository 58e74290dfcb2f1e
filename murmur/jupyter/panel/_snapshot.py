"""The whole state of a session as plain values: what every panel of it shows.

Pure: an observation and the notebook's scenarios in, a dictionary out.  A number that
JSON cannot hold becomes text or None.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from murmur._session import Observation, SearchProgress, Status
from murmur.cluster import NodeStatus
from murmur.errors import few
from murmur.recording import USER_STATES, Failure, LiveChange, Recent
from murmur.results import Verdict, duration_text
from murmur.runtime import USER_RATE, RunState
from murmur.runtime.health import BY_OTHERS, BY_QUOTA, LAG_LIMIT
from murmur.scenario import Scenario
from murmur.throttles import ThrottleStatistics

from ._form import fields
from ._rows import target

_CHANGES = 50  # of those, the rules in the charts and the newest in their table
_JUDGING = "being judged"
NO_NEWS = "no news"
ENDING = "ending"
"""How a generator fares of which nothing is heard, and one that has no users any more."""
_ADVICE = (
    "The load generator is the bottleneck: response times hold its own delay. "
    "Use fewer users, lighter scenarios or more nodes."
)
_ADVICE_BESIDE_OTHERS = (
    "Other programs keep this computer busy, and the load generator waits for them: response "
    "times hold its own delay. Stop them, or give the generator cores of its own."
)
_ADVICE_UNDER_QUOTA = (
    "A quota of processor time, as of a container, holds the load generator back: response times "
    "hold its own delay. Give it more, or ask less of each node."
)
_ADVICE_IN_SILENCE = (
    "The load generator told nothing for a part of the last half minute: what it did then may be "
    "missing here, or be of a generator that was late."
)


def snapshot(  # noqa: PLR0913 - all but the first by keyword
    seen: Observation,  # the session at this moment
    *,
    scenarios: Mapping[str, type[Scenario]],  # those that may be started
    running: type[Scenario] | None,  # the class of the latest run
    settings: Mapping[str, object],  # what that run was started with; secrets masked
    code: str,  # what the clicks so far stand for
    # whether the numbers of the run can be trusted, as was known lately; None if that is unknown
    verdict: Verdict | None = None,
    judged_at: float = 0.0,  # when that was known, in seconds since the run started
    # what the newest changes did, by when and what was changed, as was known lately
    effects: Mapping[tuple[float, str], str] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return the state that panels show."""
    status, recent = seen.status, seen.recent
    is_on = not status.state.is_over
    is_ending = is_on and _is_ending(status.state, status.users)
    present = {**settings, **{change.what: change.new for change in recent.changes}}
    return {
        "session": "open",
        "state": status.state.value,
        "scenario": status.scenario,
        "run": status.run_id,
        "elapsed": math.floor(status.elapsed),
        "users": {**status.users, "target": target(recent, status.highest_id)},
        "arrivals": _arrivals(status.throttles, is_on=is_on),
        "problems": list(status.problems),
        "forms": _forms(scenarios, running if is_on else None, present),
        "throttles": [_throttle(one) for one in status.throttles.values()] if is_on else [],
        "nodes": [*(_node(node, recent) for node in seen.nodes), *_departed(seen)],
        "figures": _figures(recent),
        "errors": [_error(failure) for failure in recent.failures],
        "changes": [_change(change, effects) for change in recent.changes[-_CHANGES:]],
        "health": {
            "warning": _warning(recent) if is_on and not is_ending else "",
            **_bearing(seen, is_ending=is_ending),
        },
        "verdict": _verdict(verdict, judged_at, status),
        "search": None if seen.search is None else _search(seen.search, status.elapsed),
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
    same = ("name", "interval", "waiting", "granted", "paused", "ramping", "ramp", "stopped")
    return {
        **{name: getattr(one, name) for name in same},
        "rate": _number(one.rate),
        "limit": _number(one.limit),
    }


def _is_ending(state: RunState, users: Mapping[str, int]) -> bool:
    """Whether users are gone and the end is under way: nothing is measured any more."""
    return state is RunState.TERMINATING and not any(users[one] for one in USER_STATES)


def _node(node: NodeStatus, recent: Recent) -> dict[str, Any]:
    is_measuring = not (node.state.is_over or _is_ending(node.state, node.users))
    return {
        "name": node.node,
        "state": node.state.value,
        "users": node.users["running"] + node.users["leaving"],
        "waiting": node.users["waiting"],
        **(_fitness(node.node, recent) if is_measuring else {"cpu": None, "lag": None}),
    }


def _departed(seen: Observation) -> Iterator[dict[str, Any]]:
    """Yield nodes that left or were lost, and up to when they told something."""
    present = {node.node for node in seen.nodes}
    for node in seen.recent.departed:
        if node.node not in present:
            nothing = {"users": 0, "waiting": 0, "cpu": None, "lag": None}
            heard_at = None if math.isnan(node.heard_at) else math.floor(node.heard_at)
            moments = {"left_at": math.floor(node.left_at), "heard_at": heard_at}
            told = {"name": node.node, "state": node.outcome, "lost": node.users}
            yield {**told, **nothing, **moments}


def _fitness(node: str, recent: Recent) -> dict[str, Any]:
    """Return processor and lag of a node; how long it has said nothing, if that is too long."""
    if node in recent.silent:
        return {"cpu": None, "lag": f"no news for {recent.silent[node]:.0f} s"}
    if node not in recent.health:
        return {"cpu": None, "lag": None}
    row = recent.health[node]
    return {"cpu": _number(round(row["cpu"], 2)), "lag": duration_text(row["loop_lag_p99"])}


def _figures(recent: Recent) -> dict[str, Any]:
    total = recent.total
    p50, p99 = (None if math.isnan(value) else value for value in (total.p50, total.p99))
    return {
        "rate": round(total.rate, 1),
        "failed": round(total.failed_rate, 1),
        "share": None if total.failed_share is None else round(total.failed_share, 5),
        "p50": None if p50 is None else duration_text(p50),
        "p99": None if p99 is None else duration_text(p99),
        "seconds": {"p50": p50, "p99": p99},
        "total": total.count,
        "failed_total": total.failed,
        "failed_users": recent.failed_users,
    }


def _error(failure: Failure) -> dict[str, Any]:
    return {
        "name": failure.thing,
        "error": failure.error,
        "count": failure.count,
        "users": failure.users,
        "at": round(failure.last_at, 1),
    }


def _change(change: LiveChange, effects: Mapping[tuple[float, str], str]) -> dict[str, Any]:
    return {
        "at": round(change.at, 2),
        "what": change.what,
        "old": _shown(change.old),
        "new": _shown(change.new),
        "effect": effects.get((change.at, change.what), ""),
    }


def _warning(recent: Recent) -> str:
    """Return what is wrong with the generator, and what to do; empty if it is fit."""
    if not _is_too_slow(recent):
        return _ADVICE_IN_SILENCE if _is_much(recent.unfit, recent) else ""
    advice = _ADVICE
    for whose, text in ((BY_OTHERS, _ADVICE_BESIDE_OTHERS), (BY_QUOTA, _ADVICE_UNDER_QUOTA)):
        if sum(whose in reason for reason in recent.reasons) * 2 > len(recent.reasons):
            advice = text
    return advice


def _is_too_slow(recent: Recent) -> bool:
    """Whether the generator is the bottleneck, as it tells itself."""
    return _is_much(len(recent.reasons), recent)


def _is_much(windows: int, recent: Recent) -> bool:
    """Whether these are more than one in five of the last ones."""
    return windows * 5 > max(recent.judged, 5)


def _bearing(seen: Observation, *, is_ending: bool) -> dict[str, str]:
    """Return how the generator fares at this moment: a word or two, and what they rest on."""
    status, recent = seen.status, seen.recent
    if is_ending:
        return {"pace": ENDING, "note": _end_text(seen)}
    if status.state.is_over:
        return {"pace": "", "note": "of the whole run" if status.run_id else "no run yet"}
    if recent.silent:
        longest = max(recent.silent.values())
        return {"pace": NO_NEWS, "note": f"for {longest:.0f} s from {few(recent.silent)}"}
    if math.isnan(recent.lag):
        return {"pace": "", "note": "not measured yet"}
    cpu = sum(row["cpu"] for row in recent.health.values())
    pace = "keeps up"
    if recent.lag > LAG_LIMIT:
        pace = "late now"
    if _is_too_slow(recent):
        pace = "too slow now"
    return {
        "pace": pace,
        "note": f"{100 * cpu:.0f} % of a core, lag {duration_text(recent.lag)}",
    }


def _end_text(seen: Observation) -> str:
    """Return what a run is at whose users are gone."""
    nodes = [node for node in seen.nodes if not node.state.is_over]
    if not nodes:
        return "results are being written"
    before = "coordinators and " if any(node.coordinators for node in nodes) else ""
    return f"{before}terminate under way"


def _verdict(verdict: Verdict | None, judged_at: float, status: Status) -> dict[str, Any] | None:
    """Return a verdict and of when it is, None of the whole run; or that it is on its way."""
    is_over = status.state.is_over
    if verdict is None:
        is_awaited = is_over and status.run_id
        return {"state": _JUDGING, "at": None, "reasons": []} if is_awaited else None
    at = None if is_over else math.floor(judged_at)
    return {"state": verdict.state, "at": at, "reasons": list(verdict.reasons)}


def _search(search: SearchProgress, elapsed: float) -> dict[str, Any]:
    """Return how far a search for capacity is, in words, and the share of it that is done."""
    return {
        "share": round(search.share(elapsed), 3),
        "step": search.step(elapsed),
        "known": search.known,
        "is_over": bool(search.outcome),
    }


def _number(value: Any) -> float | str | None:  # noqa: ANN401 - a trait's default may be anything
    """Return a number that JSON can hold; infinity as text."""
    if not isinstance(value, int | float) or math.isnan(value):
        return None
    return value if math.isfinite(value) else "inf"


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
