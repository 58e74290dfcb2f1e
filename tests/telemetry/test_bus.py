"""Whoever listens hears; whoever raises is detached and hurts nobody."""

from __future__ import annotations

import logging
import threading

import pytest

from murmur import telemetry
from murmur.errors import InvalidArgumentError, UnknownNameError
from murmur.telemetry import Bus, Emitter, Event, check

EXECUTE = "amoc.throttle.execute"
RATE = "amoc.throttle.rate"
FAILURE = "amoc.handler.failure"


def _event(name: str = EXECUTE) -> Event:
    return Event(name, 12.5, 1.7e9, "local", "r1", {"count": 1}, {"name": "messages"})


def _raise(event: Event) -> None:
    raise ValueError(event.name)


class _Handler:
    """Remembers the events it was called with."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)


@pytest.fixture
def bus() -> Bus:
    return Bus()


def test_a_handler_gets_the_events_of_its_name_only(bus: Bus):
    seen: list[Event] = []
    bus.subscribe(EXECUTE, seen.append)
    event = _event()

    bus.publish(event)
    bus.publish(_event(RATE))

    assert seen == [event]


@pytest.mark.parametrize(
    ("pattern", "heard"),
    [
        ("amoc.throttle.*", {EXECUTE, RATE}),
        ("*", {EXECUTE, RATE, "amoc.scenario.start.stop"}),
        ("amoc.scenario.*", {"amoc.scenario.start.stop"}),
        ("amoc.throttle.[re]*e", {EXECUTE, RATE}),
        ("amoc.*.ra?e", {RATE}),
    ],
)
def test_a_pattern_matches_whole_names_and_a_star_also_dots(
    bus: Bus, pattern: str, heard: set[str]
):
    seen: list[Event] = []
    bus.subscribe(pattern, seen.append)

    for name in (EXECUTE, RATE, "amoc.scenario.start.stop"):
        bus.publish(_event(name))

    assert {event.name for event in seen} == heard


def test_a_pattern_that_matches_nothing_is_refused_with_a_suggestion(bus: Bus):
    with pytest.raises(UnknownNameError, match=r"amoc\.throttle\.execute"):
        bus.subscribe("throttle.execute", print)


def test_an_async_handler_is_refused(bus: Bus):
    async def handler(event: Event) -> None: ...

    with pytest.raises(InvalidArgumentError, match="plain function"):
        bus.subscribe(EXECUTE, handler)


def test_handlers_are_called_in_the_order_they_subscribed(bus: Bus):
    order: list[str] = []
    bus.subscribe(EXECUTE, lambda _: order.append("first"))
    bus.subscribe("amoc.*", lambda _: order.append("second"))

    bus.publish(_event())

    assert order == ["first", "second"]


def test_listening_follows_subscriptions(bus: Bus):
    assert not bus.listening(EXECUTE)

    subscription = bus.subscribe("amoc.throttle.*", print)
    assert bus.listening(EXECUTE)
    assert not bus.listening("amoc.user.up")

    subscription.cancel()
    subscription.cancel()
    assert not bus.listening(EXECUTE)


def test_nobody_listens_to_a_name_that_does_not_exist(bus: Bus):
    bus.subscribe("*", print)

    assert not bus.listening("amoc.nothing")
    assert bus.publish(_event("amoc.nothing")) == ()


def test_leaving_the_context_cancels(bus: Bus):
    with bus.subscribe(EXECUTE, print):
        pass

    assert not bus.listening(EXECUTE)


def test_a_handler_may_cancel_itself_and_subscribe_another(bus: Bus):
    seen = _Handler()

    def once(_: Event) -> None:
        subscription.cancel()
        bus.subscribe(EXECUTE, seen)

    subscription = bus.subscribe(EXECUTE, once)
    bus.publish(_event())
    assert seen.events == []

    bus.publish(_event())
    assert len(seen.events) == 1


def test_a_handler_that_raises_is_detached_and_the_others_hear_all_the_same(bus: Bus):
    seen: list[Event] = []
    subscription = bus.subscribe(EXECUTE, _raise)
    bus.subscribe(EXECUTE, seen.append)

    bus.publish(_event())
    bus.publish(_event())

    assert len(seen) == 2
    assert isinstance(subscription.failure, ValueError)


def test_a_failure_is_reported_by_an_event_that_fits_the_catalogue(bus: Bus):
    reports: list[Event] = []
    bus.subscribe(FAILURE, reports.append)
    bus.subscribe("amoc.throttle.*", _raise)

    returned = bus.publish(_event())

    (report,) = reports
    assert returned == (report,)
    assert (report.at, report.node, report.run_id) == (12.5, "local", "r1")
    assert report.metadata["event"] == EXECUTE
    assert report.metadata["pattern"] == "amoc.throttle.*"
    assert report.metadata["error"] == f"ValueError: {EXECUTE}"
    assert "in _raise" in str(report.metadata["traceback"])
    check(report.name, report.measurements, report.metadata)


def test_a_failure_is_logged_once(bus: Bus, caplog: pytest.LogCaptureFixture):
    bus.subscribe(EXECUTE, _raise)

    with caplog.at_level(logging.ERROR):
        bus.publish(_event())
        bus.publish(_event())

    assert [record.name for record in caplog.records] == ["murmur.telemetry._bus"]


def test_a_handler_of_failures_that_raises_is_not_reported_to_itself(bus: Bus):
    subscription = bus.subscribe(FAILURE, _raise)
    bus.subscribe(EXECUTE, _raise)

    failures = bus.publish(_event())

    assert len(failures) == 1
    assert subscription.failure is not None
    assert not bus.listening(FAILURE)


def test_whoever_subscribed_is_told_of_the_failure(bus: Bus):
    told: list[BaseException] = []
    subscription = bus.subscribe(EXECUTE, _raise, on_failure=told.append)

    bus.publish(_event())

    assert told == [subscription.failure]


def test_an_on_failure_that_raises_hurts_nobody(bus: Bus):
    def worse(error: BaseException) -> None:
        raise RuntimeError from error

    seen: list[Event] = []
    bus.subscribe(EXECUTE, _raise, on_failure=worse)
    bus.subscribe(EXECUTE, seen.append)

    bus.publish(_event())

    assert len(seen) == 1


@pytest.mark.parametrize("error", [SystemExit, GeneratorExit, RecursionError])
def test_even_exceptions_that_end_programs_end_at_the_bus(bus: Bus, error: type[BaseException]):
    def handler(_: Event) -> None:
        raise error

    subscription = bus.subscribe(EXECUTE, handler)
    bus.publish(_event())

    assert isinstance(subscription.failure, error)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_a_handler_cannot_end_the_loop_it_is_called_on(bus: Bus, error: BaseException):
    def handler(_: Event) -> None:
        raise error

    subscription = bus.subscribe(EXECUTE, handler)
    bus.publish(_event())

    assert subscription.failure is error


class _UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError

    def __repr__(self) -> str:
        raise RuntimeError


def test_an_error_that_cannot_say_what_it_is_hurts_nobody(bus: Bus):
    class Handler:
        def __call__(self, event: Event) -> None:
            raise _UnspeakableError

        def __repr__(self) -> str:
            raise RuntimeError

    bus.subscribe(EXECUTE, Handler())
    (failure,) = bus.publish(_event())

    assert "_UnspeakableError" in str(failure.metadata["error"])


def test_threads_may_subscribe_and_cancel_while_another_publishes(bus: Bus):
    """Each of four threads comes and goes a thousand times; nobody is forgotten."""
    kept: list[list[Event]] = [[] for _ in range(4)]

    def come_and_go(seen: list[Event]) -> None:
        for _ in range(1000):
            with bus.subscribe("amoc.throttle.*", seen.append):
                bus.publish(_event())
        bus.subscribe(RATE, seen.append)

    threads = [threading.Thread(target=come_and_go, args=(seen,)) for seen in kept]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bus.publish(_event(RATE))

    assert not bus.listening(EXECUTE)
    assert all(len(seen) > 1000 for seen in kept)
    assert [seen[-1].name for seen in kept] == [RATE] * 4


class TestEmitter:
    @pytest.fixture
    def kept(self) -> list[Event]:
        return []

    @pytest.fixture
    def emitter(self, bus: Bus, kept: list[Event]) -> Emitter:
        return Emitter(
            bus,
            run_id="r1",
            node="local",
            now=lambda: 5.0,
            wall_now=lambda: 1.7e9,
            keep=kept.append,
        )

    def test_stamps_what_it_emits(self, bus: Bus, emitter: Emitter):
        seen: list[Event] = []
        bus.subscribe(EXECUTE, seen.append)

        emitter.emit(EXECUTE, {"count": 1}, {"name": "messages"})

        assert seen == [
            Event(EXECUTE, 5.0, 1.7e9, "local", "r1", {"count": 1}, {"name": "messages"})
        ]

    def test_keeps_what_is_not_frequent_even_if_nobody_listens(
        self, emitter: Emitter, kept: list[Event]
    ):
        emitter.emit(RATE, {"rate": 1}, {"name": "messages"})
        emitter.emit(EXECUTE, {"count": 1}, {"name": "messages"})

        assert [event.name for event in kept] == [RATE]

    def test_listens_to_what_is_kept_or_heard(self, bus: Bus, emitter: Emitter):
        assert emitter.listening(RATE)
        assert not emitter.listening(EXECUTE)

        bus.subscribe(EXECUTE, print)
        assert emitter.listening(EXECUTE)

    def test_without_a_keeper_listens_only_to_what_is_heard(self, bus: Bus):
        emitter = Emitter(bus, run_id="", node="", now=lambda: 0.0, wall_now=lambda: 0.0)

        assert not emitter.listening(RATE)

    def test_keeps_the_failure_of_a_handler(self, bus: Bus, emitter: Emitter, kept: list[Event]):
        bus.subscribe(EXECUTE, _raise)

        emitter.emit(EXECUTE, {"count": 1}, {"name": "messages"})

        assert [event.name for event in kept] == [FAILURE]


def test_on_listens_on_the_process_wide_bus():
    seen: list[Event] = []
    with telemetry.on(EXECUTE, seen.append):
        telemetry.bus.publish(_event())
    telemetry.bus.publish(_event())

    assert len(seen) == 1
