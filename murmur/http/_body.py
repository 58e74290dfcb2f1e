"""Body of a request: JSON, a form, bytes, or a stream."""

from __future__ import annotations

import json as jsonlib
from collections.abc import AsyncIterable, Iterable, Mapping
from typing import TypeAlias
from urllib.parse import urlencode

from murmur.errors import InvalidRequestError

from ._exchange import Body

__all__ = ["Data", "encode"]

Data: TypeAlias = "bytes | str | Iterable[bytes] | AsyncIterable[bytes]"

_dump = jsonlib.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

UNSET = object()
"""No JSON at all; None is ``null``."""


def encode(
    data: Data | None, json: object, form: Mapping[str, object] | None
) -> tuple[Body, str | None]:
    """Return body and content type of what was given, at most one of which may be.

    Raises
    ------
    InvalidRequestError
        If several were given, or the JSON is none.
    """
    if data is None and form is None:
        return (None, None) if json is UNSET else (_json(json), "application/json")
    if (data is not None) + (form is not None) + (json is not UNSET) > 1:
        raise InvalidRequestError("give one of data, json and form")
    if form is not None:
        body = urlencode(form, doseq=True).encode("ascii")
        return body, "application/x-www-form-urlencoded"
    if isinstance(data, str):
        return data.encode(), "text/plain; charset=utf-8"
    if isinstance(data, (bytearray, memoryview)):
        return bytes(data), None
    return data, None


def _json(value: object) -> bytes:
    try:
        return _dump(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequestError(f"cannot be written as JSON: {error}") from error
