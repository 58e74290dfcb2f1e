"""While the end of a run is told and kept, its loop goes on, and the session can be asked."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import anyio.to_thread
import pytest

import murmur
from murmur.errors import RunStateError
from murmur.recording import Follower

PATIENCE = 60.0


class Brief(murmur.Scenario):
    """Users act once and go."""

    async def start(self, user: murmur.User) -> None:
        user.record("act", 0.01)


class SlowDisk(Follower):
    """Takes as long as it is told to until the end of a run is kept."""

    def __init__(self) -> None:
        self.has_begun, self.may_end = threading.Event(), threading.Event()
        self.ends = 0

    def end(self, record: object) -> None:
        self.ends += 1
        self.has_begun.set()
        assert self.may_end.wait(PATIENCE)


@pytest.fixture
def disk() -> Iterator[SlowDisk]:
    disk = SlowDisk()
    yield disk
    disk.may_end.set()


@pytest.fixture
def session(tmp_path: Path, disk: SlowDisk) -> Iterator[murmur.Session]:
    with murmur.Session(directory=tmp_path / "runs") as session:
        session.relay.attach(disk)
        yield session
        disk.may_end.set()


@pytest.fixture
def run(session: murmur.Session, disk: SlowDisk) -> murmur.Run:
    """Return a run whose end is being kept."""
    run = session.do(Brief, 5, user_rate=float("inf"), end_when_idle=True)
    assert disk.has_begun.wait(PATIENCE)
    return run


@contextmanager
def beside(call: Callable[[], object]) -> Iterator[Future[object]]:
    """Call in a thread while the block runs; what is returned has come when it is over."""
    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(call)
        yield future
        future.result(PATIENCE)


def archived(run: murmur.Run) -> int:
    """Return how many actions the archive of a run has; a journal would not do."""
    assert run.directory is not None
    assert (run.directory / "manifest.json").exists()
    return len(murmur.load(run.directory).actions)


def test_the_loop_answers_and_says_that_the_run_is_ending(session, run, disk):
    async def answer() -> str:
        return "here"

    assert session.background(answer).result(PATIENCE) == "here"
    status = session.status()
    assert (status.state, status.users["gone"], run.is_over) == ("terminating", 5, False)

    disk.may_end.set()
    assert run.wait(PATIENCE).state == "finished"
    assert session.status().state == "finished"
    assert (archived(run), disk.ends) == (5, 1)


def test_a_stop_says_that_the_run_ends_already(session, run, disk):
    with pytest.raises(RunStateError, match="finished"):
        session.stop()
    run.stop()

    disk.may_end.set()
    assert run.wait(PATIENCE).state == "finished"


def test_the_next_run_waits_for_the_archive_of_the_one_before(session, run, disk):
    with beside(lambda: session.do(Brief, 1, end_when_idle=True)) as started:
        assert session.status().run_id == run.id
        assert not started.done()
        disk.may_end.set()
        run.wait(PATIENCE)

    assert archived(run) == 5
    assert started.result() is session.run is not run


@pytest.mark.parametrize("verb", ["reset", "close"])
def test_a_session_that_is_reset_or_closed_waits_for_the_archive(session, run, disk, verb):
    with beside(getattr(session, verb)) as done:
        assert not done.done()
        assert not run.is_over
        disk.may_end.set()

    assert run.wait(PATIENCE).state == "finished"
    assert (archived(run), disk.ends) == (5, 1)


def test_an_interrupt_ends_the_wait_and_not_the_writing(in_front, run, disk):
    def wait() -> None:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        run.wait(PATIENCE)

    with pytest.raises(KeyboardInterrupt):  # around both: a busy machine may be late with the wait
        wait()
    assert not run.is_over

    disk.may_end.set()
    assert run.wait(PATIENCE).state == "finished"
    assert archived(run) == 5


def test_a_process_that_ends_and_starts_no_thread_keeps_its_archive(session, disk, monkeypatch):
    start = anyio.to_thread.run_sync

    async def refuse(fn: Callable[..., object], *args: object, **how: object) -> object:
        if fn.__module__ == "murmur._session._ending":
            raise RuntimeError("can't create new thread at interpreter shutdown")
        return await start(fn, *args, **how)

    disk.may_end.set()
    monkeypatch.setattr("anyio.to_thread.run_sync", refuse)
    run = session.do(Brief, 5, user_rate=float("inf"), end_when_idle=True)

    assert run.wait(PATIENCE).state == "finished"
    assert (archived(run), disk.ends) == (5, 1)
