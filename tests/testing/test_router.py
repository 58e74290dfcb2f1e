"""The router keeps to its protocol, whatever a client does."""

from __future__ import annotations

import json

import anyio
import pytest

from murmur.testing import Router, virtual_backend


@pytest.fixture
def anyio_backend():
    """Return asyncio alone, for which the router is made."""
    return virtual_backend("asyncio")


class FakeTransport:
    """Keeps what is written; the test plays the system."""

    def __init__(self) -> None:
        self.written = b""
        self.is_closed = False
        self.is_reading = True
        self.high = 0

    def set_write_buffer_limits(self, high: int) -> None:
        self.high = high

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.is_closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True


class Peer:
    """A client of the router under test."""

    def __init__(self, router: Router, name: str | None = None) -> None:
        self.transport = FakeTransport()
        self.protocol = router._welcome()
        self.protocol.connection_made(self.transport)
        if name is not None:
            self.say({"connect": name})
            assert self.heard() == {"connected": name}

    def say(self, *documents: object) -> None:
        self.protocol.data_received("".join(map(json.dumps, documents)).encode())

    def heard(self) -> object:
        """Return the only document that arrived since the last time; None if none did."""
        written, self.transport.written = self.transport.written, b""
        return json.loads(written) if written else None


@pytest.fixture
def router() -> Router:
    return Router()


def test_a_client_is_told_that_it_is_connected(router):
    peer = Peer(router)
    peer.say({"connect": "ann"})

    assert peer.heard() == {"connected": "ann"}
    assert router.counters.connected == 1


def test_a_name_that_is_taken_is_rejected_and_the_connection_closed(router):
    ann, second = Peer(router, "ann"), Peer(router)
    second.say({"connect": "ann"})

    assert second.heard() == {"rejected": "duplicate"}
    assert second.transport.is_closed
    assert not ann.transport.is_closed
    assert router.counters.rejected == 1


def test_the_end_of_a_rejected_client_does_not_take_the_name_from_its_owner(router):
    ann, second, bob = Peer(router, "ann"), Peer(router), Peer(router, "bob")
    second.say({"connect": "ann"})
    second.protocol.connection_lost(None)
    bob.say({"from": "bob", "to": "ann"})

    assert ann.heard() == {"from": "bob", "to": "ann"}


def test_a_rejected_client_is_not_listened_to_any_more(router):
    Peer(router, "ann")
    second = Peer(router)
    second.say({"connect": "ann"}, {"connect": "eve"})

    assert second.heard() == {"rejected": "duplicate"}
    assert router.counters.connected == 1


def test_a_name_is_free_again_once_its_owner_has_gone(router):
    Peer(router, "ann").protocol.connection_lost(None)

    assert not Peer(router, "ann").transport.is_closed


def test_a_message_is_passed_on_letter_by_letter(router):
    ann, bob = Peer(router, "ann"), Peer(router, "bob")
    text = b'{"to":  "bob", "from": "ann",\t"x": 1.0, "y": "\\u00e4"}'
    ann.protocol.data_received(b" " + text + b"\n")

    assert bob.transport.written == text
    assert ann.heard() is None


def test_a_message_under_a_false_name_vanishes(router):
    ann, bob = Peer(router, "ann"), Peer(router, "bob")
    ann.say({"from": "eve", "to": "bob"})

    assert bob.heard() is None
    assert ann.heard() is None
    assert not ann.transport.is_closed
    assert router.counters.spoofed == 1


def test_a_message_to_nobody_vanishes_without_a_word(router):
    ann = Peer(router, "ann")
    ann.say({"from": "ann", "to": "bob"})

    assert ann.heard() is None
    assert router.counters.absent == 1


def test_a_user_may_write_to_itself(router):
    ann = Peer(router, "ann")
    ann.say({"from": "ann", "to": "ann"})

    assert ann.heard() == {"from": "ann", "to": "ann"}


@pytest.mark.parametrize(
    "document", [1.5, None, "text", ["ann"], {}, {"from": "ann"}, {"to": "bob"},
                 {"from": "ann", "to": ["bob"]}, {"from": "ann", "to": None}, {"connect": "bob"}],
)  # fmt: skip
def test_json_that_is_no_message_is_ignored(router, document):
    ann, bob = Peer(router, "ann"), Peer(router, "bob")
    ann.protocol.data_received(json.dumps(document).encode() + b" ")

    assert (ann.heard(), bob.heard()) == (None, None)
    assert not ann.transport.is_closed
    assert router.counters.ignored == 1


@pytest.mark.parametrize("name", [1, None, ["ann"], {}])
def test_a_name_that_is_no_text_is_ignored(router, name):
    peer = Peer(router)
    peer.say({"connect": name})

    assert peer.heard() is None
    assert router.counters.connected == 0


