"""Whatever a user's code raises, wherever it is called from: the session lives, and tells.

docs/explanation/reliability.md has the table of these places.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from traitlets import Any as AnyTrait
from traitlets import Float, TraitType, observe, validate

import murmur
from murmur.recording import Follower

PAGE = Path(__file__).parents[2] / "docs/explanation/reliability.md"


class MuteError(Exception):
    """An error that cannot say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


CLASSES: dict[str, Callable[[], BaseException]] = {
    "Exception": lambda: ValueError("the fault"),
    "SystemExit": lambda: SystemExit(3),
    "KeyboardInterrupt": KeyboardInterrupt,
    "GeneratorExit": GeneratorExit,
    "CancelledError": asyncio.CancelledError,
    "pytest.fail": lambda: pytest.fail.Exception("the fault"),
    "mute": MuteError,
}


class Stays(murmur.Scenario):
    """Users stay until they are asked to leave."""

    user_rate = Float(math.inf, help="users per minute").tag(live=True)
    knob = Float(1.0, help="turns what is tried").tag(live=True)

    async def start(self, user: murmur.User) -> None:
        while not user.leaving.is_set():
            await user.sleep(0.01)


@pytest.fixture(scope="module")
def session() -> Iterator[murmur.Session]:
    with murmur.Session() as session:
        yield session


PLACES_OF_ALL = ("test_start", "test_a_validator_in_update", "test_changed", "test_a_handler")
"""A place of each way in which murmur calls code: these meet all classes, others the worst."""

WORST = ("SystemExit", "CancelledError", "mute")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "error" in metafunc.fixturenames:
        names = CLASSES if metafunc.function.__name__ in PLACES_OF_ALL else WORST
        metafunc.parametrize("error", [CLASSES[name] for name in names], ids=list(names))


def finish(session: murmur.Session) -> murmur.results.Results:
    """End the run in order; the session is free for the next one, which the next test makes."""
    run = session.run
    assert run is not None
    if not run.is_over:
        session.status()
        session.stop()
        run.wait(20)
    assert run.is_over
    assert session.status().state in {"finished", "failed"}
    return run.results


@pytest.fixture(autouse=True)
def next_run(request: pytest.FixtureRequest) -> Iterator[None]:
    """See that the next run can be made after the last error of each place."""
    yield
    if "session" in request.fixturenames and f"[{WORST[-1]}" in request.node.name:
        session = request.getfixturevalue("session")
        again = session.do(Stays, 2)
        assert session.status().state == "running"
        again.stop()
        assert again.wait(20).state == "finished"


def sources(results: murmur.results.Results) -> set[str]:
    return set(results.errors["source"])


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_constructor(session, error) -> None:
    class Scenario(Stays):
        def __init__(self) -> None:
            super().__init__()
            raise error()

    with pytest.raises(murmur.errors.CallbackError, match="__init__"):
        session.do(Scenario, 1)
    assert sources(finish(session)) == {"scenario"}


def test_init(session, error) -> None:
    class Scenario(Stays):
        async def init(self) -> None:
            raise error()

    with pytest.raises(murmur.errors.CallbackError, match="init"):
        session.do(Scenario, 1)
    assert sources(finish(session)) == {"scenario"}


def test_terminate(session, error) -> None:
    class Scenario(Stays):
        async def terminate(self) -> None:
            raise error()

    session.do(Scenario, 1)
    assert sources(finish(session)) == {"scenario"}


@pytest.mark.parametrize("is_async", [True, False])
def test_start(session, error, is_async) -> None:
    class Scenario(Stays):
        async def start(self, user: murmur.User) -> None:
            raise error()

    class Threaded(Stays):
        def start(self, user: murmur.User) -> None:
            raise error()

    run = session.do(Scenario if is_async else Threaded, 3, end_when_idle=True)
    run.wait(20)
    assert set(finish(session).users["outcome"]) == {"failed"}
    assert sources(run.results) == {"user"}


def test_a_validator_at_the_start(session, error) -> None:
    class Scenario(Stays):
        @validate("knob")
        def _knob(self, proposal: Any) -> float:
            raise error()

    with pytest.raises(murmur.errors.InvalidSettingError, match="knob"):
        session.do(Scenario, 1)


def test_a_validator_in_update(session, error) -> None:
    class Scenario(Stays):
        @validate("knob")
        def _knob(self, proposal: Any) -> float:
            if proposal.value > 1:
                raise error()
            return float(proposal.value)

    session.do(Scenario, 1)
    with pytest.raises(murmur.errors.InvalidSettingError, match="knob"):
        session.update(knob=2.0)
    finish(session)


def test_a_trait(session, error) -> None:
    class Picky(TraitType):
        info_text = "what it likes"

        def validate(self, obj: object, value: object) -> object:
            if value:
                raise error()
            return value

    class Scenario(Stays):
        dish = Picky(0, help="what is served").tag(live=True)

    with pytest.raises(murmur.errors.InvalidSettingError, match="dish"):
        session.do(Scenario, 1, dish=1)
    session.do(Scenario, 1)
    with pytest.raises(murmur.errors.InvalidSettingError, match="dish"):
        session.update(dish=1)
    finish(session)


