"""Settings of a run on one node: told at its start, and changed while it is on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from murmur._guard import error_text, text_of, trace_of
from murmur.errors import CallbackError, ConfigError, RampInProgressError
from murmur.scenario import masked, plan_update, put_values
from murmur.telemetry import Emitter
from murmur.throttles import Throttle

from ._calls import Calls

if TYPE_CHECKING:
    from ._run import NodeRun

USER_RATE = "user_rate"
"""Setting and throttle by which users are admitted, in users per minute."""


class LiveSettings:
    """The settings of a run's scenario."""

    def __init__(self, run: NodeRun, calls: Calls) -> None:
        self._run = run
        self._calls = calls

    def tell(self) -> None:
        """Tell those who listen which settings come from the environment here, or could not."""
        run, settings = self._run, self._run.spec.settings
        for warning in settings.warnings:
            refused = {"variable_name": warning.name, "variable_value": warning.text}
            refused["error"] = str(warning.error)
            run.emitter.emit("amoc.config.env", {"error": 1}, refused)
        for name, value in masked(run.spec.scenario, settings.values).items():
            if settings.sources.get(name) == "node":
                told = {"setting": name, "value": value}
                run.emitter.emit("amoc.config.local", {"count": 1}, told)

    def follow(self, arrivals: Throttle) -> None:
        """Let the user rate say what a person makes its throttle do, now and from now on.

        The setting's own rules do not apply: the change is made already.
        """

        def put() -> None:
            now = arrivals.statistics()
            if now.interval:
                put_values(self._run.scenario, {USER_RATE: now.rate * 60.0 / now.interval})

        arrivals.on_rate = put
        put()  # over a cluster it may have been changed before this node came

    async def update(self, given: Mapping[str, object]) -> dict[str, tuple[object, object]]:
        """Change settings; see `NodeRun.update`."""
        run = self._run
        arrivals = run.throttles[USER_RATE]
        try:
            plan = plan_update(run.scenario, given)
        except ConfigError as refusal:
            tell_refusals(run.emitter, refusal)
            raise
        changes = dict(plan.changes)
        run.secrets.note({name: new for name, (_, new) in changes.items()})
        if USER_RATE in changes and arrivals.statistics().ramping:
            raise RampInProgressError(USER_RATE, "change the rate of")
        failures = plan.commit()
        self._note(changes)
        if USER_RATE in changes:
            await arrivals.change_rate(rate=run.scenario.user_rate, interval=60.0)
        for name, (old, new) in changes.items():
            if error := await self._calls.changed(name, old, new):
                failures.append((name, error))
        if failures:
            raise self._failed(failures)
        return changes

    def _note(self, changes: Mapping[str, tuple[object, object]]) -> None:
        """Record changes, and tell of them."""
        run = self._run
        old = masked(run.spec.scenario, {name: pair[0] for name, pair in changes.items()})
        new = masked(run.spec.scenario, {name: pair[1] for name, pair in changes.items()})
        for name in changes:
            run.record_change(name, old[name], new[name])
            told = {"setting": name, "old": old[name], "new": new[name]}
            run.emitter.emit("amoc.config.update", {"count": 1}, told)

    def _failed(self, failures: Sequence[tuple[str, BaseException]]) -> CallbackError:
        """Tell of observers that failed after settings changed; return one error for them."""
        run, conceal = self._run, self._run.secrets.conceal
        for name, error in failures:
            told = {"setting": name, "error": type(error).__name__, "reason": text_of(error)}
            told["traceback"] = trace_of(error)
            run.emitter.emit("amoc.config.failure", {"count": 1}, told)
        summary = "; ".join(f"{name}: {error_text(error)}" for name, error in failures)
        text = "".join(trace_of(error) for _, error in failures)
        failure = CallbackError("changed", run.node, conceal(summary), conceal(text))
        if conceal(text) == text:  # else whoever shows the cause shows the secret
            failure.__cause__ = failures[0][1]
        return failure


def tell_refusals(emitter: Emitter, error: ConfigError) -> None:
    """Tell of each value that a setting refused; values of secret ones are masked in it."""
    for name, value, reason in getattr(error, "failures", ()):
        refused = {"setting": name, "value": value, "reason": reason}
        emitter.emit("amoc.config.verify", {"count": 1}, refused)
