"""A redirect is followed as browsers follow it."""

from __future__ import annotations

from typing import Any

import pytest

from murmur.errors import HttpProtocolError
from murmur.http import Reply, Request
from murmur.http._redirects import is_redirect, next_request
from murmur.http._url import Origin

HEADERS = (("Content-Type", "text/plain"), ("Authorization", "x"), ("Cookie", "a=1"), ("X", "1"))


def request(method: str, body: Any = None) -> Request:
    origin = Origin("http", "shop.test", 80)
    return Request(
        method=method, origin=origin, target="/a", authority="shop.test", headers=HEADERS, body=body
    )


def redirect(status: int, location: str = "/b") -> Reply:
    return Reply.of(status, [(b"location", location.encode())])


@pytest.mark.parametrize(("status", "method", "becomes"), [
    (301, "POST", "GET"), (302, "POST", "GET"), (303, "POST", "GET"), (303, "PUT", "GET"),
    (301, "PUT", "PUT"), (302, "GET", "GET"), (303, "HEAD", "HEAD"), (301, "HEAD", "HEAD"),
    (307, "POST", "POST"), (308, "DELETE", "DELETE"),
])  # fmt: skip
def test_the_method_follows_the_status(status: int, method: str, becomes: str) -> None:
    following = next_request(request(method, b"x"), redirect(status))

    assert following.method == becomes
    assert following.body == (None if becomes == "GET" and method != "GET" else b"x")
    assert following.target == "/b"


def test_another_server_gets_no_secrets() -> None:
    same = next_request(request("GET"), redirect(302))
    other = next_request(request("GET"), redirect(302, "http://other.test:81/"))

    assert same.headers == HEADERS
    assert dict(other.headers) == {"Content-Type": "text/plain", "X": "1"}
    assert (same.authority, other.authority) == ("shop.test", "other.test:81")


@pytest.mark.parametrize(("status", "fields", "expected"), [
    (302, [(b"Location", b"/")], True), (302, [], False), (200, [(b"Location", b"/")], False),
    (304, [(b"Location", b"/")], False),
])  # fmt: skip
def test_what_is_a_redirect(status: int, fields: Any, expected: bool) -> None:
    assert is_redirect(Reply.of(status, fields)) is expected


def test_a_stream_cannot_be_repeated() -> None:
    with pytest.raises(HttpProtocolError, match="a stream once more"):
        next_request(request("PUT", iter([b"x"])), redirect(307))


def test_a_redirect_to_nowhere_is_an_error() -> None:
    with pytest.raises(HttpProtocolError, match="leads nowhere"):
        next_request(request("GET"), redirect(302, "ftp://x"))
