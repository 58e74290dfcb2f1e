"""Every async test runs on both backends and on virtual time; programs are asked for by name."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import hypothesis  # before trio, whose hook warns when it comes first
import pytest

# Not while users run, for what findings/hypothesis_breaks_parsing_in_threads.sh shows.
import murmur.results  # noqa: F401
from murmur._backend import Native, guard_loop
from murmur._backend import native as seam_here
from murmur.testing import virtual_backend

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

# A busy machine may stop at any example for longer than the 0.2 s that one has by default.
hypothesis.settings.register_profile("unhurried", hypothesis.settings.default, deadline=None)
hypothesis.settings.load_profile("unhurried")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Keep the tests of a module together, and a notebook's cells, where `-n` shares them out."""
    has_xdist = config.pluginmanager.hasplugin("xdist")
    if has_xdist and config.option.numprocesses and config.option.dist == "no":
        config.option.dist = "loadscope"


def pytest_collection_finish() -> None:
    """Have the collector pass over what thousands of tests are made of.

    Each run collects once before it begins, which took a second of a test's time.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, Mapping[str, Any]]:
    """Return the backend's name and the options that make its clock jump."""
    return virtual_backend(request.param)


@pytest.fixture(scope="session")
def native() -> Callable[[], Native]:
    """Return ``native()``: the seam under anyio of the loop that runs."""
    return seam_here


@pytest.fixture(scope="session")
def program() -> Callable[..., str]:
    """Return ``find(name, package)``: the path of a program that a test cannot do without.

    Without it the test is skipped, with a sentence that names Debian's package.  With
    MURMUR_REQUIRE_PROGRAMS set, as `.ci/run` does, that is a failure instead.
    """

    def find(name: str, package: str | None = None) -> str:
        path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
        if path is not None:
            return path
        sentence = f"{name} is not installed; `apt-get install {package or name}` brings it"
        if os.environ.get("MURMUR_REQUIRE_PROGRAMS"):
            pytest.fail(sentence, pytrace=False)
        pytest.skip(sentence)

    return find


@pytest.fixture(scope="session")
def whole_shell() -> Iterator[InteractiveShell]:
    """Return the one shell of the process: IPython cannot have two."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    yield InteractiveShell.instance(config=config)
    InteractiveShell.clear_instance()


@pytest.fixture
def in_front() -> Iterator[None]:
    """Have Ctrl-C interrupt this process, as one in front, also if it is a shell's job behind."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def press_ctrl_c(in_front: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what has Ctrl-C pressed while the next thread with a loop starts.

    Its caller waits for it then.
    """

    def interrupt() -> None:
        monkeypatch.undo()
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.3)  # the caller notices while the loop is not there yet
        guard_loop()

    return lambda: monkeypatch.setattr("murmur._backend._loop.guard_loop", interrupt)


@pytest.fixture
def thawed() -> Iterator[None]:
    """Have nothing frozen, as in a process that is not this one of thousands of tests."""
    gc.unfreeze()
    yield
    gc.freeze()


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Have Python's collector stand still: what is in a cycle stays."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
