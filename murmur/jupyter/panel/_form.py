"""The settings form: from traits to fields, and from what was typed back to values.

Values travel as text and are read by the setting's own trait, as on a ``%amoc`` line; what
the trait cannot read is handed on as it was typed, so that the session refuses it together
with everything else.  The text of a secret goes one way only.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any, TypeAlias

from traitlets import Bool, Enum, Float, Int, TraitType, Unicode

from murmur.errors import ConfigError
from murmur.scenario import (
    Description,
    Scenario,
    Setting,
    SourceText,
    describe,
    parse_settings,
    settings_of,
)

from ._code import literal

Field: TypeAlias = dict[str, Any]
"""One setting, as plain values that the page can show."""

_APART = {"user_rate"}  # has a slider of its own
_STEPS = 200  # of a slider for real numbers


def fields(
    scenario: type[Scenario],
    # values in force; without them, those that a start would use
    present: Mapping[str, object] | None = None,
) -> list[Field]:
    """Return a field for each setting, in the order of their declaration.

    Examples
    --------
    >>> from traitlets import Int
    >>> import murmur
    >>> class Chat(murmur.Scenario):
    ...     port = Int(8888, min=1, max=65535, help="port to connect to")
    >>> field = fields(Chat)[0]
    >>> field["name"], field["kind"], field["text"], field["max"]
    ('port', 'slider', '8888', 65535)
    """
    description = describe(scenario)
    assert isinstance(description, Description)  # a class is one scenario
    traits = settings_of(scenario)
    return [
        _field(setting, traits[setting.name], scenario, present)
        for setting in description.settings
        if setting.name not in _APART
    ]


def read(
    scenario: type[Scenario],
    texts: Mapping[str, str],  # what was typed, by the name of its setting
) -> dict[str, object]:
    """Return the values that were typed; what cannot be read stays text."""
    traits = settings_of(scenario)
    values: dict[str, object] = {}
    for name, text in texts.items():
        values[name] = text
        if isinstance(traits.get(name), Unicode):
            continue  # as it is, quotes and all
        try:
            values |= parse_settings(scenario, {name: text})
        except ConfigError:
            continue
    return values


def problems(error: Exception) -> dict[str, str]:
    """Return what is wrong with which setting, as far as `error` tells."""
    locked = "it may not change while the run is on"
    found = dict.fromkeys(map(str, getattr(error, "names", ())), locked)
    found |= {name: reason for name, _, reason in getattr(error, "failures", ())}
    return {str(name): str(reason) for name, reason in found.items()}


def _field(
    setting: Setting,
    trait: TraitType[Any, Any],
    scenario: type[Scenario],
    present: Mapping[str, object] | None,
) -> Field:
    field: Field = {
        "name": setting.name,
        "kind": _kind(setting, trait),
        "help": setting.help,
        "accepts": f"{setting.type}{', ' if setting.accepts else ''}{setting.accepts}",
        "live": setting.live,
        "required": setting.required,
        "text": "" if setting.secret else _initial(setting, scenario, present),
    }
    if field["kind"] == "slider":
        field |= _range(setting, trait)
    if field["kind"] == "select":
        field["choices"] = [_text(choice) for choice in setting.choices or ()]
    return field


def _kind(setting: Setting, trait: TraitType[Any, Any]) -> str:
    if setting.secret:
        return "password"
    if isinstance(trait, Enum):
        return "select"
    if isinstance(trait, Bool):
        return "checkbox"
    if isinstance(trait, Int | Float):
        return "slider" if _is_bounded(setting.limits) else "number"
    return "text"


def _is_bounded(limits: tuple[Any, Any] | None) -> bool:
    return limits is not None and all(
        isinstance(limit, int | float) and math.isfinite(limit) for limit in limits
    )


def _range(setting: Setting, trait: TraitType[Any, Any]) -> dict[str, float]:
    low, high = setting.limits or (0, 1)
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    if isinstance(trait, Int):
        return {"min": low, "max": high, "step": 1}
    # A power of ten, so that the slider stops at round numbers.
    step = 10.0 ** math.floor(math.log10((high - low) / _STEPS)) if high > low else 1.0
    return {"min": low, "max": high, "step": step}


def _initial(
    setting: Setting, scenario: type[Scenario], present: Mapping[str, object] | None
) -> str:
    if present is not None and setting.name in present:
        return _text(present[setting.name])
    text = os.environ.get(f"AMOC_{setting.name.upper()}", "")
    if text:
        return _text(read(scenario, {setting.name: text})[setting.name])
    if setting.required or isinstance(setting.default, SourceText):
        return ""
    return _text(setting.default)


def _text(value: object) -> str:
    """Return the text by which the value's trait, or a literal, gives it back."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else literal(value)
