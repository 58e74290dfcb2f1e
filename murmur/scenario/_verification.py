"""Checks a whole set of values at once, on an instance that nobody else sees.

traitlets validates one assignment at a time and stops at the first failure.  Here every
value is first put in place, judged by its trait alone, and only then are the ``@validate``
methods called, each once, so that they see the whole new set.  All failures are kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from traitlets import Container, Dict, Float, TraitError, Undefined, Union

from murmur._guard import error_text, heard
from murmur.errors import InvalidSettingError

from ._declarations import (
    MASK,
    Trait,
    is_required,
    is_secret,
    settings_of,
    shown,
    variable_of,
)
from ._insides import copy_values, drop_value, hold_back, rewritten
from ._rate import arrivals, unit_missing
from ._scenario import Scenario


class _Nothing:
    """Stands in a message for a value that was not given."""

    def __repr__(self) -> str:
        return "<no value>"


class _UnavailableError(Exception):
    """A validator or default has read a setting that is refused already."""


class Verification:
    """A trial of values for the settings of one class."""

    def __init__(
        self,
        cls: type[Scenario],
        *,
        # where a value came from, for the message, such as `"AMOC_PORT"`
        origins: Mapping[str, str] | None = None,
        # an instance whose settings and attributes the trial starts with
        like: Scenario | None = None,
    ) -> None:
        self.settings = settings_of(cls)
        self._origins = origins or {}
        self._failures: dict[str, tuple[object, str]] = {}
        self._unavailable: set[str] = set()
        # Made without __init__: of the user's code only defaults and validators run.
        self._stage = stage = cls.__new__(cls)
        if like is not None:
            copy_values(like, stage)
        hold_back(stage)  # so that no observer hears of the trial
        vars(stage)["trait_defaults"] = self._trait_defaults

    def propose(self, name: str, value: object) -> None:
        """Put a value in place, judged by its trait alone."""
        trait = self.settings[name]

        def assign() -> None:
            try:
                meant = arrivals(name, value)
            except ValueError as error:
                raise TraitError(str(error)) from None
            with self._stage.cross_validation_lock:
                self._stage.set_trait(name, meant)
                self._check_contract(name)

        def explain(error: TraitError) -> str:
            return _expectation(trait, error) + unit_missing(name, value)

        self._attempt(name, value, assign, explain)

    def fill(self, names: Iterable[str]) -> None:
        """Put the defaults in place, or note that there are none."""
        optional = []
        for name in names:
            if is_required(self.settings[name]):
                self._miss(name, "it is required")
            else:
                optional.append(name)
        for name in optional:
            self._fill(name)

    def cross_validate(self, names: Iterable[str]) -> None:
        """Call the ``@validate`` methods of the values that are in place."""
        for name in names:
            if name not in self._unavailable:
                self._cross_validate(name)

    def value(self, name: str) -> Any:  # noqa: ANN401 - whatever the trait holds
        """Return the value in place."""
        return getattr(self._stage, name)

    def error(self) -> InvalidSettingError | None:
        """Return all failures as one error, in the order of the declarations."""
        order = [name for name in self.settings if name in self._failures]
        if not order:
            return None
        return InvalidSettingError([(name, *self._failures[name]) for name in order])

    def _fill(self, name: str) -> None:
        defaults: list[object] = []

        def compute() -> None:
            held = self._stage.trait_has_value(name)
            defaults.append(self.value(name) if held else self._stage.trait_defaults(name))

        self._attempt(name, _Nothing(), compute, lambda error: f"its default failed: {error}")
        if not defaults:
            return
        if defaults[0] is Undefined:
            self._miss(name, "it has no default")
        else:
            self.propose(name, defaults[0])

    def _cross_validate(self, name: str) -> None:
        proposed = self.value(name)
        results: list[object] = []

        def ask() -> None:
            results.append(rewritten(self._stage, self.settings[name], proposed))

        self._attempt(name, proposed, ask, str)
        if not results or results[0] is proposed:
            return
        if results[0] is None and not self.settings[name].allow_none:
            self._fail(name, proposed, "its validator returned nothing; it must return the value")
        else:
            self.propose(name, results[0])

    def _check_contract(self, name: str) -> None:
        """Hold a value to what the runtime relies on, whatever a subclass redeclares."""
        value = self.value(name)
        trait, root = self.settings[name], Scenario.class_traits().get(name)
        if isinstance(root, Float) and root is not trait:
            try:
                root.validate(self._stage, value)
            except TraitError as error:
                raise TraitError(_expectation(root, error)) from None
        is_bounded = any(limit is not None for limit in limits_of(trait) + limits_of(root))
        if is_bounded and isinstance(value, float) and math.isnan(value):
            message = "NaN lies within no limits"
            raise TraitError(message)

    def _trait_defaults(self, *names: str, **metadata: object) -> Any:  # noqa: ANN401 - as traitlets
        """Stand between the trial and its defaults: one that was refused has none.

        Else a validator that looks at a refused setting would judge by its default, and
        report a problem that the person does not have.
        """
        if not self._unavailable.isdisjoint(names):
            raise _UnavailableError
        return type(self._stage).trait_defaults(self._stage, *names, **metadata)

    def _attempt(
        self,
        name: str,
        value: object,
        step: Callable[[], None],
        explain: Callable[[TraitError], str],
    ) -> None:
        error = heard(step).error  # validators and defaults are the user's
        if isinstance(error, _UnavailableError):
            self._forget(name)
        elif isinstance(error, TraitError):
            explained = heard(explain, error)
            self._fail(name, value, explained.value or error_text(error))
        elif error is not None:
            self._fail(name, value, error_text(error))

    def _miss(self, name: str, why: str) -> None:
        reason = f"{why}: give it as an argument or in {variable_of(name)}"
        self._failures[name] = _Nothing(), reason
        self._forget(name)

    def _fail(self, name: str, value: object, reason: str) -> None:
        trait = self.settings[name]
        if is_secret(trait):
            # Whoever wrote the reason may have quoted the value, in full or in part.
            reason = "it is not accepted (the reason is hidden, because the setting is secret)"
        origin = f"(from {self._origins[name]}) " if name in self._origins else ""
        self._failures[name] = shown(trait, value), origin + self._without_secrets(reason)
        self._forget(name)

    def _forget(self, name: str) -> None:
        self._unavailable.add(name)
        drop_value(self._stage, name)

    def _without_secrets(self, reason: str) -> str:
        for name, trait in self.settings.items():
            if is_secret(trait) and self._stage.trait_has_value(name):
                text = str(self.value(name))
                reason = reason.replace(text, MASK) if text else reason
        return reason


def limits_of(trait: Trait | None) -> tuple[Any, Any]:
    """Return the smallest and the largest value, None where there is no limit."""
    low, high = getattr(trait, "min", None), getattr(trait, "max", None)
    return (None if low == -math.inf else low), (None if high == math.inf else high)


def _expectation(trait: Trait, error: TraitError) -> str:
    """Return what the trait expects, shorter than traitlets says it.

    Its sentence repeats setting, class and value.  For containers it also says which
    item is wrong, and a trait of the user's own has its own words: these are kept.
    """
    text = str(error)
    if isinstance(trait, Container | Dict | Union) or not text.startswith(("The '", "The value")):
        return text
    low, high = limits_of(trait)
    if low is not None and high is not None:
        return f"expected {trait.info()} from {low} to {high}"
    if low is not None:
        return f"expected {trait.info()} of at least {low}"
    if high is not None:
        return f"expected {trait.info()} of at most {high}"
    return f"expected {trait.info()}"
