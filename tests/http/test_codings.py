"""Bodies are decompressed, whole ones only, and no bomb goes off."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable

import brotli
import pytest

from murmur.errors import HttpProtocolError
from murmur.http._codings import accepted, decompressed

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
def test_a_body_that_grows_too_long_is_refused(coding: str) -> None:
    with pytest.raises(HttpProtocolError, match="longer than 999999"):
        decompressed(PACK[coding](b"\0" * 1_000_000), coding, 999_999)


@pytest.mark.parametrize("coding", PACK)
def test_a_body_that_is_cut_short_or_none_is_refused(coding: str) -> None:
    with pytest.raises(HttpProtocolError, match="cut short"):
        decompressed(PACK[coding](BODY)[:-5], coding, 1 << 20)
    with pytest.raises(HttpProtocolError):
        decompressed(b"none of it, whatever is said", coding, 1 << 20)


def test_what_can_be_read_is_asked_for() -> None:
    assert accepted() == "gzip, deflate, br, zstd"
