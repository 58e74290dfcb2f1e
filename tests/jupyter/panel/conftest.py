"""A session that only remembers, as the panel sees one, and a run that was recorded by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from traitlets import Bool, Enum, Float, Int, Unicode

from murmur._session import Observation
from murmur.recording import RunRecord
from murmur.scenario import Scenario
from murmur.telemetry import Recorder


class Chat(Scenario):
    """Users write to their neighbours.

    The rest is for the curious.
    """

    port = Int(8888, min=1, max=65535, help="port to connect to")
    pace = Float(1.0, min=0, help="seconds between messages").tag(live=True)
    share = Float(0.5, min=0.0, max=1.0, help="of the users that talk").tag(live=True)
    tone = Enum(["polite", "loud"], "polite", help="how to speak").tag(live=True)
    tls = Bool(False, help="whether to encrypt")
    password = Unicode("hunter2", help="what the server asks for").tag(secret=True)
    host = Unicode(help="host to connect to").tag(required=True)

    async def start(self, user: object) -> None:
        """Do nothing."""


class FakeSession:
    """Remembers what it was asked; raises what a test puts into `errors`."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.errors: dict[str, Exception] = {}
        self.answers: dict[str, Any] = {"add": range(1, 4), "remove": 2, "update": {"pace": (1, 2)}}
        self.scenario: type[Scenario] | None = Chat
        self.run: Any = None
        self.throttles = Throttles(self)

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        if verb.startswith("_"):
            raise AttributeError(verb)

        def call(*arguments: Any, **keywords: Any) -> Any:
            self.calls.append((verb, *arguments, keywords))
            if verb in self.errors:
                raise self.errors[verb]
            return self.answers.get(verb)

        return call


class Throttles(dict[str, Any]):
    """Throttles whose methods are remembered by their session."""

    def __init__(self, session: FakeSession) -> None:
        super().__init__()
        self._session = session

    def __missing__(self, name: str) -> Any:
        def method(verb: str) -> Callable[..., Any]:
            return getattr(self._session, f"{name}.{verb}")

        return SimpleNamespace(
            **{verb: method(verb) for verb in ("change_rate", "pause", "resume", "ramp")}
        )


class FakeSubject:
    """A session whose loop is the test's."""

    def __init__(self, session: FakeSession) -> None:
        self.session = session
        self.seen = Observation()
        self.looks = 0
        self.posted: list[tuple[Any, ...]] = []
        self.found: Mapping[str, type[Scenario]] = {"Chat": Chat}
        self.name = "murmur.session()"

    @property
    def run(self) -> Any:
        return self.session.run

    def scenarios(self) -> Mapping[str, type[Scenario]]:
        return self.found

    def post(self, fn: Callable[..., Any], *arguments: Any) -> None:
        self.posted.append((fn, *arguments))

    async def look(self) -> Observation:
        self.looks += 1
        return self.seen


class Tape:
    """A run that is written by hand: one node, windows of a second."""

    def __init__(self) -> None:
        self.record = RunRecord("r1", started_at=0.0, wall_started_at=0.0)
        self.recorder = Recorder(node="local", started_at=0.0, wall_started_at=0.0)

    def second(self, number: int, *times: float, running: int = 1, waiting: int = 0) -> None:
        """Record actions that take so long, and the users at the end of a second."""
        for place, seconds in enumerate(times):
            ended = number - 1 + (place + 1) / (len(times) + 1)
            self.recorder.action("echo", 1, ended - seconds, ended - seconds, ended)
        self.recorder.population(float(number), waiting, running, 0)

    def seal(self) -> Any:
        """Return the chunk of what was recorded, which the record has taken in."""
        chunk = self.recorder.seal()
        self.record.add(chunk)
        return chunk


@pytest.fixture
def chat() -> type[Scenario]:
    return Chat


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


@pytest.fixture
def subject(session: FakeSession) -> FakeSubject:
    return FakeSubject(session)


@pytest.fixture
def tape() -> Tape:
    return Tape()
