"""Verbs about what a run measured and who meets in it: frames, checks, files, coordinators."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from IPython.core.error import UsageError

from murmur.errors import closest
from murmur.results import FRAMES, compare, load
from murmur.results.archive import write_frame

from ._verb import Call, Context, Kind, Parameter, Verb

FRAME_NAMES = (*FRAMES, "effects")
"""What ``%amoc frame`` knows: the frames of a run, and what its live changes did."""


def _frame(context: Context, call: Call) -> object:
    name, results = call.values["name"], context.run.results
    if name not in FRAME_NAMES:
        raise UsageError(f"no frame {name!r}{closest(name, FRAME_NAMES, 'frames')}")
    frame = results.effects if name == "effects" else results.frame(name)
    if "save" in call.values:
        write_frame(frame, _frame_file(call.values["save"]))
    return frame.head(call.values["head"]) if "head" in call.values else frame


def _frame_file(text: str) -> Path:
    path = Path(text)
    if path.suffix not in (".csv", ".parquet"):
        raise UsageError(f"--save takes a path that ends in .csv or .parquet, not {text!r}")
    return path


def _compare(context: Context, call: Call) -> object:
    after = call.values.get("after")
    return compare(
        load(call.values["before"]), context.run.results if after is None else load(after)
    )


def _coordinators(context: Context, call: Call) -> object:
    known = context.session.coordinators
    name: Any = call.values.get("name")
    if name is None:
        return {each: known[each].statistics() for each in known}
    found = known[name]
    if "reset" in call.values:
        found.reset()
    if "stop" in call.values:
        found.stop()
        return None
    return found.statistics()


RESULTS_VERBS = (
    Verb(
        "frame",
        "A frame of the run by its name: errors, throttles, effects, ...",
        _frame,
        words=(
            Parameter(
                "NAME",
                Kind.FRAME,
                "the frame: errors, throttles, changes, effects and more; Tab lists all",
                required=True,
            ),
        ),
        options=(
            Parameter("--head", Kind.WHOLE, "only so many rows, the first ones"),
            Parameter("--save", Kind.TEXT, "write it all to a .csv or .parquet file", "PATH"),
        ),
        example="%amoc frame errors --head 5",
    ),
    Verb(
        "check",
        "Judge an objective on the run.",
        lambda on, call: on.run.results.check(call.values["check"]),
        words=(Parameter("CHECK", Kind.TEXT, "the objective, in quotes", required=True),),
        example="%amoc check 'p99(echo) < 200ms'",
    ),
    Verb(
        "save",
        "Save the run in a directory of its own.",
        lambda on, call: on.run.results.save(call.values["path"]),
        words=(Parameter("PATH", Kind.TEXT, "the directory", required=True),),
        example="%amoc save results/first",
    ),
    Verb(
        "load",
        "Results of a run that was saved, or that a run directory keeps.",
        lambda on, call: load(call.values["path"]),
        words=(Parameter("PATH", Kind.TEXT, "the directory", required=True),),
        example="first = %amoc load results/first",
    ),
    Verb(
        "compare",
        "Compare a saved run with another, or with the run of this session.",
        _compare,
        words=(
            Parameter("BEFORE", Kind.TEXT, "directory of the run before", required=True),
            Parameter("AFTER", Kind.TEXT, "directory of the other (this run, if not given)"),
        ),
        example="%amoc compare results/first",
    ),
    Verb(
        "report",
        "Write the run as one HTML page that opens offline.",
        lambda on, call: on.run.results.report(call.values["path"]),
        words=(Parameter("PATH", Kind.TEXT, "the page", required=True),),
        example="%amoc report first.html",
    ),
    Verb(
        "coordinators",
        "Coordinators of the run, or one of them, to look at, reset or stop.",
        _coordinators,
        words=(Parameter("NAME", Kind.COORDINATOR, "the coordinator (all, if not given)"),),
        options=(
            Parameter("--reset", Kind.SWITCH, "close its open batches"),
            Parameter("--stop", Kind.SWITCH, "let it take no more users"),
        ),
        example="%amoc coordinators pairs --reset",
    ),
)
