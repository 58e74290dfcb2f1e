"""The first signal is noted or raised, as it fits; handlers come back afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import weakref

import pytest

from murmur._cli._signals import Interrupts

pytestmark = pytest.mark.usefixtures("in_front")


def test_before_a_run_is_on_a_signal_raises():
    with Interrupts() as interrupts:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)

        assert interrupts.exit_code == 143


def test_while_a_run_is_on_it_is_only_noted():
    with Interrupts() as interrupts:
        interrupts.hold()
        os.kill(os.getpid(), signal.SIGINT)

        assert interrupts.number == signal.SIGINT
        assert interrupts.exit_code == 130


def test_the_handlers_of_before_come_back():
    before = signal.getsignal(signal.SIGTERM)
    with Interrupts():
        assert signal.getsignal(signal.SIGTERM) != before

    assert signal.getsignal(signal.SIGTERM) == before


def test_a_signal_that_is_ignored_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interrupts() as interrupts:
        interrupts.hold()
        os.kill(os.getpid(), signal.SIGINT)

        assert interrupts.number == 0


def test_the_second_leaves_at_once():
    probe = """
import os, signal
from murmur._cli._signals import Interrupts
with Interrupts() as interrupts:
    interrupts.hold()
    os.kill(os.getpid(), signal.SIGTERM)
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        print("cleaned up")
"""
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=False
    )

    assert done.returncode == 143
    assert done.stdout == ""
    assert "left at once" in done.stderr


def test_an_interrupt_that_comes_where_nobody_can_catch_it_is_kept_and_prints_nothing(
    capfd: pytest.CaptureFixture[str],
) -> None:
    class Lock:
        """What a reference may tell of that it is gone."""

    with Interrupts() as interrupts:
        lock = Lock()
        told = weakref.ref(lock, lambda _: signal.raise_signal(signal.SIGINT))
        del lock

        assert told() is None
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()

    assert capfd.readouterr().err == ""
