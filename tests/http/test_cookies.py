"""Cookies go back to where they came from, and no further."""

from __future__ import annotations

import pytest

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
    ("a=", "shop.test", "/", False, "a="),
    ("a=b=c", "shop.test", "/", False, "a=b=c"),
    ("nonsense", "shop.test", "/", False, ""),
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
