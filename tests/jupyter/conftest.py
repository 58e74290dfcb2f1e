"""A real shell with the magics, and a session that remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
import traitlets
from IPython.core.interactiveshell import InteractiveShell

import murmur.jupyter
from murmur.scenario import Scenario


class Chat(Scenario):
    """Users write to their neighbours."""

    host = traitlets.Unicode("127.0.0.1", help="host to connect to")
    label = traitlets.Unicode("", help="text sent along").tag(live=True)
    mode = traitlets.Enum(["fast", "fair"], "fair", help="how to choose").tag(live=True)
    pace = traitlets.Float(1.0, min=0, help="seconds between messages").tag(live=True)
    port = traitlets.Int(8888, min=1, max=65535, help="port to connect to")
    quiet = traitlets.Bool(False, help="whether to say nothing")

    async def start(self, user: object) -> None:
        """Do nothing."""


class Remembering:
    """Remembers the calls made on it, as ``(verb, *positional, keywords)``."""

    def __init__(self, calls: list[tuple[object, ...]], *prefix: object) -> None:
        self.calls = calls
        self.prefix = prefix
        self.answers: dict[str, object] = {}
        self.errors: dict[str, BaseException] = {}

    def __getattr__(self, verb: str) -> Callable[..., object]:
        if verb.startswith("_"):
            raise AttributeError(verb)

        def call(*arguments: object, **keywords: object) -> object:
            self.calls.append((*self.prefix, verb, *arguments, keywords))
            if verb in self.errors:
                raise self.errors[verb]
            return self.answers.get(verb)

        return call


class FakeSession(Remembering):
    """A session that runs nothing."""

    def __init__(self) -> None:
        super().__init__([])
        self.throttles = {
            name: Remembering(self.calls, name) for name in ("messages", "logins", "user_rate")
        }
        self.run: Remembering | None = None
        self.scenario: type[Scenario] | None = None

    def start(self, scenario: type[Scenario]) -> Remembering:
        """Have a run of `scenario` from now on."""
        self.scenario = scenario
        self.run = Remembering(self.calls, "run")
        self.run.results = SimpleNamespace(
            users="users frame",
            actions="actions frame",
            windows="windows frame",
            summary=lambda: "in short",
            frame=lambda name: SimpleNamespace(head=lambda rows: f"{rows} rows of {name}"),
            check=lambda check: f"judged {check}",
            save=lambda path: path,
            report=lambda path: path,
        )
        self.coordinators = {"pairs": Remembering(self.calls, "pairs")}
        self.answers["do"] = self.run
        return self.run


@pytest.fixture
def session() -> FakeSession:
    """Return a session that only remembers."""
    return FakeSession()


@pytest.fixture
def shell(whole_shell: InteractiveShell, session: FakeSession) -> Iterator[InteractiveShell]:
    """Return the shell with %amoc loaded, steering `session`, and `Chat` in the notebook."""
    names = whole_shell.user_ns
    before = set(names)  # not shell.reset(), which takes a tenth of a second
    murmur.jupyter.load(whole_shell, session)
    names["Chat"] = Chat
    yield whole_shell
    murmur.jupyter.unload(whole_shell)
    for name in set(names) - before:
        del names[name]


@pytest.fixture
def chat() -> type[Scenario]:
    """Return the scenario that the notebook of `shell` holds."""
    return Chat
