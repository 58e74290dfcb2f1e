"""What a start is made from: names, seeds, records; and what may be shown of settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from murmur.errors import InvalidSeedError
from murmur.scenario import masked
from murmur.telemetry import RunRecord

if TYPE_CHECKING:
    from murmur.runtime import RunSpec
    from murmur.scenario import Scenario

__all__ = ["checked_seed", "masked_pairs", "notebook_names", "record_of"]


def record_of(spec: RunSpec) -> RunRecord:
    return RunRecord(
        run_id=spec.run_id,
        started_at=spec.started_at,
        wall_started_at=spec.wall_started_at,
        settings=masked(spec.scenario, spec.settings.values),
        seed=spec.seed,
    )


def checked_seed(seed: object) -> int:
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise InvalidSeedError(seed)
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
