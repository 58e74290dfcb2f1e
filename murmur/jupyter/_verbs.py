"""The verbs of ``%amoc``, and what each does: one call on the session.

The table at the end is the one place that names them; parsing, help, completion and the
test of the reference page read it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError
from IPython.core.getipython import get_ipython

from murmur._moved import VERBS_OF_AMOC
from murmur._session import RequestLog, Run, Status, ThrottleView
from murmur.errors import closest
from murmur.scenario import describe, find, parse_settings, scenarios_in
from murmur.traffic import scenario_from

from ._cluster_verbs import CLUSTER_VERBS, ON_NODES, nodes_of
from ._results_verbs import RESULTS_VERBS
from ._scenario_table import ScenarioTable
from ._verb import Call, Context, Kind, Parameter, Verb

_OTHER_NAMES = {"trace": "watch"}
_WATCHED = 10.0  # seconds, unless a line says how many
_TURN = 0.1  # seconds between two looks at what is watched


def find_verb(name: str, context: Context | None = None, rest: Sequence[str] = ()) -> Verb:
    """Return the verb of that name, or raise a `UsageError` with what is probably meant."""
    name = _OTHER_NAMES.get(name, name)
    if name in VERBS:
        return VERBS[name]
    if name in VERBS_OF_AMOC:
        verb = VERBS[VERBS_OF_AMOC[name]]
        hint = f"; amoc's {name} is {verb.name} here, as in: {verb.example}"
    elif context is not None and _is_setting(name, context):
        hint = f"; it is a setting: %amoc update {name}=VALUE"
    elif rest and rest[0] in VERBS:
        hint = f"; the verb comes first: %amoc {rest[0]} {name}"
    else:
        hint = closest(name, list(VERBS), "verbs")
    raise UsageError(f"unknown verb {name!r}{hint}")


def _is_setting(name: str, context: Context) -> bool:
    scenario = context.session.scenario
    return scenario is not None and name in scenario.class_traits()


def _do(context: Context, call: Call) -> object:
    scenario = find(call.values["name"], context.namespace)
    keywords = call.given("seed", "duration", "end_when_idle")
    keywords |= nodes_of(call)
    keywords |= parse_settings(scenario, call.settings)  # no setting may have those names
    run = context.session.do(scenario, call.values.get("users", 0), **keywords)
    if "wait" in call.values:
        _wait_for(run, None)
    return run


def _wait_for(run: Run, timeout: float | None) -> object:
    try:
        return run.wait(timeout)
    except KeyboardInterrupt:
        # A one-line error, and no return: the cells after this one count on the run's end.
        raise UsageError("interrupted; the run goes on: %amoc status, %amoc stop") from None


def _remove(context: Context, call: Call) -> object:
    return context.session.remove(call.values["count"], **call.given("force"), **nodes_of(call))


def _update(context: Context, call: Call) -> object:
    settings: dict[str, Any] = parse_settings(context.scenario, call.settings)
    return context.session.update(**nodes_of(call), **settings)


def _status(context: Context, call: Call) -> object:
    status: object = context.session.status()
    run = context.session.run
    if run is None or not isinstance(status, Status) or status.run_id is None:
        return status  # after a reset there is no run that a verdict could be of
    verdict = run.results.verdict
    return replace(status, verdict=verdict.state, remarks=verdict.reasons)


def _chosen(context: Context, call: Call) -> ThrottleView:
    return context.session.throttles[call.values["name"]]


def _throttle(context: Context, call: Call) -> object:
    throttle = _chosen(context, call)
    if "stop" in call.values:
        throttle.stop()
        return None
    change = call.given("rate", "interval", "interarrival", "limit", "cancel_ramp")
    if not change:
        return throttle.statistics()
    throttle.change_rate(**change)
    return None


def _ramp(context: Context, call: Call) -> None:
    given = call.given("duration", "steps", "step_interval")
    if given.keys() not in ({"duration"}, {"steps", "step_interval"}):
        verb, told = VERBS["ramp"], "--duration SECONDS, or --steps N with --step-interval SECONDS"
        raise UsageError(f"ramp needs {told}, as in: {verb.example}")
    throttle = _chosen(context, call)
    unit = "interarrival" if "interarrival" in call.values else "rate"
    throttle.ramp(
        **{f"{end}_{unit}": call.values[end] for end in ("from", "to")},
        **given,
        **call.given("interval", "cancel_ramp"),
    )


def _describe(context: Context, call: Call) -> object:
    reference = call.values["name"]
    path = reference.partition(":")[0]
    if Path(path).suffix in {".py", ".ipynb"}:
        return describe(reference)  # read, and not imported
    return describe(find(reference, context.namespace))


def _plot(context: Context, call: Call) -> object:
    from murmur.charts import draw

    return draw(call.values["name"], context.run.results)


def _watch(context: Context, call: Call) -> None:
    run = context.run
    with RequestLog(call.values["user"]) as log:
        until = time.monotonic() + call.values.get("seconds", _WATCHED)
        while True:
            is_over = run.is_over or time.monotonic() >= until
            sys.stdout.writelines(f"{line}\n" for line in log.take())
            if is_over:
                break
            time.sleep(_TURN)
        if silence := log.silence():
            sys.stdout.write(f"{silence}\n")


def _capacity(context: Context, call: Call) -> object:
    scenario = find(call.values["name"], context.namespace)
    keywords: dict[str, Any] = call.given(
        "by", "low", "high", "hold", "warm_up", "confirm", "users"
    )
    keywords |= parse_settings(scenario, call.settings)
    try:
        return context.session.find_capacity(scenario, check=call.values["check"], **keywords)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _import(context: Context, call: Call) -> str:
    written = scenario_from(call.values["file"], **call.given("name", "static"))
    shell = get_ipython()
    if shell is not None:
        shell.set_next_input(written.source)
    return "\n".join([f"{written.name} is in the next cell", *written.notes])


_SCENARIO = Parameter(
    "NAME",
    Kind.SCENARIO,
    "a scenario: its name in the notebook, package.module:Class or path/to/file.py[:Class]",
    required=True,
)
_THROTTLE = Parameter("NAME", Kind.THROTTLE, "the throttle", required=True)
_COUNT = Parameter("COUNT", Kind.WHOLE, "how many users", required=True)
_CANCEL_RAMP = Parameter("--cancel-ramp", Kind.SWITCH, "end the ramp that runs, if one does")
_INTERVAL = "seconds that the rate is counted over (as it is, if not given)"

_TABLE = (
    Verb(
        "do",
        "Start a run of a scenario; as %%amoc, run the cell's body first.",
        _do,
        words=(_SCENARIO, Parameter("USERS", Kind.WHOLE, "users to start with (default 0)")),
        options=(
            Parameter("--seed", Kind.WHOLE, "seed of every user's random numbers"),
            Parameter("--duration", Kind.SECONDS, "stop the run after so long", "SECONDS"),
            Parameter("--end-when-idle", Kind.SWITCH, "stop the run once all users are gone"),
            ON_NODES,
            Parameter(
                "--wait",
                Kind.SWITCH,
                "return when the run has ended; an interrupt ends the wait only",
            ),
        ),
        settings="any",
        example="%amoc do Chat 100 port=8888 user_rate=6000 --duration 60",
    ),
    Verb(
        "wait",
        "Wait until the run has ended; an interrupt ends the wait and not the run.",
        lambda on, call: _wait_for(on.run, call.values.get("seconds")),
        words=(Parameter("SECONDS", Kind.SECONDS, "give up after so long (default never)"),),
        example="%amoc wait 90",
    ),
    Verb(
        "add",
        "Add users to the run; returns their ids.",
        lambda on, call: on.session.add(call.values["count"], **nodes_of(call)),
        words=(_COUNT,),
        options=(ON_NODES,),
        example="%amoc add 50",
    ),
    Verb(
        "add_users",
        "Add users with ids of your own, above all in use.",
        lambda on, call: on.session.add_users(call.values["first"], call.values["last"]),
        words=(
            Parameter("FIRST", Kind.WHOLE, "first id", required=True),
            Parameter("LAST", Kind.WHOLE, "last id", required=True),
        ),
        example="%amoc add_users 101 200",
    ),
    Verb(
        "settings",
        "Settings of the run as they are now.",
        lambda on, call: on.run.settings,
        example="%amoc settings",
    ),
    Verb(
        "remove",
        "Ask users to leave; returns how many were asked.",
        _remove,
        words=(_COUNT,),
        options=(
            Parameter("--force", Kind.SWITCH, "cancel those still there after the grace"),
            ON_NODES,
        ),
        example="%amoc remove 20 --force",
    ),
    Verb(
        "update",
        "Change live settings of the running scenario; returns old and new values.",
        _update,
        options=(ON_NODES,),
        settings="live",
        example="%amoc update pace=0.5",
    ),
    Verb("status", "State of the run, users, throttles.", _status, example="s = %amoc status"),
    Verb(
        "stop", "Stop the run in order.", lambda on, call: on.session.stop(), example="%amoc stop"
    ),
    Verb(
        "reset",
        "Force the session back to idle, whatever runs.",
        lambda on, call: on.session.reset(),
        example="%amoc reset",
    ),
    Verb(
        "throttle",
        "Change the rate of a throttle; without a change, return its statistics.",
        _throttle,
        words=(_THROTTLE,),
        pairs=(
            Parameter("rate", Kind.RATE, "permits per interval; 0 holds, inf unlocks"),
            Parameter("interval", Kind.SECONDS, _INTERVAL, "SECONDS"),
            Parameter("interarrival", Kind.SECONDS, "between two permits, not a rate", "SECONDS"),
            Parameter("limit", Kind.WHOLE, "permits at a time, for a throttle that has a limit"),
        ),
        options=(
            _CANCEL_RAMP,
            Parameter("--stop", Kind.SWITCH, "end the throttle; who waits gets an error"),
        ),
        example="%amoc throttle messages rate=200",
    ),
    Verb(
        "pause",
        "Let a throttle grant nothing until it is resumed.",
        lambda on, call: _chosen(on, call).pause(),
        words=(_THROTTLE,),
        example="%amoc pause messages",
    ),
    Verb(
        "resume",
        "Let a paused throttle go on at its rate.",
        lambda on, call: _chosen(on, call).resume(),
        words=(_THROTTLE,),
        example="%amoc resume messages",
    ),
    Verb(
        "ramp",
        "Change the rate of a throttle gradually.",
        _ramp,
        words=(
            _THROTTLE,
            Parameter("FROM", Kind.RATE, "rate to begin with", required=True),
            Parameter("TO", Kind.RATE, "rate to end with", required=True),
        ),
        options=(
            Parameter("--duration", Kind.SECONDS, "how long it takes", "SECONDS"),
            Parameter("--steps", Kind.WHOLE, "change in so many steps, not continuously"),
            Parameter("--step-interval", Kind.SECONDS, "between two steps", "SECONDS"),
            Parameter("--interval", Kind.SECONDS, _INTERVAL, "SECONDS"),
            Parameter("--interarrival", Kind.SWITCH, "FROM and TO are seconds between two permits"),
            _CANCEL_RAMP,
        ),
        example="%amoc ramp messages 100 1000 --duration 60",
    ),
    Verb(
        "unlock",
        "Let a throttle grant everything at once.",
        lambda on, call: _chosen(on, call).unlock(**call.given("cancel_ramp")),
        words=(_THROTTLE,),
        options=(_CANCEL_RAMP,),
        example="%amoc unlock messages",
    ),
    Verb(
        "scenarios",
        "Scenarios of this notebook.",
        lambda on, call: ScenarioTable(scenarios_in(on.namespace)),
        example="%amoc scenarios",
    ),
    Verb(
        "describe",
        "Settings of a scenario; a file is read and not imported.",
        _describe,
        words=(_SCENARIO,),
        example="%amoc describe Chat",
    ),
    Verb(
        "users",
        "Frame of users: one row is one user.",
        lambda on, call: on.run.results.users,
        example="u = %amoc users",
    ),
    Verb(
        "actions",
        "Frame of actions: one row is one action.",
        lambda on, call: on.run.results.actions,
        example="a = %amoc actions",
    ),
    Verb(
        "windows",
        "Frame of windows: one row is a second of one action.",
        lambda on, call: on.run.results.windows,
        example="w = %amoc windows",
    ),
    Verb(
        "summary",
        "What the run has shown, in short.",
        lambda on, call: on.run.results.summary(),
        example="%amoc summary",
    ),
    Verb(
        "plot",
        "Draw a chart of the run.",
        _plot,
        words=(
            Parameter(
                "NAME",
                Kind.CHART,
                "the chart: latency, throughput, users, errors, effects and more; Tab lists all",
                required=True,
            ),
        ),
        example="%amoc plot latency",
    ),
    Verb(
        "panel",
        "Steer and watch the session, live.",
        lambda on, call: on.session.panel(),
        example="%amoc panel",
    ),
    Verb(
        "watch",
        "Show each request of one user of this process as it ends, for ten seconds.",
        _watch,
        words=(Parameter("USER", Kind.WHOLE, "its id", required=True),),
        options=(
            Parameter(
                "--seconds", Kind.SECONDS, "how long; an interrupt ends it before", "SECONDS"
            ),
        ),
        example="%amoc watch 1 --seconds 3",
    ),
    Verb(
        "capacity",
        "Search for the load up to which a check holds; an interrupt keeps what was found.",
        _capacity,
        words=(
            Parameter("NAME", Kind.SCENARIO, "a scenario, as for do", required=True),
            Parameter("CHECK", Kind.TEXT, "what has to hold, in quotes", required=True),
        ),
        options=(
            Parameter("--by", Kind.TEXT, "users, user_rate or the name of a throttle", "WHAT"),
            Parameter("--low", Kind.NUMBER, "the first load (default 1)"),
            Parameter("--high", Kind.NUMBER, "the largest load that may be tried"),
            Parameter("--hold", Kind.SECONDS, "judged, of each step (default 20)", "SECONDS"),
            Parameter("--warm-up", Kind.SECONDS, "before that (default 5)", "SECONDS"),
            Parameter("--confirm", Kind.WHOLE, "answers of each kind, at least (default 2)"),
            Parameter("--users", Kind.WHOLE, "users of every step, where a throttle sets the load"),
        ),
        settings="any",
        example='%amoc capacity Chat "p99(echo) < 200ms" --low 10 --hold 60',
    ),
    Verb(
        "import",
        "Write a scenario from a HAR file, an OpenAPI document or lines of curl into the next "
        "cell.",
        _import,
        words=(Parameter("FILE", Kind.TEXT, "the file", required=True),),
        options=(
            Parameter("--name", Kind.TEXT, "of the class (after the file, if not given)", "NAME"),
            Parameter("--static", Kind.TEXT, "leave (default) or group: styles, pictures", "HOW"),
        ),
        example="%amoc import shop.har",
    ),
    *RESULTS_VERBS,
    *CLUSTER_VERBS,
)

VERBS = {verb.name: verb for verb in _TABLE}
