"""A user whose run is no more than what a client asks of it, on virtual time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from murmur.http import Client, Options
from murmur.runtime import RunState, User
from murmur.telemetry import Recorder
from murmur.testing import HttpStub


class Row(NamedTuple):
    """One action, as it was recorded."""

    name: str
    error: str
    due_at: float
    started_at: float
    ended_at: float


class Bench:
    """A user, its client on a stub, and what was recorded."""

    def __init__(self, native, grace: float = 2.0, allow: tuple[str, ...] | None = None) -> None:
        backend = native()
        self.now = backend.now
        self.recorder = Recorder(node="local", started_at=0.0, wall_started_at=0.0, now=backend.now)
        self.run = SimpleNamespace(
            native=backend,
            recorder=self.recorder,
            emitter=SimpleNamespace(listeners=lambda name: ()),
            state=RunState.RUNNING,
            grace=grace,
            spec=SimpleNamespace(allow=allow),
            scenario=(scenario := SimpleNamespace()),
            scenario_of=lambda _: scenario,
        )
        self.user = User(7, self.run, 0.0)  # type: ignore[arg-type]

    def client(self, answer: Any = 200, *, latency: Any = 0.0, **options: Any) -> Client:
        """Return a client whose server answers what `answer` says, or returns."""
        self.stub = HttpStub(
            answer if callable(answer) else lambda request: answer, latency=latency
        )
        settings = {"base_url": "http://shop.test", "transport": self.stub, **options}
        return Client(self.user, Options(**settings))

    @property
    def asked(self) -> list[str]:
        """Method and URL of each request that the server saw."""
        return [
            f"{request.method} {request.origin}{request.target}" for request in self.stub.requests
        ]

    def rows(self) -> list[Row]:
        """Return the actions recorded since the last call."""
        chunk = self.recorder.seal()
        self.counted = _totals(chunk)
        kinds = [f"{kind}: {text}" for kind, text in chunk.kinds]
        return [
            Row(
                chunk.names[row["name"]],
                kinds[row["error"]] if row["error"] >= 0 else "",
                float(row["due_at"]),
                float(row["started_at"]),
                float(row["ended_at"]),
            )
            for row in chunk.actions
        ]

    def errors(self) -> list[str]:
        """Return the error of each action since the last call; empty if it went well."""
        return [row.error for row in self.rows()]


def _totals(chunk: Any) -> dict[str, float]:
    totals: dict[str, float] = {}
    for name, value in zip(chunk.counters.name, chunk.counters.value, strict=True):
        label = chunk.names[name]
        totals[label] = totals.get(label, 0.0) + float(value)
    return totals


@pytest.fixture
async def bench(native) -> Bench:
    return Bench(native)


@pytest.fixture
def make_bench(native) -> Callable[..., Bench]:
    """Return what makes one with another grace, or a guard."""
    return partial(Bench, native)
