"""A container's quota of processor time is named when it makes the generator late."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

LOAD = """
import murmur

class Busy(murmur.Scenario):
    async def start(self, user):
        while not user.leaving.is_set():
            with user.timer("work"):
                sum(range(20_000))
            await user.sleep(0.01)

if __name__ == "__main__":
    with murmur.Session() as session:
        run = session.do(Busy, 20, user_rate=float("inf"), duration=8)
        print("on", flush=True)
        run.wait(timeout=60)
        health = run.results.health
        print(health["cpu_quota"].min(), *health["reason"].dropna(), sep="\\n")
        print(run.results.verdict)
"""


class Group:
    """A control group whose quota of processor time can be set."""

    def __init__(self, folder: Path, quota: Path, text: str) -> None:
        self._folder, self._quota, self._text = folder, quota, text

    def enter(self) -> None:
        """Move this process there, and what it starts."""
        (self._folder / "cgroup.procs").write_text(str(os.getpid()))

    def allow(self, microseconds: int) -> None:
        """Allow so much in each tenth of a second."""
        self._quota.write_text(self._text.format(microseconds))


@pytest.fixture
def group() -> Iterator[Group]:
    """Yield a new control group, of version 1 or 2 of them."""
    name = f"murmur-{os.getpid()}"
    first, second = Path("/sys/fs/cgroup/cpu", name), Path("/sys/fs/cgroup", name)
    for folder, file, text in (
        (first, "cpu.cfs_quota_us", "{}"),
        (second, "cpu.max", "{} 100000"),
    ):
        with suppress(OSError):
            folder.mkdir()
            if (quota := folder / file).exists():
                yield Group(folder, quota, text)
                folder.rmdir()
                return
            folder.rmdir()
    pytest.skip("this machine lets us make no control group for the processor (it takes root)")


def test_a_quota_that_makes_the_loop_late_is_named(group: Group) -> None:
    """3 % of a core for users that want half of one: less than a busy machine leaves them."""
    with subprocess.Popen(
        [sys.executable, "-c", LOAD],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=group.enter,  # noqa: PLW1509 - no thread of this process holds a lock meanwhile
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "on\n"
        group.allow(3_000)
        time.sleep(6)  # of the 8 s of the run; its end may use what it likes
        group.allow(200_000)
        told = process.stdout.read()

    assert told.startswith("0.03\n")
    assert told.count("loop lag by a processor quota") >= 3
    assert "invalid: " in told
    assert "A quota of 0.03 cores held the generator back for " in told
