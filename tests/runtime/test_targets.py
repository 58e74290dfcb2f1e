"""The guard knows names, patterns, addresses and networks, and nothing slips past it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from murmur.errors import InvalidArgumentError, TargetNotAllowedError
from murmur.runtime import check_target, checked_patterns, is_allowed


@pytest.mark.parametrize(("host", "pattern"), [
    ("shop.test", "shop.test"),
    ("SHOP.test.", "Shop.Test"),
    ("a.shop.test", "*.shop.test"),
    ("a.b.shop.test", "*.shop.test"),
    ("127.0.0.1", "127.0.0.1"),
    ("127.9.9.9", "127.0.0.0/8"),
    ("::1", "[::1]"),
    ("0:0:0:0:0:0:0:1", "::1"),
    ("fe80::1%eth0", "fe80::/10"),
    ("fe80::1%eth0", "fe80::1%eth0"),
    ("fd00::7", "fd00:*"),
    ("xn--strae-oqa.test", "Straße.test"),
    ("straße.test", "*.test"),
    ("straße.test", "xn--strae-oqa.test"),
    ("a.xn--strae-oqa.test", "*.straße.test"),
    ("shop.test", "\uff53hop\u3002test"),
    ("my_shop.test", "my_shop.test"),
    ("anything", "*"),
])  # fmt: skip
def test_a_pattern_allows(host: str, pattern: str) -> None:
    allowed = checked_patterns([pattern])
    assert allowed is not None

    assert is_allowed(host, allowed)


@pytest.mark.parametrize(("host", "pattern"), [
    ("shop.test", "*.shop.test"),
    ("shop.test.evil.test", "*.shop.test"),
    ("evilshop.test", "shop.test"),
    ("shop.test", "127.0.0.0/8"),
    ("128.0.0.1", "127.0.0.0/8"),
    ("::1", "127.0.0.0/8"),
    ("::ffff:10.0.0.1", "10.0.0.0/8"),
    ("127.1", "127.0.0.1"),
    ("strasse.test", "straße.test"),
    ("prod.test\0.shop.test", "shop.test"),
    ("localhost", "127.0.0.1"),  # names are compared as they are given
])  # fmt: skip
def test_a_pattern_refuses(host: str, pattern: str) -> None:
    assert not is_allowed(host, checked_patterns([pattern]) or ())


def test_nothing_is_allowed_by_an_empty_list() -> None:
    assert not is_allowed("localhost", ())


@pytest.mark.parametrize("given", ["shop.test", [b"shop.test"], [None]])
def test_what_is_no_list_of_hosts_is_refused(given: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="give a list of hosts"):
        checked_patterns(given)


@pytest.mark.parametrize(
    ("pattern", "remedy"),
    [
        ("shop.test:8080", "without a port"),
        ("*:8080", "without a port"),
        ("[::1]:8080", "an address"),
        ("http://shop.test/", "the host of the URL alone"),
        ("http://shop.test", "the host of the URL alone"),
        ("shop.test/api", "a network"),
        ("10.0.0.0/33", "a network"),
        ("a.test,b.test", "each by itself"),
        ("a.test b.test", "each by itself"),
        ("", "give a host"),
        (" . ", "give a host"),
        (".shop.test", "'*.shop.test'"),
        ("[a-z].test", "give a host"),
    ],
)
def test_a_pattern_that_fits_no_host_is_refused(pattern: str, remedy: str) -> None:
    with pytest.raises(InvalidArgumentError, match="allow=") as caught:
        checked_patterns(["shop.test", pattern])

    assert remedy in str(caught.value)


def test_a_run_is_asked() -> None:
    run: Any = SimpleNamespace(spec=SimpleNamespace(allow=("a.test",)))
    open_run: Any = SimpleNamespace(spec=SimpleNamespace(allow=None))
    check_target(run, "a.test")
    check_target(open_run, "b.test")
    check_target(None, "b.test")
    with pytest.raises(TargetNotAllowedError) as caught:
        check_target(run, "b.test")

    assert str(caught.value) == (
        "'b.test' is not an allowed target; Session(allow=...) allows a.test"
    )
