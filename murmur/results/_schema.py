"""Schema of every frame of `Results`: the one place where columns are defined.

The frames are built from this table, and so is the reference page, so that the page, the
empty frame and the full frame cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping

from ._frame import BOOL, CATEGORY, FLOAT, INT, TEXT, WALL, Column, Frame

__all__ = ["FRAMES", "NODE", "NODE_OUTCOMES", "OUTCOMES"]

OUTCOMES = ("finished", "failed", "left", "killed", "dropped", "lost")
NODE_OUTCOMES = ("here", "left", "lost")

_NAME = Column("name", CATEGORY, "", "What was timed, as the scenario called it.")
NODE = Column("node", CATEGORY, "", "The node it happened on.")
_WINDOW_AT = Column("window_at", FLOAT, "s", "When the window began, since the run started.")
_AT = Column("at", FLOAT, "s", "When it happened, since the run started (monotonic).")
_WALL_AT = Column("wall_at", WALL, "", "The same moment as date and time, UTC.")

_QUANTILES = {
    "mean": "Mean",
    "p50": "Median",
    "p90": "90th percentile",
    "p95": "95th percentile",
    "p99": "99th percentile",
    "p999": "99.9th percentile",
    "max": "Largest",
}
_MEASURES = {
    "service": "from the start of the action to its end",
    "response": "from the moment the action was due to its end",
}


def _quantiles() -> tuple[Column, ...]:
    return tuple(
        Column(
            f"{measure}_{short}",
            FLOAT,
            "s",
            f"{long} {measure} time of the successful actions, {span}; NaN without any.",
        )
        for measure, span in _MEASURES.items()
        for short, long in _QUANTILES.items()
    )


def _windows(name: str, row: str, node: str, notes: str) -> Frame:
    columns = (
        _WINDOW_AT,
        _NAME,
        Column("node", CATEGORY, "", node),
        Column("count", INT, "", "Actions that ended in the window, failed ones included."),
        Column("failed", INT, "", "How many of them failed."),
        Column("rate", FLOAT, "1/s", "`count` per second of the window."),
        *_quantiles(),
    )
    return Frame(name, row, columns, notes)


_QUANTILE_NOTE = (
    "Quantiles come from histograms with a relative error of at most 1 %; `max` is exact."
)

FRAMES: Mapping[str, Frame] = {
    frame.name: frame
    for frame in (
        Frame(
            "users",
            "One row is one user that was announced to the run.",
            (
                Column("user_id", INT, "", "The user's id; from 1, never used twice."),
                NODE,
                Column(
                    "outcome",
                    CATEGORY,
                    "",
                    "How the user ended: finished, failed, left, killed, dropped or lost; "
                    "missing while the user is here.",
                    OUTCOMES,
                ),
                Column("reason", TEXT, "", "Why, where there is more to say; else missing."),
                Column(
                    "admitted_at",
                    FLOAT,
                    "s",
                    "When `user_rate` let the user in, since the run started; NaN if never.",
                ),
                Column(
                    "started_at",
                    FLOAT,
                    "s",
                    "When `start` was called, since the run started; NaN if never.",
                ),
                Column(
                    "duration",
                    FLOAT,
                    "s",
                    "From `started_at` to the user's end; NaN while the user is here, "
                    "and if it never started.",
                ),
            ),
            "Sorted by `user_id`. Users that wait or run have a row as well.",
        ),
        Frame(
            "actions",
            "One row is one action: a timed block, or a duration that was recorded.",
            (
                _NAME,
                Column("user_id", INT, "", "The user that acted; 0 when no user did."),
                NODE,
                Column(
                    "due_at",
                    FLOAT,
                    "s",
                    "When the action should have begun: the due time of its throttle's permit, "
                    "or `started_at` when nothing paced it.",
                ),
                Column("started_at", FLOAT, "s", "When it began, since the run started."),
                Column("service_time", FLOAT, "s", f"Seconds {_MEASURES['service']}."),
                Column("response_time", FLOAT, "s", f"Seconds {_MEASURES['response']}."),
                Column("ok", BOOL, "", "Whether it succeeded."),
                Column("error", TEXT, "", "What went wrong; missing if nothing did."),
            ),
            "Complete up to the bound of the recorder (5 million rows by default), a uniform "
            'sample of all actions beyond it: `frame.attrs["sampled"]` says which, '
            '`frame.attrs["seen"]` how many there were.',
        ),
        _windows(
            "windows",
            "One row is one action name in one window, over all nodes.",
            "Always `all`: the nodes are merged.",
            "The counts add up to the number of actions. " + _QUANTILE_NOTE + " "
            "A window without actions of a name has no row. The last window of a run that goes "
            "on is not complete yet, so its rate is low.",
        ),
        _windows(
            "windows_by_node",
            "One row is one action name in one window on one node.",
            "The node.",
            _QUANTILE_NOTE,
        ),
        Frame(
            "counters",
            "One row is what was added to one counter on one node in one window.",
            (
                _WINDOW_AT,
                Column("name", CATEGORY, "", "The counter."),
                NODE,
                Column("value", FLOAT, "", "What was added in the window."),
                Column("total", FLOAT, "", "What was added on the node so far."),
            ),
            "A window in which nothing was added has no row.",
        ),
        Frame(
            "gauges",
            "One row is one gauge on one node in one window.",
            (
                _WINDOW_AT,
                Column("name", CATEGORY, "", "The gauge."),
                NODE,
                Column("last", FLOAT, "", "The value set last, in the scenario's own unit."),
                Column("min", FLOAT, "", "The smallest value set in the window."),
                Column("max", FLOAT, "", "The largest."),
                Column("mean", FLOAT, "", "The mean of those that were set."),
            ),
            "A window in which the gauge was not set has no row.",
        ),
        Frame(
            "throttles",
            "One row is one throttle on one node in one window.",
            (
                _WINDOW_AT,
                Column("name", CATEGORY, "", "The throttle."),
                NODE,
                Column(
                    "rate",
                    FLOAT,
                    "1/interval",
                    "Permits per `interval` at the end of the window; infinite when unlocked, "
                    "NaN for a limit.",
                ),
                Column("interval", FLOAT, "s", "Seconds that `rate` is counted over."),
                Column("requested", INT, "", "Permits asked for in the window."),
                Column("granted", INT, "", "Permits granted in the window."),
                Column("waiting", INT, "", "Callers that waited at the end of the window."),
                Column(
                    "lateness_p50",
                    FLOAT,
                    "s",
                    "Median delay of a permit behind its due time; NaN without permits.",
                ),
                Column("lateness_p99", FLOAT, "s", "99th percentile of that delay."),
            ),
        ),
        Frame(
            "population",
            "One row is the number of users in each state at one moment.",
            (
                Column("window_at", FLOAT, "s", "The moment, since the run started."),
                Column("waiting", INT, "", "Users announced and not admitted yet."),
                Column("running", INT, "", "Users whose `start` runs."),
                Column("leaving", INT, "", "Users that were asked to leave and are still here."),
            ),
            "Summed over the nodes; one row a window.",
        ),
        Frame(
            "events",
            "One row is one event of the run, frequent ones excepted.",
            (
                _AT,
                _WALL_AT,
                Column("name", CATEGORY, "", "The event, as in the catalogue of events."),
                NODE,
                Column("measurements", TEXT, "", "Its numbers, as a JSON object."),
                Column("metadata", TEXT, "", "What it was about, as a JSON object."),
            ),
            'Mappings again: `frame["metadata"].map(json.loads)`.',
        ),
        Frame(
            "changes",
            "One row is one change that somebody made to the run while it went on.",
            (
                _AT,
                _WALL_AT,
                Column("node", CATEGORY, "", "The node on which it took effect."),
                Column("who", CATEGORY, "", "Where the change came from."),
                Column("what", CATEGORY, "", "What changed: a setting, a throttle, the users."),
                Column("old", TEXT, "", "The value before, as text; secrets are masked."),
                Column("new", TEXT, "", "The value after."),
            ),
            "Every time chart draws a rule for each of them: `changes=results.changes`.",
        ),
        Frame(
            "nodes",
            "One row is one node that took part.",
            (
                NODE,
                Column("host", TEXT, "", "Name of its machine; empty if nobody told."),
                Column("pid", INT, "", "Its process there; 0 if nobody told."),
                Column("python", TEXT, "", "Version of Python that it ran."),
                Column("murmur", TEXT, "", "Version of murmur that it ran."),
                Column("cores", INT, "", "Cores it could use; 0 if nobody told."),
                Column(
                    "outcome",
                    CATEGORY,
                    "",
                    "here (to the end, once the run is over), left (in order) or lost.",
                    NODE_OUTCOMES,
                ),
                Column(
                    "joined_at",
                    FLOAT,
                    "s",
                    "When it joined, since the run started: negative if before; NaN if unknown.",
                ),
                Column("left_at", FLOAT, "s", "When it left or was lost; NaN while it is here."),
                Column(
                    "clock_offset",
                    FLOAT,
                    "s",
                    "How far its clock is ahead of the steering kernel's; NaN if it has the same.",
                ),
                Column("clock_error", FLOAT, "s", "How wrong `clock_offset` may be."),
                Column("users", INT, "", "Users that were announced on it."),
                Column("actions", INT, "", "Actions that ended on it."),
                Column("failed", INT, "", "How many of those failed."),
                Column("first_at", FLOAT, "s", "When it first reported how many users it has."),
                Column("last_at", FLOAT, "s", "When it last did."),
            ),
        ),
        Frame(
            "health",
            "One row is the state of the load generator on one node in one window.",
            (
                _WINDOW_AT,
                NODE,
                Column("loop_lag_p50", FLOAT, "s", "Median delay of a timer of the event loop."),
                Column("loop_lag_p99", FLOAT, "s", "99th percentile of that delay."),
                Column("loop_lag_max", FLOAT, "s", "Longest delay."),
                Column(
                    "schedule_lag",
                    FLOAT,
                    "s",
                    "99th percentile of how late throttles granted permits, of the worst of them.",
                ),
                Column("cpu", FLOAT, "cores", "CPU time used per second; 1 is one whole core."),
                Column("machine_cpu", FLOAT, "", "Share of the machine's cores that were busy."),
                Column("rss", FLOAT, "bytes", "Resident memory of the process."),
                Column("gc_pauses", FLOAT, "", "Garbage collections in the window."),
                Column("gc_longest", FLOAT, "s", "How long the longest of them took."),
                Column("open_files", FLOAT, "", "Files and sockets that the process has open."),
                Column("open_files_limit", FLOAT, "", "How many it may have."),
                Column("ports", FLOAT, "", "Local ports held by connections, or by closed ones."),
                Column("ports_limit", FLOAT, "", "How many there are for connections."),
                Column(
                    "saturated",
                    BOOL,
                    "",
                    "Whether the generator was too slow, or had too little, to be trusted.",
                ),
                Column("reason", TEXT, "", "Which rules say so; missing if none does."),
            ),
            "A window is saturated by any of four rules: *loop lag* (`loop_lag_p99` above 50 ms), "
            "*schedule* (`schedule_lag` above 100 ms, of ten permits or more), *open files* and "
            "*ports* (95 % of the limit in use). What the system does not tell is NaN; where "
            "there is no `/proc`, most of it.",
        ),
        Frame(
            "errors",
            "One row is one kind of error under one action name, the most frequent first.",
            (
                Column("name", CATEGORY, "", "The action."),
                Column("kind", CATEGORY, "", 'Type of the exception; "failed" without one.'),
                Column("error", TEXT, "", "Type and message, exactly as in `actions`."),
                Column("count", INT, "", "How many actions failed with it."),
                Column("first_at", FLOAT, "s", "When the first of them ended."),
                Column("last_at", FLOAT, "s", "When the last of them ended."),
                Column("traceback", TEXT, "", "Traceback of one of them; may be empty."),
            ),
            "The counts are complete, also where `actions` is a sample.",
        ),
    )
}