def test_the_comparison_of_values(session, error) -> None:
    class Value:
        def __eq__(self, other: object) -> bool:
            raise error()

        __hash__ = None

    class Scenario(Stays):
        thing = AnyTrait(None, allow_none=True, help="anything").tag(live=True)

    session.do(Scenario, 1)
    if isinstance(error(), Exception):  # as an array, which has no truth value
        assert list(session.update(thing=Value())) == ["thing"]
    else:
        with pytest.raises(murmur.errors.InvalidSettingError, match="thing"):
            session.update(thing=Value())
    finish(session)


def test_an_observer(session, error) -> None:
    class Scenario(Stays):
        @observe("knob")
        def _knob(self, change: Any) -> None:
            raise error()

    session.do(Scenario, 1)
    with pytest.raises(murmur.errors.CallbackError, match="knob"):
        session.update(knob=2.0)
    assert sources(finish(session)) == {"setting"}


def test_changed(session, error) -> None:
    class Scenario(Stays):
        async def changed(self, name: str, old: object, new: object) -> None:
            raise error()

    session.do(Scenario, 1)
    with pytest.raises(murmur.errors.CallbackError, match="knob"):
        session.update(knob=2.0)
    assert sources(finish(session)) == {"setting"}


def test_a_shape(session, error) -> None:
    class Scenario(Stays):
        async def init(self) -> None:
            self.paced = await murmur.throttle("paced", shape=self.shape, interval=1)

        def shape(self, seconds: float) -> float:
            if seconds > 0.05:
                raise error()
            return 10.0

        async def start(self, user: murmur.User) -> None:
            for _ in range(5):
                await self.paced.wait()

    run = session.do(Scenario, 1, end_when_idle=True)
    assert run.wait(20).state == "finished"
    assert sources(finish(session)) == {"throttle"}


@pytest.mark.parametrize("is_async", [True, False])
def test_a_call_of_a_throttle(session, error, is_async) -> None:
    async def call() -> None:
        raise error()

    def plain() -> None:
        raise error()

    class Scenario(Stays):
        async def init(self) -> None:
            self.paced = await murmur.throttle("paced", rate=math.inf)

        async def start(self, user: murmur.User) -> None:
            self.paced.run(call if is_async else plain)
            await user.sleep(0.1)

    session.do(Scenario, 1, end_when_idle=True).wait(20)
    assert sources(finish(session)) == {"throttle"}


@pytest.mark.parametrize("is_async", [True, False])
def test_an_action_of_a_coordinator(session, error, is_async) -> None:
    async def act(event: object) -> None:
        raise error()

    def plain(event: object) -> None:
        raise error()

    class Scenario(Stays):
        async def init(self) -> None:
            self.pairs = await murmur.coordinator("pairs", (1, act if is_async else plain))

        async def start(self, user: murmur.User) -> None:
            await self.pairs.add(user)
            await user.sleep(0.1)

    session.do(Scenario, 1, end_when_idle=True).wait(20)
    assert sources(finish(session)) == {"coordinator"}


def test_a_handler(session, error) -> None:
    def handler(event: object) -> None:
        raise error()

    with murmur.on("amoc.user.up", handler) as subscription:
        session.do(Stays, 2)
        until(lambda: subscription.failure)
    assert sources(finish(session)) == {"handler"}


def test_a_follower(error) -> None:
    class Broken(Follower):
        def take(self, record: object, chunk: object) -> None:
            raise error()

    class BrokenAtTheEnd(Follower):
        def end(self, record: object) -> None:
            raise error()

    with murmur.Session() as session:
        session.relay.attach(Broken())
        session.relay.attach(BrokenAtTheEnd())
        run = session.do(Stays, 1, duration=0.1)
        assert run.wait(20).state == "finished"
        assert len(session.relay) == 0


def test_the_closing_of_what_a_user_has(session, error) -> None:
    class Possession:
        def close(self) -> None:
            raise error()

    class Scenario(Stays):
        async def start(self, user: murmur.User) -> None:
            user.adopt(Possession())

    session.do(Scenario, 3, end_when_idle=True).wait(20)
    assert set(finish(session).users["outcome"]) == {"finished"}


def test_the_parser_of_the_environment(error, monkeypatch) -> None:
    def parse(text: str) -> object:
        raise error()

    monkeypatch.setenv("AMOC_KNOB", "2")
    with murmur.Session(parse_environment=parse) as session:
        run = session.do(Stays, 1, duration=0.1)
        assert run.settings["knob"] == 1.0
        assert run.wait(20).state == "finished"


def test_every_place_is_in_the_table() -> None:
    here = {name for name in globals() if name.startswith("test_")} - {
        "test_every_place_is_in_the_table"
    }
    page = PAGE.read_text(encoding="utf-8")

    assert [name for name in sorted(here) if f"`{name}`" not in page] == []
