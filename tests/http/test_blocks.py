"""Blocks of header fields that are looked up are those that `hpack` makes and reads."""

from __future__ import annotations

import random

import h2.config
import hpack
import pytest

from murmur.http._blocks import MOST, Packer, Reader, remember

NAMES = (":path", "accept", "cookie", "x-a", "x-b")


def fields(draw: random.Random) -> list[hpack.HeaderTuple]:
    """Return fields that often come again; some are never to be kept by the other side."""
    kinds = (hpack.HeaderTuple, hpack.NeverIndexedHeaderTuple)
    return [
        draw.choices(kinds, (9, 1))[0](name.encode(), b"%d" % draw.randrange(3))
        for name in draw.sample(NAMES, draw.randrange(1, 5))
    ]


def resized(draw: random.Random, encoder: hpack.Encoder) -> None:
    """Have an encoder now and then tell of another size of its table."""
    if draw.random() < 0.05:
        encoder.header_table_size = draw.choice((0, 60, 200, 4096))


@pytest.fixture
def config() -> h2.config.H2Configuration:
    return h2.config.H2Configuration(client_side=True)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_packed_is_read_as_what_it_was(seed: int) -> None:
    draw, packer, decoder = random.Random(seed), Packer(), hpack.Decoder()
    for _ in range(300):
        resized(draw, packer)
        given = fields(draw)
        assert decoder.decode(packer.encode(given), raw=True) == given
        assert packer.packed == tuple(given)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_read_is_what_was_packed(seed: int, config: h2.config.H2Configuration) -> None:
    draw, encoder, reader = random.Random(seed), hpack.Encoder(), Reader(config)
    for _ in range(300):
        resized(draw, encoder)
        given = fields(draw)
        assert reader.decode(encoder.encode(given), raw=True) == given


def test_a_block_that_came_before_is_not_looked_at_again(config) -> None:
    encoder, reader = hpack.Encoder(), Reader(config)
    given = [hpack.HeaderTuple(b"x-a", b"1")]
    looked = []
    for _ in range(4):
        reader.decode(encoder.encode(given), raw=True)
        looked.append(config.validate_inbound_headers)

    assert looked == [True, True, False, False]  # the first one changed the table


def test_a_table_that_changed_makes_all_of_it_new(config) -> None:
    encoder, reader = hpack.Encoder(), Reader(config)
    one, other = [hpack.HeaderTuple(b"x-a", b"1")], [hpack.HeaderTuple(b"x-b", b"2")]
    for given in (one, one, one, other):
        block = encoder.encode(given)
        assert reader.decode(block, raw=True) == given
    assert reader.decode(b"\xbe", raw=True) == other  # the newest entry: the same byte as before


def test_what_is_kept_is_bounded() -> None:
    known: dict[int, int] = {}
    for number in range(3 * MOST):
        remember(known, number, number)
        assert len(known) <= MOST
    assert known[3 * MOST - 1] == 3 * MOST - 1
