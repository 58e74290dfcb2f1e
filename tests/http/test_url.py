"""URLs become origins, targets and names; nothing in them reaches the wire unquoted."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from murmur.errors import InvalidRequestError
from murmur.http import Options
from murmur.http._url import Origin, query_of, redirected, template_of

SHOP = Origin("http", "shop.test", 80)


@pytest.mark.parametrize(("base", "url", "origin", "target", "label"), [
    ("http://shop.test", "/a", SHOP, "/a", "/a"),
    ("http://shop.test/", "a", SHOP, "/a", "a"),
    ("http://shop.test/api/", "/a?x=1", SHOP, "/api/a?x=1", "/a"),
    ("http://shop.test", "/login?next=http://other.test/", SHOP, "/login?next=http://other.test/",
     "/login"),
    ("http://shop.test", "get/http://other.test/", SHOP, "/get/http://other.test/",
     "get/http://other.test/"),
    ("http://other.test", "http://shop.test/b?c#d", SHOP, "/b?c", "/b"),
    ("", "http://shop.test", SHOP, "/", "/"),
    ("", "https://shop.test:8443/x", Origin("https", "shop.test", 8443), "/x", "/x"),
    ("", "ws://[::1]:99/x", Origin("http", "::1", 99), "/x", "/x"),
    ("", "wss://shop.test/", Origin("https", "shop.test", 443), "/", "/"),
    ("", "http://bücher.test/ä ö", Origin("http", "xn--bcher-kva.test", 80), "/%C3%A4%20%C3%B6",
     "/ä ö"),
    ("", "http://shop.test/100%25", SHOP, "/100%25", "/100%25"),
    ("", "http://straße.test/", Origin("http", "xn--strae-oqa.test", 80), "/", "/"),
    ("", "http://a_b.Bücher.test./", Origin("http", "a_b.xn--bcher-kva.test.", 80), "/", "/"),
    ("", "http://shop.test/a{b c}?d={e f}|", SHOP, "/a%7Bb%20c%7D?d=%7Be%20f%7D%7C",
     "/a{b c}"),
    ("http://shop.test/{", "x}", SHOP, "/%7B/x%7D", "x}"),
    ("http://shop.test", "/a#part?x", SHOP, "/a", "/a"),
    ("http://shop.test?a#b", "http://shop.test/c", SHOP, "/c", "/c"),
])  # fmt: skip
def test_a_url_is_split(base: str, url: str, origin: Origin, target: str, label: str) -> None:
    template = template_of(base, url)

    assert template.origin == origin
    assert template.fill({}) == target
    assert template.label == label


@pytest.mark.parametrize("url", [
    "/a", "http://exa mple/", "http://{host}/", "http://a<b/", "http://a:b:c@shop.test:x/",
    "http://a%3Ab:c@shop.test/", "http://\ufffe.test/", "ftp://shop.test/",
    "http://", "http://[::1", "http://a:b/", "http://a:99999/",
])  # fmt: skip
def test_a_url_that_leads_nowhere_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequestError):
        template_of("", url)


@pytest.mark.parametrize("base", ["http://shop.test/api?key=1", "http://shop.test/api#top"])
def test_a_base_that_would_swallow_paths_is_refused(base: str) -> None:
    with pytest.raises(InvalidRequestError, match="without a query or fragment"):
        template_of(base, "/items")
    with pytest.raises(InvalidRequestError, match="without a query or fragment"):
        Options(base_url=base)


@pytest.mark.parametrize("value", [
    (n for n in range(3)), map(str, [1]), object(), len, bytearray(b"x"), memoryview(b"x"),
], ids=["generator", "map", "object", "function", "bytearray", "memoryview"])  # fmt: skip
def test_what_has_no_text_of_its_own_is_refused(value: object) -> None:
    with pytest.raises(InvalidRequestError, match="give text or a number"):
        query_of({"a": value})
    with pytest.raises(InvalidRequestError, match="give text or a number"):
        query_of({"a": [1, value]})
    with pytest.raises(InvalidRequestError, match="give text or a number"):
        template_of("http://shop.test", "/{a}").fill({"a": value})


def test_a_name_of_a_value_is_a_text() -> None:
    with pytest.raises(InvalidRequestError, match="None is no name of a value"):
        query_of([(None, 1)])  # type: ignore[list-item]


def test_values_have_their_texts() -> None:
    when = datetime.date(2026, 11, 30)

    assert query_of({"a": range(2), "b": Decimal("1.5"), "c": when, "d": True, "e": b"\xff"}) == (
        "a=0&a=1&b=1.5&c=2026-11-30&d=True&e=%FF"
    )


def test_placeholders_are_filled_and_quoted() -> None:
    template = template_of("http://shop.test", "/items/{id}/parts/{part}?of={id}")

    assert template.fill({"id": "a/b?c", "part": 7}) == "/items/a%2Fb%3Fc/parts/7?of=a%2Fb%3Fc"
    assert template.label == "/items/{id}/parts/{part}"


@given(st.text())
def test_no_value_of_a_placeholder_leaves_its_place(value: str) -> None:
    template = template_of("http://shop.test", "/items/{id}")
    try:
        target = template.fill({"id": value})
    except UnicodeEncodeError:
        return  # half a character cannot be sent

    assert target.startswith("/items/")
    assert target.isascii()
    assert not set(target.removeprefix("/items/")) & set(" /?#\r\n")


def test_a_query_may_have_several_values_of_a_name() -> None:
    assert query_of({"a": [1, 2], "b": "x y"}) == "a=1&a=2&b=x+y"
    assert query_of(None) == ""


@pytest.mark.parametrize(("location", "origin", "target"), [
    ("/b", SHOP, "/b"),
    ("b?c=1", SHOP, "/a/b?c=1"),
    ("//other.test/x", Origin("http", "other.test", 80), "/x"),
    ("https://shop.test/", Origin("https", "shop.test", 443), "/"),
    (" /b ", SHOP, "/b"),
    ("/ü{1}", SHOP, "/%C3%BC%7B1%7D"),
    ("http://bücher.test/", Origin("http", "xn--bcher-kva.test", 80), "/"),
])  # fmt: skip
def test_a_redirect_is_relative_to_where_it_came_from(
    location: str, origin: Origin, target: str
) -> None:
    assert redirected(SHOP, "/a/page", location.encode()) == (origin, target, "")


@pytest.mark.parametrize("location", ["mailto:a@b.test", "ftp://x/", "javascript:1", "http://[x"])
def test_a_redirect_to_nowhere_is_an_error(location: str) -> None:
    with pytest.raises(ValueError):
        redirected(SHOP, "/", location.encode())


def test_a_redirect_keeps_bytes_that_are_no_utf_8() -> None:
    assert redirected(SHOP, "/", b"/caf\xe9?\xff") == (SHOP, "/caf%E9?%FF", "")


def test_a_redirect_may_hold_a_login() -> None:
    assert redirected(SHOP, "/", b"http://a:b@shop.test/")[2] == "Basic YTpi"


@pytest.mark.parametrize(("url", "login"), [
    ("http://ann:p%40ss@shop.test/", "Basic YW5uOnBAc3M="),
    ("http://ann:p@ss@shop.test/", "Basic YW5uOnBAc3M="),
    ("http://ann@shop.test/", "Basic YW5uOg=="),
    ("http://:pw@shop.test/", "Basic OnB3"),
    ("http://%C3%BC:1@shop.test/", "Basic w7w6MQ=="),
    ("http://@shop.test/", ""),
    ("http://shop.test/a@b", ""),
])  # fmt: skip
def test_name_and_password_of_a_url_are_the_login(url: str, login: str) -> None:
    assert template_of("", url).login == login


def test_no_error_shows_a_password() -> None:
    with pytest.raises(InvalidRequestError) as found:
        template_of("", "http://ann:secret@:x/")

    assert "secret" not in str(found.value)


@pytest.mark.parametrize("params", ["a=1", b"a=1", 5, [1], {"a": "\ud800"}])
def test_a_query_of_a_wrong_type_is_refused(params: object) -> None:
    with pytest.raises(InvalidRequestError):
        query_of(params)  # type: ignore[arg-type]


def test_a_query_may_be_pairs() -> None:
    assert query_of([("a", 1), ("b", 2), ("a", 3)]) == "a=1&b=2&a=3"
