"""Gathers what the verdict looks at from the record of a run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from murmur.recording import STEERING, Hold, RunRecord, failure_lines
from murmur.runtime import (
    ABANDONED,
    EXPELLED,
    NODE_LEFT,
    NODE_RELEASED,
    RUN_BROKE,
    THREAD_RUNS,
)
from murmur.runtime.health import BY_OTHERS, BY_QUOTA, STOOD_STILL, is_crowded_out, place
from murmur.scenario import variable_of
from murmur.telemetry import Labels

from ._absences import NO_SIGN
from ._unfinished import unfinished
from ._verdict import Evidence, NodeHealth, Permits


def gather(record: RunRecord, health: pd.DataFrame, *, was_cut_off: bool = False) -> Evidence:
    """Return the evidence of a run: its record, and the frame `health`."""
    users: dict[str, Any] = record.table("users")
    outcome, reason = users["outcome"], users["reason"]
    is_expelled = reason.among({EXPELLED})
    is_lost = outcome.among({"lost"}) & ~is_expelled
    is_gone = reason.among({NODE_LEFT, RUN_BROKE}) & ~is_lost
    is_failed = outcome.among({"failed"})
    planned, undone = _plan(record, users, is_lost, is_lost | is_gone)
    return Evidence(
        nodes=tuple(_nodes(record, health)),
        unsteered=tuple(each for each in record.standstills() if each.node == STEERING),
        permits=tuple(_permits(record)),
        users=len(is_lost),
        dropped=int(outcome.among({"dropped"}).sum()),
        lost=int(is_lost.sum()),
        gone=int(is_gone.sum()),
        departed=tuple(_departures(record, users, is_lost, is_gone)),
        expelled=int(is_expelled.sum()),
        released=int(reason.among({NODE_RELEASED}).sum()),
        abandoned=int((outcome.among({"killed"}) & reason.among({ABANDONED, THREAD_RUNS})).sum()),
        failed=int(is_failed.sum()),
        failure=_most_frequent(reason, is_failed),
        planned=planned,
        undone=undone,
        actions=record.actions_total,
        actions_kept=record.actions_kept,
        unstoppable=_unstoppable(record),
        leftovers=tuple(_leftovers(record)),
        events_dropped=record.events_dropped,
        rows_dropped=sum(record.rows_dropped.values()),
        cut_off_at=record.latest if was_cut_off else None,
        broken_off=record.broken_off,
        has_failed=record.ended_by == "failed",
        stopped_at=record.ending_at if record.ended_by == "stop" else None,
        planned_end=record.planned_end,
        unfinished=unfinished(record),
        clock_set=record.clock_set,
        slept=record.slept,
        troubles=tuple(_troubles(record)),
    )


def _troubles(record: RunRecord) -> Iterator[str]:
    """Yield what is wrong with what follows the run; what its archive lacks, the archive says."""
    for whose, text in record.troubles.copy().items():  # others may add theirs meanwhile
        if whose != "directory":
            yield f"{text[:1].upper()}{text[1:].rstrip('.')}."
    yield from _unread(record)
    yield from _failed_besides(record)


def _failed_besides(record: RunRecord) -> Iterator[str]:
    """Yield what failed beside users and what they did, and was no ground for a verdict."""
    errors: dict[str, Any] = record.table("errors")
    rows = [
        row
        for row, (source, name) in enumerate(zip(errors["source"], errors["name"], strict=True))
        if source in _BESIDES or (source, name) == ("scenario", "terminate")
    ]
    table = {key: [column[row] for row in rows] for key, column in errors.items()}
    for line in failure_lines(table):
        yield f"{line}."


_BESIDES = ("coordinator", "throttle", "handler")
"""Sources of errors of which nobody else is told: users go on, and so does the run."""


def _unread(record: RunRecord) -> Iterator[str]:
    """Yield the variables that a node could not read for a setting of its own."""
    events: dict[str, Any] = record.table("events")
    told = set()
    for name, node, about in zip(events["name"], events["node"], events["metadata"], strict=True):
        if name != "amoc.config.env":
            continue
        variable = variable_of(about["variable_name"])
        if variable not in record.troubles and (variable, node) not in told:
            told.add((variable, node))
            yield (
                f"{variable}={about['variable_value']!r} is not usable on node {node} "
                f"({about['error']}); setting {about['variable_name']!r} keeps its default."
            )


def _most_frequent(column: Labels, rows: NDArray[np.bool_]) -> str:
    codes = column.codes[rows & (column.codes >= 0)]
    return column.labels[int(np.bincount(codes).argmax())] if len(codes) else ""


def _nodes(record: RunRecord, health: pd.DataFrame) -> Iterator[NodeHealth]:
    """Yield how each node fared, by name."""
    holds: dict[str, list[Hold]] = {}
    for hold in record.holds():
        holds.setdefault(hold.node, []).append(hold)
    for node, rows in health.groupby(health["node"].astype(str), sort=True):
        bad = rows[rows["saturated"]]
        is_missing = bad["reason"] == NO_SIGN
        told = bad[~is_missing]
        crowded = np.array(list(map(_is_crowded, told["reason"], told["cpu"], told["machine_cpu"])))
        is_held = told["reason"].astype(str).str.contains(BY_QUOTA, regex=False)
        yield NodeHealth(
            node=str(node),
            seconds=len(rows) * record.window,
            saturated=len(told) * record.window,
            missing=int(is_missing.sum()) * record.window,
            crowded=int(crowded.sum()) * record.window,
            cpu=float(told.loc[crowded, "cpu"].mean()) if crowded.any() else math.nan,
            machine_cpu=float(told.loc[crowded, "machine_cpu"].mean()) if crowded.any() else 0.0,
            held=int(is_held.sum()) * record.window,
            quota=float(told.loc[is_held, "cpu_quota"].min()) if is_held.any() else math.nan,
            worst_lag=float(rows["loop_lag_max"].max()),
            holds=tuple(
                (place(hold.line), hold.longest, hold.count) for hold in holds.get(node, ())
            ),
            causes=tuple(map(str, _causes(told["reason"]))),
        )


def _is_crowded(reason: object, cpu: float, machine_cpu: float) -> bool:
    """Return whether other programs made a window late; its own line is none of theirs."""
    text = str(reason)
    is_late = "loop lag" in text or "schedule" in text
    is_known = STOOD_STILL in text or BY_QUOTA in text or " at " in text
    if BY_OTHERS in text:
        return True
    return is_late and not is_known and is_crowded_out(cpu, machine_cpu)


def _causes(reasons: pd.Series[Any]) -> pd.Index[Any]:
    """Return what stands in the reasons of windows, the most frequent first."""
    return reasons.str.split(", ").explode().value_counts().index


def _permits(record: RunRecord) -> Iterator[Permits]:
    """Yield what became of the permits of each throttle, if it was counted."""
    table: dict[str, Any] = record.table("throttles")
    if "skipped" not in table:
        return
    columns = {name: np.asarray(table[name], np.float64) for name in ("due", "skipped")}
    names = pd.Series(table["name"].decode(), dtype="str")
    sums = pd.DataFrame(columns).groupby(names).sum()  # of what is missing, nothing
    for name, (due, skipped) in zip(sums.index, sums.to_numpy().tolist(), strict=True):
        yield Permits(str(name), due, skipped)


def _unstoppable(record: RunRecord) -> int:
    """Return how many users of earlier runs went on when this one began, on all nodes."""
    events: dict[str, Any] = record.table("events")
    told = zip(events["name"], events["measurements"], strict=True)
    return sum(int(measured["count"]) for name, measured in told if name == "amoc.user.unstoppable")


def _leftovers(record: RunRecord) -> Iterator[tuple[str, int]]:
    """Yield the functions whose tasks users left behind, with the most there were at once."""
    events: dict[str, Any] = record.table("events")
    most: dict[tuple[str, str], int] = {}
    rows = (events[column] for column in ("name", "node", "measurements", "metadata"))
    for name, node, measured, about in zip(*rows, strict=True):
        if name == "amoc.user.leftovers":
            key = node, about["task"]
            most[key] = max(most.get(key, 0), int(measured["count"]))
    for task in sorted({task for _, task in most}):
        yield task, sum(number for (_, each), number in most.items() if each == task)


def _departures(
    record: RunRecord,
    users: dict[str, Any],
    is_lost: NDArray[np.bool_],
    is_gone: NDArray[np.bool_],
) -> Iterator[str]:
    """Yield which nodes took users with them, how, and when the last of those ended.

    The users say so, because a node may have come back since, or have been given back later.
    """
    nodes: Labels = users["node"]
    is_broken = is_gone & users["reason"].among({RUN_BROKE})
    ways = {"was lost": is_lost, "left": is_gone & ~is_broken, "failed": is_broken}
    for how, rows in ways.items():
        codes = np.unique(nodes.codes[rows & (nodes.codes >= 0)])
        for code in sorted(codes, key=lambda code: nodes.labels[code]):
            node = nodes.labels[code]
            ended_at = float(np.nanmax(users["ended_at"][rows & (nodes.codes == code)]))
            stood = [
                f" while it stood still for {each.seconds:.1f} s"
                for each in record.standstills()
                if each.node == node and each.since < ended_at <= each.until
            ]
            yield f"{node} {how} at {ended_at:.1f} s{''.join(stood)}"


def _untold(
    record: RunRecord,
    users: dict[str, Any],
    unasked: NDArray[np.bool_],
    until: NDArray[np.float64],
) -> float:
    """Return the user-seconds of users who were lost before their node said when they came.

    They are among those that it counted in each window.
    """
    is_untold = unasked & np.isnan(users["admitted_at"])
    if not is_untold.any():
        return 0.0
    nodes = np.asarray(users["node"].decode(), dtype=str)
    those = np.unique(nodes[is_untold])
    population: dict[str, Any] = record.table("population")
    rows = np.isin(np.asarray(population["node"].decode(), dtype=str), those)
    counted = (population["running"] + population["leaving"])[rows].sum() * record.window
    told = (until - users["admitted_at"])[np.isin(nodes, those)]
    return max(0.0, float(counted - np.nansum(np.clip(told, 0.0, None))))


def _told_until(
    record: RunRecord,
    users: dict[str, Any],
    is_lost: NDArray[np.bool_],
    until: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return until when each user is known to have been there, to within a window.

    A loss is noticed after a silence, in which the load may have ended long before.
    """
    until, nodes = until.copy(), users["node"]
    population: dict[str, Any] = record.table("population")
    told_by = np.asarray(population["node"].decode(), dtype=str)
    is_there = np.asarray(population["running"]) + np.asarray(population["leaving"]) > 0
    for code in np.unique(nodes.codes[is_lost & (nodes.codes >= 0)]):
        rows = is_lost & (nodes.codes == code)
        starts = population["window_at"][(told_by == nodes.labels[code]) & is_there]
        ends = np.sort(np.asarray(starts)) + record.window
        last = np.searchsorted(ends, until[rows], side="right") - 1
        known = np.where(last >= 0, ends[np.maximum(last, 0)] if len(ends) else np.inf, np.inf)
        until[rows] = np.minimum(until[rows], known)
    return until


def _plan(
    record: RunRecord,
    users: dict[str, Any],
    is_lost: NDArray[np.bool_],
    unasked: NDArray[np.bool_],
) -> tuple[float, float]:
    """Return the user-seconds that were planned, and those that were not carried out.

    A user that was lost, or went with its node, was to stay until the plan's end, or the
    run's where nobody planned one.  So were all, if the run failed.
    """
    ending_at = record.latest if math.isnan(record.ending_at) else record.ending_at
    horizon = record.planned_end if math.isfinite(record.planned_end) else ending_at
    until = np.where(np.isnan(users["ended_at"]), ending_at, users["ended_at"])
    until = _told_until(record, users, is_lost, until)
    done = float(np.nansum(np.clip(until - users["admitted_at"], 0.0, None)))
    done += _untold(record, users, unasked, until)
    if record.ended_by == "failed":
        unasked = unasked | (until >= ending_at)
    undone = float(np.clip(horizon - until[unasked], 0.0, None).sum())
    return done + undone, undone