def test_nothing_is_passed_on_for_a_client_without_a_name(router):
    bob, stranger = Peer(router, "bob"), Peer(router)
    stranger.say({"from": "ann", "to": "bob"})

    assert bob.heard() is None
    assert router.counters.ignored == 1


def test_several_documents_in_one_packet_are_all_acted_on(router):
    bob, ann = Peer(router, "bob"), Peer(router)
    ann.say({"connect": "ann"}, {"from": "ann", "to": "bob"}, {"from": "ann", "to": "bob"})

    assert bob.transport.written == b'{"from": "ann", "to": "bob"}' * 2


def test_one_document_over_several_packets_is_put_together(router):
    ann, bob = Peer(router, "ann"), Peer(router, "bob")
    for piece in (b'{"from": "an', b'n", "to"', b': "bob"}'):
        assert bob.heard() is None
        ann.protocol.data_received(piece)

    assert bob.heard() == {"from": "ann", "to": "bob"}


def test_bad_json_ends_the_connection_after_what_came_before_it(router):
    ann, bob = Peer(router, "ann"), Peer(router, "bob")
    ann.protocol.data_received(b'{"from": "ann", "to": "bob"}{bad')

    assert bob.heard() == {"from": "ann", "to": "bob"}
    assert ann.transport.is_closed
    assert router.counters.bad_json == 1


def test_nothing_reaches_a_client_that_sent_bad_json(router):
    ann, bob = Peer(router, "ann"), Peer(router, "bob")
    ann.protocol.data_received(b"{bad")
    bob.say({"from": "bob", "to": "ann"})

    assert ann.heard() is None
    assert router.counters.absent == 1


def test_a_document_of_more_than_a_mebibyte_ends_the_connection(router):
    ann = Peer(router, "ann")
    ann.protocol.data_received(b'"' + b"x" * (1 << 20))

    assert ann.transport.is_closed


def test_a_stream_that_ends_inside_a_document_is_bad_json(router):
    ann = Peer(router, "ann")
    ann.protocol.data_received(b'{"from"')
    ann.protocol.eof_received()

    assert router.counters.bad_json == 1


def test_nothing_is_forwarded_to_a_client_that_has_said_its_last(router):
    ann, bob = Peer(router, "ann"), Peer(router, "bob")
    ann.protocol.eof_received()
    bob.say({"from": "bob", "to": "ann"})

    assert ann.heard() is None
    assert (router.counters.forwarded, router.counters.absent) == (0, 1)


def test_a_client_that_does_not_read_is_cut_off(router):
    ann, bob = Peer(router, "ann"), Peer(router, "bob")
    ann.protocol.pause_writing()
    bob.say({"from": "bob", "to": "ann"})

    assert ann.transport.high == 16 << 20
    assert ann.transport.is_closed
    assert (router.counters.cut_off, router.counters.absent) == (1, 1)


def test_every_document_that_arrives_is_counted_once_by_what_became_of_it(router):
    ann, bob = Peer(router, "ann"), Peer(router, "bob")
    ann.say({"from": "ann", "to": "bob"}, {"from": "ann", "to": "eve"}, {"from": "bob"}, {})
    bob.say({"from": "ann", "to": "bob"})

    counted = router.counters
    assert counted.received == 5
    assert (counted.forwarded, counted.absent, counted.spoofed, counted.ignored) == (1, 1, 1, 2)
    assert counted.open == 2


def test_the_counts_handed_out_are_a_copy(router):
    before = router.counters
    Peer(router, "ann")

    assert before.connected == 0


async def test_a_delay_holds_every_message_back():
    router = Router(delay=0.2)
    ann, bob = Peer(router, "ann"), Peer(router, "bob")
    ann.say({"from": "ann", "to": "bob"})
    await anyio.sleep(0.19)
    assert bob.heard() is None
    await anyio.sleep(0.02)

    assert bob.heard() == {"from": "ann", "to": "bob"}


async def test_a_frozen_router_reads_nothing_until_it_thaws(router):
    ann = Peer(router, "ann")
    router.freeze(2.0)
    newcomer = Peer(router)
    await anyio.sleep(1.9)
    assert not ann.transport.is_reading
    assert not newcomer.transport.is_reading
    await anyio.sleep(0.2)

    assert ann.transport.is_reading
    assert newcomer.transport.is_reading


async def test_of_two_freezes_the_longer_one_counts(router):
    ann = Peer(router, "ann")
    router.freeze(2.0)
    router.freeze(1.0)
    await anyio.sleep(1.5)

    assert not ann.transport.is_reading


async def test_a_client_that_left_a_frozen_router_is_let_go(router):
    ann = Peer(router, "ann")
    ann.transport.close()
    router.freeze(1.0)
    await anyio.sleep(1.1)

    assert ann.transport.is_reading
