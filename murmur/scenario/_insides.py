"""Insides of a scenario's instance, traitlets' and murmur's own, each behind one function.

traitlets validates, assigns and notifies in one go; a run has to do one without the others.
No other module touches what is private to either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from traitlets import All, Bunch, EventHandler

from ._declarations import Trait
from ._scenario import Scenario


def put_values(scenario: Scenario, values: Mapping[str, object]) -> None:
    """Set values that are verified already: no validator is asked, no observer told."""
    scenario._trait_values.update(values)


def drop_value(scenario: Scenario, name: str) -> None:
    """Take a value away, so that the setting has its default again."""
    scenario._trait_values.pop(name, None)


def copy_values(origin: Scenario, target: Scenario) -> None:
    """Give `target` the values and ordinary attributes of `origin`, and not its lock."""
    ordinary = {key: value for key, value in vars(origin).items() if key not in vars(target)}
    vars(target).update(ordinary, _murmur_locked=False)
    target._trait_values.update(origin._trait_values)


def rewritten(scenario: Scenario, trait: Trait, value: object) -> object:
    """Return what the ``@validate`` method of a setting makes of a value.

    This is what `HasTraits` calls itself; its public ways in stop at the first failure.
    """
    return trait._cross_validate(scenario, value)


def observers(scenario: Scenario, name: str) -> Iterator[Callable[[Bunch], Any]]:
    """Yield a setting's observers; `HasTraits.notify_change` stops at the first that raises."""
    for key in (name, All):
        handlers = scenario._trait_notifiers.get(key, {})
        for handler in [*handlers.get("change", ()), *handlers.get(All, ())]:
            if isinstance(handler, EventHandler) and handler.name is not None:
                yield getattr(scenario, handler.name)
            else:
                yield handler


def lock(scenario: Scenario) -> None:
    """Refuse to assign settings that are not live, for the rest of the instance's life."""
    scenario._murmur_locked = True


def hold_back(scenario: Scenario) -> list[Bunch]:
    """Put notifications into the list that is returned, instead of telling observers."""
    held: list[Bunch] = []
    scenario._murmur_held = held
    return held


@contextmanager
def held_back(scenario: Scenario) -> Iterator[list[Bunch]]:
    """Hold notifications back inside the block."""
    try:
        yield hold_back(scenario)
    finally:
        scenario._murmur_held = None
