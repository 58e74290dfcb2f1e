"""Header fields are read by any spelling, and nothing is smuggled into a request."""

from __future__ import annotations

import pytest

from murmur.errors import InvalidRequestError
from murmur.http import Headers
from murmur.http._headers import merge, render


def test_fields_are_found_by_any_spelling_and_joined() -> None:
    headers = Headers([(b"Set-Cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"X", b"\xe4")])

    assert headers["SET-COOKIE"] == "a=1, b=2"
    assert headers.all_of("Set-Cookie") == ["a=1", "b=2"]
    assert headers["x"] == "ä"
    assert "y" not in headers
    assert headers.all_of("y") == []
    assert list(headers) == ["set-cookie", "x"]
    assert len(headers) == 2


def test_later_fields_replace_earlier_ones_of_any_spelling() -> None:
    merged = merge({"Accept": "a", "X-One": "1"}, {"ACCEPT": "b"})

    assert merged == (("ACCEPT", "b"), ("X-One", "1"))


@pytest.mark.parametrize(("name", "value", "message"), [
    ("X", "a\r\nY: b", "line break"),
    ("X", "a\nb", "line break"),
    ("X", "a\0", "line break"),
    ("X Y", "a", "no name"),
    ("X:", "a", "no name"),
    ("", "a", "no name"),
    ("Ä", "a", "no name"),
    ("X", "€", "'€' in it"),
    ("content-length", "3", "follows from the body"),
    ("Transfer-Encoding", "chunked", "follows from the body"),
])  # fmt: skip
def test_what_no_field_may_hold_is_refused(name: str, value: str, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        render(((name, value),))


def test_fields_stand_one_in_a_line() -> None:
    assert render((("A", "1"), ("B", "ä"))) == b"A: 1\r\nB: \xe4\r\n"
