"""Things that were begun, asked or sent in a run and came to no end: a line for each kind.

None of it is in a percentile, a rate or a share of failures, for nothing ended.  A server
that holds every request for ever would look like one that is merely seldom asked.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from murmur.telemetry import CUT_SHORT, NEVER_CAME, ROWS_DONE

from ._deliveries import deliveries

if TYPE_CHECKING:
    from murmur.recording import RunRecord

__all__ = ["unfinished"]

_KEPT = 0.99
"""Of the permits asked of a limit, what has to be granted for there to be no line."""

_MOST = 3  # lines of one kind


def unfinished(record: RunRecord) -> tuple[str, ...]:
    """Return a sentence for each thing that was begun, asked or sent, and came to no end."""
    return (
        *_bounded(_cut_short(record), "actions were cut short likewise"),
        *_bounded(_under_way(record), "actions have not ended either"),
        *_bounded(_undelivered(record), "messages did not all arrive either"),
        *_bounded(_ungranted(record), "limits let too few through either"),
        *_bounded(_held(record), "throttles granted nothing either"),
        *_bounded(_never_complete(record), "coordinators never had a complete batch either"),
        *_rows_undone(record),
        *_never_admitted(record),
        *_nothing(record),
    )


def _bounded(lines: Iterator[str], others: str) -> Iterator[str]:
    known = list(lines)
    yield from known[:_MOST]
    if len(known) > _MOST:
        yield f"{len(known) - _MOST:,} more {others}."


def _cut_short(record: RunRecord) -> Iterator[str]:
    """Yield what had already taken longer than nearly all that ended, when it was cut.

    A part of an action, such as the first event, is told where its action is not.
    """
    spans: Mapping[str, Any] = record.table("spans")
    told: set[str] = set()
    for span in sorted(set(spans["name"].decode()), key=lambda each: (NEVER_CAME in each, each)):
        name, _, end = span.rpartition(".")
        if end not in {CUT_SHORT, NEVER_CAME}:
            continue
        if any(name.startswith((f"{of}.", f"{of} [")) for of in told):
            continue
        cut, ended = (record.histogram("response", name=each) for each in (span, name))
        slow = ended.quantile(0.99)
        if math.isnan(slow) or cut.max > slow:
            told.add(name)
            verb = "action was" if cut.count == 1 else "actions were"
            what = "never came" if end == NEVER_CAME else f"{verb} cut short with their users"
            yield (
                f"{cut.count:,} {name!r} {what}, after up to {cut.max:,.3g} s: "
                "they are in no percentile."
            )


def _under_way(record: RunRecord) -> Iterator[str]:
    for line in record.hanging():
        yield f"{line}: they are in no percentile."


def _undelivered(record: RunRecord) -> Iterator[str]:
    columns = deliveries(record)
    for name, expected, arrived in zip(
        columns["name"], columns["expected"], columns["arrived"], strict=True
    ):
        if arrived < expected:
            yield f"{arrived:,} of {expected:,} deliveries of {name!r} arrived."


def _ungranted(record: RunRecord) -> Iterator[str]:
    """Yield limits that hardly anybody came through: their permits were not given back."""
    table: Mapping[str, Any] = record.table("throttles")
    names = np.array(table["name"].decode(), object)
    is_limit = np.isnan(np.asarray(table["rate"], np.float64))
    for name in sorted(set(names[is_limit].tolist())):
        rows = is_limit & (names == name)
        asked, granted = (int(np.sum(table[key][rows])) for key in ("requested", "granted"))
        if granted + 1 < _KEPT * asked:
            yield f"The limit {name!r} granted {granted:,} of {asked:,} permits asked for."


def _held(record: RunRecord) -> Iterator[str]:
    """Yield throttles that granted nothing though users waited for them."""
    table: Mapping[str, Any] = record.table("throttles")
    names = np.array(table["name"].decode(), object)
    rate, granted, waiting = (
        np.asarray(table[key], np.float64) for key in ("rate", "granted", "waiting")
    )
    for name in sorted(set(names[(waiting > 0) & ~np.isnan(rate)].tolist()) - {"user_rate"}):
        rows = names == name
        windows = len(set(np.asarray(table["window_at"])[rows & (waiting > 0)].tolist()))
        if not granted[rows].sum() and record.ended_by:
            yield (
                f"The throttle {name!r} granted nothing: users waited for it in {windows:,} "
                "windows, in which it was paused, at rate 0 or too slow."
            )


def _never_complete(record: RunRecord) -> Iterator[str]:
    """Yield coordinators whose users waited in a batch up to the end, and that never had one."""
    if record.events_dropped:
        return  # the batches may be among them
    table: Mapping[str, Any] = record.table("events")
    pending: dict[str, int] = {}
    complete: set[str] = set()
    for event, told, measured in zip(
        table["name"], table["metadata"], table["measurements"], strict=True
    ):
        if event == "amoc.coordinator.execute":
            name, count = str(told["name"]), int(measured["count"])
            if told["kind"] == "stop":
                pending[name] = pending.get(name, 0) + count
            elif told["kind"] == "coordinate" or count:
                complete.add(name)
    for name, count in sorted(pending.items()):
        if count and name not in complete:
            yield (
                f"The coordinator {name!r} never had a complete batch: "
                f"{count:,} users were in one at the end."
            )


def _rows_undone(record: RunRecord) -> Iterator[str]:
    """Yield how many requests of an access log nobody came to make."""
    rows = cast("int", record.plan.get("rows", 0))
    if not rows or not record.ended_by:
        return
    table: Mapping[str, Any] = record.table("counters")
    is_row = np.array(table["name"].decode(), object) == ROWS_DONE
    done = int(np.sum(np.asarray(table["value"])[is_row]))
    if done < rows:
        yield f"{rows - done:,} of the {rows:,} requests of the log were not made."


def _never_admitted(record: RunRecord) -> Iterator[str]:
    users: Mapping[str, Any] = record.table("users")
    outcomes = users["outcome"]
    number = len(outcomes.codes)
    if number and all(text == "dropped" for text in outcomes.decode()):
        yield f"No user was admitted, of {number:,}."


def _nothing(record: RunRecord) -> Iterator[str]:
    if record.ended_by and not record.actions_total:
        yield "No action ended: there are no response times and no failures of actions to judge."
