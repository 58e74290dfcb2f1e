"""Parts that a start is made from: names, seeds, records, and settings fit to be shown."""

from __future__ import annotations

import logging
import math
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from murmur.cluster import Course, new_run_id
from murmur.errors import ConfigError, InvalidArgumentError
from murmur.feeder import LogRows, planned
from murmur.recording import Relay, RunRecord
from murmur.runtime import RunSpec, tell_refusals
from murmur.scenario import Secrets, masked, resolve
from murmur.telemetry import Emitter, bus

if TYPE_CHECKING:
    from murmur.cluster import ClusterStatus
    from murmur.scenario import Resolved, Scenario

_logger = logging.getLogger(__name__)

_ENDLESS = 3e10  # s


def spec_of(
    scenario: type[Scenario],
    resolved: Resolved,
    *,
    seed: int | None,
    callback_timeout: float,
    tune_collector: bool,
    allow: tuple[str, ...] | None = None,
) -> RunSpec:
    """Return what each node needs to know; the run's time begins here."""
    return RunSpec(
        run_id=new_run_id(),
        scenario=scenario,
        settings=resolved,
        seed=secrets.randbits(32) if seed is None else checked_seed(seed),
        started_at=time.monotonic(),
        wall_started_at=time.time(),
        callback_timeout=callback_timeout,
        tune_collector=tune_collector,
        allow=allow,
    )


def course_of(
    *,
    users: int,
    duration: float | None,
    end_when_idle: bool,
    on_accepted: Callable[[], None],
    on_over: Callable[[ClusterStatus], Awaitable[None]],
) -> Course:
    """Return how the run goes on, as `Session.do` was told it."""
    given: object = duration  # whatever it is; `Course` says what would do
    if duration is None or (isinstance(given, int | float) and given > _ENDLESS):
        # In a thousand years no clock that waits is exact; many cannot wait so long at all.
        duration = math.inf
    return Course(
        users=users,
        duration=duration,
        end_when_idle=end_when_idle,
        on_accepted=on_accepted,
        on_over=on_over,
    )


def settings_for(
    scenario: type[Scenario],
    given: Mapping[str, object],
    parse: Callable[[str], object] | None,
    call: Callable[..., object],
) -> Resolved:
    """Return the values that a run starts with; those that are refused are told as events.

    `call` is as of `resolve`.  Raises `ConfigError` with every problem.
    """
    try:
        return resolve(scenario, given, parse=parse, call=call)
    except ConfigError as error:
        emitter = Emitter(bus, run_id="", node="local", now=time.monotonic, wall_now=time.time)
        tell_refusals(emitter, error)
        raise


def record_of(spec: RunSpec, relay: Relay, plan: Mapping[str, object]) -> RunRecord:
    """Return the empty record of a run, whose followers are those of `relay`."""
    guard: dict[str, object] = {}
    if spec.allow is not None:
        conceal = Secrets(spec.scenario, spec.settings.values).conceal_in_name
        guard["allow"] = [conceal(pattern) for pattern in spec.allow]
    return RunRecord(
        run_id=spec.run_id,
        started_at=spec.started_at,
        wall_started_at=spec.wall_started_at,
        settings=masked(spec.scenario, spec.settings.values),
        seed=spec.seed,
        relay=relay,
        plan={**plan, **guard, **planned(spec.settings.values)},
    )


def tell_of_settings(resolved: Resolved, users: int, record: RunRecord) -> None:
    """Tell what is not as it may seem about the settings of a run of so many users.

    What the environment asked for in vain is a trouble of the run: who reads its results later
    has to know that it ran on other values.
    """
    in_vain = {each.variable: str(each) for each in resolved.warnings}
    in_vain |= {each.variable: str(each) for each in resolved.strays}
    for sentence in in_vain.values():
        _logger.warning("%s", sentence)
    record.troubles |= in_vain
    for each in resolved.values.values():
        if isinstance(each, LogRows):
            _tell_of(each, users)


def _tell_of(log: LogRows, users: int) -> None:
    """Log which lines were left out, and users that have no counterpart."""
    for note in log.notes:
        _logger.warning("%s: %s", log.source, note)
    if users != log.users:
        _logger.warning(
            "%s holds %s users, and %s were asked for: each does the requests of one",
            log.source,
            f"{log.users:,}",
            f"{users:,}",
        )


def checked_seed(seed: object) -> int:
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise InvalidArgumentError(
            f"cannot seed a run with {seed!r}", "give a whole number, 0 or more"
        )
    return seed


def masked_pairs(
    scenario: type[Scenario] | None, changed: Mapping[str, tuple[object, object]]
) -> dict[str, tuple[object, object]]:
    """Return (old, new) of each setting, secret ones masked: a notebook shows them."""
    if scenario is None:
        return dict(changed)
    old = masked(scenario, {name: pair[0] for name, pair in changed.items()})
    new = masked(scenario, {name: pair[1] for name, pair in changed.items()})
    return {name: (old[name], new[name]) for name in changed}


def notebook_names() -> Mapping[str, object]:
    """Return the names that a notebook, or a script, defined."""
    import __main__

    return vars(__main__)
