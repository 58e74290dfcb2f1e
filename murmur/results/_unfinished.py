"""Things that were begun, asked or sent in a run and came to no end: a line for each kind.

None of it is in a percentile, a rate or a share of failures, for nothing ended.  A server
that holds every request for ever would look like one that is merely seldom asked.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from murmur.errors import few, number_of
from murmur.recording import RunRecord
from murmur.telemetry import (
    CUT_SHORT,
    EVENTS_DUE,
    EVENTS_LISTED,
    NEVER_CAME,
    ROWS_DONE,
    ROWS_GIVEN,
    ROWS_MISSED,
    Labels,
)

from ._deliveries import MOST, deliveries
from ._verdict import number_were

_KEPT = 0.99
"""Of the permits asked of a limit, what has to be granted for there to be no line."""

_BRIEF = 1e-3  # seconds, below which it is not said how many
_MOST = 3  # lines of one kind

_SILENCE = 5.0  # seconds in which nothing ended, that are worth words at the end of a run
_LONGER = 3.0
"""How many times as long as any before a silence has to be: some users do little, and rarely."""

_MAILBOX = {
    "mailbox.overflow": "went out of full mailboxes unread",
    "mailbox.undeliverable": "went to users that were not there",
    "mailbox.unread": "lay in mailboxes that their users never looked into",
}
"""What to say of messages that counters of the runtime know of."""

_WAITED = {"gather": "in gather", "rest": "for a batch"}
"""What users of a coordinator waited for, by the kind of the wait."""

_UNAWAITED = "sleep.unawaited"
"""The counter of users that asked for a sleep, and ended without awaiting it."""

_SILENT = "mailbox.silent"
"""The counter of users that waited for their first message up to their end."""


def unfinished(record: RunRecord) -> tuple[str, ...]:
    """Return a sentence for each thing that was begun, asked or sent, and came to no end."""
    counts = _counts(record)
    hung = (
        *_bounded(_cut_short(record), "actions were cut short likewise"),
        *_bounded(_under_way(record), "actions have not ended either"),
    )
    return (
        *hung,
        *_bounded(_undelivered(record), "messages did not all arrive either"),
        *_bounded(_ungranted(record), "limits let too few through either"),
        *_bounded(_held(record), "throttles granted nothing either"),
        *_bounded(_waited_for_others(record), "groups were never complete either"),
        *_bounded(_never_complete(record), "coordinators never had a complete batch either"),
        *_unheard(record, counts),
        *_unslept(counts[_UNAWAITED]),
        *_rows_undone(record, counts[ROWS_DONE]),
        *_bounded(_unread(record, counts), "feeders gave nobody a row either"),
        *_bounded(_never_due(record, counts), "events of timetables never came due either"),
        *_bounded(_ramps(record), "ramps did not come to their end either"),
        *_never_admitted(record),
        *_nothing(record),
        *(() if hung else _fell_silent(record)),
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
            one = cut.count == 1
            cut_short = f"{'action was' if one else 'actions were'} cut short with "
            cut_short += "its user" if one else "their users"
            what = "never came" if end == NEVER_CAME else cut_short
            age = f"up to {cut.max:,.3g} s" if cut.max >= _BRIEF else "less than 1 ms"
            yield f"{cut.count:,} {name!r} {what}, after {age}: they are in no percentile."


def _under_way(record: RunRecord) -> Iterator[str]:
    for line in record.hanging():
        yield f"{line}: they are in no percentile."


def _undelivered(record: RunRecord) -> Iterator[str]:
    columns, unknown = deliveries(record), _last_words(record)
    for name, expected, arrived in zip(
        columns["name"], columns["expected"], columns["arrived"], strict=True
    ):
        if arrived < expected:
            yield f"{arrived:,} of {expected:,} deliveries of {name!r} arrived{unknown}."


def _last_words(record: RunRecord) -> str:
    """Return which nodes died before they told what was sent and arrived there last."""
    nodes: Mapping[str, Any] = record.table("nodes")
    outcomes = zip(nodes["node"], nodes["outcome"], strict=True)
    lost = sorted(str(node) for node, outcome in outcomes if outcome == "lost")
    if not lost:
        return ""
    return f", as far as is known: what {few(lost, _MOST)} counted last is lost"


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
    """Yield throttles that granted nothing, or nothing any more, though users waited for them."""
    if not record.ended_by:
        return
    table: Mapping[str, Any] = record.table("throttles")
    names = np.array(table["name"].decode(), object)
    rate, granted, waiting, at = (
        np.asarray(table[key], np.float64) for key in ("rate", "granted", "waiting", "window_at")
    )
    for name in sorted(set(names[waiting > 0].tolist()) - {"user_rate"}):
        rows = names == name
        waits = np.unique(at[rows & (waiting > 0)])
        grants = np.unique(at[rows & (granted > 0)])
        is_limit = bool(np.isnan(rate[rows]).all())
        kind = "limit" if is_limit else "throttle"
        why = "its permits were all taken" if is_limit else "it was paused, at rate 0 or too slow"
        if text := _no_grants(record, grants, waits):
            yield f"The {kind} {name!r} granted nothing in {text}, and users waited: {why}."
        elif not len(grants) and not is_limit:
            yield (
                f"The throttle {name!r} granted nothing: users waited for it in {len(waits):,} "
                f"windows, in which {why}."
            )


def _no_grants(record: RunRecord, grants: NDArray[np.float64], waits: NDArray[np.float64]) -> str:
    """Return for how long there was no grant at the end, if users waited most of that time.

    For longer than ever before: some throttles are slow.
    """
    if not len(grants):
        return ""
    end, last = _end(record), float(grants[-1]) + record.window
    longest = float(np.diff(grants, prepend=record.load_at).max())
    is_long = end - last >= max(_SILENCE, _LONGER * longest)
    if not is_long or (waits >= last).sum() * record.window < (end - last) / 2:
        return ""
    return f"the last {end - last:,.0f} of {end:,.0f} s"


def _end(record: RunRecord) -> float:
    """Return when the run began to end, or what is known of it does."""
    return record.latest if math.isnan(record.ending_at) else record.ending_at


def _waited_for_others(record: RunRecord) -> Iterator[str]:
    """Yield groups of coordinators that users waited for up to the end."""
    told = _told(record, "amoc.coordinator.unfinished")
    groups: dict[tuple[str, str, str], list[_Told]] = {}
    for each in told:
        if what := _WAITED.get(each.metadata["kind"]):
            groups.setdefault((str(each.metadata["name"]), _size(each), what), []).append(each)
    for (name, size, what), known in sorted(groups.items()):
        number = sum(int(each.measurements["count"]) for each in known)
        seconds = max(each.measurements["seconds"] for each in known)
        where = f" on {len(known)} nodes" if len(known) > 1 else ""
        came = f"{size} make a group" if where else f"{number:,} of {size} came"
        first = max(known, key=lambda each: each.measurements["seconds"]).metadata["user_id"]
        users = f"{number_of(number, 'user')}{where}"
        yield (
            f"{users} waited {what} of the coordinator {name!r} up to the end, user {first} "
            f"for {seconds:,.3g} s: {came}."
        )


def _never_complete(record: RunRecord) -> Iterator[str]:
    """Yield coordinators that never had a complete batch, though users were in one."""
    pending: dict[tuple[str, str], str] = {}
    for each in _told(record, "amoc.coordinator.unfinished"):
        if each.metadata["kind"] == "batch":
            number, seconds = int(each.measurements["count"]), each.measurements["seconds"]
            users, first = number_were(number, "user"), each.metadata["user_id"]
            pending[str(each.metadata["name"]), _size(each)] = (
                f"{users} in one at the end, user {first} for {seconds:,.3g} s"
            )
    for key, closed in _only_timed_out(record).items():
        users = f"{number_of(sum(closed), 'user')} in all"
        pending.setdefault(key, f"its timeout closed {len(closed):,}, with {users}")
    for name in _deserted(record):
        yield f"Nobody came to the coordinator {name!r}."
    for (name, size), what in sorted(pending.items()):
        yield f"The coordinator {name!r} never had a complete batch of {size}: {what}."


def _deserted(record: RunRecord) -> list[str]:
    """Return coordinators that were opened, and that nobody came to on any node."""
    opened = Counter(str(each.metadata["name"]) for each in _told(record, "amoc.coordinator.start"))
    empty = Counter(
        str(each.metadata["name"])
        for each in _told(record, "amoc.coordinator.unfinished")
        if each.metadata["kind"] == "nobody"
    )
    return sorted(name for name, number in empty.items() if number >= opened[name])


def _only_timed_out(record: RunRecord) -> dict[tuple[str, str], list[int]]:
    """Return how many users were in the batches of items that nothing but a timeout closed."""
    if record.events_dropped:
        return {}  # the complete ones may be among them
    timed_out: dict[tuple[str, str], list[int]] = {}
    complete: set[tuple[str, str]] = set()
    for each in _told(record, "amoc.coordinator.execute"):
        key, count = (str(each.metadata["name"]), _size(each)), int(each.measurements["count"])
        if each.metadata["kind"] == "coordinate":
            complete.add(key)
        elif each.metadata["kind"] == "timeout" and count and key[1] != "all":
            timed_out.setdefault(key, []).append(count)
    return {key: closed for key, closed in timed_out.items() if key not in complete}


class _Told(NamedTuple):
    """An event of the run."""

    metadata: Mapping[str, Any]
    measurements: Mapping[str, float]


def _told(record: RunRecord, name: str) -> list[_Told]:
    table: Mapping[str, Any] = record.table("events")
    rows = zip(table["name"], table["metadata"], table["measurements"], strict=True)
    return [_Told(metadata, measured) for event, metadata, measured in rows if event == name]


def _size(told: _Told) -> str:
    """Return in words how many make a group."""
    size = told.metadata["configured"]
    return " to ".join(map(str, size)) if isinstance(size, tuple | list) else str(size)


def _unheard(record: RunRecord, counts: Counter[str]) -> Iterator[str]:
    """Yield messages that nobody read, and users that waited for one in vain."""
    for name, what in _MAILBOX.items():
        if counts[name]:
            yield f"{number_of(counts[name], 'message')} {what}."
    outcomes: Mapping[str, Any] = record.table("users")
    silent, users = counts[_SILENT], len(outcomes["outcome"].codes)
    if silent > (1 - _KEPT) * users:
        yield (
            f"{silent:,} of {users:,} users waited in receive up to their end, and never had a "
            "message."
        )


def _unslept(users: int) -> Iterator[str]:
    if users:
        yield f"{number_of(users, 'user')} did not sleep: user.sleep() was called without `await`."


def _rows_undone(record: RunRecord, done: int) -> Iterator[str]:
    """Yield how many requests of an access log nobody came to make."""
    rows = cast("int", record.plan.get("rows", 0))
    if not rows or not record.ended_by:
        return
    if done < rows:
        yield f"{rows - done:,} of the {rows:,} requests of the log were not made."


def _unread(record: RunRecord, counts: Counter[str]) -> Iterator[str]:
    """Yield feeders that gave no row to anybody, and those that ran out of them."""
    given, missed = _beginning(counts, ROWS_GIVEN), _beginning(counts, ROWS_MISSED)
    for name in cast("list[str]", record.plan.get("feeders", [])):
        if record.ended_by and not given[name]:
            yield f"Nobody had a row of the feeder {name!r}."
    for name, users in sorted(missed.items()):
        yield f"{number_of(users, 'user')} found no row left of the feeder {name!r}, and left."


def _never_due(record: RunRecord, counts: Counter[str]) -> Iterator[str]:
    """Yield events of timetables that users followed, and that came due for none of them."""
    came = _beginning(counts, EVENTS_DUE)
    for name in sorted(_beginning(counts, EVENTS_LISTED)):
        if record.ended_by and not came[name]:
            yield f"The event {name!r} of a timetable came due for no user before its end."


def _ramps(record: RunRecord) -> Iterator[str]:
    """Yield ramps of throttles that were under way when the run ended."""
    ramps: dict[str, str] = {}
    for each in _told(record, "amoc.throttle.process"):
        name, message = str(each.metadata["name"]), str(each.metadata["message"])
        if message.startswith("ramp from"):
            ramps[name] = message
        elif message.startswith("ramp "):  # it ended, or was cancelled
            ramps.pop(name, None)
    if record.ended_by and not record.events_dropped:
        for name, message in sorted(ramps.items()):
            yield f"The {message} of the throttle {name!r} was not over when the run ended."


def _counts(record: RunRecord) -> Counter[str]:
    """Return what each counter came to; once, because a day of them has millions of rows."""
    table: Mapping[str, Any] = record.table("counters")
    names = table["name"]
    sums = np.bincount(names.codes, table["value"], len(names.labels))
    return Counter(
        {name: int(min(value, MOST)) for name, value in zip(names.labels, sums, strict=True)}
    )


def _beginning(counts: Counter[str], prefix: str) -> Counter[str]:
    """Return what counters whose names begin so came to, by the rest of their names."""
    found = ((name, count) for name, count in counts.items() if name.startswith(prefix))
    return Counter({name.removeprefix(prefix): count for name, count in found})


def _never_admitted(record: RunRecord) -> Iterator[str]:
    users: Mapping[str, Any] = record.table("users")
    outcomes = users["outcome"]
    number = len(outcomes.codes)
    if number and all(text == "dropped" for text in outcomes.decode()):
        yield f"No user was admitted, of {number:,}."


def _nothing(record: RunRecord) -> Iterator[str]:
    if record.ended_by and not record.actions_total:
        yield "No action ended: there are no response times and no failures of actions to judge."


def _fell_silent(record: RunRecord) -> Iterator[str]:
    """Yield that nothing ended any more, for longer than ever before, while users were running.

    Of all nodes together, or of those nodes that fell silent while others went on.
    """
    if not record.ended_by or not record.actions_total:
        return
    windows: Mapping[str, Any] = record.table("windows", of_all=False)
    population: Mapping[str, Any] = record.table("population", of_all=False)
    if text := _silence(record, windows, population, ""):
        yield f"No action ended in {text}."
        return
    for node in sorted(windows["node"].labels):
        if text := _silence(record, windows, population, node):
            yield f"Node {node}: no action ended in {text}."


def _silence(
    record: RunRecord,
    windows: Mapping[str, Any],
    population: Mapping[str, Any],
    node: str,  # "" stands for all of them
) -> str:
    """Return for how long nothing ended on a node, if users were there; empty if not."""
    end = _end(record)
    ended = np.unique(windows["window_at"][_of(windows["node"], node)])
    if not len(ended):
        return ""
    last = float(ended[-1]) + record.window
    longest = float(np.diff(ended, prepend=record.load_at).max())
    if end - last < max(_SILENCE, _LONGER * longest):
        return ""
    silent = _of(population["node"], node) & (population["window_at"] >= last)
    at, place = np.unique(population["window_at"][silent], return_inverse=True)
    running = np.bincount(place, population["running"][silent], len(at))
    if (running > 0).sum() * record.window < (end - last) / 2:
        return ""
    users = number_of(int(running.max()), "user")
    return f"the last {end - last:,.0f} of {end:,.0f} s, with up to {users} running"


def _of(nodes: Labels, node: str) -> NDArray[np.bool_]:
    return nodes.among({node} if node else nodes.labels)
