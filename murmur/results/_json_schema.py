"""JSON schema of what programs read: the object of ``--json``, and the manifest of an archive.

It is made from the classes and frames that the output is made from, so the two cannot drift.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal, get_args, get_type_hints

from murmur.errors import InvalidArgumentError, closest
from murmur.recording import FRAMES, OUTCOMES

from ._paces import PaceSummary
from ._summary import ActionSummary
from ._verdict import State

JsonKind = Literal["run", "manifest"]
JSON_KINDS: tuple[JsonKind, ...] = get_args(JsonKind)

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TEXT, _WHOLE, _FLAG = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
_NUMBER = {"type": ["number", "null"], "description": "null where there is no number"}
_SECONDS = {"type": "number", "minimum": 0, "description": "seconds"}
_TYPES: Mapping[object, Mapping[str, Any]] = {str: _TEXT, int: _WHOLE, float: _NUMBER}


def json_schema(kind: JsonKind) -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of an object that murmur writes.

    Parameters
    ----------
    kind : {"run", "manifest"}
        What ``murmur run --json`` and ``murmur report --json`` print, or ``manifest.json`` of
        an archive.  A minor version may add entries, so none is forbidden.

    Raises
    ------
    InvalidArgumentError
        If there is none of that kind.

    Examples
    --------
    >>> json_schema("run")["properties"]["verdict"]["properties"]["state"]["enum"]
    ['valid', 'suspect', 'invalid']
    """
    if kind not in JSON_KINDS:
        raise InvalidArgumentError(f"no schema {kind!r}{closest(kind, JSON_KINDS, 'there are')}")
    made = _run() if kind == "run" else _manifest()
    return {"$schema": _DIALECT, "title": f"murmur {kind}", **made}


def _run() -> dict[str, Any]:
    check = {"check": _TEXT, "holds": _FLAG, "value": _NUMBER, "limit": _NUMBER, "reason": _TEXT}
    return _object(
        {
            **_summary(),
            "verdict": _verdict(),
            "checks": _list(_object(check)),
            "aborted_by": _list(_TEXT),
            "came_true": _list(_TEXT),
            "unjudged": _list(_TEXT),
            "exit_code": _WHOLE,
            "reason": _TEXT | {"description": "what the exit code means here"},
        }
    )


def _manifest() -> dict[str, Any]:
    change = _object({"at": _SECONDS, "what": _TEXT, "old": {}, "new": {}})
    call = _object({"at": _SECONDS, "verb": _TEXT, "arguments": {"type": "object"}})
    source = {"name": _TEXT, "source": _TEXT, "sha256": _TEXT, "above": _TEXT}
    scenario = {**source, "missing": _list(_TEXT)}
    moments = dict.fromkeys(("due", "started", "until"), _NUMBER)
    open_ones = {"name": _TEXT, **moments, "number": _WHOLE}
    begun = _object({**open_ones, "is_part": _FLAG}, required=tuple(open_ones))
    plan = {"users": _WHOLE, "seconds": _NUMBER, "end_when_idle": _FLAG}
    settings = {"type": "object", "description": "by name; secret ones are masked"}
    return _object(
        {
            "format": {"const": "murmur-archive"},
            "format_version": {"type": "string", "pattern": r"^\d+\.\d+$"},
            "murmur": _TEXT,
            "python": _TEXT,
            "platform": _TEXT,
            "host": _object({"name": _TEXT, "machine": _TEXT, "cpus": _NUMBER}),
            "run_id": _TEXT,
            "scenario": _object(scenario, required=("name",)),
            "seed": _WHOLE,
            "settings_at_start": settings,
            "plan": _object({**plan, "allow": _list(_TEXT)}, required=tuple(plan)),
            "settings": settings,
            "changes": _list(change),
            "calls": _list(call),
            "calls_dropped": _WHOLE,
            "wall_started_at": {"type": "string", "format": "date-time"},
            **dict.fromkeys(("load_at", "window"), _SECONDS),
            "sampled": _FLAG,
            **dict.fromkeys(("actions_total", "actions_kept", "events_dropped"), _WHOLE),
            "rows_dropped": {"type": "object", "additionalProperties": _WHOLE},
            "under_way": _list(begun),
            "verdict": _verdict(),
            "summary": _object(_summary()),
            "frames": _object({name: _frame(name) for name in FRAMES}),
            "histograms": _object({"crc32": _WHOLE}),
        }
    )


def _summary() -> dict[str, Any]:
    outcomes = dict.fromkeys((*OUTCOMES, "here"), _WHOLE)
    return {
        "run_id": _TEXT,
        "scenario": _TEXT,
        "seed": _WHOLE,
        "elapsed": _SECONDS,
        "users": {"type": "object", "properties": outcomes, "additionalProperties": False},
        "actions": _list(_record(ActionSummary)),
        "failures": _list(_TEXT),
        "paces": _list(_record(PaceSummary)),
    }


def _verdict() -> dict[str, Any]:
    return _object({"state": {"enum": list(get_args(State))}, "reasons": _list(_TEXT)})


def _frame(name: str) -> dict[str, Any]:
    kept = {each.name: _list(_TEXT) for each in FRAMES[name].columns if each.dtype == "category"}
    categories = {"type": "object", "properties": kept}
    entry = _object({"rows": _WHOLE, "categories": categories, "crc32": _WHOLE})
    return entry | {"description": FRAMES[name].row}


def _record(of: type) -> dict[str, Any]:
    """Return the schema of a dataclass of plain values."""
    types = get_type_hints(of)
    return _object({each.name: _TYPES[types[each.name]] for each in fields(of)})


def _list(of: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


def _object(
    properties: Mapping[str, Any], *, required: tuple[str, ...] | None = None
) -> dict[str, Any]:
    names = list(properties if required is None else required)
    return {"type": "object", "properties": dict(properties), "required": names}
