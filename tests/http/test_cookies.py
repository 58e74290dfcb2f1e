"""Cookies go back to where they came from, and no further."""

from __future__ import annotations

import pytest

from murmur.errors import InvalidRequestError
from murmur.http import Cookies

NOW = 1_000_000.0


def held(cookies: Cookies, host: str, path: str = "/", *, secure: bool = False) -> str:
    return cookies.header(host, path, is_secure=secure, now=NOW)


@pytest.mark.parametrize(("field", "host", "path", "secure", "expected"), [
    ("a=1", "shop.test", "/", False, "a=1"),
    ("a=1", "www.shop.test", "/", False, ""),
    ("a=1; Domain=shop.test", "www.shop.test", "/", False, "a=1"),
    ("a=1; Domain=.Shop.test", "www.shop.test", "/", False, "a=1"),
    ("a=1; Domain=shop.test", "evilshop.test", "/", False, ""),
    ("a=1; Domain=other.test", "other.test", "/", False, ""),
    ("a=1; Path=/cart", "shop.test", "/cart/7", False, "a=1"),
    ("a=1; Path=/cart", "shop.test", "/carts", False, ""),
    ("a=1; Path=/", "shop.test", "/any?x", False, "a=1"),
    ("a=1; Path=bad", "shop.test", "/", False, "a=1"),
    ("a=1; Secure", "shop.test", "/", False, ""),
    ("a=1; Secure", "shop.test", "/", True, "a=1"),
    ("a=1; Max-Age=0", "shop.test", "/", False, ""),
    ("a=1; Max-Age=60", "shop.test", "/", False, "a=1"),
    ("a=1; Max-Age=x", "shop.test", "/", False, "a=1"),
    ("a=1; Max-Age=" + "9" * 400, "shop.test", "/", False, "a=1"),
    ("a=1; Max-Age=" + "9" * 5000, "shop.test", "/", False, "a=1"),
    ("a=1; Max-Age=-" + "9" * 400, "shop.test", "/", False, ""),
    ("a=1; Max-Age=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "shop.test", "/", False, ""),
    ("a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "shop.test", "/", False, ""),
    ("a=1; Expires=Thu, 01-Jan-1970 00:00:00 GMT", "shop.test", "/", False, ""),
    ("a=1; Expires=nonsense", "shop.test", "/", False, "a=1"),
    ("a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "shop.test", "/", False, "a=1"),
    ("__Host-a=1; Secure; Path=/", "shop.test", "/", True, "__Host-a=1"),
    ("__Host-a=1; Path=/", "shop.test", "/", True, ""),
    ("__Host-a=1; Secure", "shop.test", "/", True, ""),
    ("__host-a=1; Secure; Path=/; Domain=shop.test", "shop.test", "/", True, ""),
    ("__Secure-a=1; Secure", "shop.test", "/", True, "__Secure-a=1"),
    ("__Secure-a=1", "shop.test", "/", True, ""),
    ("a=", "shop.test", "/", False, "a="),
    ("a=b=c", "shop.test", "/", False, "a=b=c"),
    ("nonsense", "shop.test", "/", False, ""),
    # A date without a zone is UTC, wherever this runs; NOW is 13:46:40 of that day.
    ("a=1; Expires=Mon, 12 Jan 1970 13:46:41", "shop.test", "/", False, "a=1"),
    ("a=1; Expires=Mon, 12 Jan 1970 13:46:39", "shop.test", "/", False, ""),
    ("a=1; Expires=Mon, 12 Jan 1970 13:46:39 +0500", "shop.test", "/", False, ""),
    ("a=1; Expires=Monday, 12-January-70 13:46:39 GMT", "shop.test", "/", False, ""),
    ("a=1; Expires=1970 12 13:46:39 jan", "shop.test", "/", False, ""),
    ("a=1; Expires=Mon, 32 Jan 1970 13:46:39", "shop.test", "/", False, "a=1"),
    ("a=1; Expires=Mon, 12 Jan 1600 13:46:39", "shop.test", "/", False, "a=1"),
    ("a=1; Expires=12 Jan 1970 24:00:00", "shop.test", "/", False, "a=1"),
    ("a=1; Expires=12 Jan 1970 1:2:3; Expires=nonsense", "shop.test", "/", False, ""),
    ("a=1; Max-Age=+60", "shop.test", "/", False, "a=1"),
    ("a=1; Domain=", "www.shop.test", "/", False, ""),
    ("a=1; Domain=test", "shop.test", "/", False, ""),
    ("a=1; Domain=shop.test; Domain=other.test", "shop.test", "/", False, ""),
    ("a=1; Path=/x; Path=/", "shop.test", "/", False, "a=1"),
    ("a=1; path", "shop.test", "/", False, "a=1"),
    ("a = 1 ; Secure", "shop.test", "/", True, "a=1"),
    ('a="1 2"', "shop.test", "/", False, 'a="1 2"'),
    ("a=1\nb", "shop.test", "/", False, ""),
    ("a=" + "x" * 4095, "shop.test", "/", False, "a=" + "x" * 4095),
    ("a=" + "x" * 4096, "shop.test", "/", False, ""),
    ("=1", "shop.test", "/", False, ""),
])  # fmt: skip
def test_a_cookie_is_sent_where_it_belongs(
    field: str, host: str, path: str, secure: bool, expected: str
) -> None:
    cookies = Cookies()
    cookies.take(field, "shop.test", "/", NOW)

    assert held(cookies, host, path, secure=secure) == expected


def test_an_address_has_no_subdomains() -> None:
    cookies = Cookies()
    cookies.set("a", "1", domain="0.0.1")

    assert held(cookies, "127.0.0.1") == ""


def test_the_longest_path_comes_first() -> None:
    cookies = Cookies()
    cookies.take("a=1; Path=/", "shop.test", "/", NOW)
    cookies.take("b=2; Path=/cart", "shop.test", "/", NOW)

    assert held(cookies, "shop.test", "/cart") == "b=2; a=1"


def test_a_cookie_is_replaced_deleted_and_cleared() -> None:
    cookies = Cookies()
    cookies.take("a=1", "shop.test", "/", NOW)
    cookies.take("a=2", "shop.test", "/", NOW)
    assert list(cookies) == [("a", "2")]
    assert cookies.get("a") == "2"
    cookies.take("a=; Max-Age=0", "shop.test", "/", NOW)
    assert cookies.get("a", "none") == "none"
    cookies.set("b", "1", domain="shop.test")
    assert len(cookies) == 1
    cookies.clear()

    assert held(cookies, "shop.test") == ""


def test_a_cookie_ends_when_its_time_is_over() -> None:
    cookies = Cookies()
    cookies.take("a=1; Max-Age=60", "shop.test", "/", NOW)

    assert cookies.header("shop.test", "/", is_secure=False, now=NOW + 59) == "a=1"
    assert cookies.header("shop.test", "/", is_secure=False, now=NOW + 60) == ""
    assert len(cookies) == 0


def test_no_more_are_kept_than_browsers_keep() -> None:
    cookies = Cookies()
    for number in range(200):
        cookies.take(f"c{number}=1", "shop.test", "/", NOW)
    assert len(cookies) == 180
    assert cookies.get("c19") is None
    assert cookies.get("c20") == "1"
    for host in range(100):
        for number in range(50):
            cookies.take(f"c{number}=1", f"h{host}.test", "/", NOW)

    assert len(cookies) == 3000


def test_one_that_is_set_again_keeps_its_age() -> None:
    cookies = Cookies()
    for field in ("a=1", "b=2; Domain=test", "a=3"):
        cookies.take(field, "www.shop.test", "/", NOW)

    assert held(cookies, "www.shop.test") == "a=3"
    cookies.take("b=2; Domain=www.shop.test", "www.shop.test", "/", NOW)
    cookies.take("c=4", "www.shop.test", "/", NOW)
    cookies.take("a=5", "www.shop.test", "/", NOW)

    assert held(cookies, "www.shop.test") == "a=5; b=2; c=4"


@pytest.mark.parametrize(("name", "value"), [
    ("sid", None), ("sid", "a; b=2"), ("sid", "a\r\nX: 1"), ("sid", "登录"), ("sid", ["a"]),
    ("sid", True), ("", "1"), ("a b", "1"), ("a=b", "1"), (None, "1"),
])  # fmt: skip
def test_what_would_be_no_cookie_is_refused_when_it_is_set(name: str, value: str) -> None:
    cookies = Cookies()

    with pytest.raises(InvalidRequestError, match="cookie"):
        cookies.set(name, value, domain="shop.test")
    assert len(cookies) == 0


def test_a_number_is_a_value_as_well() -> None:
    cookies = Cookies()
    cookies.set("id", 7, domain="shop.test")  # type: ignore[arg-type]

    assert held(cookies, "shop.test") == "id=7"
