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
