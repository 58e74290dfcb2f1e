"""A mix: one scenario made of several, of which every user follows one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import traitlets

from murmur._guard import text_of
from murmur.errors import InvalidScenarioError

from ._declarations import is_computed, settings_of
from ._insides import lock, put_values, rewritten
from ._scenario import Scenario

_OF_THE_MIX = frozenset({"user_rate", "grace"})


@dataclass(frozen=True, slots=True)
class Part:
    """One of the scenarios of a mix.

    Attributes
    ----------
    scenario : type of Scenario
        Its class.
    weight : float
        How often users follow it.
    settings : dict of str to str
        Its own settings, by their names in the mix.
    """

    scenario: type[Scenario]
    weight: float
    settings: Mapping[str, str]


class Mix(Scenario):
    """What `mix` derives from: it has an instance of each scenario, made with its settings."""

    parts: Sequence[Part] = ()  # the scenarios, and which settings are whose
    players: tuple[Scenario, ...] = ()

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        self.players = tuple(map(self._make, self.parts))  # an instance of each, in the same order

    async def start(self, user: object) -> None:
        """Do nothing: users do what their own scenario says."""

    def own_names(self, name: str) -> list[str | None]:
        """Return what a setting of the mix is called by each part; None if it has none."""
        if name in _OF_THE_MIX:
            return [name for _ in self.parts]
        return [part.settings.get(name) for part in self.parts]

    def deal(self, seed: int, user_id: int) -> int:
        """Return which part a user follows: the same on every node, and in every run of a seed."""
        weights = [part.weight for part in self.parts]
        (place,) = Random(f"{seed}/mix/{user_id}").choices(range(len(weights)), weights)
        return place

    def _make(self, part: Part) -> Scenario:
        player = part.scenario.__new__(part.scenario)
        values = {own: getattr(self, name) for name, own in part.settings.items()}
        put_values(player, {**values, **{name: getattr(self, name) for name in _OF_THE_MIX}})
        lock(player)
        player.__init__()  # type: ignore[misc]  # as type.__call__ does
        return player

    def _pass_on(self, change: traitlets.Bunch) -> None:
        """Let the scenarios have a setting that changed, and their observers hear of it."""
        for own, player in zip(self.own_names(change.name), self.players, strict=False):
            if own is not None:
                with player.cross_validation_lock:
                    player.set_trait(own, change.new)


def mix(weights: Mapping[type[Scenario], float]) -> type[Scenario]:
    """Return a scenario made of several: each user follows one of them, dealt by weight.

    Each has its own settings, under their own names; where two of the scenarios declare the
    same name by themselves, it is ``Visitor__pace`` and ``Buyer__pace``.  One that both have
    of a common base is one setting, and ``user_rate`` and ``grace`` are the mix's.  `init`,
    `terminate` and `changed` are called of each.  Who follows which is a matter of the run's
    seed and the user's id; the frame ``users`` has it in ``scenario``.

    Parameters
    ----------
    weights : mapping of scenario to float
        The classes, and how many users are to follow each: numbers of any sum.

    Raises
    ------
    InvalidScenarioError
        If there are none, two have the same name, one is no scenario or a mix itself, or a
        weight is no number above 0.

    Examples
    --------
    >>> import murmur
    >>> from murmur.testing import rehearse
    >>> class Visitor(murmur.Scenario):
    ...     '''Users who look.'''
    ...     async def start(self, user): ...
    >>> class Buyer(murmur.Scenario):
    ...     '''Users who buy.'''
    ...     async def start(self, user): ...
    >>> shop = murmur.mix({Visitor: 70, Buyer: 30})
    >>> rehearse(shop, 1000, seed=1, user_rate=6000).users["scenario"].value_counts().to_dict()
    {'Visitor': 701, 'Buyer': 299}
    """
    _refuse_faults(weights)
    names = _names(list(weights))
    parts = tuple(
        Part(scenario, float(weight), {name: own for own, name in names[scenario].items()})
        for scenario, weight in weights.items()
    )
    namespace: dict[str, Any] = {
        "__doc__": " ".join(f"{part.weight:g} of {part.scenario.__name__};" for part in parts)[:-1]
        + ".",
        "__module__": __name__,
        "__qualname__": "_and_".join(part.scenario.__name__ for part in parts),
        "parts": parts,
    }
    namespace["modules"] = [each for part in parts for each in part.scenario.modules]
    for part in parts:
        for name, own in part.settings.items():
            namespace[name] = copy.deepcopy(settings_of(part.scenario)[own])
            namespace[f"_valid_{name}"] = traitlets.validate(name)(_validator(part, own))
            if is_computed(part.scenario, own):
                namespace[f"_default_{name}"] = traitlets.default(name)(_default(part, own))
    heard = [*_OF_THE_MIX, *(name for part in parts for name in part.settings)]
    namespace["_heard"] = traitlets.observe(*heard)(lambda self, change: self._pass_on(change))
    return type(namespace["__qualname__"], (Mix,), namespace)


def _refuse_faults(weights: object) -> None:
    faults = []
    if not isinstance(weights, Mapping) or not weights:
        raise InvalidScenarioError("mix", ["give scenarios and weights, as {Visitor: 70}"])
    for scenario, weight in weights.items():
        if not (isinstance(scenario, type) and issubclass(scenario, Scenario)):
            faults.append(f"{text_of(scenario, repr)} is no scenario")
        elif issubclass(scenario, Mix):
            faults.append(f"{scenario.__name__} is a mix already")
        if not isinstance(weight, int | float) or not 0 < weight <= 1e300:
            faults.append(f"the weight {text_of(weight, repr)} is no number above 0")
    names = [getattr(scenario, "__name__", "") for scenario in weights]
    twice = sorted({name for name in names if names.count(name) > 1})
    faults += [f"two are called {name}" for name in twice]
    if faults:
        raise InvalidScenarioError("mix", faults)


def _names(scenarios: Sequence[type[Scenario]]) -> dict[type[Scenario], dict[str, str]]:
    """Return the name in the mix of each setting of each scenario."""
    declared: dict[str, list[Any]] = {}
    for scenario in scenarios:
        for own, trait in settings_of(scenario).items():
            declared.setdefault(own, []).append(trait)
    clashing = {own for own, traits in declared.items() if len(set(map(id, traits))) > 1}
    return {
        scenario: {
            own: f"{scenario.__name__}__{own}" if own in clashing else own
            for own in settings_of(scenario)
            if own not in _OF_THE_MIX
        }
        for scenario in scenarios
    }


def _validator(part: Part, own: str) -> Callable[[Any, traitlets.Bunch], object]:
    """Return what has a value checked by the ``@validate`` method of a part."""

    def validate(mixed: Mix, proposal: traitlets.Bunch) -> object:
        specimen = part.scenario.__new__(part.scenario)
        held = mixed.trait_values()
        others = {mine: held[name] for name, mine in part.settings.items() if name in held}
        put_values(specimen, {**others, own: proposal.value})
        return rewritten(specimen, settings_of(part.scenario)[own], proposal.value)

    return validate


def _default(part: Part, own: str) -> Callable[[Any], object]:
    """Return what computes the default of a setting as the part does."""

    def default(mixed: Mix) -> object:
        specimen = part.scenario.__new__(part.scenario)
        names = {**part.settings, **{name: name for name in _OF_THE_MIX}}
        known = [name for name in names if mixed.trait_has_value(name)]
        put_values(specimen, {names[name]: getattr(mixed, name) for name in known})
        return getattr(specimen, own)

    return default
