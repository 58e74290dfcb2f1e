"""The body of an answer, however it was packed."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest

from murmur.errors import HttpProtocolError
from murmur.http import Reply, Request, Response
from murmur.http._url import Origin

REQUEST = Request(
    method="GET",
    origin=Origin("http", "shop.test", 80),
    target="/a",
    authority="shop.test",
    headers=(),
)
RAW = zlib.compressobj(wbits=-15)


def response(body: bytes, **fields: str) -> Response:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()]
    return Response(REQUEST, Reply.of(200, pairs, body))


@pytest.mark.parametrize(("coding", "body"), [
    ("gzip", gzip.compress(b"hello", mtime=0)),
    ("x-gzip", gzip.compress(b"hello", mtime=0)),
    ("deflate", zlib.compress(b"hello")),
    ("deflate", RAW.compress(b"hello") + RAW.flush()),
    ("gzip", gzip.compress(b"hel", mtime=0) + gzip.compress(b"lo", mtime=0)),
    ("gzip", gzip.compress(b"hello", mtime=0) + bytes(512)),
    ("deflate, gzip", gzip.compress(zlib.compress(b"hello"), mtime=0)),
    ("identity", b"hello"),
    ("", b"hello"),
])  # fmt: skip
def test_a_body_is_decompressed(coding: str, body: bytes) -> None:
    assert response(body, content_encoding=coding).content == b"hello"


def test_a_body_that_was_packed_for_transfer_is_unpacked() -> None:
    packed = gzip.compress(zlib.compress(b"hello"))
    answer = response(
        packed, **{"Content-Encoding": "deflate", "Transfer-Encoding": "gzip, chunked"}
    )

    assert answer.content == b"hello"


def test_a_body_that_was_packed_badly_for_transfer_is_found_though_nobody_reads_it() -> None:
    answer = response(b"hello", transfer_encoding="gzip, chunked")

    assert str(answer.look_through()) == "the body cannot be decompressed"


def test_a_part_of_a_body_is_as_it_came() -> None:
    part = gzip.compress(b"hello")[3:9]
    reply = Reply.of(206, [(b"Content-Encoding", b"gzip")], part)

    assert Response(REQUEST, reply).content == part


def test_a_body_that_is_not_what_it_says_is_an_error() -> None:
    with pytest.raises(HttpProtocolError, match="cannot be decompressed"):
        response(b"hello", content_encoding="gzip").content  # noqa: B018


@pytest.mark.parametrize(("coding", "body"), [
    ("gzip", gzip.compress(b"hello", mtime=0)[:-1]),
    ("gzip", gzip.compress(b"hello", mtime=0)[:5]),
    ("gzip", gzip.compress(b"hello", mtime=0) + gzip.compress(b"more", mtime=0)[:-9]),
    ("deflate", zlib.compress(b"hello")[:-1]),
    ("deflate", zlib.compress(b"hello", wbits=-15)[:-1]),
])  # fmt: skip
def test_a_compressed_body_that_is_cut_short_is_an_error(coding: str, body: bytes) -> None:
    with pytest.raises(HttpProtocolError, match="cut short"):
        response(body, content_encoding=coding).content  # noqa: B018


@pytest.mark.parametrize("sizes", [[10_000], [5_000, 5_000], [9_999, 1]])
def test_a_body_that_swells_beyond_the_limit_is_an_error(sizes: list[int]) -> None:
    body = b"".join(gzip.compress(bytes(size)) for size in sizes)
    reply = Reply.of(200, [(b"Content-Encoding", b"gzip")], body)
    reply.limit = 10_000
    assert Response(REQUEST, reply).content == bytes(10_000)
    reply.limit = 9_999
    with pytest.raises(HttpProtocolError, match="longer than 9999 bytes"):
        Response(REQUEST, reply).content  # noqa: B018


@pytest.mark.parametrize(("kind", "body", "text"), [
    ("text/plain", "ä".encode(), "ä"),
    ("text/plain; charset=latin-1", b"\xe4", "ä"),
    ('text/plain; charset="utf-16-le"', "ä".encode("utf-16-le"), "ä"),
    ("text/plain; charset=nonsense", "ä".encode(), "ä"),
    ("text/plain; charset=idna", b"\xff..a", "\ufffd..a"),
    ("text/plain; charset=hex", b"ff", "ff"),
    ("", b"\xff", "\ufffd"),
])  # fmt: skip
def test_text_is_in_the_encoding_that_the_answer_names(kind: str, body: bytes, text: str) -> None:
    assert response(body, content_type=kind).text == text


@pytest.mark.parametrize(("body", "message"), [
    (b"{", "not JSON"), (b"\xff", "not JSON"), (b"[" * 200_000, "nested too deeply"),
])  # fmt: skip
def test_a_body_that_is_no_json_is_an_error(body: bytes, message: str) -> None:
    with pytest.raises(HttpProtocolError, match=message):
        response(body).json()


def test_it_says_what_it_is() -> None:
    answer: Any = response(b"")

    assert repr(answer) == "<Response 200 http://shop.test/a>"
    assert (answer.ok, answer.error, answer.received_bytes) == (True, None, 0)
    answer.raise_for_failure()
