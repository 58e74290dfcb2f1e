from __future__ import annotations

import logging
import sys
import threading
from itertools import count
from types import FrameType

import pytest

from murmur.recording import Follower, Relay, RunRecord
from murmur.telemetry import Chunk, Recorder


class Memory(Follower):
    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []
        self.lost: list[tuple[str, int]] = []
        self.ended: list[str] = []

    def take(self, record: RunRecord, chunk: Chunk) -> None:
        self.taken.append((record.run_id, chunk.node))

    def lose(self, record: RunRecord, node: str, users: int) -> None:
        self.lost.append((node, users))

    def end(self, record: RunRecord) -> None:
        self.ended.append(record.run_id)


class Broken(Follower):
    def take(self, record: RunRecord, chunk: Chunk) -> None:
        raise RuntimeError("the receiver speaks another language")

    lose = take  # type: ignore[assignment]


@pytest.fixture
def relay() -> Relay:
    return Relay()


@pytest.fixture
def record(relay: Relay) -> RunRecord:
    record = RunRecord("r1", 0.0, 0.0)
    record.relay = relay
    return record


def chunk_of(node: str) -> Chunk:
    return Recorder(node=node, started_at=0.0, wall_started_at=0.0, now=lambda: 0.0).seal()


def test_a_follower_hears_of_every_chunk_that_a_record_takes_in(relay, record):
    memory = Memory()
    relay.attach(memory)

    record.add(chunk_of("a"))
    record.add(chunk_of("b"))

    assert memory.taken == [("r1", "a"), ("r1", "b")]


def test_a_follower_hears_of_a_lost_node_and_its_users(relay, record):
    memory = Memory()
    relay.attach(memory)
    record.set_present("a", [1, 2], [0.0, 0.0], [0.0, 0.0], waiting=[(3, 5)])

    record.lose("a", at=9.0)

    assert memory.lost == [("a", 5)]


def test_a_follower_hears_of_the_end_of_a_run(relay, record):
    memory = Memory()
    relay.attach(memory)

    relay.end(record)

    assert memory.ended == ["r1"]


def test_attaching_twice_is_once_and_detaching_ends_it(relay, record):
    memory = Memory()
    relay.attach(memory)
    relay.attach(memory)
    record.add(chunk_of("a"))
    relay.detach(memory)
    relay.detach(memory)

    record.add(chunk_of("a"))

    assert memory.taken == [("r1", "a")]
    assert len(relay) == 0


def test_a_follower_that_raises_is_dropped_and_hurts_nobody(relay, record, caplog):
    memory = Memory()
    relay.attach(Broken())
    relay.attach(memory)

    with caplog.at_level(logging.ERROR):
        record.add(chunk_of("a"))
        record.add(chunk_of("a"))

    assert memory.taken == [("r1", "a")] * 2
    assert [line.message for line in caplog.records if "follows no more" in line.message]
    assert len(caplog.records) == 1
    [trouble] = record.troubles.values()
    assert trouble.endswith("follows no more: RuntimeError: the receiver speaks another language")


def test_a_follower_that_raises_for_a_lost_node_is_dropped_too(relay, record, caplog):
    relay.attach(Broken())

    record.lose("a", at=1.0)

    assert len(relay) == 0
    assert len(caplog.records) == 1


def test_of_two_threads_that_attach_at_once_both_are_heard():
    """The other attaches after every step of the first in turn."""
    for place in count():
        relay = Relay()
        other = threading.Thread(target=relay.attach, args=(Memory(),))
        attach_and_at_step(relay, place, other)
        if other.ident is None:  # the first had no more steps
            break
        other.join(10)
        assert len(relay) == 2, f"at step {place}"
    assert place > 10


def attach_and_at_step(relay: Relay, place: int, other: threading.Thread) -> None:
    """Attach, and start `other`, which may have to wait, after so many steps."""
    passed = count()

    def step(frame: FrameType, event: str, argument: object) -> object:
        frame.f_trace_opcodes = True
        if event == "opcode" and next(passed) == place:
            other.start()
            other.join(0.02)
        return step

    def call(frame: FrameType, event: str, argument: object) -> object:
        frame.f_trace_opcodes = True
        return step if frame.f_code.co_filename == Relay.attach.__code__.co_filename else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        relay.attach(Memory())
    finally:
        sys.settrace(before)


def test_one_of_the_session_itself_goes_on_after_it_raised(caplog):
    class Odd(Memory):
        def take(self, record: RunRecord, chunk: Chunk) -> None:
            super().take(record, chunk)
            if len(self.taken) < 3:
                raise RuntimeError("it is odd")

    odd = Odd()
    record = RunRecord("r1", 0.0, 0.0, relay=Relay(odd))
    for _ in range(3):
        record.add(chunk_of("a"))

    assert len(odd.taken) == 3
    assert [line.message for line in caplog.records if "raised and goes on" in line.message]
    assert len(caplog.records) == 1
    assert [each.endswith("goes on: RuntimeError: it is odd") for each in record.troubles.values()]
