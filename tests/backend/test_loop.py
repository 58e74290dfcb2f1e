"""Whatever lives in a thread with a loop of its own begins and ends whole, or not at all."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio
import pytest

import murmur
from murmur.exporters import PushExporter
from murmur.results import ProcessFigures
from murmur.testing import rehearse


class Hello(murmur.Scenario):
    """Users come and go."""

    async def start(self, user: murmur.User) -> None:
        await anyio.sleep(0.01)
        user.count("hello")


class Nowhere(PushExporter):
    """Pushes to nobody."""

    def push(self, reading: object) -> None:
        """Drop it."""


@contextmanager
def exporter() -> Iterator[None]:
    with Nowhere(murmur.Session(), "nowhere"):
        yield


@contextmanager
def figures() -> Iterator[None]:
    with ProcessFigures(os.getpid(), every=0.01):
        yield


@contextmanager
def rehearsal() -> Iterator[None]:
    rehearse(Hello, 1)
    yield


@contextmanager
def session() -> Iterator[None]:
    with murmur.Session() as one:
        one.do(Hello, 1, end_when_idle=True).wait(60)
        yield


OWNERS = [exporter, figures, rehearsal, session]


def ours() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("murmur")]


@pytest.mark.parametrize("owner", OWNERS)
def test_a_ctrl_c_while_it_begins_leaves_no_thread(
    owner: Callable[[], Iterator[None]], press_ctrl_c: Callable[[], None]
) -> None:
    press_ctrl_c()
    with pytest.raises(KeyboardInterrupt), owner():
        pytest.fail("nobody was interrupted")

    assert ours() == []


@pytest.mark.parametrize("owner", OWNERS)
async def test_it_works_beside_a_loop_of_either_backend(
    owner: Callable[[], Iterator[None]],
) -> None:
    with owner():
        pass

    assert ours() == []
