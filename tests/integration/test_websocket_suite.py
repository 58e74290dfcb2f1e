"""Autobahn's cases for clients of WebSockets, as `kosoku` runs them in a process of its own."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from murmur.errors import HttpError
from murmur.http import Client, Options

# 9.*, long messages and many of them, is in `tests/by_hand/by_hand_autobahn.py`.
FRAMES = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"]

# A thousand short messages of each kind, and for each way to agree on permessage-deflate.
# 13.2, 13.5 and 13.6 talk to clients that offer `client_no_context_takeover`, as browsers do not.
COMPRESSED = [f"12.{kind}.1" for kind in range(1, 6)] + [f"13.{way}.1" for way in (1, 3, 4, 7)]

# The verdicts of Autobahn that are no fault of the client's.
GOOD = {"OK", "NON-STRICT", "INFORMATIONAL"}

AT_ONCE = 8


@pytest.fixture
def anyio_backend() -> Any:
    return "asyncio", {"use_uvloop": True}


class Suite:
    """A fuzzing server with its cases.

    `kosoku` puts modules of its own in the place of others (`pkg_resources`, `binascii.b2a_hex`)
    wherever it is imported, so that it is not imported here.
    """

    def __init__(self, cases: list[str], folder: Path) -> None:
        chosen = [argument for case in cases for argument in ("--include", case)]
        program = str(Path(sys.executable).with_name("kosoku"))
        command = [program, "--mode", "fuzzingserver", "127.0.0.1:0", *chosen]
        self._folder = folder
        self._process = subprocess.Popen(
            [*command, "--outdir", str(folder)], stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr
        self.url = self._process.stderr.readline().split()[-1]

    def verdicts(self) -> dict[str, set[str]]:
        """Return what Autobahn says of each case and of its end, once all of them were run."""
        self._process.communicate(timeout=60)
        agents = json.loads((self._folder / "index.json").read_text(encoding="utf-8"))
        return {
            case: {said["behavior"], said["behaviorClose"]}
            for case, said in agents["murmur"].items()
        }

    def stop(self) -> None:
        """End the server, whether or not its cases were run."""
        self._process.kill()
        self._process.communicate()


async def echo(client: Client, numbers: Iterator[int], *, compress: bool) -> None:
    """Send back what each case says, until it ends the connection in whatever way."""
    for number in numbers:
        case = f"/runCase?case={number}&agent=murmur"
        with contextlib.suppress(HttpError):
            async with client.websocket(case, compress=compress) as websocket:
                async for message in websocket:
                    await websocket.send(message)


async def go_through(url: str, *, compress: bool) -> None:
    """Run all cases of the server at `url`, and have it end."""
    async with Client(options=Options(base_url=url, timeout=60)) as client:
        async with client.websocket("/getCaseCount") as websocket:
            numbers = iter(range(1, int(await websocket.receive(10)) + 1))
        async with anyio.create_task_group() as tasks:
            for _ in range(AT_ONCE):
                tasks.start_soon(lambda: echo(client, numbers, compress=compress))
        with contextlib.suppress(HttpError):
            async with client.websocket("/updateReports?agent=murmur") as websocket:
                await websocket.receive(10)


@pytest.mark.parametrize(
    ("cases", "compress", "count"),
    [(FRAMES, False, 247), (COMPRESSED, True, 9)],
    ids=["frames", "compressed"],
)
async def test_every_case_passes(
    cases: list[str], compress: bool, count: int, tmp_path: Path
) -> None:
    suite = Suite(cases, tmp_path)
    try:
        await go_through(suite.url, compress=compress)
        verdicts = suite.verdicts()
    finally:
        suite.stop()

    assert len(verdicts) == count
    assert {case: said for case, said in verdicts.items() if not said <= GOOD} == {}
