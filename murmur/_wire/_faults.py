"""Errors on their way from a node: murmur's own arrive as what they were, without pickle."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from murmur import errors
from murmur._guard import text_of, trace_of
from murmur.errors import ConfigError, InvalidArgumentError, MurmurError, RemoteError, combine

from ._values import WireError, decode, encode

TEXT = 20_000
"""Characters of one text that travel; of a longer one the end does."""


def describe_fault(error: BaseException) -> dict[str, object]:
    """Return what `revive_fault` needs, as plain values.

    Attributes that are not plain travel as their repr.
    """
    kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == errors.__name__]
    text = trace_of(error)
    return {
        "kinds": kinds if isinstance(error, MurmurError) else [],
        "own": type(error).__name__,
        "message": text_of(error)[-TEXT:],
        "arguments": [_plain(each) for each in error.args],
        "attributes": {name: _plain(value) for name, value in vars(error).items()},
        "traceback": text[-TEXT:],
    }


def revive_fault(node: str, facts: Mapping[str, object]) -> Exception:
    """Return the error of a node; a `RemoteError` if it is none of murmur's.

    Raises `WireError` if these are no facts of an error.
    """
    match facts:
        case {
            "kinds": list(kinds),
            "own": str(own),
            "message": str(message),
            "arguments": list(arguments),
            "attributes": dict(attributes),
            "traceback": str(text),
        }:
            rebuild = partial(_rebuilt, arguments=arguments, attributes=attributes)
        case _:
            raise WireError("these are no facts of an error")
    known = [kind for name in kinds if (kind := _kind(name)) is not None]
    if not known:
        return RemoteError(node, own, message, text)
    if own == known[0].__name__:
        return rebuild(known[0])
    # Several kinds of problems in one, such as settings that are unknown and others invalid.
    leaves = [
        kind for kind in known if not any(k is not kind and issubclass(k, kind) for k in known)
    ]
    if all(issubclass(kind, ConfigError) for kind in leaves):
        combined = combine([rebuild(kind) for kind in leaves])  # type: ignore[misc]  # checked
        combined.args = tuple(arguments)
        combined.__dict__.update(attributes)
        return combined
    return RemoteError(node, own, message, text)


def _kind(name: object) -> type[MurmurError] | None:
    kind = getattr(errors, name, None) if isinstance(name, str) else None
    return kind if isinstance(kind, type) and issubclass(kind, MurmurError) else None


def _rebuilt(
    kind: type[MurmurError], arguments: list[object], attributes: dict[str, object]
) -> MurmurError:
    error = kind.__new__(kind)
    error.args = tuple(arguments)
    error.__dict__.update(attributes)
    return error


def _plain(value: object) -> object:
    try:
        return decode(encode(value))
    except InvalidArgumentError:
        return repr(value)[:TEXT]
