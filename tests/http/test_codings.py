"""Bodies are decompressed, whole ones only, and no bomb goes off."""

from __future__ import annotations

import random
import sys
import zlib
from collections.abc import Callable

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from murmur.errors import HttpProtocolError
from murmur.http import _codings
from murmur.http._codings import AT_ONCE, Unpacker, accepted, decompressed

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda body: zlib.compress(body, wbits=31),
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}
BODY = bytes(range(256)) * 2000


@pytest.mark.parametrize("coding", PACK)
@pytest.mark.parametrize("body", [BODY, b"x", b"\0" * 1_000_000])
def test_a_body_comes_back(coding: str, body: bytes) -> None:
    assert decompressed(PACK[coding](body), coding, len(body)) == body


@pytest.mark.parametrize("coding", PACK)
def test_no_body_at_all_is_whole(coding: str) -> None:
    assert decompressed(b"", coding, 1) == b""


@pytest.mark.parametrize("coding", PACK)
def test_a_body_that_grows_too_long_is_refused(coding: str) -> None:
    with pytest.raises(HttpProtocolError, match="longer than 999999"):
        decompressed(PACK[coding](b"\0" * 1_000_000), coding, 999_999)


@pytest.mark.parametrize("coding", PACK)
def test_a_body_that_is_cut_short_or_none_is_refused(coding: str) -> None:
    with pytest.raises(HttpProtocolError, match="cut short"):
        decompressed(PACK[coding](BODY)[:-5], coding, 1 << 20)
    with pytest.raises(HttpProtocolError):
        decompressed(b"none of it, whatever is said", coding, 1 << 20)


@pytest.mark.parametrize("coding", PACK)
@given(body=st.binary(max_size=300), repeats=st.integers(0, 900), size=st.integers(1, 2_000))
def test_a_body_that_comes_in_parts_comes_back(
    coding: str, body: bytes, repeats: int, size: int
) -> None:
    packed = PACK[coding](body * repeats)
    unpacker = Unpacker([coding])
    parts = [packed[start : start + size] for start in range(0, len(packed), size)]

    pieces = [piece for part in parts for piece in unpacker.feed(part)]

    assert b"".join(pieces) == body * repeats
    assert all(0 < len(piece) <= AT_ONCE for piece in pieces)
    unpacker.end()


@pytest.mark.parametrize(
    ("codings", "packed"),
    [
        (["deflate"], zlib.compress(b"hello", wbits=-15)),
        (["gzip"], PACK["gzip"](b"hel") + PACK["gzip"](b"lo") + bytes(20)),
        (["zstd"], PACK["zstd"](b"hel") + PACK["zstd"](b"lo")),
        (["br", "gzip"], PACK["gzip"](PACK["br"](b"hello"))),
        (["compress"], b"hello"),
        ([], b"hello"),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1_000])
def test_a_body_in_parts_may_be_packed_in_any_way(
    codings: list[str], packed: bytes, size: int
) -> None:
    unpacker = Unpacker(codings)
    parts = [packed[start : start + size] for start in range(0, len(packed), size)]

    assert b"".join(piece for part in parts for piece in unpacker.feed(part)) == b"hello"
    unpacker.end()


@pytest.mark.parametrize("coding", PACK)
def test_a_body_in_parts_that_is_cut_short_or_none_is_refused(coding: str) -> None:
    packed = PACK[coding](BODY)
    for size in (1, len(packed) - 1):
        cut = Unpacker([coding])
        list(cut.feed(packed[:size]))
        with pytest.raises(HttpProtocolError, match="cut short"):
            cut.end()
    with pytest.raises(HttpProtocolError, match="cannot be decompressed"):
        list(Unpacker([coding]).feed(b"none of it, whatever is said"))


GZIP = PACK["gzip"]
TEXT = b"".join(b"%d is a number, " % number for number in range(2_000))


@pytest.mark.parametrize(
    ("body", "codings", "limit", "seems_whole"),
    [
        (GZIP(TEXT), ["gzip"], 1 << 20, True),
        (GZIP(TEXT), ["x-gzip"], 1 << 20, True),
        (GZIP(b""), ["gzip"], 1 << 20, True),
        (GZIP(random.Random(1).randbytes(100_000)), ["gzip"], 1 << 20, True),
        (b"", ["gzip"], 1 << 20, True),
        (b"as it is", [], 1 << 20, True),
        (GZIP(TEXT), ["gzip"], len(TEXT) - 1, False),
        (GZIP(TEXT)[:-1], ["gzip"], 1 << 20, False),
        (GZIP(TEXT)[:9], ["gzip"], 1 << 20, False),
        (GZIP(BODY), ["gzip"], 1 << 20, False),  # packed too tightly to be sure
        (BODY, ["gzip"], 1 << 20, False),
        (GZIP(GZIP(BODY)), ["gzip", "gzip"], 1 << 20, False),
        (PACK["br"](BODY), ["br"], 1 << 20, False),
    ],
)
def test_a_glance_tells_a_whole_body_by_its_end(
    body: bytes, codings: list[str], limit: float, seems_whole: bool
) -> None:
    assert _codings.seems_whole(body, codings, limit) is seems_whole


def test_what_can_be_read_is_asked_for() -> None:
    assert accepted() == "gzip, deflate, br, zstd"
