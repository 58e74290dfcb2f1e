"""Server-sent events and lines are the same, wherever the network cuts a stream."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from murmur.errors import HttpProtocolError
from murmur.http import ServerEvent
from murmur.http._events import EventReader
from murmur.http._lines import LINE_LIMIT, LineReader

# By hand, from the HTML standard (9.2.6), whose own examples are among them.
STREAMS = {
    b"data: YHOO\ndata: +2\ndata: 10\n\n": [ServerEvent("YHOO\n+2\n10")],
    b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\n"
    b"data:  third event\n\n": [
        ServerEvent("first event", id="1"),
        ServerEvent("second event"),
        ServerEvent(" third event"),
    ],
    b"data\n\ndata\ndata\n\ndata:": [ServerEvent(""), ServerEvent("\n")],
    b"data:test\n\ndata: test\n\n": [ServerEvent("test"), ServerEvent("test")],
    b"\xef\xbb\xbfdata: a\r\rdata: b\r\n\r\ndata: c\n\r": [
        ServerEvent("a"),
        ServerEvent("b"),
        ServerEvent("c"),
    ],
    b"event: add\ndata: 7\n\ndata: 8\n\n": [ServerEvent("7", "add"), ServerEvent("8")],
    b"event: lost\n\ndata: 8\n\n": [ServerEvent("8")],
    b"id: a\x00b\nid: 5\ndata: x\n\nid: c\x00\ndata: y\n\n": [
        ServerEvent("x", id="5"),
        ServerEvent("y", id="5"),
    ],
    b"retry: 100\ndata: x\n\nretry: 1.5\ndata: y\n\n": [
        ServerEvent("x", retry=100),
        ServerEvent("y", retry=100),
    ],
    b"DATA: no\nother: no\ndata : no\n: no\ndata: \xc3\xbc\xff\n\n": [ServerEvent("\xfc\ufffd")],
    b"data: cut short\n": [],
}


@pytest.mark.parametrize("stream", STREAMS)
def test_events_are_read_as_the_standard_says(stream: bytes) -> None:
    assert list(EventReader().feed(stream)) == STREAMS[stream]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(stream=st.sampled_from(list(STREAMS)), cuts=st.sets(st.integers(0, 90)))
def test_events_do_not_depend_on_where_the_stream_is_cut(stream: bytes, cuts: set[int]) -> None:
    reader, edges = EventReader(), [0, *sorted(cuts), len(stream)]
    pieces = [stream[low:high] for low, high in pairwise(edges)]

    assert [event for piece in pieces for event in reader.feed(piece)] == STREAMS[stream]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    parts=st.lists(st.sampled_from(["a", "\r", "\n", "\u2028", "\xfc", "\x0b"])),
    step=st.integers(1, 5),
)
def test_lines_do_not_depend_on_where_the_stream_is_cut(parts: list[str], step: int) -> None:
    text = "".join(parts)
    data = text.encode()
    reader = LineReader()
    lines = [line for at in range(0, len(data), step) for line in reader.feed(data[at : at + step])]
    lines += reader.rest()

    expected = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert lines == (expected if expected[-1] else expected[:-1])


@pytest.mark.parametrize(("reader", "part"), [(LineReader(), b"x"), (EventReader(), b"data: x\n")])
def test_a_line_and_an_event_without_end_are_refused(reader: Any, part: bytes) -> None:
    tenth = part.replace(b"x", b"x" * (LINE_LIMIT // 10))
    for _ in range(9):
        assert list(reader.feed(tenth)) == []

    with pytest.raises(HttpProtocolError, match="is longer"):
        list(reader.feed(tenth * 2))


def test_data_is_read_as_json() -> None:
    assert ServerEvent('{"a": 1}').json() == {"a": 1}
    with pytest.raises(HttpProtocolError):
        ServerEvent("[DONE]").json()
