"""Content codings: gzip and deflate, and `br` and `zstd` where their libraries are there."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

from murmur.errors import HttpProtocolError, MissingExtraError

GZIP = b"\x1f\x8b"
"""What a member of gzip begins with; a body may have several, one after the other."""

SHORTEST = 18
"""Bytes of head and end of a member of gzip."""

TIGHTEST = 64
"""Times that a body may be longer unpacked before more than its end is looked at."""

HEADED = 47
"""To zlib: the longest window, and gzip or RFC 1950 told by its head."""

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
    # At once, for what it did not come to yet zlib copies each time.
    unpacker = Unpacker([coding], at_once=0 if limit == math.inf else int(limit) + 1)
    parts, size = [], 0
    for part in unpacker.feed(body):
        parts.append(part)
        size += len(part)
        if size > limit:
            raise HttpProtocolError(f"the decompressed body is longer than {limit} bytes")
    unpacker.end()
    return b"".join(parts)


class Unpacker:
    """Decompresses a body part by part, as it comes.

    Raises `MissingExtraError` if a library is not installed, though the server was asked for it.
    """

    def __init__(
        self,
        codings: list[str],  # in the order in which they were applied
        at_once: int = AT_ONCE,  # bytes that zlib decompresses at a time; 0 for all
    ) -> None:
        steps: list[_Step | None] = [_step(coding, at_once) for coding in reversed(codings)]
        self._steps = [step for step in steps if step is not None]

    def feed(self, part: bytes) -> Iterator[bytes]:
        """Yield what `part` was before it was packed, piece by piece.

        Raises `HttpProtocolError` if it is not packed as was said.
        """
        parts: Iterator[bytes] = iter((part,) if part else ())
        for step in self._steps:
            parts = _through(step, parts)
        return parts

    def end(self) -> None:
        """Raise `HttpProtocolError` if the body is cut short; none at all is whole."""
        if not all(step.is_whole for step in self._steps):
            raise HttpProtocolError("the compressed body is cut short")


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


@cache  # to look up nothing in a package that is loaded takes longer than to read a small body
def _imported(coding: str) -> Any:  # noqa: ANN401 - a module without types
    module = _library(coding)
    if module is None:
        package = "brotli" if coding == "br" else "backports.zstd"
        raise MissingExtraError(f"a body in {coding}", "compression", package)
    return import_module(module)


class _Step(Protocol):
    """One coding of a body, undone part by part."""

    is_whole: bool  # whether the body may end here

    @property
    def errors(self) -> tuple[type[Exception], ...]: ...

    def feed(self, data: bytes) -> Iterator[bytes]: ...


def _step(coding: str, at_once: int) -> _Step | None:
    """Return what undoes `coding`; None if it is not known."""
    if coding in {"gzip", "x-gzip", "deflate"}:
        return _Inflating(at_once)
    if coding == "br":
        return _Brotli()
    return _Zstandard() if coding == "zstd" else None


def _through(step: _Step, parts: Iterator[bytes]) -> Iterator[bytes]:
    for part in parts:
        try:
            yield from step.feed(part)
        except step.errors as error:
            raise HttpProtocolError("the body cannot be decompressed") from error


class _Inflating:
    """Reads gzip, all members of it, and both formats that are called deflate."""

    errors = (zlib.error,)

    def __init__(self, at_once: int) -> None:
        self.is_whole = True
        self._at_once = at_once
        self._reader: zlib._Decompress | None = None  # of a member
        self._has_members = False
        self._is_over = False  # what follows the last member is padding
        self._held = b""  # a byte, by which a member cannot be told yet

    def feed(self, data: bytes) -> Iterator[bytes]:
        rest, is_more = self._held + data, True
        while is_more:
            reader = self._reader = self._reader or self._begun(rest)
            if reader is None:
                return
            part = reader.decompress(rest, self._at_once)
            rest, self.is_whole = reader.unconsumed_tail, reader.eof
            if reader.eof:
                rest, self._reader = reader.unused_data, None
            is_more = bool(rest) or (not reader.eof and 0 < self._at_once == len(part))
            if part:
                yield part

    def _begun(self, data: bytes) -> zlib._Decompress | None:
        """Return a reader of the next member; None if there is none, or not enough of it."""
        self._held = data if len(data) < 2 else b""
        if self._has_members:
            self._is_over = self._is_over or not (self._held or data.startswith(GZIP))
        else:
            self.is_whole = False
        if self._held or self._is_over:
            return None
        self._has_members = True
        is_headed = data.startswith(GZIP) or _begins_zlib(data)
        return zlib.decompressobj(HEADED if is_headed else -15)


def _begins_zlib(data: bytes) -> bool:
    """Whether data begin as RFC 1950 has it, and are not deflated alone as some send it."""
    return data[0] & 15 == zlib.DEFLATED and int.from_bytes(data[:2], "big") % 31 == 0


class _Brotli:
    def __init__(self) -> None:
        brotli = _imported("br")
        self.errors = (brotli.error,)
        self.is_whole = True
        self._reader = brotli.Decompressor()

    def feed(self, data: bytes) -> Iterator[bytes]:
        rest, is_more = data, not self._reader.is_finished()
        while is_more:
            part = self._reader.process(rest, output_buffer_limit=AT_ONCE)
            rest, self.is_whole = b"", self._reader.is_finished()
            is_more = not self.is_whole and bool(part or not self._reader.can_accept_more_data())
            if part:
                yield part


class _Zstandard:
    def __init__(self) -> None:
        self._zstd = _imported("zstd")
        self.errors = (self._zstd.ZstdError,)
        self.is_whole = True
        self._reader: Any = None  # of a frame

    def feed(self, data: bytes) -> Iterator[bytes]:
        rest, is_more = data, True
        while is_more:
            reader = self._reader = self._reader or self._zstd.ZstdDecompressor()
            part = reader.decompress(rest, max_length=AT_ONCE)
            rest, self.is_whole = b"", reader.eof
            if reader.eof:
                rest, self._reader = reader.unused_data, None
            is_more = bool(rest) if reader.eof else not reader.needs_input
            if part:
                yield part
