"""Status of a session at one moment, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, Any

from murmur.errors import few
from murmur.recording import STEERING
from murmur.runtime import RunState
from murmur.telemetry import one_line

from ._troubles import problems_of, standstill_lines

if TYPE_CHECKING:
    from murmur.cluster import ClusterStatus
    from murmur.recording import RunRecord
    from murmur.throttles import ThrottleStatistics

_USER_STATES = ("waiting", "running", "leaving", "gone")


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """State of a session's run at one moment.

    Attributes
    ----------
    state : RunState
        idle, running, terminating, finished or failed; equal to its name as a string.
    scenario : str or None
        Name of the scenario's class.
    users : mapping of str to int
        How many users are waiting, running, leaving and gone.
    highest_id : int
        The highest user id given out.
    elapsed : float
        Seconds since the run started, until it ended.
    nodes : mapping of str to RunState
        State of each node's part.
    throttles : mapping of str to object
        Statistics of each throttle.
    run_id : str or None
        Which run this is about.
    problems : tuple of str
        What a person should know about.
    verdict : str
        ``valid``, ``suspect`` or ``invalid``, of what the run measured so far; empty where
        nobody judged it.  ``%amoc status`` does.
    remarks : tuple of str
        What the verdict says besides, as `Results.verdict` has it.

    Examples
    --------
    >>> import murmur
    >>> with murmur.Session() as session:
    ...     session.status().state
    <RunState.IDLE: 'idle'>
    """

    state: RunState
    scenario: str | None
    users: Mapping[str, int]
    highest_id: int
    elapsed: float
    nodes: Mapping[str, RunState]
    throttles: Mapping[str, Any] = field(default_factory=dict)
    run_id: str | None = None
    problems: tuple[str, ...] = ()
    verdict: str = ""
    remarks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return one line."""
        users = ", ".join(f"{self.users[state]:,} {state}" for state in _USER_STATES)
        what = f" {self.scenario}" if self.scenario else ""
        trouble = ""
        if self.problems:
            others = len(self.problems) - 1
            more = f" (and {others} more)" if others else ""
            trouble = f"; problem: {self.problems[0]}{more}"
        judged = f"; verdict: {self.verdict}" if self.verdict else ""
        if self.remarks:
            others = len(self.remarks) - 1
            judged += f": {self.remarks[0].rstrip('.')}" + f" (and {others} more)" * bool(others)
        return f"<{self.state.value}{what}: {users}; {self.elapsed:.1f} s{judged}{trouble}>"

    def _repr_html_(self) -> str:
        """Return a small table for a notebook."""
        numbers = "".join(
            f"<th scope='col'>{title}</th>"
            for title in ("state", *_USER_STATES, "elapsed", *(["verdict"] * bool(self.verdict)))
        )
        cells = "".join(
            f"<td>{value}</td>"
            for value in (
                f"<b>{escape(self.state.value)}</b>",
                *(f"{self.users[state]:,}" for state in _USER_STATES),
                f"{self.elapsed:.1f} s",
                *([f"<b>{escape(self.verdict)}</b>"] * bool(self.verdict)),
            )
        )
        caption = escape(f"{self.scenario or 'no scenario'} on {few(self.nodes)}")
        told = (*self.problems, *self.remarks)
        problems = "".join(f"<li>{escape(line)}</li>" for line in told)
        return (
            f"<table><caption>{caption}</caption><thead><tr>{numbers}</tr></thead>"
            f"<tbody><tr>{cells}</tr></tbody></table>" + (f"<ul>{problems}</ul>" * bool(problems))
        )


def status_of(
    answer: ClusterStatus,
    *,
    scenario: str | None = None,
    record: RunRecord | None = None,
) -> Status:
    """Return the cluster's answer as one status; `record` is that of the run it is about."""
    users = {state: sum(node.users[state] for node in answer.nodes) for state in _USER_STATES}
    users["gone"] += answer.departed
    problems = _problems_of_nodes(answer, record)
    problems.extend(answer.problems)
    abandoned = sum(node.abandoned for node in answer.nodes)
    if abandoned:
        problems.append(_abandoned_text(abandoned))
    if record is not None:
        problems.extend(problems_of(record, users))
    throttles: dict[str, Any] = {}
    for node in answer.nodes:
        for name, here in node.throttles.items():
            throttles[name] = _together(throttles[name], here) if name in throttles else here
    for name, steered in answer.throttles.items():
        throttles[name] = _set_to(throttles.get(name), steered)
    return Status(
        state=answer.state,
        scenario=scenario,
        users=users,
        highest_id=answer.highest_id,
        elapsed=answer.elapsed,
        nodes={node.node: node.state for node in answer.nodes},
        throttles=throttles,
        run_id=None if record is None else record.run_id,
        problems=tuple(one_line(" ".join(problem.split())) for problem in problems),
    )


def _problems_of_nodes(answer: ClusterStatus, record: RunRecord | None) -> list[str]:
    """Return what a person should know of nodes: of which ones, where that is not plain."""
    nodes_with: dict[str, list[str]] = {}
    for node in answer.nodes:
        for problem in node.problems:
            nodes_with.setdefault(problem, []).append(node.node)
    for name, problem in standstill_lines(record) if record is not None else ():
        if name not in nodes_with.setdefault(problem, []):  # else it has said so itself
            nodes_with[problem].append(name)
    alone = [[node.node] for node in answer.nodes if len(answer.nodes) == 1]
    return [
        problem if nodes in (*alone, [STEERING]) else f"{few(nodes)}: {problem}"
        for problem, nodes in nodes_with.items()
    ]


def abandoned_status(record: RunRecord, scenario: str, reason: str) -> Status:
    """Return the last status of a run whose session gave it up."""
    import numpy as np

    ids = np.asarray(record.table("users")["user_id"])
    return Status(
        state=RunState.FAILED,
        scenario=scenario,
        users={**dict.fromkeys(_USER_STATES, 0), "gone": len(ids)},
        highest_id=int(ids.max(initial=0)),
        elapsed=record.latest,
        nodes={},
        run_id=record.run_id,
        problems=(f"the run did not end in order: {reason}", *record.troubles.values()),
    )


def _together(one: Any, other: Any) -> Any:  # noqa: ANN401 - statistics of a throttle
    """Return the statistics of a throttle over two nodes: what is counted adds up."""
    counted = ("waiting", "requested", "granted", "out")
    return replace(one, **{name: getattr(one, name) + getattr(other, name) for name in counted})


def _set_to(counted: ThrottleStatistics | None, steered: ThrottleStatistics) -> ThrottleStatistics:
    """Return what a throttle of many nodes is set to, with what nodes counted."""
    if counted is None:
        return steered
    counts = {name: getattr(counted, name) for name in ("waiting", "requested", "granted", "out")}
    return replace(steered, **counts)


IDLE = Status(
    state=RunState.IDLE,
    scenario=None,
    users={"waiting": 0, "running": 0, "leaving": 0, "gone": 0},
    highest_id=0,
    elapsed=0.0,
    nodes={},
)
"""The status of a session that has no run."""


def _abandoned_text(count: int) -> str:
    if count == 1:
        return "1 user ignores its cancellation and was abandoned"
    return f"{count:,} users ignore their cancellation and were abandoned"
