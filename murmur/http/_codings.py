"""Content codings: gzip and deflate, and `br` and `zstd` where their libraries are there."""

from __future__ import annotations

import math
import zlib
from functools import cache
from importlib.util import find_spec
from typing import Any

from murmur.errors import HttpProtocolError, MissingExtraError

GZIP = b"\x1f\x8b"
"""What a member of gzip begins with; a body may have several, one after the other."""

SHORTEST = 18
"""Bytes of head and end of a member of gzip."""

TIGHTEST = 64
"""Times that a body may be longer unpacked before more than its end is looked at."""

AT_ONCE = 64 << 10
"""Bytes that are decompressed at a time, so that a bomb is noticed before it has gone off."""

_LIBRARIES = {"br": ("brotli",), "zstd": ("compression.zstd", "backports.zstd")}


@cache
def accepted() -> str:
    """Return what ``Accept-Encoding`` says: what can be read here."""
    return ", ".join(["gzip", "deflate", *(name for name in _LIBRARIES if _library(name))])


def seems_whole(body: bytes, codings: list[str], limit: float) -> bool:
    """Whether a glance at `body` finds it packed as `codings` say, whole, and within `limit`.

    What gzip packs says at its end how long it is unpacked.  So one body of 7,000 that were
    cut short at 10 kB is taken for whole, and one of thousands that are packed very tightly
    is not taken for what it is.  Other codings say nothing at their end.
    """
    if not (body and codings):
        return True
    if codings not in (["gzip"], ["x-gzip"]) or not body.startswith(GZIP) or len(body) < SHORTEST:
        return False
    size = int.from_bytes(body[-4:], "little")
    return len(body) // 2 - SHORTEST <= size <= min(TIGHTEST * len(body), limit)


def decompressed(body: bytes, coding: str, limit: float) -> bytes:
    """Return what `coding` made `body` of.

    Raises `HttpProtocolError` if it is cut short or no such thing, or longer than `limit`;
    `MissingExtraError` if its library is not installed, though the server was asked for it.
    """
    if not body:
        return body
    if coding in {"gzip", "x-gzip", "deflate"}:
        for window in (47, -15):  # either format, told by its head; what some call deflate
            try:
                return _inflated(body, window, limit)
            except zlib.error:
                continue
        raise HttpProtocolError("the body cannot be decompressed")
    if coding == "br":
        return _unbrotlied(body, limit)
    if coding == "zstd":
        return _unzstandard(body, limit)
    return body


@cache
def _library(coding: str) -> str | None:
    """Return the module that reads `coding`, if one is installed."""
    for module in _LIBRARIES[coding]:
        try:
            if find_spec(module) is not None:
                return module
        except ModuleNotFoundError:  # of the package around it
            continue
    return None


def _imported(coding: str) -> Any:  # noqa: ANN401 - a module without types
    module = _library(coding)
    if module is None:
        package = "brotli" if coding == "br" else "backports.zstd"
        raise MissingExtraError(f"a body in {coding}", "compression", package)
    return __import__(module, fromlist=["_"])


def _inflated(body: bytes, window: int, limit: float) -> bytes:
    """Decompress all members of `body`; what follows the last is padding."""
    parts, size, rest = [], 0, body
    while True:
        inflater = zlib.decompressobj(window)
        parts.append(inflater.decompress(rest, _room(limit, size)))
        size += len(parts[-1])
        _check_size(size, limit)
        if not inflater.eof:
            raise HttpProtocolError("the compressed body is cut short")
        rest = inflater.unused_data
        if not rest.startswith(GZIP):
            return b"".join(parts)


def _room(limit: float, size: int) -> int:
    """Return how much may come yet, and one more; 0 is no limit to zlib."""
    return 0 if limit == math.inf else int(limit) - size + 1


def _unbrotlied(body: bytes, limit: float) -> bytes:
    brotli = _imported("br")
    reader, parts, size = brotli.Decompressor(), [], 0
    data = body
    try:
        while True:
            part = reader.process(data, output_buffer_limit=AT_ONCE)
            parts.append(part)
            size += len(part)
            _check_size(size, limit)
            if reader.is_finished():
                return b"".join(parts)
            if reader.can_accept_more_data() and not part:
                raise HttpProtocolError("the compressed body is cut short")
            data = b""
    except brotli.error as error:
        raise HttpProtocolError("the body cannot be decompressed") from error


def _unzstandard(body: bytes, limit: float) -> bytes:
    zstd = _imported("zstd")
    parts, size, rest = [], 0, body
    while rest:
        reader, data = zstd.ZstdDecompressor(), rest
        try:
            while not reader.eof:
                part = reader.decompress(data, max_length=AT_ONCE)
                if reader.needs_input and not part and not reader.eof:
                    raise HttpProtocolError("the compressed body is cut short")
                parts.append(part)
                size += len(part)
                _check_size(size, limit)
                data = b""
        except zstd.ZstdError as error:
            raise HttpProtocolError("the body cannot be decompressed") from error
        rest = reader.unused_data
    return b"".join(parts)


def _check_size(size: int, limit: float) -> None:
    if size > limit:
        raise HttpProtocolError(f"the decompressed body is longer than {limit} bytes")
