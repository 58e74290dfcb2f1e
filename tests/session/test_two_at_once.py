"""What is made when it is first asked for is made once, whoever asks at the same moment."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import ModuleType
from typing import Any

import pytest

import murmur
from murmur.cluster import Opening


def met(make: Callable[..., Any]) -> Callable[..., Any]:
    """Return `make`, in which two threads meet unless only one comes."""
    barrier = threading.Barrier(2)

    def meet(*args: Any, **keywords: Any) -> Any:
        with suppress(threading.BrokenBarrierError):
            barrier.wait(0.3)
        return make(*args, **keywords)

    return meet


def twice(ask: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(2) as threads:
        return [each.result(30) for each in [threads.submit(ask), threads.submit(ask)]]


def test_the_session_of_the_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("murmur._session._default._default", [])
    monkeypatch.setattr("murmur._session._default.Session", met(murmur.Session))

    one, other = twice(murmur.session)

    assert one is other


def test_what_can_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules[murmur.Session.do.__module__]
    monkeypatch.setattr(module, "Watcher", met(module.Watcher))
    with murmur.Session() as session:
        one, other = twice(lambda: session.seen)

    assert one is other


def test_the_place_where_others_come_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Opening, "prepare", staticmethod(met(Opening.prepare)))
    with murmur.Session() as session:
        one, other = twice(lambda: session.open(read_only=True))

        assert one.address == other.address
        session.revoke("ticket-1")
        reached = 0
        for ticket in (one, other):
            with suppress(murmur.errors.JoinError), murmur.attach(ticket) as attached:
                reached += attached.status().state == "idle"
        assert reached == 1  # each has a name of its own


def test_a_first_look_at_a_closed_session_leaves_no_thread() -> None:
    session = murmur.Session()
    session.close()
    before = {thread.ident for thread in threading.enumerate()}

    assert session.seen.state == "idle"

    assert [each.name for each in threading.enumerate() if each.ident not in before] == []


@pytest.mark.parametrize("name", ["IPython", "trio", "sniffio"])
def test_what_another_thread_imports_at_this_moment(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Brief(murmur.Scenario):
        """Users act once and go."""

        async def start(self, user: murmur.User) -> None:
            await user.sleep(0.01)

    monkeypatch.setitem(sys.modules, name, ModuleType(name))  # it is there, and nothing in it yet
    with murmur.Session() as session:
        run = session.do(Brief, 2, user_rate=float("inf"), end_when_idle=True)
        assert run.wait(30).users["gone"] == 2
