"""Documents come out of a byte stream whole, wherever the packets are cut."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from murmur.connection import DocumentReader
from murmur.errors import InvalidDocumentError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)  # fmt: skip
DOCUMENTS = st.lists(VALUES, max_size=3) | st.dictionaries(st.text(max_size=3), VALUES, max_size=3)


def values(reader: DocumentReader, *packets: bytes) -> list[object]:
    return [value for packet in packets for value, _ in reader.feed(packet)]


@pytest.fixture
def reader() -> DocumentReader:
    return DocumentReader()


def test_one_packet_may_hold_several_documents(reader):
    assert values(reader, b'{"a": 1}{"b": 2} \n\t{"c": 3}') == [{"a": 1}, {"b": 2}, {"c": 3}]


def test_one_document_may_take_several_packets(reader):
    assert values(reader, b'{"a"', b": [1", b"2, tr", b'ue]}{"b', b'": 2}') == [
        {"a": [12, True]},
        {"b": 2},
    ]


def test_a_character_may_be_cut_between_packets(reader):
    euro = "€".encode()

    assert values(reader, b'{"a": "' + euro[:1], euro[1:2], euro[2:] + b'"}') == [{"a": "€"}]


def test_every_document_keeps_its_own_text(reader):
    assert [text for _, text in reader.feed(b'{"a":  1.0}\n["\\u00e4"]')] == [
        '{"a":  1.0}',
        '["\\u00e4"]',
    ]


def test_space_between_documents_is_no_document(reader):
    assert values(reader, b" \r\n\t ", b"  ") == []
    assert reader.is_between_documents


def test_a_number_at_top_level_ends_where_something_follows(reader):
    assert values(reader, b"1", b"2.", b"5", b"e+", b"1") == []
    assert values(reader, b" ") == [125.0]


@pytest.mark.parametrize(
    "wrong",
    [
        b"{bad", b"{t", b"x", b'{"a" 1', b'{"a": 1 b', b'{"a": 01', b'{"a": 1,}', b"[1 2", b"[1.x",
        b'"\\x', b'"\\u12"', b'"\x01', b"[NaN", b"[Infinity", b"[-I", b"}", b"]", b",", b"trux",
        b"\xff", b'"\xc3(', b"[" * 100_000, b"'a'",
    ],
)  # fmt: skip
def test_what_can_never_become_json_is_refused_at_once(reader, wrong):
    with pytest.raises(InvalidDocumentError):
        values(reader, wrong)


def test_what_was_right_so_far_is_refused_when_it_goes_wrong(reader):
    assert values(reader, b'{"a": 1') == []
    with pytest.raises(InvalidDocumentError, match="delimiter"):
        values(reader, b" bad")


def test_documents_before_a_bad_one_are_handed_out(reader):
    feed = reader.feed(b'{"a": 1}{bad')

    assert next(feed)[0] == {"a": 1}
    with pytest.raises(InvalidDocumentError):
        next(feed)


def test_a_document_longer_than_the_limit_is_refused():
    with pytest.raises(InvalidDocumentError, match="longer than 10 characters"):
        values(DocumentReader(limit=10), b'"34567', b"89012")
    with pytest.raises(InvalidDocumentError, match="longer than 10 characters"):
        values(DocumentReader(limit=10), b'"3456789012"')


def test_a_document_as_long_as_the_limit_is_read():
    assert values(DocumentReader(limit=10), b'"34567', b'890"') == ["34567890"]


def test_a_long_document_in_small_packets_is_not_decoded_again_for_each():
    text = json.dumps({"a": "x" * 300_000}).encode()
    packets = [text[at : at + 100] for at in range(0, len(text), 100)]

    assert values(DocumentReader(), *packets) == [{"a": "x" * 300_000}]


def test_the_stream_may_end_between_documents_only(reader):
    assert reader.is_between_documents
    values(reader, b'{"a"')
    assert not reader.is_between_documents
    values(reader, b": 1}")
    assert reader.is_between_documents
    values(reader, b"\xc3")
    assert not reader.is_between_documents


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
@given(
    documents=st.lists(DOCUMENTS, max_size=4),
    cuts=st.lists(st.integers(0, 400)),
    ascii_only=st.booleans(),
)
def test_cutting_the_stream_anywhere_changes_nothing(documents, cuts, ascii_only):
    stream = b"".join(json.dumps(each, ensure_ascii=ascii_only).encode() for each in documents)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    packets = [stream[a:b] for a, b in itertools.pairwise(edges)]

    assert values(DocumentReader(), *packets) == documents


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(document=DOCUMENTS, ascii_only=st.booleans())
def test_no_beginning_of_a_document_is_taken_for_a_wrong_one(document, ascii_only):
    stream = json.dumps(document, ensure_ascii=ascii_only).encode()

    for size in range(len(stream)):
        assert values(DocumentReader(), stream[:size]) == []
