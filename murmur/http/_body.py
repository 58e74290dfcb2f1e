"""Body of a request: JSON, a form, files, bytes, or a stream."""

from __future__ import annotations

import io
import json as jsonlib
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from typing import Any, TypeAlias, cast

from murmur.errors import InvalidRequestError

from ._exchange import Body
from ._multipart import Files, multipart
from ._url import Pieces, query_of

Data: TypeAlias = "bytes | str | Iterable[bytes] | AsyncIterable[bytes]"

_dump = jsonlib.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode

UNSET = object()
"""No JSON at all; None is ``null``."""

AT_ONCE = 64 << 10
"""Bytes of a file that are read and sent at a time."""


def encode(
    data: Data | None,
    json: object,
    form: Pieces | None,
    files: Files | None = None,
) -> tuple[Body, str | None]:
    """Return body and content type of what was given: one of all, or a form with files.

    Raises `InvalidRequestError` if several were given, the JSON is none, or `data` is of a type
    that cannot be sent.
    """
    if data is None and form is None and files is None:
        return (None, None) if json is UNSET else (_json(json), "application/json")
    given = (data is not None) + (form is not None or files is not None) + (json is not UNSET)
    if given > 1:
        raise InvalidRequestError("give one of data, json and form, or form and files")
    if files is not None:
        return multipart(form, files)
    if form is not None:
        return query_of(form).encode("ascii"), "application/x-www-form-urlencoded"
    return _data(data)


async def parts_of(body: Iterable[bytes] | AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Iterate over the parts of a streamed body.

    Raises `InvalidRequestError` if one is no bytes.
    """
    if isinstance(body, AsyncIterable):
        async for part in body:
            yield _part(part)
    else:
        for part in body:
            yield _part(part)


def _data(data: object) -> tuple[Body, str | None]:
    """Return what ``data=`` carries, or raise what would do instead."""
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data), None
    if isinstance(data, str):
        try:
            return data.encode(), "text/plain; charset=utf-8"
        except UnicodeEncodeError as error:
            raise InvalidRequestError(f"data: {error.reason}") from error
    return _streamed(data), None


def _streamed(data: object) -> Body:
    """Return what is sent part by part, or raise what would do instead."""
    if isinstance(data, Mapping):
        raise InvalidRequestError("data is a dict: give form={...}, or json={...}")
    if isinstance(data, io.TextIOBase):
        raise InvalidRequestError('data is a file of text: open it with "rb", or give its text')
    if isinstance(data, (list, tuple, set, frozenset)):
        for part in data:
            _part(part)
        return cast("Body", data)
    if callable(getattr(data, "read", None)) and isinstance(data, Iterable):
        return _pieces(data)
    if isinstance(data, (Iterable, AsyncIterable)):
        return data
    raise InvalidRequestError(
        f"data is of type {type(data).__name__}: give bytes, text, or an iterable of bytes"
    )


def _pieces(file: Any) -> Iterator[bytes]:  # noqa: ANN401 - anything that can be read
    while piece := file.read(AT_ONCE):
        yield piece


def _part(part: object) -> bytes:
    if isinstance(part, bytes):
        return part
    if isinstance(part, (bytearray, memoryview)):
        return bytes(part)
    raise InvalidRequestError(f"data yields {type(part).__name__}: its parts have to be bytes")


def _json(value: object) -> bytes:
    try:
        return _dump(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequestError(f"cannot be written as JSON: {error}") from error
