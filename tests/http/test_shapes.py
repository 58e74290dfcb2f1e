"""Heads that differ in values alone: found by a shape that a parser's reading gave."""

from __future__ import annotations

import pytest

from murmur.http import Reply, _shapes

HEAD = (
    b"HTTP/1.1 200 OK\r\nServer: any\r\nDate: Mon, 30 Nov 2026 03:33:00 GMT\r\n"
    b"Content-Length: 2\r\nConnection: keep-alive\r\nX-Id: 1\r\n\r\n"
)


@pytest.fixture(autouse=True)
def no_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_shapes, "_shapes", ())
    monkeypatch.setattr(_shapes, "_luck", _shapes.Luck())


def changed(old: bytes, new: bytes) -> bytes:
    assert old in HEAD
    return HEAD.replace(old, new)


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (HEAD, b"ab"),
        (changed(b"X-Id: 1", b"X-Id: 2"), b"ab"),
        (changed(b"X-Id: 1", b'X-Id: "~ a longer: one"'), b"ab"),
        (changed(b"03:33:00", b"23:59:59"), b"ab"),
        (changed(b"Length: 2", b"Length: 0"), b""),
        (changed(b"Length: 2", b"Length: 12"), b"\r\n\r\nab\r\n\r\ncd"),
    ],
)
def test_an_answer_with_other_values_is_taken_as_it_came(head: bytes, body: bytes) -> None:
    _shapes.learn(200, HEAD)
    shape = _shapes.shape_of(head + body)
    assert shape is not None
    reply = Reply()
    reply.as_before(shape, head + body, 1.0)

    assert (reply.status, reply.body, reply.received_bytes) == (200, body, len(head) + len(body))
    lines = b"".join(b"%b: %b\r\n" % field for field in reply.fields)
    assert head == b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n"
    assert (reply.may_set_cookies, shape.is_good) == (False, True)


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"a",
        HEAD + b"abc",
        HEAD + b"ab" + HEAD + b"ab",
        HEAD[:-2] + b"ab",
        b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"ab",
        changed(b"1.1", b"1.0") + b"ab",
        changed(b"200 OK", b"404 OK") + b"ab",
        # What says where the answer ends, or whether the connection does.
        changed(b"Length: 2", b"Length: 02") + b"ab",
        changed(b"Length: 2", b"Length: +2") + b"ab",
        changed(b"Length: 2", b"Length: 2, 2") + b"ab",
        changed(b"Length: 2", b"Length: -0"),
        changed(b"Length: 2", b"Length: "),
        changed(b"X-Id: 1", b"X-Id: 1\r\nContent-Length: 3") + b"ab",
        changed(b"X-Id: 1", b"Content-Length: 2") + b"ab",
        changed(b"X-Id: 1", b"Transfer-Encoding: chunked") + b"ab",
        changed(b"X-Id: 1", b"X-Id: 1\r\nTransfer-Encoding: chunked") + b"ab",
        changed(b"X-Id: 1", b"Set-Cookie: a=1") + b"ab",
        changed(b"X-Id: 1", b"Upgrade: x") + b"ab",
        changed(b"keep-alive", b"close") + b"ab",
        changed(b"keep-alive", b"keep-alive, close") + b"ab",
        # Written otherwise, or what no head may hold.
        changed(b"X-Id: 1", b"X-Id: 1\r\n c") + b"ab",
        changed(b"X-Id: 1", b"X-Id: 1\nContent-Length: 3") + b"ab",
        changed(b"X-Id: 1", b"X-Id: 1\rContent-Length: 3") + b"ab",
        changed(b"X-Id: 1", b"X-Id: 1\0") + b"ab",
        changed(b"X-Id: 1", b"X-Id: 1\x7f") + b"ab",
        changed(b"X-Id: 1", b"X-Id: 1\x1b") + b"ab",
        changed(b"X-Id: 1", b"X-Id : 1") + b"ab",
        changed(b"X-Id: 1", b"X Id: 1") + b"ab",
        changed(b"X-Id: 1", b"x-id: 1") + b"ab",
        changed(b"X-Id: 1", b"X-Id:1") + b"ab",
        changed(b"X-Id: 1\r\n", b"X-Id: 1\n") + b"ab",
        changed(b"X-Id: 1\r\n", b"") + b"ab",
        b"\r\n" + HEAD + b"ab",
        b"",
    ],
)
def test_anything_else_has_not_this_shape(data: bytes) -> None:
    _shapes.learn(200, HEAD)

    assert _shapes.shape_of(HEAD + b"ab") is not None
    assert _shapes.shape_of(data) is None


