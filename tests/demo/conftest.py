"""A user that remembers what it recorded, for tests without a run."""

from __future__ import annotations

import random
from collections import Counter

import pytest


class FakeUser:
    """What the chat asks of a user."""

    def __init__(self, user_id: int) -> None:
        self.id = user_id
        self.random = random.Random(user_id)
        self.counted: Counter[str] = Counter()
        self.arrivals: list[str] = []
        self.recorded: list[tuple[str, float]] = []

    def count(self, name: str, n: int = 1) -> None:
        self.counted[name] += n

    def record(self, name: str, seconds: float) -> None:
        self.recorded.append((name, round(seconds, 6)))

    def stamp(self, name: str) -> str:
        return f"{name} of {self.id}"

    def arrived(self, stamp: str) -> None:
        self.arrivals.append(stamp)


@pytest.fixture
def make_user() -> type[FakeUser]:
    return FakeUser
