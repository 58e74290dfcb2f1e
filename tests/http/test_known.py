"""Heads that were parsed before: found again by their bytes, and only plain ones."""

from __future__ import annotations

import pytest

from murmur.http import Reply, _known


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    monkeypatch.setattr(_known, "_known", {})


def parsed(status: int, *fields: tuple[bytes, bytes], body: bytes = b"", version="1.1") -> Reply:
    reply = Reply(version=version)
    reply.whole(status, fields, body)
    return reply


PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
LENGTH = (b"Content-Length", b"2")


def test_a_head_is_known_the_second_time_whatever_body_of_its_length_comes():
    first = _known.known_answer(PLAIN + b"ab")
    _known.remember(PLAIN + b"ab", parsed(200, LENGTH, body=b"ab"))
    known = _known.known_answer(PLAIN + b"cd")

    assert first is None
    assert (known.head, known.status, known.fields) == (PLAIN, 200, (LENGTH,))
    assert (PLAIN + b"cd")[known.start : known.size] == b"cd"
    assert not known.sets_cookies


@pytest.mark.parametrize("rest", [b"", b"a", b"abc", b"ab" + PLAIN + b"ab"])
def test_an_answer_that_is_not_just_whole_is_left_to_the_parser(rest):
    _known.remember(PLAIN + b"ab", parsed(200, LENGTH, body=b"ab"))

    assert _known.known_answer(PLAIN + rest) is None


def test_a_head_that_sets_cookies_says_so():
    head = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 2\r\n\r\n"
    fields = ((b"Set-Cookie", b"a=1"), LENGTH)
    _known.remember(head + b"ab", parsed(200, *fields, body=b"ab"))

    assert _known.known_answer(head + b"ab").sets_cookies


@pytest.mark.parametrize(
    ("data", "reply"),
    [
        (
            b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
            parsed(204, (b"Content-Length", b"0")),
        ),
        (PLAIN.replace(b"1.1", b"1.0") + b"ab", parsed(200, LENGTH, body=b"ab", version="1.0")),
        # Two lengths, one that is written oddly, none at all, and one beside chunks.
        (PLAIN + b"ab", parsed(200, LENGTH, LENGTH, body=b"ab")),
        (PLAIN + b"ab", parsed(200, (b"Content-Length", b"02"), body=b"ab")),
        (b"HTTP/1.1 200 OK\r\n\r\nab", parsed(200, body=b"ab")),
        (PLAIN + b"ab", parsed(200, LENGTH, (b"Transfer-Encoding", b"chunked"), body=b"ab")),
        # What looks like the end of the head is not: it ended before, or a hint came first.
        (
            b"HTTP/1.1 200 OK\nContent-Length: 6\n\na\r\n\r\nb",
            parsed(200, LENGTH, body=b"a\r\n\r\nb"),
        ),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" + PLAIN + b"ab", parsed(200, LENGTH, body=b"ab")),
    ],
)
def test_only_a_plain_head_is_remembered(data, reply):
    _known.remember(data, reply)

    assert _known._known == {}


def test_a_server_of_ever_new_heads_fills_no_memory():
    for number in range(_known.MOST + 10):
        head = b"HTTP/1.1 200 OK\r\nETag: %d\r\nContent-Length: 2\r\n\r\n" % number
        _known.remember(head + b"ab", parsed(200, (b"ETag", b"%d" % number), LENGTH, body=b"ab"))

    assert len(_known._known) == 10


def test_a_connection_of_ever_new_heads_looks_only_now_and_then():
    luck, looks = _known.Luck(), 0
    for _ in range(1_000):
        if luck.is_worth_a_look():
            looks += 1
            luck.left -= 1

    assert looks == _known.MISSES + (1_000 - _known.MISSES) // (_known.REST + 2)
    luck.left = _known.MISSES
    assert luck.is_worth_a_look()


def test_fields_of_a_new_head_are_read_when_they_are_asked_for() -> None:
    reply = Reply()
    reply.as_before(_known.new_head(200, PLAIN, len(PLAIN) + 2), PLAIN + b"ab", 1.0)

    assert (reply.status, reply.is_complete, reply.body) == (200, True, b"ab")
    assert list(reply.fields) == [LENGTH]
    assert reply.fields is reply.fields


@pytest.mark.parametrize("name", [b"Set-Cookie", b"set-cookie", b"SET-COOKIE", b"sEt-cOoKiE"])
def test_a_cookie_in_a_new_head_is_never_overlooked(name: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\n%b: a=1\r\nContent-Length: 0\r\n\r\n" % name
    known, plain = (
        _known.new_head(200, head, len(head)),
        _known.new_head(200, PLAIN, len(PLAIN) + 2),
    )

    assert (known.sets_cookies, known.is_good) == (True, False)
    assert (plain.sets_cookies, plain.is_good) == (False, True)
