"""Schema of all that is recorded: every column is declared here, and nowhere else.

Sample rows, the record's tables, the frames of `Results` with their docstrings, the metrics
of exporters and the reference pages are made from these declarations.

To add a column to a frame that is made of samples (`Frame.sampled`), measure it under its
name and declare it here: say how two parts of one window merge (`Merge`) and, if it shall be
exported, the name of its metric.  It is then recorded, merged, archived, exported and
documented.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ._column import (
    Column,
    Frame,
    category,
    flag,
    moment,
    number,
    seconds,
    text,
    whole,
)

OUTCOMES = ("finished", "failed", "left", "killed", "dropped", "lost")
"""Words for how a user ended, as the frame ``users`` has them."""

NODE_OUTCOMES = ("here", "left", "lost", "failed")
USER_STATES = ("waiting", "running", "leaving")

_NODE = category("node", "The node it happened on.")
_NODE_KEY = category("node", "The node it happened on.", "key")
_WINDOW_KEY = seconds("window_at", "When the window began, since the run started.", "key")
_AT = seconds("at", "When it happened, since the run started (monotonic).")
_ACTION = "What was timed, as the scenario called it."
_SINCE_START = "from the start of the action to its end"
_SINCE_DUE = "from the moment the action was due to its end"

_USERS = Frame(
    "users",
    "One row is one user that was announced to the run.",
    (
        whole("user_id", "The user's id; from 1, never used twice."),
        _NODE,
        category(
            "outcome",
            "How the user ended: finished, failed, left, killed, dropped or lost; missing while "
            "the user is here.",
            categories=OUTCOMES,
        ),
        text("reason", "Why, where there is more to say; else missing."),
        seconds(
            "admitted_at", "When `user_rate` let the user in, since the run started; NaN if never."
        ),
        seconds("started_at", "When `start` was called, since the run started; NaN if never."),
        seconds(
            "duration",
            "From `started_at` to the user's end; NaN while the user is here, and if it never "
            "started.",
            "derived",
        ),
        category(
            "scenario",
            "The scenario that the user followed: of a `murmur.mix`, which of them; missing while "
            "the user is here, and if it never started.",
        ),
        text(
            "result",
            "What `start` returned, as text of at most 200 characters; missing if that was "
            "nothing, `(other)` from the 101st different one on.",
        ),
    ),
    "Sorted by `user_id`. Users that wait or run have a row as well.",
    raw=(seconds("ended_at", "When the user was gone; NaN while it is here."),),
)

_ACTIONS = Frame(
    "actions",
    "One row is one action: a timed block, or a duration that was recorded.",
    (
        category("name", _ACTION),
        whole("user_id", "The user that acted; 0 when no user did."),
        _NODE,
        seconds(
            "due_at",
            "When the action should have begun: the due time of its throttle's permit, or "
            "`started_at` when nothing paced it.",
        ),
        seconds("started_at", "When it began, since the run started."),
        seconds("service_time", f"Seconds {_SINCE_START}."),
        seconds("response_time", f"Seconds {_SINCE_DUE}."),
        flag("ok", "Whether it succeeded."),
        text("error", "What went wrong; missing if nothing did."),
    ),
    "Complete up to the bound of the recorder (5 million rows by default), a uniform sample of "
    'all actions beyond it: `frame.attrs["sampled"]` says which, `frame.attrs["seen"]` how many '
    "there were.",
)


def _times(measure: str, span: str) -> tuple[Column, ...]:
    """Return the columns of one time of actions, as windows have them."""
    statistics = {
        "mean": "Mean",
        "p50": "Median",
        "p90": "90th percentile",
        "p95": "95th percentile",
        "p99": "99th percentile",
        "p999": "99.9th percentile",
        "max": "Largest",
    }
    meaning = f"{measure} time of the successful actions, {span}; NaN without any."
    return tuple(
        seconds(f"{measure}_{short}", f"{long} {meaning}", "histogram")
        for short, long in statistics.items()
    )


def _windows(name: str, row: str, node: str, notes: str) -> Frame:
    columns = (
        _WINDOW_KEY,
        category("name", _ACTION, "key"),
        category("node", node, "key"),
        whole("count", "Actions that ended in the window, failed ones included.", "sum"),
        whole("failed", "How many of them failed.", "sum"),
        number(
            "rate",
            "`count` per second of the window; of the newest, per second that passed of it (half "
            "of it at least).",
            "derived",
            unit="1/s",
        ),
        *_times("service", _SINCE_START),
        *_times("response", _SINCE_DUE),
    )
    return Frame(name, row, columns, notes)


_QUANTILES = "Quantiles come from histograms with a relative error of at most 1 %; `max` is exact."

_SPANS = Frame(
    "spans",
    "One row is one span of one action in one window, over all nodes.",
    (
        _WINDOW_KEY,
        category(
            "name",
            "The action and the part of it, joined by a dot: `chat.first_event` is the time from "
            "asking to the first server-sent event, `chat.event_gap` that between two events, "
            "`chat.cut_short` for how long actions had gone on that ended with their users.",
            "key",
        ),
        category("node", "Always `all`: the nodes are merged.", "key"),
        whole("count", "Spans that ended in the window.", "sum"),
        *(
            seconds(short, f"{long} length of the spans.", "histogram")
            for short, long in (
                ("mean", "Mean"),
                ("p50", "Median"),
                ("p90", "90th percentile"),
                ("p95", "95th percentile"),
                ("p99", "99th percentile"),
                ("p999", "99.9th percentile"),
                ("max", "Largest"),
            )
        ),
    ),
    "A span is no action: it is in no count, rate or percentile of `windows`. A part that began "
    "and never came is a row of `<name>.never_came`, with for how long it was waited for; checks "
    "of the part count it as at least so long.",
)

_COUNTERS = Frame(
    "counters",
    "One row is what was added to one counter on one node in one window.",
    (
        _WINDOW_KEY,
        category("name", "The counter.", "key"),
        _NODE_KEY,
        number("value", "What was added in the window.", "sum"),
        number("total", "What was added on the node so far.", "last"),
    ),
    "A window in which nothing was added has no row.",
)

_GAUGES = Frame(
    "gauges",
    "One row is one gauge on one node in one window.",
    (
        _WINDOW_KEY,
        category("name", "The gauge.", "key"),
        _NODE_KEY,
        number("last", "The value set last, in the scenario's own unit.", "last"),
        number("min", "The smallest value set in the window.", "min"),
        number("max", "The largest.", "max"),
        number("mean", "The mean of those that were set.", "derived"),
    ),
    "A window in which the gauge was not set has no row.",
    raw=(
        number("sum", "All values that were set, added up.", "sum"),
        number("size", "How many were set.", "sum"),
    ),
)

_THROTTLES = Frame(
    "throttles",
    "One row is one throttle on one node in one window.",
    (
        _WINDOW_KEY,
        category("name", "The throttle.", "key"),
        _NODE_KEY,
        number(
            "rate",
            "Permits per `interval` at the end of the window, on a ramp the mean of that and the "
            "end before, unless it goes in steps; infinite when unlocked, NaN for a limit.",
            "last",
            unit="1/interval",
        ),
        seconds("interval", "Seconds that `rate` is counted over.", "last"),
        number(
            "due",
            "Whole permits that the set rate came to in the window: granted + unasked + withheld "
            "+ skipped; where the rate is infinite, those that were granted; NaN for a limit.",
            "sum",
            "due",
        ),
        whole("requested", "Permits asked for in the window.", "sum", "requested"),
        whole("granted", "Permits due in the window that were granted.", "sum", "granted"),
        number(
            "unasked",
            "Permits due that nobody waited for: users were busy, too few, or gone.",
            "sum",
            "unasked",
        ),
        number(
            "withheld",
            "Permits due that the rule of the window, or leases over links, cost.",
            "sum",
            "withheld",
        ),
        number(
            "skipped",
            "Permits due that somebody waited for, and that the generator was too late for.",
            "sum",
            "skipped",
        ),
        whole("waiting", "Callers that waited at the end of the window.", "last", "waiting"),
        seconds(
            "lateness_p50",
            "Median delay of a permit behind its due time; NaN without permits.",
            "heaviest",
        ),
        seconds("lateness_p99", "99th percentile of that delay.", "heaviest", "lateness_p99"),
    ),
    "Each permit is booked once, in the window in which it was due: the newest windows grow until "
    "they are settled. What no node held is in the row of the steering kernel.",
    sampled="window",
    metrics="throttle",
    weight="granted",
)

_POPULATION = Frame(
    "population",
    "One row is the number of users in each state at one moment.",
    (
        seconds("window_at", "The moment, since the run started.", "key"),
        whole("waiting", "Users announced and not admitted yet.", "last"),
        whole("running", "Users whose `start` runs.", "last"),
        whole("leaving", "Users that were asked to leave and are still here.", "last"),
    ),
    "Summed over the nodes; one row a window. Users of a node that is silent count until "
    "it is lost; those of a node that was lost or left count no longer.",
    sampled="moment",
    raw=(_NODE_KEY,),
)

_EVENTS = Frame(
    "events",
    "One row is one event of the run, frequent ones excepted.",
    (
        _AT,
        moment("wall_at", "The same moment as date and time, UTC."),
        category("name", "The event, as in the catalogue of events."),
        _NODE,
        text("measurements", "Its numbers, as a JSON object."),
        text("metadata", "What it was about, as a JSON object."),
    ),
    'Mappings again: `frame["metadata"].map(json.loads)`.',
)

_CHANGES = Frame(
    "changes",
    "One row is one change that somebody made to the run while it went on.",
    (
        _AT,
        moment("wall_at", "The same moment as date and time, UTC.", "derived"),
        category("node", "The node on which it took effect."),
        category("who", "Where the change came from."),
        category(
            "what",
            "What changed: a setting, a throttle, the users, `the run` when its end came as asked.",
        ),
        text("old", "The value before, as text; secrets are masked."),
        text(
            "new",
            "The value after; of `the run`: `stop`, `duration`, or `idle` if nobody was left.",
        ),
    ),
    "Every time chart draws a rule for each of them: `changes=results.changes`.",
)

_NODES = Frame(
    "nodes",
    "One row is one node that took part.",
    (
        category("node", "Its name.", "key"),
        text("host", "Name of its machine; empty if unknown.", "last"),
        whole("pid", "Its process there; 0 if unknown.", "last"),
        text("python", "Version of Python that it ran.", "last"),
        text("murmur", "Version of murmur that it ran.", "last"),
        whole("cores", "Cores it could use; 0 if unknown.", "last"),
        category(
            "outcome",
            "here (to the end, once the run is over), left (in order), lost, or failed: its part "
            "of the run did, and the run went on.",
            "last",
            categories=NODE_OUTCOMES,
        ),
        seconds(
            "joined_at",
            "When it joined, since the run started: negative if before; NaN if unknown.",
            "last",
        ),
        seconds(
            "running_at",
            "When its `init` was done and it could have users; NaN if that never was so.",
            "last",
        ),
        seconds("left_at", "When it left, was lost or failed; NaN while it is here.", "last"),
        seconds(
            "clock_offset",
            "How far its clock is ahead of the steering kernel's; NaN if it has the same, or if "
            "that is not yet known.",
            "last",
        ),
        seconds("clock_error", "How wrong `clock_offset` may be; NaN as that is.", "last"),
        whole("users", "Users that were announced on it.", "derived"),
        whole(
            "lost",
            "How many of those were lost with it, or ended because it left or its part failed.",
            "derived",
        ),
        whole("actions", "Actions that ended on it.", "derived"),
        whole("failed", "How many of those failed.", "derived"),
        seconds("first_at", "When it first reported how many users it has.", "derived"),
        seconds("last_at", "When it last did.", "derived"),
    ),
    "Columns up to `clock_error` are facts that were noted one by one, each as it was noted last.",
)

_HEALTH = Frame(
    "health",
    "One row is the state of the load generator on one node in one window.",
    (
        _WINDOW_KEY,
        _NODE_KEY,
        seconds(
            "loop_lag_p50", "Median delay of a timer of the event loop.", "max", "loop_lag_p50"
        ),
        seconds("loop_lag_p99", "99th percentile of that delay.", "max", "loop_lag_p99"),
        seconds("loop_lag_max", "Longest delay.", "max", "loop_lag_max"),
        seconds(
            "schedule_lag",
            "99th percentile of how late throttles granted permits, of the worst of them.",
            "max",
            "schedule_lag",
        ),
        number(
            "cpu",
            "CPU time used per second; 1 is one whole core.",
            "max",
            "cpu_cores",
            unit="cores",
        ),
        number(
            "machine_cpu",
            "Share of the machine's cores that were busy.",
            "max",
            "machine_cpu",
            unit="share",
        ),
        number(
            "cpu_quota",
            "Cores that a quota of processor time allows, as that of a container; missing if "
            "there is none.",
            "last",
            "cpu_quota",
            unit="cores",
        ),
        seconds(
            "cpu_held",
            "For how long that quota held threads back, over all cores; Linux 6.18 does not "
            "always count it.",
            "sum",
            "cpu_held",
        ),
        number("rss", "Resident memory of the process.", "max", "resident_memory", unit="bytes"),
        number("gc_pauses", "Garbage collections in the window.", "sum", "gc_pauses"),
        seconds("gc_longest", "How long the longest of them took.", "max", "gc_longest_pause"),
        number("open_files", "Files and sockets that the process has open.", "max", "open_files"),
        number("open_files_limit", "How many it may have.", "last", "open_files_limit"),
        number("ports", "Local ports held by connections, or by closed ones.", "max", "ports"),
        number("ports_limit", "How many there are for connections.", "last", "ports_limit"),
        flag(
            "saturated",
            "Whether the generator was too slow, or had too little, to be trusted.",
            "any",
            "saturated",
        ),
        text(
            "reason",
            "Which rules say so, and whose doing it was where that is known; missing if none does.",
            "last",
        ),
    ),
    "A window is saturated by any of four rules: *loop lag* (`loop_lag_p99` above 50 ms), "
    "*schedule* (`schedule_lag` above 100 ms, of ten permits or more), *open files* and "
    "*ports* (95 % of the limit in use). What the system does not tell is NaN; where "
    "there is no `/proc`, most of it. Of two samples of one window the worse counts. "
    "A window that a node owes and did not write has a row with the reason `no sign of life`.",
    sampled="window",
    metrics="generator",
)

_ERRORS = Frame(
    "errors",
    "One row is one kind of failure of one thing, the most frequent first.",
    (
        category(
            "source",
            "What failed: action, user (its `start` raised), coordinator (an action of its plan), "
            "throttle (a call or a shape), handler, setting (an observer or `changed`), scenario "
            "(`init` or `terminate`) or node.",
        ),
        category("name", "Its name; of a user, the scenario's."),
        category("kind", 'Type of the exception; "failed" without one.'),
        text("error", "Type and message, exactly as in `actions`.", "derived"),
        whole("count", "How often it failed so."),
        whole(
            "users",
            "How many users ended by it: an error that fails an action and then its user is one "
            "failure, the action's.",
        ),
        seconds("first_at", "When it did for the first time."),
        seconds("last_at", "When it did for the last time."),
        text("traceback", "The first traceback; may be empty."),
    ),
    "The counts are complete, also where `actions` is a sample. A kind is the type of the error "
    "and what it said, in one line: object addresses, ephemeral ports, uuids and moments are "
    "replaced (`0x...`, `<port>`, `<uuid>`, `<time>`), and so are numbers that keep changing "
    "(`<n>`), so that failures which are alike make one row. Where the error's class has a code of "
    "its own (gRPC's `code()`, `sqlstate`, an HTTP status), that comes first.",
    raw=(text("message", "Message of the exception, or what was said of it."),),
)

_DELIVERIES = Frame(
    "deliveries",
    "One row is one name of messages that users stamped (`User.stamp`), over all nodes.",
    (
        category("name", "What the messages are called.", "key"),
        whole("sent", "Stamps that were made.", "derived"),
        whole("expected", "Arrivals that their senders expected.", "derived"),
        whole("arrived", "Arrivals, without those that came twice to the same user.", "derived"),
        number(
            "reach", "`arrived` of `expected`; NaN if none was expected.", "derived", unit="share"
        ),
        whole("duplicates", "Stamps that came again to the same user.", "derived"),
        whole(
            "lost",
            "How many of `expected` did not arrive: while the run is on, some are on their way.",
            "derived",
        ),
        seconds("p50", "Median time on the way, by the clock that nodes share.", "derived"),
        seconds("p99", "99th percentile of that time.", "derived"),
        whole(
            "uncertain",
            "Arrivals whose time is not larger than the clocks may be wrong by: it may be "
            "anything from nothing on, also below zero, and none is changed.",
            "derived",
        ),
        seconds(
            "clock_error",
            "How wrong a time may be: the errors of both ends' clocks, of the worst pair; 0 where "
            "sender and receiver share one.",
            "derived",
        ),
    ),
    "Sums of counters (`deliveries.*`); times are those of the actions of the same name.",
)

FRAMES: Mapping[str, Frame] = MappingProxyType(
    {
        frame.name: frame
        for frame in (
            _USERS,
            _ACTIONS,
            _windows(
                "windows",
                "One row is one action name in one window, over all nodes.",
                "Always `all`: the nodes are merged.",
                f"The counts add up to the number of actions. {_QUANTILES} A window without "
                "actions of a name has no row. The last window of a run that goes on is not "
                "complete yet, so its rate is low.",
            ),
            _windows(
                "windows_by_node",
                "One row is one action name in one window on one node.",
                "The node.",
                _QUANTILES,
            ),
            _SPANS,
            _COUNTERS,
            _GAUGES,
            _DELIVERIES,
            _THROTTLES,
            _POPULATION,
            _EVENTS,
            _CHANGES,
            _NODES,
            _HEALTH,
            _ERRORS,
        )
    }
)
"""Every frame by its name, in the order of the reference page."""