CHUNKED = changed(b"Content-Length: 2", b"Transfer-Encoding: chunked")
END = b"\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "size", "body"),
    [
        (CHUNKED, b"2", b"ab"),
        (CHUNKED.replace(b"X-Id: 1", b"X-Id: another"), b"1", b"a"),
        (CHUNKED, b"1a", b"x" * 26),
        (CHUNKED, b"1A", b"x" * 26),
        (CHUNKED, b"10", b"\r\n\r\nab" + END + b"abc"),
    ],
)
def test_a_body_in_one_chunk_is_taken_as_it_was_before(
    head: bytes, size: bytes, body: bytes
) -> None:
    _shapes.learn(200, CHUNKED)
    data = head + size + b"\r\n" + body + END
    shape = _shapes.shape_of(data)
    assert shape is not None
    reply = Reply()
    reply.as_before(shape, data, 1.0)

    assert (reply.status, reply.body, reply.received_bytes) == (200, body, len(data))
    lines = b"".join(b"%b: %b\r\n" % field for field in reply.fields)
    assert head == b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n"


@pytest.mark.parametrize(
    "data",
    [
        CHUNKED,
        CHUNKED + b"0\r\n\r\n",
        CHUNKED + b"2\r\nab",
        CHUNKED + b"2\r\nab" + END[:-1],
        CHUNKED + b"2\r\nab" + END + b"\r\n",
        CHUNKED + b"2\r\nab" + END + CHUNKED + b"2\r\nab" + END,
        CHUNKED + b"1\r\nab" + END,
        CHUNKED + b"3\r\nab" + END,
        CHUNKED + b"1\r\na\r\n1\r\nb" + END,
        CHUNKED + b"2\r\nab\r\n1\r\nc\r\n",  # as long as one with an end, which is to come
        CHUNKED + b"2\r\nab\r\n0\r\nX: y\r\n\r\n",
        CHUNKED + b"02\r\nab" + END,
        CHUNKED + b"+2\r\nab" + END,
        CHUNKED + b"0x2\r\nab" + END,
        CHUNKED + b"2_0\r\n" + b"x" * 32 + END,
        CHUNKED + b" 2\r\nab" + END,
        CHUNKED + b"2 \r\nab" + END,
        CHUNKED + b"2;a=b\r\nab" + END,
        CHUNKED + b"2\nab" + END,
        HEAD + b"2\r\nab" + END,
        CHUNKED.replace(b"chunked", b"gzip, chunked") + b"2\r\nab" + END,
        CHUNKED.replace(b"X-Id: 1", b"Transfer-Encoding: chunked") + b"2\r\nab" + END,
        CHUNKED.replace(b"X-Id: 1", b"Content-Length: 2") + b"2\r\nab" + END,
        CHUNKED.replace(b"X-Id: 1", b"Set-Cookie: a=1") + b"2\r\nab" + END,
        CHUNKED.replace(b"keep-alive", b"close") + b"2\r\nab" + END,
    ],
)
def test_any_other_body_in_chunks_has_not_this_shape(data: bytes) -> None:
    _shapes.learn(200, CHUNKED)

    assert _shapes.shape_of(CHUNKED + b"2\r\nab" + END) is not None
    assert _shapes.shape_of(data) is None


@pytest.mark.parametrize(
    ("status", "head"),
    [
        (204, changed(b"200 OK", b"204 No Content")),
        (304, changed(b"200 OK", b"304 Not Modified")),
        (200, changed(b"Content-Length: 2\r\n", b"")),
        (200, changed(b"Length: 2", b"Length: 02")),
        (200, changed(b"X-Id: 1", b"SET-cookie: a=1")),
        (200, changed(b"X-Id: 1", b"upgrade: h2c")),
        (200, changed(b"X-Id: 1", b"X-Id:1")),
        (200, changed(b"X-Id: 1", b"X-Id:  1")),
        (200, changed(b"X-Id: 1", b"X-Id: \xff")),
        (200, changed(b"Content-Length: 2", b"Transfer-Encoding: gzip, chunked")),
        (200, changed(b"Content-Length: 2", b"Transfer-Encoding: gzip")),
    ],
)
def test_a_head_that_is_not_plain_has_no_shape(status: int, head: bytes) -> None:
    assert _shapes.pattern_of(status, head) is None


def test_the_status_decides_whether_anything_is_to_be_done() -> None:
    head = changed(b"200 OK", b"404 Not Found")
    _shapes.learn(404, head)
    shape = _shapes.shape_of(head + b"ab")

    assert shape is not None
    assert (shape.status, shape.is_good) == (404, False)


def test_a_server_of_ever_new_fields_has_few_patterns_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    learned, number = [], 400
    pattern_of = _shapes.pattern_of
    monkeypatch.setattr(
        _shapes, "pattern_of", lambda *head: learned.append(head) or pattern_of(*head)
    )
    for each in range(number):
        _shapes.learn(200, changed(b"X-Id: 1", b"X-%d: 1" % each))

    assert 8 < len(learned) < 8 + 400 / 60  # eight at first, and then once in a while
    assert len(_shapes._shapes) == _shapes.MOST
