"""A glance takes whole and plain answers alone, and hands their heads over unread."""

from __future__ import annotations

import pytest

from murmur.http._glance import Glance, fields_of

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Id: 1\r\n\r\n"


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_a_body_in_one_chunk_is_told() -> None:
    glance = Glance()

    assert glance.read(CHUNKED + b"1\r\na\r\n0\r\n\r\n") == CHUNKED
    assert glance.is_chunked
    assert glance.read(PLAIN + b"ab") == PLAIN
    assert not glance.is_chunked


def test_one_answer_after_the_other_is_cut_where_its_head_ends() -> None:
    glance = Glance()

    assert glance.read(PLAIN + b"ab") == PLAIN
    assert (glance.status, glance.is_kept) == (200, True)
    empty = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    assert glance.read(empty) == empty
    assert (glance.status, glance.is_kept) == (404, False)


@pytest.mark.parametrize(
    "data",
    [
        PLAIN + b"a",
        PLAIN + b"abc",
        PLAIN + b"ab" + PLAIN + b"ab",
        PLAIN + b"abHTT",
        PLAIN + b"ab\r\n",
        PLAIN[:-2],
        b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN + b"ab",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\n\r\nab",
        CHUNKED + b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
        CHUNKED + b"1\r\na\r\n",
        CHUNKED + b"0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"\r\n" + PLAIN + b"ab",
        b"no answer at all\r\n\r\n",
    ],
)
def test_anything_else_is_left_to_the_parser_of_the_connection(data: bytes) -> None:
    assert Glance().read(data) is None


def test_a_head_is_read_as_its_parser_reads_it() -> None:
    head = b"HTTP/1.1 200 OK\r\nA:  b\r\nEmpty:\r\na: \xff\r\nContent-Length: 0\r\n\r\n"

    assert list(fields_of(head)) == [
        (b"A", b"b"), (b"Empty", b""), (b"a", b"\xff"), (b"Content-Length", b"0"),
    ]  # fmt: skip
